"""A guitar amplifier: loudness kept, chords that roar as one, nothing above its loudspeaker, no fold-back, no thump."""

import numpy as np
import pytest

from app.services.dsp.amplifier import VOICINGS, Amplifier
from tests.dsp.sounds import db, in_blocks, rms, sine

#: Root mean square of a line at −23 LUFS, about.
LINE = 0.07

every_voicing = pytest.mark.parametrize("name", VOICINGS)


def tones(*frequencies_hz, seconds=2.0):
    """So many sines together, as loud as a line, on both sides."""
    chord = sum(sine(hz, seconds) for hz in frequencies_hz)
    return (chord * (LINE / rms(chord))).astype(np.float32)


def level_at(sound, hz):
    """Level of a tone in a sound, in dB below its strongest."""
    spectrum = np.abs(np.fft.rfft(sound[:, 0] * np.hanning(len(sound))))
    near = round(hz * len(sound) / 44_100)
    return db(spectrum[near - 3 : near + 4].max() / spectrum.max())


@every_voicing
def test_a_line_stays_about_as_loud_as_it_was(name):
    chord = tones(110.0, 164.8, 220.0)

    assert db(rms(Amplifier(VOICINGS[name]).process(chord)) / rms(chord)) == pytest.approx(0.0, abs=4.0)


def test_soft_strokes_of_a_driven_amplifier_come_out_nearly_as_loud_as_hard_ones():
    chord = tones(110.0, 164.8)
    hard, soft = (rms(Amplifier(VOICINGS["lead"]).process(chord * gain)) for gain in (1.0, 0.25))

    assert db(hard / soft) < 3.0


def test_a_fifth_makes_the_tone_below_it_that_neither_string_plays():
    both = Amplifier(VOICINGS["lead"]).process(tones(220.0, 330.0))
    apart = sum(Amplifier(VOICINGS["lead"]).process(tones(hz)) for hz in (220.0, 330.0))

    assert level_at(both, 110.0) > -25
    assert level_at(apart, 110.0) < level_at(both, 110.0) - 30


def test_nothing_comes_from_above_the_loudspeaker_and_nothing_folds_back():
    # No overtone of 3,001 Hz lies between it and 6,002 Hz: whatever is heard there was folded back.
    loud = Amplifier(VOICINGS["lead"]).process(tones(3_001.0))
    spectrum = np.abs(np.fft.rfft(loud[:, 0] * np.hanning(len(loud))))
    frequencies = np.fft.rfftfreq(len(loud), 1 / 44_100)

    between = spectrum[(frequencies > 3_200) & (frequencies < 5_800)]
    assert db(between.max() / spectrum.max()) < -45
    assert db(spectrum[frequencies > 12_000].max() / spectrum.max()) < -50


@every_voicing
def test_it_is_silent_while_nobody_plays_and_has_no_dc(name):
    amplifier = Amplifier(VOICINGS[name])

    assert not amplifier.process(np.zeros((1_000, 2), np.float32)).any()
    assert abs(float(amplifier.process(tones(146.8, 220.0)).mean())) < 1e-3


def test_it_sounds_the_same_whatever_the_blocks():
    amplifier, chord = Amplifier(VOICINGS["crunch"]), tones(110.0, 164.8)
    whole = Amplifier(VOICINGS["crunch"]).process(chord)

    np.testing.assert_allclose(in_blocks(amplifier.process, chord, 4_096), whole, atol=1e-5)
