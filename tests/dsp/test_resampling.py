import numpy as np
import pytest

from app.services.dsp.resampling import resampled
from tests.dsp.sounds import db, noise, rms, sine


def blocks_of(samples, size=10_000):
    return [samples[first : first + size] for first in range(0, len(samples), size)]


@pytest.mark.parametrize(("from_rate", "to_rate"), [(32_000, 44_100), (48_000, 44_100), (44_100, 48_000)])
def test_a_tone_keeps_its_pitch_level_and_seconds_at_another_rate(from_rate, to_rate):
    heard = np.concatenate(list(resampled(blocks_of(sine(1_000.0, 2.0, rate=from_rate)), from_rate, to_rate)))

    expected = sine(1_000.0, 2.0, rate=to_rate)
    assert heard.shape == expected.shape
    inside = slice(4_410, -4_410)
    assert db(rms(heard[inside] - expected[inside]) / rms(expected)) < -60


def test_the_right_rate_passes_untouched():
    blocks = blocks_of(noise(0.5))

    assert [id(block) for block in resampled(blocks, 44_100, 44_100)] == [id(block) for block in blocks]


def test_nothing_gives_nothing():
    assert list(resampled([], 48_000, 44_100)) == []
