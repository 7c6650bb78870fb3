"""Another take, the same but for something, takes side by side, and a blind comparison."""

import pytest
from playwright.sync_api import expect


@pytest.fixture
def changing(studio, piece):
    page = studio.open(f"#track={piece}")
    page.get_by_role("tab", name="Change").click()
    expect(page.locator(".seats select").first).to_be_visible()
    return page


def record(page, studio, track_id):
    return page.request.get(f"{studio.url}/../music/tracks/{track_id}").json()


def next_track(page, studio, before):
    page.wait_for_function(
        "before => location.hash.startsWith('#track=') && !location.hash.endsWith(before)", arg=before
    )
    return studio.finished()


def test_another_take_keeps_the_plan_and_throws_other_dice(changing, studio, piece):
    changing.get_by_role("button", name="Same plan, other notes").click()
    made = record(changing, studio, next_track(changing, studio, piece))

    first = record(changing, studio, piece)
    assert made["seed"] != first["seed"]
    assert made["plan"]["tempo_bpm"] == first["plan"]["tempo_bpm"]
    assert made["plan"]["form"] == first["plan"]["form"]
    assert made["wav_sha256"] != first["wav_sha256"]


def test_the_same_at_another_tempo_and_key(changing, studio, piece):
    changing.fill("#change-tempo", "90")
    changing.select_option("#change-tonic", "D")
    changing.select_option("#change-mode", "minor")
    changing.get_by_role("button", name="Make this version").click()
    made = record(changing, studio, next_track(changing, studio, piece))

    first = record(changing, studio, piece)
    assert (made["plan"]["tempo_bpm"], made["plan"]["tonic"], made["plan"]["mode"]) == (90, "D", "minor")
    assert made["seed"] == first["seed"]
    assert [section["bars"] for section in made["plan"]["form"]] == [s["bars"] for s in first["plan"]["form"]]
    assert made["plan"]["ensemble"] == first["plan"]["ensemble"]
    assert made["duration"] > first["duration"]


def test_the_same_with_another_player(changing, studio, piece):
    changing.select_option("[data-seat=lead]", "flute")
    changing.get_by_role("button", name="Make this version").click()
    made = record(changing, studio, next_track(changing, studio, piece))

    assert {voice["name"]: voice["instrument"] for voice in made["plan"]["ensemble"]}["lead"] == "flute"


def test_the_same_with_other_sections(changing, studio, piece):
    first = record(changing, studio, piece)
    rows = changing.locator(".form-row:not(.heads)")
    rows.first.get_by_role("button", name="Repeat").click()
    expect(rows).to_have_count(len(first["plan"]["form"]) + 1)
    rows.nth(1).locator("input[type=number]").fill("2")
    changing.get_by_role("button", name="Make this version").click()
    made = record(changing, studio, next_track(changing, studio, piece))

    assert [section["bars"] for section in made["plan"]["form"]][:2] == [first["plan"]["form"][0]["bars"], 2]


def test_a_length_that_cannot_be_made_is_said_before(desk, piece):
    page = desk.open(f"#track={piece}")
    page.get_by_role("tab", name="Change").click()
    page.locator(".form-row:not(.heads) input[type=number]").first.fill("64")
    page.fill("#change-tempo", "30")

    expect(page.locator(".form-sum")).to_contain_text("5 s to 5 min")
    expect(page.get_by_role("button", name="Make this version")).to_be_disabled()


def test_takes_stand_side_by_side_and_switch_in_place(desk, server):
    asked = {"prompt": "two takes of a banjo tune", "duration": 8, "variations": 2, "seed": 3}
    ids = server.client.post("/music/generate", json=asked).json()["track_ids"]
    for track_id in ids:
        server.wait_for(track_id, lambda found: found["status"] == "completed")
    page = desk.open(f"#track={ids[0]}")
    page.get_by_role("tab", name="Change").click()
    takes = page.locator(".take")
    expect(takes).to_have_count(2)
    takes.nth(0).get_by_role("button", name="Play the take").click()
    page.wait_for_function("() => Number(document.querySelector('#reel').value) > 1")
    takes.nth(1).get_by_role("button", name="Play the take").click()

    expect(takes.nth(1)).to_have_class("take on")
    page.wait_for_function("() => Number(document.querySelector('#reel').value) > 1")


def test_takes_are_compared_blind_and_named_after_the_vote(studio):
    page = studio.open()
    page.fill("#prompt", "calm harp")
    studio.length(6)
    page.get_by_role("button", name="Compare blind").click()
    page.locator(".pop").get_by_role("button", name="3 takes").click()
    sides = page.locator(".side")
    expect(sides).to_have_count(3)
    expect(page.locator("#work")).not_to_contain_text("seed")
    page.get_by_role("button", name="Hear B").click()
    expect(page.get_by_role("button", name="Hear B")).to_have_attribute("aria-pressed", "true")
    expect(page.get_by_role("button", name="Hear A")).to_have_attribute("aria-pressed", "false")
    page.wait_for_function("() => Number(document.querySelector('#reel').value) > 0.5")
    before = page.evaluate("Number(document.querySelector('#reel').value)")
    page.keyboard.press("c")
    expect(page.get_by_role("button", name="Hear C")).to_have_attribute("aria-pressed", "true")
    assert page.evaluate("Number(document.querySelector('#reel').value)") >= before  # in place
    page.get_by_role("button", name="Prefer C").click()

    expect(page.locator(".side.won")).to_have_count(1)
    expect(page.locator(".side.won .letter")).to_have_text("C")
    expect(page.locator("#work")).to_contain_text("seed")
    expect(page.locator(".sheet")).to_contain_text("tempo")
    page.reload()
    expect(page.locator(".side.won")).to_have_count(1)


def test_models_are_compared_where_several_are_ready(desk):
    page = desk.open()
    page.fill("#prompt", "calm harp")
    desk.length(5)
    page.get_by_role("button", name="Compare blind").click()
    send = page.get_by_role("button", name="Compare these models")
    expect(send).to_be_disabled()
    page.get_by_label("composer").check()
    page.get_by_label("simulator").check()
    with page.expect_request("**/music/compare") as request:
        send.click()

    assert request.value.post_data_json["models"] == ["composer", "simulator"]
    expect(page.locator("#work")).to_contain_text("Making them")
