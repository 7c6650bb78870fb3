"""Where the harmony of finished audio turns, from which pitch classes come and go."""

import numpy as np
from numpy.typing import NDArray
from scipy.fft import rfft

from app.services.listening.ear import LISTENING_RATE, Mono
from app.services.listening.rhythm import STRENGTHS_PER_S

#: Frames of a spectrum and between two of them, at the listening rate: 0.37 s, one each 93 ms.
_WINDOW_FRAMES = 4_096
_HOP_FRAMES = 1_024

#: Tones listened to, in Hz: between them lie the notes that make chords.
_LOWEST_HZ, _HIGHEST_HZ = 100.0, 2_000.0

#: What sounds is held against what sounded so many spectra before: just over half a second.
_APART = 6

#: Spectra worked on at once.
_BATCH = 256

_LINES_HZ = np.arange(_WINDOW_FRAMES // 2 + 1) * (LISTENING_RATE / _WINDOW_FRAMES)
_HEARD = np.flatnonzero((_LINES_HZ > _LOWEST_HZ) & (_LINES_HZ < _HIGHEST_HZ))
#: Which pitch class each heard line belongs to, shape (lines, 12).
_FOLD = np.eye(12, dtype=np.float32)[np.round(12 * np.log2(_LINES_HZ[_HEARD] / 440.0)).astype(int) % 12]


def harmony_turns(mono: Mono) -> NDArray[np.float32]:
    """How much of what sounds is new in pitch class, `STRENGTHS_PER_S` times a second: shape (times,)."""
    if len(mono) < _WINDOW_FRAMES + _APART * _HOP_FRAMES:
        return np.zeros(0, np.float32)
    frames = np.lib.stride_tricks.sliding_window_view(mono, _WINDOW_FRAMES)[::_HOP_FRAMES]
    window = np.hanning(_WINDOW_FRAMES).astype(np.float32)
    chroma = np.concatenate([
        np.abs(rfft(frames[first : first + _BATCH] * window)[:, _HEARD]) @ _FOLD
        for first in range(0, len(frames), _BATCH)
    ])  # fmt: skip
    chroma = np.sqrt(chroma)
    chroma /= np.maximum(np.linalg.norm(chroma, axis=1, keepdims=True), 1e-9)
    turned = np.maximum(chroma[_APART:] - chroma[:-_APART], 0.0).sum(axis=1)
    a_spectrum = _HOP_FRAMES * STRENGTHS_PER_S / LISTENING_RATE
    times = np.arange(int(len(turned) * a_spectrum)) / a_spectrum
    turns: NDArray[np.float32] = np.interp(times, np.arange(len(turned)), turned).astype(np.float32)
    return turns
