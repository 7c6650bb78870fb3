"""Asking: what is understood appears as one types, can be changed, and is what is made."""

import json

from playwright.sync_api import expect


def chip(page, row, text):
    return page.locator(".chip-row", has=page.get_by_role("heading", name=row, exact=True)).locator(
        ".chip", has_text=text
    )


def planned(page):
    """The body that is sent when a plan is asked for next."""
    return page.expect_request("**/music/plan")


def test_the_words_become_chips_as_they_are_typed(studio):
    page = studio.open()
    page.fill("#prompt", "fast sad jazz piano, no drums, blorptastic, slow, 140 bpm in D minor")

    for text in ("genre jazz", "mood sad", "tempo 140 BPM", "key D minor", "instrument acoustic grand piano"):
        expect(chip(page, "Understood", text)).to_be_visible()
    expect(chip(page, "Not understood", "blorptastic")).to_be_visible()
    expect(page.locator(".conflicts")).to_contain_text("pull apart")
    expect(page.locator("#echo mark.unknown")).to_have_text("blorptastic")
    expect(page.locator("#echo mark.conflict")).to_have_count(2)


def test_words_that_look_like_html_are_words(desk):
    page = desk.open()
    words = '<img src=x onerror=alert(1)> jazz <script>alert(2)</script> "><b>flute</b>'
    page.on("dialog", lambda dialog: desk.faults.append(f"dialog: {dialog.message}"))
    track_id = desk.make(words)

    expect(chip(page, "Understood", "genre jazz")).to_be_visible()
    expect(page.locator("#echo")).to_contain_text(words)
    expect(page.locator(f".tune[data-id='{track_id}'] .name")).to_have_text(words)
    expect(page.locator("img[src=x], #echo b, .tune b, main script")).to_have_count(0)


def test_a_chip_lights_the_words_it_came_from(desk):
    page = desk.open()
    page.fill("#prompt", "sad jazz with flute")
    chip(page, "Understood", "flute").hover()

    expect(page.locator("#echo mark.lit")).to_have_text("flute")


def test_a_changed_chip_outranks_the_words(studio):
    page = studio.open()
    page.fill("#prompt", "jazz, 140 bpm")
    page.get_by_role("button", name="Change tempo: 140 BPM").click()
    page.locator(".pop input").fill("92")
    with planned(page) as request:
        page.locator(".pop").get_by_role("button", name="Apply").click()

    assert request.value.post_data_json["tempo_bpm"] == 92
    expect(chip(page, "Set by you", "tempo 92 BPM")).to_be_visible()
    expect(chip(page, "Understood", "140")).to_have_count(0)


def test_what_was_chosen_can_be_kept(desk):
    page = desk.open()
    page.fill("#prompt", "quiet harp")
    page.get_by_role("button", name="Keep key:").click()
    page.locator(".pop select").first.select_option("F#")
    page.locator(".pop select").last.select_option("dorian")
    page.locator(".pop").get_by_role("button", name="Apply").click()

    expect(chip(page, "Set by you", "F♯ dorian")).to_be_visible()


def test_a_dropped_instrument_does_not_play(studio):
    page = studio.open()
    page.fill("#prompt", "jazz piano with saxophone")
    expect(chip(page, "Understood", "saxophone")).to_be_visible()
    with planned(page) as request:
        page.get_by_role("button", name="Remove instrument: saxophone").click()

    assert request.value.post_data_json["exclude_instruments"] == ["saxophone"]
    expect(chip(page, "Set by you", "without saxophone")).to_be_visible()
    page.get_by_role("button", name="Remove without: without saxophone").click()
    expect(chip(page, "Understood", "instrument saxophone")).to_be_visible()


def test_a_dropped_genre_takes_its_words_out_of_the_prompt(desk):
    page = desk.open()
    page.fill("#prompt", "sad jazz, flute")
    page.get_by_role("button", name="Remove genre: jazz").click()

    expect(page.locator("#prompt")).to_have_value("sad, flute")


def test_an_instrument_can_be_added_from_the_list(desk):
    page = desk.open()
    page.fill("#prompt", "slow folk")
    page.get_by_role("button", name="Set something").click()
    page.locator(".pop").get_by_role("button", name="instrument", exact=True).click()
    page.locator(".pop input").fill("cello")
    page.locator(".pop .menu").get_by_role("button", name="cello", exact=True).click()

    expect(chip(page, "Set by you", "instrument cello")).to_be_visible()


def test_what_was_planned_is_what_is_made(studio):
    page = studio.open()
    with page.expect_response("**/music/plan") as answer:
        page.fill("#prompt", "happy ukulele tune")
    seed = answer.value.json()["seed"]
    tempo = round(answer.value.json()["plan"]["tempo_bpm"])
    studio.length(5)
    page.click("#make")
    track_id = studio.finished()

    record = page.request.get(f"{studio.url}/../music/tracks/{track_id}").json()
    assert record["seed"] == seed
    assert record["duration"] == 5
    expect(page.locator(".facts")).to_contain_text("BPM")
    assert abs(record["plan"]["tempo_bpm"] - tempo) < 40  # another length may move it a little


def test_an_example_fills_the_form(studio):
    page = studio.open()
    example = page.locator(".examples button").first
    text = example.text_content()
    example.click()

    expect(page.locator("#prompt")).to_have_value(text)
    expect(page.locator(".chip.said").first).to_be_visible()


def test_each_model_says_honestly_how_it_stands(desk):
    page = desk.open()
    expect(page.locator(".model-note")).to_contain_text("not a neural model")
    page.select_option("#model", "musicgen-small")

    expect(page.locator(".model-note")).to_contain_text("Not ready")
    expect(page.locator(".model-note code")).to_have_text("python3 run.py install musicgen")


def test_several_takes_are_made_at_once(desk):
    page = desk.open()
    page.fill("#prompt", "gentle waltz")
    desk.length(5)
    page.select_option("#takes", "2")
    with page.expect_request("**/music/generate") as request:
        page.get_by_role("button", name="Make 2 takes").click()
    desk.finished()

    assert json.loads(request.value.post_data)["variations"] == 2


def test_the_page_speaks_spanish(studio):
    page = studio.open()
    page.select_option("#language", "es")

    expect(page.locator("#make")).to_have_text("Crear música")
    expect(page.locator("html")).to_have_attribute("lang", "es")
    page.fill("#prompt", "sad jazz with flute")
    expect(chip(page, "Entendido", "triste")).to_be_visible()
    page.reload()
    expect(page.locator("#make")).to_have_text("Crear música")


def test_light_and_dark_are_a_choice_that_stays(desk):
    page = desk.open()
    expect(page.locator("html")).to_have_attribute("data-theme", "light")
    page.click("#theme")
    page.reload()

    expect(page.locator("html")).to_have_attribute("data-theme", "dark")
