"""The stems as channels: in sync to the sample, and each with its own mute, solo and level."""

import base64
import io
import zipfile

import pytest
from playwright.sync_api import expect

#: Plays through the page's own deck into an offline context, so that every sample can be looked at.
PLAYED = """
async ([base, id]) => {
    const { Deck } = await import(`${base}/studio/js/sound/deck.js`);
    const { readZip } = await import(`${base}/studio/js/sound/zip.js`);
    const { decode } = await import(`${base}/studio/js/sound/decode.js`);
    const loudest = (samples) => samples.reduce((peak, sample) => Math.max(peak, Math.abs(sample)), 0);
    return await (SCRIPT)({ Deck, readZip, decode, loudest, id, base });
}
"""


def played(studio, piece, script):
    return studio.page.evaluate(PLAYED.replace("SCRIPT", script), [studio.url.removesuffix("/studio"), piece])


@pytest.fixture
def mixer(studio, piece):
    page = studio.open(f"#track={piece}")
    page.get_by_role("tab", name="Mix").click()
    expect(page.locator(".strip").first).to_be_visible()
    return page


def strip(page, voice):
    return page.locator(f".strip[data-voice='{voice}']")


def test_every_stem_is_a_channel(mixer, studio, piece):
    record = mixer.request.get(f"{studio.url}/../music/tracks/{piece}").json()

    voices = [element.get_attribute("data-voice") for element in mixer.locator(".strip").all()]
    assert sorted(voices) == sorted(voice["name"] for voice in record["plan"]["ensemble"])


def test_a_solo_silences_the_others_and_a_mute_itself(mixer):
    strip(mixer, "lead").get_by_role("button", name="Solo tenor sax").click()
    expect(strip(mixer, "bass")).to_have_class("strip silent")
    expect(strip(mixer, "lead")).to_have_class("strip")
    strip(mixer, "lead").get_by_role("button", name="Mute tenor sax").click()
    expect(strip(mixer, "lead")).to_have_class("strip silent")
    mixer.get_by_role("button", name="Back to the mix").click()

    expect(mixer.locator(".strip.silent")).to_have_count(0)


def test_a_fader_tells_its_level(mixer):
    fader = strip(mixer, "bass").locator("input")
    fader.focus()
    mixer.keyboard.press("ArrowRight")
    expect(strip(mixer, "bass").locator("output")).to_have_text("+0.5 dB")
    mixer.keyboard.press("Home")
    expect(strip(mixer, "bass").locator("output")).to_have_text("−∞")


def test_the_meters_move_with_what_sounds(mixer):
    mixer.click("#play")

    mixer.wait_for_function(
        """() => {
            const bars = [...document.querySelectorAll('.strip .meter i')];
            return bars.filter((bar) => bar.getBoundingClientRect().width > 20).length >= 2;
        }"""
    )


def test_the_piece_goes_on_where_it_was_when_the_mixer_is_left(mixer):
    mixer.click("#play")
    mixer.wait_for_function("() => Number(document.querySelector('#reel').value) > 1")
    mixer.get_by_role("tab", name="Listen").click()

    expect(mixer.locator("#play")).to_have_attribute("aria-pressed", "true")
    mixer.wait_for_function("() => Number(document.querySelector('#reel').value) > 1.3")


def test_the_channels_together_are_the_mix_to_the_sample(desk, piece):
    desk.open()
    found = played(
        desk,
        piece,
        """async ({ Deck, readZip, decode, loudest, id, base }) => {
            const archive = readZip(await (await fetch(`${base}/downloads/${id}.stems.zip`)).arrayBuffer());
            const sheet = JSON.parse(new TextDecoder().decode(await archive.get('mix.json')()));
            const mix = await decode(await archive.get(sheet.mix)());
            const channels = [];
            for (const { file, voice } of sheet.stems) {
                channels.push({ name: voice, buffer: await decode(await archive.get(file)()) });
            }
            const context = new OfflineAudioContext(2, mix.length, 44100);
            const deck = new Deck(context, channels);
            deck.seek(2);
            deck.play();
            const sum = (await context.startRendering()).getChannelData(0);
            const whole = mix.getChannelData(0);
            const begin = Math.round(deck.startedAt * 44100);
            const offset = 2 * 44100;
            const left = Float32Array.from({ length: 200000 }, (_, i) => sum[begin + i] - whole[offset + i]);
            const before = loudest(sum.subarray(0, begin));
            return { left: loudest(left), heard: loudest(sum), before, channels: channels.length };
        }""",
    )

    assert found["channels"] >= 3
    assert found["heard"] > 0.05
    assert found["before"] == 0
    assert found["left"] < 1e-4


def test_a_loop_joins_at_its_own_sample(desk, piece):
    desk.open()
    found = played(
        desk,
        piece,
        """async ({ Deck }) => {
            const context = new OfflineAudioContext(1, 44100, 44100);
            const buffer = context.createBuffer(1, 44100, 44100);
            buffer.getChannelData(0).forEach((_, i, samples) => { samples[i] = i / 44100; });
            const deck = new Deck(context, [{ name: 'ramp', buffer }]);
            deck.setLoop({ from: 0.25, to: 0.5 });
            deck.play();
            const heard = (await context.startRendering()).getChannelData(0);
            const begin = Math.round(deck.startedAt * 44100);
            const length = 0.25 * 44100;
            let worst = 0;
            for (let i = 0; i < 3 * length; i += 1) {
                worst = Math.max(worst, Math.abs(heard[begin + i] - (0.25 + (i % length) / 44100)));
            }
            return worst;
        }""",
    )

    assert found < 1e-4


def test_deflated_entries_are_unpacked(desk, piece):
    """Our stems are stored; a proxy or another engine may pack them."""
    desk.open()
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("a/é.txt", "music " * 1000)
        file.comment = b"with a comment"
    text = base64.b64encode(archive.getvalue()).decode()
    found = played(
        desk,
        piece,
        f"""async ({{ readZip }}) => {{
            const bytes = Uint8Array.from(atob('{text}'), (letter) => letter.charCodeAt(0)).buffer;
            return new TextDecoder().decode(await readZip(bytes).get('a/é.txt')());
        }}""",
    )

    assert found == "music " * 1000
