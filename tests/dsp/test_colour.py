"""Chorus, saturation, pan and width."""

import numpy as np
import pytest

from app.services.dsp.chorus import Chorus
from app.services.dsp.saturation import saturate
from app.services.dsp.stereo import Spreader, mid_side, pan_gains
from tests.dsp.sounds import db, in_blocks, noise, rms, sine


def test_a_chorus_keeps_loudness_and_tells_left_from_right():
    dry = noise(4.0)
    dry[:, 1] = dry[:, 0]

    wet = Chorus(0.8).process(dry)

    assert db(rms(wet) / rms(dry)) == pytest.approx(0.0, abs=1.0)
    assert np.corrcoef(wet.T)[0, 1] < 0.95


def test_a_chorus_bends_the_pitch_by_less_than_a_quarter_tone():
    wet = Chorus(1.0).process(sine(1_000.0, 4.0)) - np.cos(np.pi / 4).astype(np.float32) * sine(1_000.0, 4.0)

    spectrum = np.abs(np.fft.rfft(wet[:, 0] * np.hanning(len(wet))))
    heard_hz = np.fft.rfftfreq(len(wet), 1 / 44_100)[spectrum > spectrum.max() / 10]
    assert heard_hz.min() < 998
    assert heard_hz.max() > 1_002
    assert 1_000 / 1.029 < heard_hz.min() < heard_hz.max() < 1_000 * 1.029


def test_a_chorus_sounds_the_same_whatever_the_blocks():
    dry = noise(2.0)

    whole = Chorus(0.5).process(dry)

    np.testing.assert_allclose(in_blocks(Chorus(0.5).process, dry, 16_384), whole, atol=1e-6)


def test_a_chorus_that_skipped_silence_is_where_it_would_have_been():
    dry = noise(1.0)
    skipping, playing = Chorus(0.5), Chorus(0.5)
    skipping.skip(32_768)
    playing.process(np.zeros((32_768, 2), np.float32))

    np.testing.assert_array_equal(skipping.process(dry), playing.process(dry))


def test_no_drive_changes_nothing():
    samples = noise(0.1)

    assert saturate(samples, 0.0) is samples


@pytest.mark.parametrize("drive", [0.1, 0.5, 1.0])
def test_drive_keeps_the_usual_peak_and_holds_the_loud(drive):
    assert np.abs(saturate(sine(100.0, 0.1, level=0.25), drive)).max() == pytest.approx(0.25, rel=0.01)
    assert np.abs(saturate(sine(100.0, 0.1, level=2.0), drive)).max() < 2.0


def test_more_drive_brings_more_harmonics():
    def third_harmonic(drive):
        spectrum = np.abs(np.fft.rfft(saturate(sine(441.0, 1.0, level=0.25), drive)[:, 0]))
        return db(spectrum[3 * 441] / spectrum[441])

    assert third_harmonic(0.2) < third_harmonic(0.5) < third_harmonic(1.0) < -9
    assert third_harmonic(0.2) > -60


def test_drive_folds_next_to_nothing_back_from_beyond_hearing():
    spectrum = np.abs(np.fft.rfft(saturate(sine(3_000.0, 1.0, level=0.25), 0.6)[:, 0]))
    partials = spectrum.copy()
    partials[[3_000 * n for n in range(1, 8)]] = 0.0

    assert db(partials.max() / spectrum.max()) < -50


@pytest.mark.parametrize("pan", [-1.0, -0.5, 0.0, 0.3, 1.0])
def test_panning_keeps_power(pan):
    left, right = pan_gains(pan)

    assert left**2 + right**2 == pytest.approx(2.0)
    assert (left > right) == (pan < 0)


def test_hard_panned_means_one_side_only():
    assert pan_gains(-1.0)[1] == pytest.approx(0.0, abs=1e-9)
    assert pan_gains(1.0)[0] == pytest.approx(0.0, abs=1e-9)


def test_middle_and_side_give_left_and_right_back():
    samples = noise(0.1)

    mid, side = mid_side(samples)

    np.testing.assert_allclose(np.stack((mid + side, mid - side), axis=1), samples, atol=1e-7)


def test_a_made_up_side_is_as_strong_as_the_middle_and_unlike_it():
    mid = noise(4.0)[:, 0]

    side = Spreader("pad").process(mid)

    assert db(rms(side) / rms(mid)) == pytest.approx(0.0, abs=1.0)
    assert abs(np.corrcoef(mid, side)[0, 1]) < 0.1


def test_each_voice_gets_a_side_of_its_own_and_always_the_same():
    mid = noise(0.5)[:, 0]

    np.testing.assert_array_equal(Spreader("pad").process(mid), Spreader("pad").process(mid))
    assert abs(np.corrcoef(Spreader("pad").process(mid), Spreader("piano").process(mid))[0, 1]) < 0.5


def test_a_made_up_side_leaves_the_bass_in_the_middle():
    side = Spreader("pad").process(sine(50.0, 1.0)[:, 0])

    assert db(rms(side[8_820:]) / rms(sine(50.0, 1.0))) < -15


def test_a_made_up_side_is_the_same_whatever_the_blocks_and_after_a_reset():
    mid = noise(1.0)[:, 0]
    spreader = Spreader("pad")

    whole = spreader.process(mid)
    spreader.reset()

    np.testing.assert_allclose(in_blocks(spreader.process, mid, 1_024), whole, atol=1e-6)
