"""Guitars where a font has only a moment of each: strings that live, as recordings of them do."""

from pathlib import Path

import numpy as np
import pytest

from app.models.audio import SAMPLE_RATE
from app.services.instruments import SoundFont, load_soundfont
from app.services.instruments.catalogue import make_instrument
from app.services.instruments.player import PlayedPart
from app.services.instruments.sampler import SampledInstrument
from app.services.instruments.sources import CHUNK_FRAMES
from app.services.instruments.synths.guitars import VOICINGS, Guitar
from app.services.theory.instruments import INSTRUMENTS
from app.utils.units import midi_to_hz
from tests.instruments.building import TinyFont, TinySample
from tests.instruments.playing import listen, note, play, power

#: Seconds over which a partial is measured.
WINDOW_S = 0.25


def level_db(samples: np.ndarray, hertz: float, at_s: float) -> float:
    piece = samples[round(at_s * SAMPLE_RATE) : round((at_s + WINDOW_S) * SAMPLE_RATE), 0]
    spectrum = np.abs(np.fft.rfft(piece * np.hanning(len(piece)), 1 << 17))
    at = round(hertz * (1 << 17) / SAMPLE_RATE)
    return float(20 * np.log10(spectrum[at - 40 : at + 41].max()))


def brightness(samples: np.ndarray) -> float:
    return power(np.diff(samples[:, 0])) / power(samples[:, 0])


@pytest.mark.parametrize("key", [key for key in VOICINGS if key != "muted_guitar"])
def test_each_partial_of_a_string_dies_in_a_time_of_its_own(key: str, font: SoundFont) -> None:
    for pitch in (57, 62):
        samples = play(key, [note(pitch, length_s=2.0)], font, seconds=2.0)
        partials = [number * midi_to_hz(pitch) for number in range(1, 5)]

        fallen_db = [level_db(samples, hertz, 0.3) - level_db(samples, hertz, 1.0) for hertz in partials]

        # Of a few periods that go round, all partials fall by the same number of decibels.
        assert fallen_db == sorted(fallen_db)
        assert fallen_db[-1] - fallen_db[0] > 1.0
        assert fallen_db[0] < 20.0


def test_a_string_swings_in_two_directions_that_beat(font: SoundFont) -> None:
    samples = play("steel_guitar", [note(45, length_s=4.0)], font, seconds=4.0)
    levels_db = np.array([level_db(samples, midi_to_hz(45), at) for at in np.arange(0.3, 3.5, 0.1)])

    line = np.polyval(np.polyfit(np.arange(len(levels_db)), levels_db, 1), np.arange(len(levels_db)))
    assert np.abs(levels_db - line).max() > 0.5


def test_a_muted_string_is_short_and_a_free_one_rings(font: SoundFont) -> None:
    def left(key: str) -> float:
        samples = play(key, [note(52, length_s=2.0)], font, seconds=2.0)
        return power(samples[SAMPLE_RATE : 3 * SAMPLE_RATE // 2]) / power(samples[: SAMPLE_RATE // 4])

    assert left("muted_guitar") < 1e-3
    assert left("clean_guitar") > 2e-2


@pytest.mark.parametrize("key", VOICINGS)
def test_a_string_struck_harder_is_brighter(key: str, font: SoundFont) -> None:
    soft, hard = (
        play(key, [note(52, length_s=0.5, velocity=velocity)], font, seconds=0.5)[: SAMPLE_RATE // 4]
        for velocity in (30, 115)
    )

    assert brightness(hard) > 1.15 * brightness(soft)


@pytest.mark.parametrize("key", ["nylon_guitar", "steel_guitar"])
def test_the_box_of_an_acoustic_guitar_answers_to_the_stroke(key: str, font: SoundFont) -> None:
    def low(at_s: float, seconds: float) -> float:
        piece = samples[round(at_s * SAMPLE_RATE) : round((at_s + seconds) * SAMPLE_RATE), 0]
        spectrum = np.abs(np.fft.rfft(piece * np.hanning(len(piece)), 1 << 16)) ** 2
        hertz = np.fft.rfftfreq(1 << 16, 1 / SAMPLE_RATE)
        return float(spectrum[(hertz > 70) & (hertz < 260)].sum())

    samples = play(key, [note(76, length_s=1.0)], font, seconds=1.0)  # far above the box's lowest resonances

    assert low(0.0, 0.1) > 100 * low(0.4, 0.1)


@pytest.mark.parametrize("key", VOICINGS)
def test_a_string_goes_on_where_a_piece_of_it_ends(key: str, font: SoundFont) -> None:
    # It is made in pieces, later ones of fewer partials.
    samples = play(key, [note(50, length_s=2.0)], font, seconds=1.9)[:, 0].astype(np.float64)

    bends = np.abs(np.diff(samples, 3))
    for seam in range(2 * CHUNK_FRAMES, 8 * CHUNK_FRAMES, CHUNK_FRAMES):
        around = np.sort(bends[seam - 400 : seam + 400])
        assert bends[seam - 4 : seam + 2].max() < 3 * around[-20] + 2e-5


@pytest.mark.parametrize(("seconds", "kind"), [(0.1, Guitar), (1.5, SampledInstrument)])
def test_a_font_with_a_whole_string_plays_its_own(seconds: float, kind: type, tmp_path: Path) -> None:
    frames = round(seconds * SAMPLE_RATE)
    wave = 0.5 * np.sin(2 * np.pi * 440 * np.arange(frames) / SAMPLE_RATE)
    sample = TinySample(wave=wave, loop=(frames - 2_205, frames))
    looped = [(54, 1), (53, 0)]
    row = INSTRUMENTS["nylon_guitar"]
    tiny = TinyFont(samples=[sample], presets={(0, row.program): ([], [looped])})
    font = load_soundfont(tiny.write(tmp_path / "tiny.sf2"))

    instrument = make_instrument(row, font, seed=1)

    assert isinstance(instrument, kind)
    assert power(listen(PlayedPart(instrument, [note(57)]), 0.5)) > 0
