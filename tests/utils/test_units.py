"""Units: there and back again."""

import pytest

from app.utils.units import (
    beats_to_seconds,
    db_to_gain,
    gain_to_db,
    hz_to_midi,
    midi_to_hz,
    seconds_to_beats,
    seconds_to_frames,
)


@pytest.mark.parametrize("pitch", [21, 60, 69, 108])
def test_pitches_and_frequencies_are_one(pitch):
    assert hz_to_midi(midi_to_hz(pitch)) == pytest.approx(pitch)


def test_an_octave_doubles_the_frequency():
    assert midi_to_hz(72) / midi_to_hz(60) == pytest.approx(2)


@pytest.mark.parametrize("level_db", [-60.0, -6.0, 0.0, 12.0])
def test_levels_and_gains_are_one(level_db):
    assert gain_to_db(db_to_gain(level_db)) == pytest.approx(level_db)


def test_silence_has_a_level_too():
    assert gain_to_db(0.0) == -200.0


def test_beats_and_seconds_are_one():
    assert seconds_to_beats(beats_to_seconds(7.5, 93), 93) == pytest.approx(7.5)
    assert seconds_to_frames(1.5, 44_100) == 66_150
