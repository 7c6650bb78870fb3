import numpy as np
import pytest
from scipy.signal import butter, sosfilt

from app.services.dsp.cells import CELL_FRAMES
from app.services.dsp.true_peak import TruePeakMeter, cell_true_peaks, true_peak
from tests.dsp.sounds import db, noise, peak_dbtp, sine


def test_a_quarter_rate_sine_that_misses_its_tops_is_seen_in_full():
    # The classic case: every sample lies 3 dB below the wave's top.
    tone = sine(11_025.0, 1.0, level=0.5, phase=np.pi / 4)
    tone *= np.hanning(len(tone))[:, np.newaxis].astype(np.float32)

    assert db(np.abs(tone).max()) == pytest.approx(db(0.5) - 3.01, abs=0.02)
    assert db(true_peak(tone)) == pytest.approx(db(0.5), abs=0.1)


@pytest.mark.parametrize("frequency_hz", [100.0, 997.0, 5_512.5, 9_000.0, 14_700.0])
def test_the_top_of_any_sine_is_found(frequency_hz):
    tone = sine(frequency_hz, 0.5, level=0.7, phase=0.3) * np.hanning(22_050)[:, np.newaxis].astype(np.float32)

    assert db(true_peak(tone)) == pytest.approx(db(0.7), abs=0.25)


@pytest.mark.parametrize("seed", range(4))
def test_noise_up_to_15_khz_reads_as_an_eightfold_resampling_does(seed):
    lowered = sosfilt(butter(8, 15_000, fs=44_100, output="sos"), noise(3.0, level=0.2, seed=seed), axis=0)
    samples = lowered.astype(np.float32)

    assert db(true_peak(samples)) == pytest.approx(peak_dbtp(samples), abs=0.1)


def test_a_top_between_samples_of_opposite_slopes_is_found():
    # As in a noisy hat: the top lies between 0.82 and 0.50, though the sample after them, −0.87, is the largest.
    hat = np.zeros((200, 1), np.float32)
    hat[100:106, 0] = (-0.42, -0.68, 0.20, 0.82, 0.50, -0.87)

    assert db(true_peak(hat)) == pytest.approx(peak_dbtp(hat), abs=0.3)
    assert true_peak(hat) > 0.9


def test_silence_and_nothing_have_no_peak():
    assert true_peak(np.zeros((1_000, 2), np.float32)) == 0.0
    assert true_peak(np.empty((0, 2), np.float32)) == 0.0


def test_a_peak_between_two_blocks_is_found():
    tone = sine(11_025.0, 1.0, level=0.5, phase=np.pi / 4)
    window = np.zeros((len(tone), 1), np.float32)
    window[1_000 - 24 : 1_000 + 24, 0] = np.hanning(48)
    tone *= window
    meter = TruePeakMeter()

    for block in (tone[:1_000], tone[1_000:]):
        meter.add(block)

    assert meter.highest == true_peak(tone) > np.abs(tone).max() * 1.2


def test_a_peak_at_the_very_end_is_found():
    tone = sine(11_025.0, 0.1, level=0.5, phase=np.pi / 4)[:4_403]

    assert true_peak(tone) > 0.49


def test_cells_above_the_floor_show_their_peak_and_the_others_their_largest_sample():
    samples = noise(0.5, level=0.01)
    at = 100 * CELL_FRAMES + 20
    samples[at : at + 24] += sine(11_025.0, 1.0, level=0.5, phase=np.pi / 4)[:24]

    peaks = cell_true_peaks(samples, 0.2)

    largest = np.abs(samples[: 344 * CELL_FRAMES]).reshape(-1, 2 * CELL_FRAMES).max(axis=1)
    assert list(np.flatnonzero(peaks[:344] != largest)) == [100]
    assert peaks[100] > largest[100] * 1.2


def test_the_highest_cell_is_the_pieces_true_peak():
    samples = noise(1.6, level=0.2)

    assert cell_true_peaks(samples, 0.3).max() == pytest.approx(true_peak(samples), rel=1e-6)


def test_one_channel_is_enough():
    tone = sine(997.0, 0.2, level=0.5)

    assert true_peak(tone[:, :1]) == pytest.approx(0.5, rel=0.01)


def test_a_lower_floor_only_adds_what_the_higher_one_left_out():
    samples = noise(1.0, level=0.2)
    high = cell_true_peaks(samples, 0.5)

    added = np.maximum(high, cell_true_peaks(samples, 0.3, known_from=0.5))

    np.testing.assert_array_equal(added, cell_true_peaks(samples, 0.3))
    assert np.any(added > high)
