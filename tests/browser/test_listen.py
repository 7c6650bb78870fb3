"""Hearing a track: progress, then its picture, its sections and its files."""

from playwright.sync_api import expect


def position(page):
    return float(page.locator("#reel").input_value())


def wait_until_past(page, seconds):
    page.wait_for_function("seconds => Number(document.querySelector('#reel').value) > seconds", arg=seconds)


def test_a_track_is_followed_from_the_first_stage_to_the_last(studio):
    page = studio.open()
    page.fill("#prompt", "calm piano")
    studio.length(60)
    page.click("#make")

    expect(page.locator(".stage-line")).to_contain_text("Composing")
    expect(page.locator("#lamp")).to_have_attribute("data-state", "busy")
    studio.finished()
    expect(page.locator("#lamp")).to_have_attribute("data-state", "up")
    wait_until_past(page, 0.3)  # it plays by itself, for somebody clicked


def test_a_track_is_heard_while_it_is_made_and_goes_on_where_it_is_when_it_is_finished(studio):
    page = studio.open()
    page.fill("#prompt", "epic orchestral trailer")
    studio.length(120)
    page.click("#make")

    page.wait_for_function(
        "() => Number(document.querySelector('#reel').value) > 0.3 && document.querySelector('.stage-line')"
    )
    expect(page.locator("#play")).to_have_attribute("aria-pressed", "true")
    expect(page.locator(".live")).to_have_text("live, as it is played")
    studio.finished()
    heard = position(page)
    wait_until_past(page, heard + 0.5)
    page.locator(".section .go").last.click()  # from here on it is the file, which has places to go to
    wait_until_past(page, 80)


def test_a_track_is_heard_while_it_is_made_though_a_proxy_lets_no_events_through(desk):
    page = desk.open()
    desk.expected.append("Failed to load resource")
    page.route("**/events*", lambda route: route.fulfill(status=502))
    page.fill("#prompt", "epic orchestral trailer")
    desk.length(300)
    page.click("#make")

    page.wait_for_function(
        "() => Number(document.querySelector('#reel').value) > 0.3 && document.querySelector('.stage-line')"
    )
    expect(page.locator(".live")).to_have_text("live, as it is played")
    desk.finished()


def test_a_finished_track_shows_its_sections_and_plays_from_them(studio, piece):
    page = studio.open(f"#track={piece}")
    sections = page.locator(".section .go")
    expect(sections.first).to_be_visible()
    sections.last.click()
    wait_until_past(page, 3)

    expect(page.locator("#play")).to_have_attribute("aria-pressed", "true")
    expect(page.locator(".now-line")).to_contain_text("Chord")
    page.click("#play")
    expect(page.locator("#play")).to_have_attribute("aria-pressed", "false")


def test_the_waveform_and_the_notes_are_drawn(studio, piece):
    studio.expected.append("willReadFrequently")  # the test's own reading
    page = studio.open(f"#track={piece}")
    for canvas in (".wave", ".roll", ".chords"):
        page.wait_for_function(
            """selector => {
                const canvas = document.querySelector(selector);
                if (!canvas || !canvas.width) return false;
                const seen = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data;
                let ink = 0;
                for (let i = 3; i < seen.length; i += 4) ink += seen[i] > 0;
                return ink > 300;
            }""",
            arg=canvas,
        )


def test_a_click_into_the_waveform_goes_there(studio, piece):
    page = studio.open(f"#track={piece}")
    expect(page.locator(".section .go").first).to_be_visible()
    box = page.locator(".wave").bounding_box()
    page.locator(".wave").click(position={"x": box["width"] / 2, "y": 20})

    assert abs(position(page) - 6) < 0.7


def test_the_position_moves_by_keys(desk, piece):
    page = desk.open(f"#track={piece}")
    expect(page.locator(".section .go").first).to_be_visible()
    page.locator("#reel").focus()
    page.keyboard.press("End")

    assert position(page) > 11.5


def test_a_looped_section_comes_round_again(studio, piece):
    page = studio.open(f"#track={piece}")
    last = page.locator(".section").last
    last.locator(".again").click()
    expect(last.locator(".again")).to_have_attribute("aria-pressed", "true")
    wait_until_past(page, 3)  # decoded, and moved into the last section
    begin = position(page)
    page.click("#play")
    wait_until_past(page, begin + 1)
    # Back at the section's beginning, and still playing.
    page.wait_for_function("begin => Number(document.querySelector('#reel').value) < begin + 0.9", arg=begin)
    expect(page.locator("#play")).to_have_attribute("aria-pressed", "true")
    assert position(page) >= begin - 0.05


def test_the_picture_can_be_looked_at_closely(desk, piece):
    page = desk.open(f"#track={piece}")
    expect(page.locator(".section .go").first).to_be_visible()
    # Asked in the page, in one go: it is drawn anew while more of the track comes in.
    wide = page.wait_for_function(
        "() => document.querySelector('.section')?.getBoundingClientRect().width"
    ).json_value()
    page.get_by_role("button", name="Closer").click()

    page.wait_for_function(
        "wide => document.querySelector('.section')?.getBoundingClientRect().width > 1.5 * wide", arg=wide
    )


def test_the_spectrogram_is_drawn_when_asked_for(desk, piece):
    desk.expected.append("willReadFrequently")  # the test's own reading
    page = desk.open(f"#track={piece}")
    page.get_by_role("button", name="Spectrogram").click()

    expect(page.locator(".spectrum")).to_be_visible()
    page.wait_for_function(
        """() => {
            const canvas = document.querySelector('.spectrum');
            const seen = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data;
            const shades = new Set();
            for (let i = 0; i < seen.length; i += 4) shades.add(seen[i]);
            return shades.size > 30;
        }"""
    )


def test_every_form_can_be_downloaded(studio, piece):
    page = studio.open(f"#track={piece}")
    page.click("#downloads")
    forms = page.locator(".pop a")
    expect(forms.first).to_be_visible()
    named = {form.get_attribute("href").rpartition("/")[2].partition(".")[2] for form in forms.all()}
    files = page.request.get(f"{studio.url}/../music/tracks/{piece}").json()["files"]
    assert named == set(files) >= {"mp3", "wav", "flac", "mid", "stems.zip", "plan.json"}
    with page.expect_download() as download:
        page.locator(".pop a[href$='.mid']").click()

    assert download.value.suggested_filename == "Jazz piano with saxophone.mid"


def test_the_report_and_the_licence_are_one_click_away(studio, piece):
    page = studio.open(f"#track={piece}")
    page.get_by_role("tab", name="Report & licence").click()

    expect(page.locator(".report")).to_contain_text("Not a neural network")
    expect(page.locator(".report")).to_contain_text("yours as far as this project is concerned")
    row = page.locator(".sheet tbody tr", has_text="tempo")
    expect(row).to_contain_text("yes")


def test_a_link_opens_the_track_elsewhere(studio, piece):
    page = studio.open(f"#track={piece}")
    page.click("#share")
    link = page.locator(".pop code").first.text_content()
    other = studio.context.new_page()
    other.goto(link)

    expect(other.locator("#work-title")).to_have_text("Jazz piano with saxophone")


def test_a_link_with_seed_and_plan_makes_the_same_bytes_again(studio, piece):
    page = studio.open(f"#track={piece}")
    page.click("#share")
    link = page.locator(".pop code").nth(1).text_content()
    page.goto(f"{studio.url}?elsewhere{link[link.index('#') :]}")
    expect(page.locator(".plan-note")).to_be_visible()
    page.click("#make")
    again = studio.finished()

    first, second = (page.request.get(f"{studio.url}/../music/tracks/{track}").json() for track in (piece, again))
    assert again != piece
    assert first["wav_sha256"] == second["wav_sha256"]


def test_a_track_is_followed_by_events_not_by_asking(desk):
    page = desk.open()
    page.fill("#prompt", "calm piano")
    desk.length(10)
    asked = []
    page.on("request", lambda request: asked.append(request.url) if request.method == "GET" else None)
    page.click("#make")
    track_id = desk.finished()

    assert any(url.endswith(f"/music/tracks/{track_id}/events") for url in asked)
    # At the beginning, with the plan and at the end.
    assert sum(url.endswith(f"/music/tracks/{track_id}") for url in asked) <= 8


def test_without_events_the_page_asks(desk):
    page = desk.open()
    desk.expected.append("Failed to load resource.*404")
    page.route("**/events", lambda route: route.fulfill(status=404, json={"detail": "Not Found"}))
    desk.make("calm piano", 10)


def test_peaks_come_from_the_server_and_not_from_the_whole_sound(desk, piece):
    page = desk.page
    asked = []
    page.on("request", lambda request: asked.append(request.url))
    desk.open(f"#track={piece}")
    expect(page.locator(".section .go").first).to_be_visible()
    page.wait_for_function("() => performance.getEntriesByType('resource').some(({ name }) => name.endsWith('.mid'))")

    assert any(url.endswith(f"{piece}.waveform.json") for url in asked)
