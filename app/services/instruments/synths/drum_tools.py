"""The few things that synthesised drums are made of: falling levels, sweeping sines, shaped noise, ringing metal."""

import numpy as np
from numpy.typing import NDArray
from scipy import fft

from app.models.audio import SAMPLE_RATE

#: float32, shape (frames,).
Hit = NDArray[np.float32]

#: The six square oscillators of the TR-808's cymbals, in Hz (service notes).
METAL_HZ = (205.3, 304.4, 369.6, 522.7, 540.0, 800.0)
_TOP_HZ = 18_000.0


def seconds(length_s: float) -> NDArray[np.float64]:
    """Times of a hit's frames, in seconds."""
    return np.arange(round(length_s * SAMPLE_RATE)) / SAMPLE_RATE


def falling(time_s: NDArray[np.float64], fall_s: float) -> NDArray[np.float64]:
    """A level that begins at 1 and falls by 60 dB in `fall_s` seconds."""
    return np.asarray(np.exp(time_s * (np.log(1e-3) / fall_s)))


def swept_sine(
    time_s: NDArray[np.float64],
    from_hz: float,
    to_hz: float,
    sweep_s: float,
    phase: float | NDArray[np.float64] = 0.0,
) -> NDArray[np.float64]:
    """A sine that slides from one frequency to another, most of it within `sweep_s` seconds.

    `phase` is in turns: a number, or one for each moment.
    """
    slid = (from_hz - to_hz) * sweep_s * (1.0 - np.exp(-time_s / sweep_s))
    return np.asarray(np.sin(2 * np.pi * (to_hz * time_s + slid + phase)))


def noise(
    rng: np.random.Generator, length_s: float, low_hz: float, high_hz: float, slope: float = 2.0
) -> NDArray[np.float64]:
    """Noise between two frequencies, its edges `slope` times 6 dB an octave; its power is 1."""
    frames = round(length_s * SAMPLE_RATE)
    size = fft.next_fast_len(frames + 512, real=True)
    hertz = np.arange(size // 2 + 1) * SAMPLE_RATE / size
    shape = np.zeros(len(hertz))
    shape[1:] = (1 + (low_hz / hertz[1:]) ** 2) ** (-slope / 2) * (1 + (hertz[1:] / high_hz) ** 2) ** (-slope / 2)
    shape *= np.clip((_TOP_HZ + 2_000.0 - hertz) / 2_000.0, 0.0, 1.0)
    spectrum = shape * np.exp(2j * np.pi * rng.random(len(hertz)))
    spectrum[0] = spectrum[-1] = 0.0
    wave: NDArray[np.float64] = fft.irfft(spectrum, size)[:frames]
    return wave / float(np.sqrt(np.sum(shape**2) * 2) / size)


def metal(
    rng: np.random.Generator, length_s: float, low_hz: float, *, tuning: float = 1.0, high_hz: float = 16_000.0
) -> NDArray[np.float64]:
    """Six square waves that share no harmonic, above a frequency; its power is 1."""
    frames = round(length_s * SAMPLE_RATE)
    size = fft.next_fast_len(max(frames, 16_384), real=True)
    spectrum = np.zeros(size // 2 + 1, np.complex128)
    for hertz in METAL_HZ:
        base = hertz * tuning * rng.uniform(0.995, 1.005)
        number = np.arange(1, int(_TOP_HZ / base) + 1, 2)
        partial_hz = number * base
        edge = (1 + (low_hz / partial_hz) ** 4) ** -1.0 * (1 + (partial_hz / high_hz) ** 2) ** -1.0
        bins = np.round(partial_hz * size / SAMPLE_RATE).astype(int)
        np.add.at(spectrum, bins, edge / number * np.exp(2j * np.pi * rng.random(len(number))))
    wave: NDArray[np.float64] = fft.irfft(spectrum, size)[:frames]
    return wave / float(np.sqrt(np.sum(np.abs(spectrum) ** 2) * 2) / size)


def held_noise(rng: np.random.Generator, length_s: float, rate_hz: float) -> NDArray[np.float64]:
    """Random bits held for a while each, as a game console's noise channel does; without DC."""
    frames = round(length_s * SAMPLE_RATE)
    held = (np.arange(frames) * (rate_hz / SAMPLE_RATE)).astype(np.intp)
    bits = rng.integers(0, 2, int(held[-1]) + 1) * 2.0 - 1.0
    return np.asarray((bits - bits.mean())[held])


def finished(wave: NDArray[np.float64], level: float, *, rise_s: float = 0.0015) -> Hit:
    """The hit as it is kept: without DC, without clicks at its ends, at a level."""
    frames = len(wave)
    rise, fall = max(2, round(rise_s * SAMPLE_RATE)), min(frames // 4, 1_024)
    shape = np.ones(frames)
    shape[:rise] = 0.5 - 0.5 * np.cos(np.pi * np.arange(rise) / rise)
    shape[-fall:] *= 0.5 + 0.5 * np.cos(np.pi * np.arange(1, fall + 1) / fall)
    wave = wave * shape * level
    # The shape itself is taken away in the right amount, so that the ends stay at nothing.
    swell = np.minimum(np.arange(frames) / rise, 1.0) * falling(np.arange(frames) / SAMPLE_RATE, 0.4) * shape
    return np.asarray(wave - swell * (wave.sum() / swell.sum()), np.float32)
