"""Test sounds and measurements that share no code with what they test."""

import numpy as np
from scipy.signal import resample_poly

from app.models.audio import SAMPLE_RATE, Samples


def sine(
    frequency_hz: float, seconds: float, *, level: float = 0.1, phase: float = 0.0, rate: int = SAMPLE_RATE
) -> Samples:
    time_s = np.arange(round(seconds * rate)) / rate
    wave = level * np.sin(2 * np.pi * frequency_hz * time_s + phase)
    return np.stack((wave, wave), axis=1).astype(np.float32)


def noise(seconds: float, *, level: float = 0.1, seed: int = 1) -> Samples:
    frames = round(seconds * SAMPLE_RATE)
    return (np.random.default_rng(seed).standard_normal((frames, 2)) * level).astype(np.float32)


def impulse(frames: int, *, at: int = 0) -> Samples:
    samples = np.zeros((frames, 2), np.float32)
    samples[at] = 1.0
    return samples


def in_blocks(effect, samples: Samples, size: int) -> Samples:
    return np.concatenate([effect(samples[first : first + size]) for first in range(0, len(samples), size)])


def rms(samples: Samples) -> float:
    return float(np.sqrt(np.mean(np.square(samples, dtype=np.float64))))


def db(amplitude: float) -> float:
    return float(20 * np.log10(max(amplitude, 1e-12)))


def peak_dbtp(samples: Samples) -> float:
    """Peak of the piece resampled to eight times its rate by a long filter."""
    return db(np.abs(resample_poly(samples.astype(np.float64), 8, 1, window=("kaiser", 12.0))).max())


def gain_at(sections, frequency_hz: float, rate: int = SAMPLE_RATE) -> float:
    """Gain in dB of second-order sections at one frequency, from the definition of the z-transform."""
    z = np.exp(-2j * np.pi * frequency_hz / rate)
    powers = z ** np.arange(3)
    return db(abs(np.prod([section[:3] @ powers / (section[3:] @ powers) for section in sections])))
