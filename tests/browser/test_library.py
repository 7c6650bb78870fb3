"""Keeping tracks: search, favourites, deletion with undo."""

import pytest
from playwright.sync_api import expect


@pytest.fixture
def two(server):
    """Two finished tracks of unusual names; their ids."""
    asked = [{"prompt": prompt, "duration": 5} for prompt in ("zither lullaby", "quixotic march")]
    ids = [server.client.post("/music/generate", json=body).json()["track_id"] for body in asked]
    for track_id in ids:
        server.wait_for(track_id, lambda record: record["status"] == "completed")
    yield ids
    for track_id in ids:
        server.client.delete(f"/music/tracks/{track_id}")


def row(page, track_id):
    return page.locator(f".tune[data-id='{track_id}']")


def test_tracks_are_found_by_their_words(studio, two):
    page = studio.open()
    expect(row(page, two[0])).to_be_visible()
    page.fill("#search", "quixotic")

    expect(row(page, two[0])).to_have_count(0)
    expect(row(page, two[1])).to_be_visible()


def test_favourites_stay_in_this_browser(studio, two):
    page = studio.open()
    row(page, two[0]).get_by_role("button", name="Favourite").click()
    page.reload()
    page.get_by_role("button", name="Favourites only").click()

    expect(row(page, two[0])).to_be_visible()
    expect(row(page, two[1])).to_have_count(0)


def test_a_deletion_can_be_undone(studio, two, server):
    page = studio.open()
    row(page, two[0]).get_by_role("button", name="Delete").click()
    expect(row(page, two[0])).to_have_count(0)
    page.get_by_role("button", name="Undo").click()

    expect(row(page, two[0])).to_be_visible()
    assert server.client.get(f"/music/tracks/{two[0]}").status_code == 200


def test_a_deletion_that_is_let_be_is_one(studio, two, server):
    page = studio.open(f"#track={two[1]}")
    expect(page.locator("#delete")).to_be_visible()
    with page.expect_request(lambda request: request.method == "DELETE"):
        page.click("#delete")
        expect(page.locator("#work")).to_be_hidden()
        page.get_by_role("button", name="Undo").wait_for(state="detached")

    page.wait_for_function("id => fetch(`music/tracks/${id}`).then((answer) => answer.status === 404)", arg=two[1])
    studio.expected.append("Failed to load resource")


def test_what_was_deleted_goes_when_the_page_is_left_at_once(desk, two, server):
    desk.expected.append("Failed to load resource")  # the browser asks for an icon of the bare answer
    page = desk.open()
    row(page, two[0]).get_by_role("button", name="Delete").click()
    page.goto(f"{desk.url.removesuffix('/studio')}/health")

    for _ in range(200):
        if server.client.get(f"/music/tracks/{two[0]}").status_code == 404:
            return
        page.wait_for_timeout(100)
    pytest.fail("the track is still there")
