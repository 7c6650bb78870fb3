import numpy as np
import pytest

from app.models.audio import BLOCK_FRAMES
from app.models.plan import Channel, Eq, Space, Voice
from app.services.mixing import Mixer
from tests.dsp.sounds import db, noise, rms, sine

DRY = {"reverb_send_db": -60.0, "delay_send_db": -60.0}

#: One voice of each kind of work.
VOICES = {
    "lead": Channel(pan=0.2, drive=0.4, delay_send_db=-16.0),
    "pad": Channel(pan=-0.3, width=1.6, chorus=0.6, reverb_send_db=-6.0, duck_db=8.0),
    "chords": Channel(width=1.2, eq=Eq(low_cut_hz=120.0, mid_db=-3.0, high_shelf_db=2.0)),
    "bass": Channel(width=0.0, level_db=-3.0, reverb_send_db=-60.0),
    "drums": Channel(eq=Eq(low_shelf_db=2.0)),
}
KICKS = range(0, 10**6, 22_050)


def voice(role="lead", channel=None, name=None, instrument="violin"):
    return Voice(
        name=name or role,
        role=role,
        instrument=instrument,
        low_pitch=40,
        high_pitch=90,
        channel=channel or Channel(**DRY),
    )


def band():
    return [voice(role, channel) for role, channel in VOICES.items()]


def performance(seconds=2.5):
    """A dry part for each voice; the pad falls silent half way."""
    parts = [noise(seconds, level=0.05, seed=seed) for seed in range(len(VOICES))]
    parts[1][len(parts[1]) // 3 :] = 0.0
    return parts


def mixed(voices, parts, *, space=None, size=BLOCK_FRAMES, **options):
    mixer = Mixer(voices, space or Space(), tempo_bpm=120.0, kick_frames=KICKS, **options)
    frames = len(parts[0])
    return [
        mixer.process([part[first : first + size] for part in parts], min(size, frames - first))
        for first in range(0, frames, size)
    ]


def whole(blocks, stem=None):
    return np.concatenate([block.mix if stem is None else block.stems[stem] for block in blocks])


def through(channel, samples, role="lead"):
    return whole(mixed([voice(role, channel)], [samples]))


def test_the_stems_add_up_to_the_mix():
    for block in mixed(band(), performance(), stems=True):
        np.testing.assert_allclose(sum(block.stems.values()), block.mix, atol=1e-5)
        assert list(block.stems) == list(VOICES)


def test_the_mix_is_the_same_with_and_without_stems():
    parts = performance()

    with_stems, without = (whole(mixed(band(), parts, stems=stems)) for stems in (True, False))

    assert rms(without) > 0.01
    np.testing.assert_allclose(with_stems, without, atol=1e-5)


def test_the_mix_is_the_same_on_half_the_block_grid():
    parts = performance()

    np.testing.assert_allclose(
        whole(mixed(band(), parts, size=BLOCK_FRAMES // 2)), whole(mixed(band(), parts)), atol=1e-6
    )


def test_every_block_is_as_long_as_what_went_in_and_float32():
    blocks = mixed(band(), performance())

    assert [len(block.mix) for block in blocks] == [BLOCK_FRAMES, 2.5 * 44_100 - BLOCK_FRAMES]
    assert all(block.mix.dtype == np.float32 and block.mix.flags.c_contiguous for block in blocks)
    assert not any(block.stems for block in blocks)


def test_the_dry_parts_are_only_read():
    parts = performance()
    before = [part.copy() for part in parts]
    mixed(band(), parts)

    assert all(np.array_equal(part, copy) for part, copy in zip(parts, before, strict=True))


def test_blocks_are_the_callers_to_keep():
    mixer = Mixer([voice()], Space(), tempo_bpm=120.0)
    first = mixer.process([noise(1.0, seed=1)[: BLOCK_FRAMES // 2]], BLOCK_FRAMES // 2).mix
    kept = first.copy()
    mixer.process([noise(1.0, seed=2)[: BLOCK_FRAMES // 2]], BLOCK_FRAMES // 2)

    np.testing.assert_array_equal(first, kept)


def test_a_sine_through_a_flat_strip_is_unchanged():
    tone = sine(1_000.0, 2.0)

    heard = through(Channel(**DRY), tone)

    # The low cut turns the phase of 1 kHz by 2.4 degrees and nothing else.
    assert db(rms(heard[22_050:]) / rms(tone[22_050:])) == pytest.approx(0.0, abs=0.001)
    assert rms(heard[22_050:] - tone[22_050:]) < 0.05 * rms(tone)


def test_silence_stays_silence():
    blocks = mixed(band(), [np.zeros((3 * BLOCK_FRAMES, 2), np.float32) for _ in VOICES], stems=True)

    assert not whole(blocks).any()


def test_direct_current_is_stopped():
    heard = through(Channel(**DRY), np.full((88_200, 2), 0.3, np.float32))

    assert np.abs(heard[44_100:]).max() < 1e-4


@pytest.mark.parametrize("pan", [-1.0, -0.4, 0.0, 0.7, 1.0])
def test_panning_keeps_power(pan):
    tone = sine(500.0, 1.0)

    heard = through(Channel(pan=pan, **DRY), tone)[11_025:]

    assert db(rms(heard) / rms(tone)) == pytest.approx(0.0, abs=0.01)
    assert np.sign(rms(heard[:, 1]) - rms(heard[:, 0]) + (pan == 0) * 1e-9) == (np.sign(pan) or 1)


def test_a_stereo_voice_panned_hard_loses_neither_of_its_sides():
    sides = np.stack((sine(300.0, 1.0)[:, 0], sine(700.0, 1.0)[:, 0]), axis=1)

    right = through(Channel(pan=1.0, **DRY), sides)[11_025:, 1]

    spectrum = np.abs(np.fft.rfft(right, 44_100))
    assert spectrum[300] == pytest.approx(spectrum[700], rel=0.05)


def test_width_nought_is_mono_and_width_one_is_as_played():
    played = noise(1.0)

    mono = through(Channel(width=0.0, **DRY), played)

    np.testing.assert_allclose(mono[:, 0], mono[:, 1], atol=1e-7)
    as_played = through(Channel(width=1.0, **DRY), played)
    assert np.corrcoef(as_played.T)[0, 1] == pytest.approx(np.corrcoef(played.T)[0, 1], abs=0.01)


@pytest.mark.parametrize("role", ["pad", "chords"])
def test_pads_and_chords_that_a_font_plays_in_mono_get_some_width(role):
    mono = noise(2.0)
    mono[:, 1] = mono[:, 0]

    assert np.corrcoef(through(Channel(**DRY), mono, role).T)[0, 1] < 0.92
    assert np.corrcoef(through(Channel(**DRY), mono, "bass").T)[0, 1] > 0.999


@pytest.mark.parametrize("width", [1.0, 1.25, 1.5])
@pytest.mark.parametrize("role", ["pad", "lead"])
def test_a_mono_loudspeaker_keeps_at_least_minus_3_db_of_a_wide_voice(width, role):
    mono = noise(2.0)
    mono[:, 1] = 0.95 * mono[:, 0]

    heard = through(Channel(width=width, **DRY), mono, role)

    assert db(rms(heard.mean(axis=1)) / rms(heard)) > -3.0


def test_width_is_no_loudness():
    mono = noise(2.0)
    mono[:, 1] = mono[:, 0]

    wide, narrow = (through(Channel(width=width, **DRY), mono) for width in (2.0, 1.0))

    assert db(rms(wide) / rms(narrow)) == pytest.approx(0.0, abs=0.5)
    assert np.corrcoef(wide.T)[0, 1] < 0.7


def test_level_is_what_it_says():
    tone = sine(500.0, 1.0)

    assert db(rms(through(Channel(level_db=-12.0, **DRY), tone)) / rms(through(Channel(**DRY), tone))) == pytest.approx(
        -12.0, abs=0.01
    )


@pytest.mark.parametrize(
    ("eq", "frequency_hz", "expected_db"),
    [
        (Eq(low_cut_hz=400.0), 100.0, -24.1),
        (Eq(low_cut_hz=10.0, low_shelf_db=6.0), 50.0, 6.0),
        (Eq(mid_hz=2_000.0, mid_db=-8.0), 2_000.0, -8.0),
        (Eq(high_shelf_db=5.0), 16_000.0, 5.0),
    ],
)
def test_tone_controls_do_what_they_say(eq, frequency_hz, expected_db):
    tone = sine(frequency_hz, 1.0)
    flat = Eq(low_cut_hz=10.0)

    heard, plain = (through(Channel(eq=each, **DRY), tone)[22_050:] for each in (eq, flat))

    assert db(rms(heard) / rms(plain)) == pytest.approx(expected_db, abs=0.4)


def test_a_duck_goes_down_on_the_kick_by_the_depth_asked_for():
    tone = sine(1_000.0, 1.0)
    heard = through(Channel(duck_db=12.0, **DRY), tone)

    after, before = heard[22_050 + 200 : 22_050 + 1_000], heard[22_050 - 2_000 : 22_050 - 400]

    assert db(rms(after) / rms(before)) == pytest.approx(-12.0, abs=0.3)


def test_chorus_and_drive_can_be_heard():
    tone = sine(441.0, 1.0)
    plain = through(Channel(**DRY), tone)

    assert rms(through(Channel(chorus=0.7, **DRY), tone) - plain) > 0.1 * rms(plain)
    assert rms(through(Channel(drive=0.9, **DRY), tone) - plain) > 0.1 * rms(plain)


def test_the_echo_comes_on_its_beat():
    burst = sine(1_000.0, 2.0) * (np.arange(88_200) < 2_000)[:, np.newaxis].astype(np.float32)
    channel = Channel(reverb_send_db=-60.0, delay_send_db=-6.0)

    heard = whole(mixed([voice("lead", channel)], [burst], space=Space(delay_beats=0.75)))

    # 0.75 beats at 120 are 0.375 s.
    at = round(0.375 * 44_100)
    assert db(rms(heard[at : at + 2_000, 0]) / rms(burst[:2_000])) == pytest.approx(-6.0, abs=0.6)
    assert rms(heard[at - 2_000 : at - 10]) < 1e-5


def test_a_send_of_minus_14_db_gives_a_room_14_db_below_the_voice():
    samples = noise(5.0)
    dry, wet = (through(Channel(reverb_send_db=send, delay_send_db=-60.0), samples) for send in (-60.0, -14.0))

    room = wet[132_300:] - dry[132_300:]
    assert db(rms(room) / rms(dry[132_300:])) == pytest.approx(-14.0, abs=1.5)


def test_the_room_rings_on_in_the_stem_of_the_voice_that_stopped():
    parts = [noise(3.0), noise(3.0, seed=2)]
    parts[0][44_100:] = 0.0
    voices = [voice("lead", Channel(reverb_send_db=-6.0)), voice("bass")]

    blocks = mixed(voices, parts, space=Space(reverb_s=4.0), stems=True)

    assert rms(whole(blocks, "lead")[66_150:88_200]) > 1e-3


def test_a_voice_that_rested_comes_back_as_if_it_had_not():
    samples = noise(4.0)
    samples[BLOCK_FRAMES : 4 * BLOCK_FRAMES] = 0.0
    almost = samples.copy()
    almost[BLOCK_FRAMES : 4 * BLOCK_FRAMES] = 1e-9
    channel = Channel(width=1.5, chorus=0.5, **DRY)

    np.testing.assert_allclose(through(channel, samples), through(channel, almost), atol=1e-6)


@pytest.mark.parametrize(
    ("instrument", "role", "driven"),
    [
        ("distortion_guitar", "chords", True),
        ("overdriven_guitar", "lead", True),
        ("clean_guitar", "chords", True),
        ("clean_guitar", "lead", False),
        ("steel_guitar", "chords", False),
    ],
)
def test_driven_guitars_go_through_an_amplifier_and_others_do_not(instrument, role, driven):
    fifth = (sine(220.0, 2.0) + sine(330.0, 2.0)) * np.float32(0.05)
    channel = Channel(**DRY, eq=Eq(low_cut_hz=20.0))

    heard = whole(mixed([voice(role, channel, instrument=instrument)], [fifth]))

    # An amplifier makes the tone below a fifth, which neither string plays.
    spectrum = np.abs(np.fft.rfft(heard[:, 0] * np.hanning(len(heard))))
    below = round(110.0 * len(heard) / 44_100)
    assert (db(spectrum[below - 3 : below + 4].max() / spectrum.max()) > -55) == driven


def test_a_guitar_that_rested_begins_again_as_it_began():
    chord = noise(1.0, level=0.05, seed=3)
    quiet = np.zeros((2 * BLOCK_FRAMES, 2), np.float32)
    gap = np.zeros((-len(chord) % BLOCK_FRAMES, 2), np.float32)
    guitar = voice("chords", Channel(**DRY), instrument="distortion_guitar")

    heard = whole(mixed([guitar], [np.concatenate((chord, gap, quiet, chord))]))

    again = len(chord) + len(gap) + len(quiet)
    np.testing.assert_array_equal(heard[again:], heard[: len(chord)])
