"""How synthesised instruments are played: slides, accents, one note at a time, sounds that go on."""

import numpy as np
import pytest

from app.models.audio import SAMPLE_RATE
from app.services.engines.composer import around
from app.services.instruments import NoteEvent, SoundFont, open_part
from app.services.instruments.catalogue import make_instrument
from app.services.instruments.lines import MANNERS, joined, line_of, slid
from app.services.instruments.player import PlayedPart
from app.services.instruments.synths.textures import TEXTURES
from app.services.theory.instruments import INSTRUMENTS, SYNTHS
from app.utils.units import midi_to_hz
from tests.instruments.playing import cents_off, listen, note, play, power, voice

SLIDING = ("acid_bass", "long_808")


def brightness(piece: np.ndarray) -> float:
    return power(np.diff(piece, 2, axis=0)) / power(piece)


def crossings(samples: np.ndarray) -> np.ndarray:
    """Moments, in frames, at which a low tone rises through nothing."""
    size = 1 << (len(samples) - 1).bit_length()
    spectrum = np.fft.rfft(samples[:, 0], size)
    spectrum[np.fft.rfftfreq(size, 1 / SAMPLE_RATE) > 160] = 0
    low = np.fft.irfft(spectrum, size)[: len(samples)]
    return np.flatnonzero((low[:-1] < 0) & (low[1:] >= 0))


@pytest.mark.parametrize("key", SLIDING)
def test_a_legato_note_slides_from_the_one_before_and_arrives_in_tune(key: str, font: SoundFont) -> None:
    plain = play(key, [note(34, 0.0, 0.5), note(41, 0.7, 1.2)], font, seconds=1.9)
    tied = play(key, [note(34, 0.0, 0.7), note(41, 0.7, 1.2)], font, seconds=1.9)

    def first_hertz(samples: np.ndarray) -> float:
        rises = crossings(samples[round(0.71 * SAMPLE_RATE) : round(0.95 * SAMPLE_RATE)])
        return float(SAMPLE_RATE / np.diff(rises)[0])

    goal = midi_to_hz(41)
    assert first_hertz(tied) < 0.93 * goal
    assert first_hertz(plain) > 0.95 * goal
    assert abs(cents_off(tied[round(1.1 * SAMPLE_RATE) : round(1.85 * SAMPLE_RATE)], goal)) < 8


def test_a_slide_down_does_not_alias(font: SoundFont) -> None:
    events = [note(64, 0.0, 0.3, 127), note(52, 0.3, 0.4, 127)]
    samples = play("acid_bass", events, font, seconds=0.7)[round(0.3 * SAMPLE_RATE) : round(0.5 * SAMPLE_RATE), 0]

    spectrum = np.abs(np.fft.rfft(samples * np.blackman(len(samples)))) ** 2
    hertz = np.fft.rfftfreq(len(samples), 1 / SAMPLE_RATE)
    assert spectrum[hertz > 16_000].sum() < 1e-6 * spectrum.sum()
    assert spectrum[(hertz > 10) & (hertz < 120)].sum() < 1e-3 * spectrum.sum()


def test_a_quick_leap_up_is_a_slide_and_a_step_or_a_leap_down_is_not() -> None:
    up, down = slid([note(33, 0.0, 0.05), note(45, 0.11, 0.05)]), slid([note(45, 0.0, 0.05), note(33, 0.11, 0.05)])
    late = slid([note(33, 0.0, 0.05), note(45, 0.9, 0.05)])

    assert up[1].slide_from == 33
    assert up[0].length_frames == up[1].start_frame
    assert down[1].slide_from is None
    assert late[1].slide_from is None


def test_notes_struck_together_stay_plain() -> None:
    chord = [note(40, 0.0, 1.0), note(47, 0.0, 1.0), note(52, 0.0, 1.0)]

    assert slid(chord) == chord


@pytest.mark.parametrize("key", SLIDING)
def test_each_note_of_a_mono_synth_ends_the_one_before(key: str, font: SoundFont) -> None:
    held = play(key, [note(33, 0.0, 2.0), note(45, 0.5, 0.3)], font, seconds=2.0)

    assert power(held[round(1.4 * SAMPLE_RATE) :]) < 1e-3 * power(held[: SAMPLE_RATE // 2])


def test_an_accent_opens_the_acid_filter_further_than_its_loudness_asks(font: SoundFont) -> None:
    usual, accented = (
        play("acid_bass", [note(40, length_s=0.3, velocity=velocity)], font, seconds=0.3)[1_000:6_000]
        for velocity in (92, 122)
    )

    assert brightness(accented) > 1.7 * brightness(usual)


def test_the_long_808_is_struck_high_and_rings_on_its_pitch(font: SoundFont) -> None:
    samples = play("long_808", [note(33, length_s=1.5)], font, seconds=1.5)
    periods = np.diff(crossings(samples))

    assert SAMPLE_RATE / periods[0] > 1.25 * midi_to_hz(33)
    assert abs(cents_off(samples[SAMPLE_RATE // 5 :], midi_to_hz(33))) < 8
    assert power(samples[:8_000]) > 4 * power(samples[-8_000:]) > 0


def test_the_organ_goes_round_and_ends_with_the_key(font: SoundFont) -> None:
    samples = play("tonewheel_organ", [note(60, length_s=2.5)], font, seconds=3.0)
    window = SAMPLE_RATE // 32
    left = [power(samples[at : at + window, 0]) for at in range(SAMPLE_RATE // 2, 2 * SAMPLE_RATE, window)]
    turns = np.abs(np.fft.rfft(np.array(left) - np.mean(left)))

    # One and a half seconds hold nine or ten turns of the horn.
    assert 8 <= int(np.argmax(turns)) <= 11
    assert power(samples[round(2.7 * SAMPLE_RATE) :]) < 1e-4 * power(samples[SAMPLE_RATE : 2 * SAMPLE_RATE])


@pytest.mark.parametrize(("key", "missing"), [("chip_pulse", 4), ("chip_square", 2), ("chip_thin", 8)])
def test_a_chip_pulse_lacks_the_harmonics_of_its_duty_cycle(key: str, missing: int, font: SoundFont) -> None:
    samples = play(key, [note(57, length_s=0.24, velocity=120)], font, seconds=0.24)[2_000:, 0]
    spectrum = np.abs(np.fft.rfft(samples * np.hanning(len(samples)), 1 << 17))

    def level(number: int) -> float:
        at = round(number * midi_to_hz(57) * (1 << 17) / SAMPLE_RATE)
        return float(spectrum[at - 15 : at + 16].max())

    assert level(missing) < 0.02 * level(1)
    assert level(missing - 1) > 0.1 * level(1)


@pytest.mark.parametrize("key", sorted(TEXTURES))
def test_what_goes_on_goes_on_from_chord_to_chord(key: str, font: SoundFont) -> None:
    once = play(key, [note(60, 0.0, 8.0)], font, seconds=8.0)
    often = [note(pitch, 2.0 * place, 1.95) for place in range(4) for pitch in (48, 55)]

    np.testing.assert_allclose(play(key, often, font, seconds=7.5), once[: round(7.5 * SAMPLE_RATE)], atol=1e-6)


@pytest.mark.parametrize("key", sorted(TEXTURES))
def test_textures_have_no_seam(key: str, font: SoundFont) -> None:
    row = INSTRUMENTS[key]
    samples = listen(PlayedPart(make_instrument(row, font, seed=1), [note(60, 0.0, 40.0)]), 40.0)[SAMPLE_RATE:]
    steps = np.abs(np.diff(samples[:, 0]))
    lengths = {"vinyl_crackle": 9, "rain": 11, "wind": 12, "sea_waves": 18}

    np.testing.assert_allclose(samples[: 2 * SAMPLE_RATE], samples[lengths[key] * SAMPLE_RATE :][: 2 * SAMPLE_RATE])
    seam = lengths[key] * SAMPLE_RATE - SAMPLE_RATE
    assert steps[seam - 3 : seam + 3].max() < np.percentile(steps, 99.9)


def test_rain_is_bright_and_steady_and_the_sea_comes_and_goes(font: SoundFont) -> None:
    def levels_db(key: str) -> np.ndarray:
        samples = play(key, [note(60, 0.0, 20.0)], font, seconds=19.0)[2 * SAMPLE_RATE :]
        return 10 * np.log10([power(samples[at : at + SAMPLE_RATE]) for at in range(0, 16 * SAMPLE_RATE, SAMPLE_RATE)])

    assert np.ptp(levels_db("rain")) < 5
    assert np.ptp(levels_db("sea_waves")) > 7


def test_vinyl_crackles(font: SoundFont) -> None:
    samples = play("vinyl_crackle", [note(60, 0.0, 10.0)], font, seconds=9.0)[SAMPLE_RATE:, 0]

    # Clicks: far more peak than a steady noise of the same power has, and several of them each second.
    peaks = np.abs(samples).reshape(-1, SAMPLE_RATE // 20).max(axis=1)
    assert peaks.max() > 8 * np.sqrt(power(samples))
    assert np.sum(peaks > 2 * np.median(peaks)) > 16


def test_only_instruments_of_the_table_have_manners_and_others_play_note_by_note() -> None:
    events: list[NoteEvent] = [note(60, 0.0, 1.0), note(67, 1.0, 1.0)]

    assert set(MANNERS) <= set(SYNTHS)
    assert line_of("analog_pad", events) is events
    assert len(joined(events)) == 1
    assert {key for key, manner in MANNERS.items() if manner is joined} == set(TEXTURES)


def test_a_riser_swells_and_brightens_to_the_end_of_its_note_and_is_gone_by_the_beat(font: SoundFont) -> None:
    samples = play("risers", [note(36, 0.0, 3.0)], font, seconds=3.5)
    thirds = [samples[at : at + 30_000] for at in (6_000, 50_000, 100_000)]

    assert power(thirds[0]) < 0.3 * power(thirds[1]) < 0.1 * power(thirds[2])
    assert brightness(thirds[0]) < brightness(thirds[1]) < brightness(thirds[2])
    assert not samples[3 * SAMPLE_RATE :].any()


def test_an_impact_is_deep_and_rings_longer_than_its_note(font: SoundFont) -> None:
    samples = play("risers", [note(37, 0.0, 0.2)], font, seconds=4.0)
    spectrum = np.abs(np.fft.rfft(samples.mean(axis=1))) ** 2
    hertz = np.fft.rfftfreq(len(samples), 1 / SAMPLE_RATE)

    assert spectrum[hertz < 150].sum() > 0.4 * spectrum.sum()
    assert power(samples[2 * SAMPLE_RATE :]) > 1e-4 * power(samples[:SAMPLE_RATE])


def test_the_lowest_octave_of_a_reese_stands_still_while_what_is_above_grinds(font: SoundFont) -> None:
    samples = play("reese_bass", [note(33, 0.0, 6.0)], font, seconds=6.0)[SAMPLE_RATE // 2 :].mean(axis=1)
    spectrum = np.fft.rfft(samples)
    hertz = np.fft.rfftfreq(len(samples), 1 / SAMPLE_RATE)

    def swing_db(low_hz: float, high_hz: float) -> float:
        band = np.fft.irfft(np.where((hertz > low_hz) & (hertz < high_hz), spectrum, 0), len(samples))
        window = SAMPLE_RATE // 8
        levels = [power(band[at : at + window]) for at in range(window, len(band) - 2 * window, window)]
        return float(10 * np.log10(max(levels) / min(levels)))

    assert swing_db(35, 80) < 4
    assert swing_db(400, 3_000) > 5


def test_a_wobble_opens_and_closes_once_with_every_note(font: SoundFont) -> None:
    samples = play("wobble_bass", [note(33, 0.4 * n, 0.38) for n in range(4)], font, seconds=1.6).mean(axis=1)
    hertz = np.fft.rfftfreq(SAMPLE_RATE // 20, 1 / SAMPLE_RATE)

    def above_db(at_s: float) -> float:
        part = samples[int(at_s * SAMPLE_RATE) :][: SAMPLE_RATE // 20]
        spectrum = np.abs(np.fft.rfft(part)) ** 2
        return float(10 * np.log10(spectrum[hertz > 800].sum() / spectrum.sum()))

    for begin in (0.4, 0.8, 1.2):
        assert above_db(begin + 0.08) > above_db(begin) + 3
        assert above_db(begin + 0.08) > above_db(begin + 0.3) + 6


@pytest.mark.parametrize("key", sorted(TEXTURES))
def test_in_a_loop_what_goes_on_stops_at_its_end_and_fades_over_the_beginning(key: str, font: SoundFont) -> None:
    total = 8 * SAMPLE_RATE
    events = around([note(60, 2.0 * place, 1.95) for place in range(4)], total, tied=True)
    part = open_part(voice(key), events, soundfont=font, seed=1, until=total)
    samples = listen(part, 18.0)

    assert part.finished
    assert power(samples[7 * SAMPLE_RATE : 8 * SAMPLE_RATE]) > 1e-6
    assert not samples[16 * SAMPLE_RATE :].any()
