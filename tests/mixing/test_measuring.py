import numpy as np
import pytest

from app.services.mixing import measure
from tests.dsp.sounds import noise, sine


def test_a_known_sine_measures_what_it_is():
    measured = measure(sine(997.0, 6.0, level=0.1))

    assert measured["loudness_lufs"] == pytest.approx(-20.0, abs=0.05)
    assert measured["true_peak_dbtp"] == pytest.approx(-20.0, abs=0.05)
    assert measured["loudness_range_lu"] == pytest.approx(0.0, abs=0.1)
    assert measured["dc"] == pytest.approx(0.0, abs=1e-4)
    assert measured["correlation"] == 1.0


def test_another_sample_rate_measures_the_same():
    assert measure(sine(997.0, 4.0, rate=32_000), 32_000)["loudness_lufs"] == pytest.approx(-20.0, abs=0.05)


def test_direct_current_is_seen_on_either_side():
    samples = sine(997.0, 2.0)
    samples[:, 1] -= np.float32(0.05)

    assert measure(samples)["dc"] == pytest.approx(0.05, abs=1e-3)


def test_correlation_tells_mono_from_wide_from_cancelling():
    wide, opposed = noise(2.0), noise(2.0)
    opposed[:, 1] = -opposed[:, 0]

    assert measure(wide)["correlation"] == pytest.approx(0.0, abs=0.02)
    assert measure(opposed)["correlation"] == -1.0


def test_silence_has_numbers_too():
    assert measure(np.zeros((44_100, 2), np.float32)) == {
        "loudness_lufs": -70.0,
        "loudness_range_lu": 0.0,
        "true_peak_dbtp": -200.0,
        "dc": 0.0,
        "correlation": 1.0,
    }
