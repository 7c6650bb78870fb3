"""Second-order filter designs, after Robert Bristow-Johnson's *Audio EQ Cookbook* (W3C note, 2021).

Each design is one row b0 b1 b2 1 a1 a2 as `scipy.signal.sosfilt` reads it, in float64.
"""

import math
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from app.models.audio import SAMPLE_RATE

#: float64, shape (sections, 6).
Sections: TypeAlias = NDArray[np.float64]

#: Q of a second-order Butterworth filter: flat, −3 dB at the corner.
BUTTERWORTH_Q = math.sqrt(0.5)

#: Highest usable corner as a part of the sample rate; a design at Nyquist itself degenerates.
_HIGHEST = 0.49


def high_pass(corner_hz: float, *, q: float = BUTTERWORTH_Q, sample_rate: int = SAMPLE_RATE) -> Sections:
    """Falls by 12 dB an octave below `corner_hz`; shape (1, 6)."""
    cosine, alpha = _angle(corner_hz, q, sample_rate)
    b = (1 + cosine) / 2
    return _section((b, -2 * b, b), (1 + alpha, -2 * cosine, 1 - alpha))


def low_pass(corner_hz: float, *, q: float = BUTTERWORTH_Q, sample_rate: int = SAMPLE_RATE) -> Sections:
    """Falls by 12 dB an octave above `corner_hz`; shape (1, 6)."""
    cosine, alpha = _angle(corner_hz, q, sample_rate)
    b = (1 - cosine) / 2
    return _section((b, 2 * b, b), (1 + alpha, -2 * cosine, 1 - alpha))


def bell(centre_hz: float, gain_db: float, *, q: float = 0.9, sample_rate: int = SAMPLE_RATE) -> Sections:
    """Lifts or lowers the tones around `centre_hz`; shape (1, 6)."""
    cosine, alpha = _angle(centre_hz, q, sample_rate)
    root = _root_gain(gain_db)
    return _section(
        (1 + alpha * root, -2 * cosine, 1 - alpha * root), (1 + alpha / root, -2 * cosine, 1 - alpha / root)
    )


def low_shelf(corner_hz: float, gain_db: float, *, sample_rate: int = SAMPLE_RATE) -> Sections:
    """Lifts or lowers all below `corner_hz`, where half of `gain_db` is reached; shape (1, 6)."""
    return _shelf(corner_hz, gain_db, sample_rate, side=1)


def high_shelf(corner_hz: float, gain_db: float, *, sample_rate: int = SAMPLE_RATE) -> Sections:
    """Lifts or lowers all above `corner_hz`, where half of `gain_db` is reached; shape (1, 6)."""
    return _shelf(corner_hz, gain_db, sample_rate, side=-1)


def cascade(*designs: Sections) -> Sections:
    """Designs one after the other; shape (sections, 6). No design at all gives shape (0, 6), which changes nothing."""
    return np.concatenate((np.empty((0, 6)), *designs))


def _shelf(corner_hz: float, gain_db: float, sample_rate: int, *, side: int) -> Sections:
    # The cookbook's low shelf; the high shelf is its mirror image, with the sign of every cosine turned.
    cosine, alpha = _angle(corner_hz, BUTTERWORTH_Q, sample_rate)
    cosine *= side
    root = _root_gain(gain_db)
    bend = 2 * math.sqrt(root) * alpha
    b = (
        root * ((root + 1) - (root - 1) * cosine + bend),
        2 * side * root * ((root - 1) - (root + 1) * cosine),
        root * ((root + 1) - (root - 1) * cosine - bend),
    )
    a = (
        (root + 1) + (root - 1) * cosine + bend,
        -2 * side * ((root - 1) + (root + 1) * cosine),
        (root + 1) + (root - 1) * cosine - bend,
    )
    return _section(b, a)


def _angle(frequency_hz: float, q: float, sample_rate: int) -> tuple[float, float]:
    angle = 2 * math.pi * min(frequency_hz / sample_rate, _HIGHEST)
    return math.cos(angle), math.sin(angle) / (2 * q)


def _root_gain(gain_db: float) -> float:
    # The cookbook's A: the square root of the gain as an amplitude factor.
    return float(10 ** (gain_db / 40))


def _section(b: tuple[float, float, float], a: tuple[float, float, float]) -> Sections:
    return np.array([[*b, *a]]) / a[0]
