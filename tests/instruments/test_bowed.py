"""Bowed strings where a font has only a moment of each: they swing, hiss and have a body, as recordings of them do."""

import numpy as np
import pytest

from app.models.audio import SAMPLE_RATE
from app.services.instruments import SoundFont
from app.services.instruments.sources import CHUNK_FRAMES
from app.services.instruments.synths.bowed import BOWINGS
from app.utils.units import midi_to_hz
from tests.instruments.playing import note, play, power

PITCHES = {"violin": 74, "fiddle": 69, "viola": 62, "cello": 50, "contrabass": 38}


def partial(samples: np.ndarray, hertz: float, step_s: float = 0.02, window_s: float = 0.06) -> np.ndarray:
    """How strong a partial is, moment by moment."""
    window = round(window_s * SAMPLE_RATE)
    levels = []
    for at in range(0, len(samples) - window, round(step_s * SAMPLE_RATE)):
        spectrum = np.abs(np.fft.rfft(samples[at : at + window, 0] * np.hanning(window), 1 << 14))
        middle, reach = hertz * (1 << 14) / SAMPLE_RATE, 20 * (1 << 14) / SAMPLE_RATE
        levels.append(spectrum[round(middle - reach) : round(middle + reach) + 1].max())
    return np.array(levels)


def pitches_hz(samples: np.ndarray, hertz: float) -> np.ndarray:
    """The pitch, moment by moment, from how the fundamental's phase turns."""
    time_s = np.arange(len(samples)) / SAMPLE_RATE
    turned = samples[:, 0] * np.exp(-2j * np.pi * hertz * time_s)
    smooth = np.hanning(round(6 * SAMPLE_RATE / hertz) + 1)
    slow = np.convolve(turned, smooth / smooth.sum(), "valid")
    step = SAMPLE_RATE // 100
    return hertz + np.diff(np.unwrap(np.angle(slow[::step]))) * 100 / (2 * np.pi)


@pytest.mark.parametrize("key", BOWINGS)
def test_the_left_hand_swings_about_the_pitch(key: str, font: SoundFont) -> None:
    hertz = midi_to_hz(PITCHES[key])
    samples = play(key, [note(PITCHES[key], length_s=2.5)], font, seconds=2.4)[SAMPLE_RATE // 2 :]

    cents = 1_200 * np.log2(pitches_hz(samples, hertz) / hertz)

    assert abs(np.mean(cents)) < 4
    assert 10 < np.ptp(cents) < 90
    turns = np.abs(np.fft.rfft((cents - cents.mean()) * np.hanning(len(cents)), 1 << 12))
    swings_hz = np.argmax(turns) * 100 / (1 << 12)
    assert 4 < swings_hz < 7


@pytest.mark.parametrize("key", ["violin", "viola", "cello"])
def test_partials_grow_and_fade_each_for_itself_as_they_swing_across_the_body(key: str, font: SoundFont) -> None:
    hertz = midi_to_hz(PITCHES[key])
    samples = play(key, [note(PITCHES[key], length_s=2.5)], font, seconds=2.4)[SAMPLE_RATE // 2 :]

    depths_db = [np.ptp(20 * np.log10(partial(samples, number * hertz)[3:-3])) for number in range(1, 8)]

    # Of a few periods that go round, none moves by itself.
    assert max(depths_db) > 3.0
    assert max(depths_db) - min(depths_db) > 2.0


@pytest.mark.parametrize("key", BOWINGS)
def test_the_bow_hisses_most_while_it_catches_the_string(key: str, font: SoundFont) -> None:
    samples = play(key, [note(PITCHES[key], length_s=1.5)], font, seconds=1.4)

    def hiss(at_s: float) -> float:
        piece = samples[round(at_s * SAMPLE_RATE) : round((at_s + 0.04) * SAMPLE_RATE), 0]
        spectrum = np.abs(np.fft.rfft(piece * np.hanning(len(piece)))) ** 2
        hertz = np.fft.rfftfreq(len(piece), 1 / SAMPLE_RATE)
        return float(spectrum[(hertz > 14_500) & (hertz < 20_000)].sum() / spectrum.sum())

    assert hiss(0.02) > 4 * hiss(1.0) > 0


def test_a_harder_bow_is_brighter(font: SoundFont) -> None:
    soft, hard = (
        play("violin", [note(69, length_s=1.0, velocity=velocity)], font, seconds=0.9)[SAMPLE_RATE // 4 :, 0]
        for velocity in (30, 115)
    )

    assert power(np.diff(hard)) / power(hard) > 1.2 * power(np.diff(soft)) / power(soft)


@pytest.mark.parametrize("key", BOWINGS)
def test_a_bowed_note_goes_on_where_a_piece_of_it_ends(key: str, font: SoundFont) -> None:
    samples = play(key, [note(PITCHES[key], length_s=2.0)], font, seconds=1.9)[:, 0].astype(np.float64)

    steps = np.abs(np.diff(samples, 2))
    for seam in range(2 * CHUNK_FRAMES, 8 * CHUNK_FRAMES, CHUNK_FRAMES):
        around = steps[seam - 2_000 : seam + 2_000]
        assert steps[seam - 3 : seam + 2].max() < 1.2 * np.sort(around)[-10]
