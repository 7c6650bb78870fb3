"""Brightness is where the middle of the spectrum lies, however loud, however the blocks fall, in either channel."""

import numpy as np
import pytest

from app.models.audio import BLOCK_FRAMES, SAMPLE_RATE
from app.services.listening import Ear


def brightness(samples):
    ear = Ear()
    for first in range(0, len(samples), BLOCK_FRAMES):
        ear.add(samples[first : first + BLOCK_FRAMES])
    return ear.sound().brightness_hz


def tone(frequency_hz, level=0.3, seconds=5.0):
    wave = level * np.sin(2 * np.pi * frequency_hz * np.arange(round(seconds * SAMPLE_RATE)) / SAMPLE_RATE)
    return np.stack((wave, wave), axis=1).astype(np.float32)


@pytest.mark.parametrize("frequency_hz", [220.0, 3_000.0, 12_000.0])
def test_a_tone_is_as_bright_as_its_frequency(frequency_hz):
    assert brightness(tone(frequency_hz)) == pytest.approx(frequency_hz, abs=30.0)


def test_white_noise_has_its_middle_in_the_middle():
    noise = np.random.default_rng(1).normal(0.0, 0.1, (10 * SAMPLE_RATE, 2)).astype(np.float32)

    assert brightness(noise) == pytest.approx(SAMPLE_RATE / 4, rel=0.02)


def test_loudness_does_not_change_it_and_loud_moments_count_for_more():
    low, high = tone(300.0), tone(9_000.0)

    assert brightness(0.01 * low) == pytest.approx(brightness(low), abs=0.2)
    assert brightness(np.concatenate((low, 0.1 * high))) < 1_500 < brightness(np.concatenate((low, high)))


def test_what_is_out_of_phase_is_heard():
    wide = tone(6_000.0) * np.array([1.0, -1.0], np.float32)

    assert brightness(wide) == pytest.approx(6_000, abs=30)


@pytest.mark.parametrize("frames", [0, 100, 5 * SAMPLE_RATE])
def test_silence_has_none(frames):
    assert brightness(np.zeros((frames, 2), np.float32)) is None
