"""When something fails, the page says what to do, keeps the words, and goes on by itself where it can."""

import json

from playwright.sync_api import expect


def refuse(page, status, detail, times=1, **headers):
    """Let the next answers of POST /music/generate be errors, as a server in trouble gives them."""
    left = [times]

    def answer(route):
        if left[0] == 0:
            route.continue_()
            return
        left[0] -= 1
        route.fulfill(
            status=status, headers={"Content-Type": "application/json", **headers}, body=json.dumps({"detail": detail})
        )

    page.route("**/music/generate", answer)


def ask(studio):
    page = studio.open()
    studio.expected.append("Failed to load resource")
    page.fill("#prompt", "calm piano")
    studio.length(5)
    return page


def test_a_full_queue_is_waited_for(studio):
    page = ask(studio)
    refuse(page, 503, "The queue is full (1000 tracks are waiting)", **{"Retry-After": "2"})
    page.click("#make")

    expect(page.locator("#trouble")).to_contain_text("The queue is full")
    studio.finished()  # sent again by itself
    expect(page.locator("#trouble")).to_be_empty()


def test_too_many_requests_can_be_sent_at_once_or_not_at_all(desk):
    page = ask(desk)
    refuse(page, 429, "Too many requests", **{"Retry-After": "600"})
    page.click("#make")
    page.get_by_role("button", name="Do not send").click()
    expect(page.locator("#trouble")).to_be_empty()
    expect(page.locator("#prompt")).to_have_value("calm piano")


def test_a_model_that_is_not_ready_names_its_command_and_another(studio):
    page = ask(studio)
    page.select_option("#model", "musicgen-small")
    page.click("#make")

    expect(page.locator("#trouble")).to_contain_text("not ready here")
    expect(page.locator("#trouble code")).to_have_text("python3 run.py install musicgen")
    page.get_by_role("button", name="Use composer").click()
    studio.finished()


def test_a_failed_track_says_why_and_can_be_tried_again(studio, piece):
    page = studio.open()
    record = page.request.get(f"{studio.url}/../music/tracks/{piece}").json()
    failed = {**record, "status": "failed", "stage": "failed", "error": "The engine ran out of memory", "files": {}}
    page.route(f"**/music/tracks/{piece}", lambda route: route.fulfill(json=failed))
    page.evaluate("id => { location.hash = `track=${id}`; }", piece)

    expect(page.locator("#work")).to_contain_text("The engine ran out of memory")
    page.locator("#work").get_by_role("button", name="Try again").click()
    studio.finished()


def test_a_track_can_be_stopped(desk):
    page = ask(desk)
    desk.length(300)
    page.select_option("#model", "simulator")
    page.click("#make")
    page.click("#stop")

    expect(page.locator("#work")).to_contain_text("You stopped this track")


def test_a_track_that_is_gone_is_said_to_be(studio):
    page = studio.open("#track=track_0000000000000000")
    studio.expected.append("Failed to load resource")

    expect(page.locator("#work")).to_contain_text("no longer on the server")


def test_a_damaged_link_is_said_to_be(desk):
    page = desk.open("#make=nonsense")

    expect(page.locator("#trouble")).to_contain_text("damaged")


def test_a_prompt_that_cannot_be_used_is_explained(desk):
    page = desk.open()
    page.click("#make")

    expect(page.locator("#trouble")).to_contain_text("Write a few words first")


def test_a_server_that_goes_is_waited_for(studio):
    page = ask(studio)
    page.route("**/music/**", lambda route: route.abort("connectionrefused"))
    page.route("**/health", lambda route: route.abort("connectionrefused"))
    page.click("#make")

    expect(page.locator("#trouble")).to_contain_text("The server does not answer")
    expect(page.locator("#lamp")).to_have_text("Server unreachable")
    expect(page.locator("#prompt")).to_have_value("calm piano")
    page.unroute("**/music/**")
    page.unroute("**/health")
    studio.finished()  # went out by itself
    expect(page.locator("#trouble")).to_be_empty()
