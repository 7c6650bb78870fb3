"""A picture of sound goes in, sound comes out: mel magnitudes as image models draw them, and the way back.

The picture's conventions are those that Riffusion's model was trained on (its published `SpectrogramParams`): 44.1 kHz,
a column each 10 ms, Hann windows of 100 ms, 512 mel bands (HTK) up to 10 kHz, the fourth root of the magnitude, loud
is dark, low is at the bottom.

Rule: nothing here knows a model; the same picture and phases give the same samples.
"""

from collections.abc import Callable
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy.fft import irfft, rfft

from app.models.audio import SAMPLE_RATE

#: Columns a second, and frames between two of them.
COLUMNS_PER_S = 100
HOP_FRAMES = SAMPLE_RATE // COLUMNS_PER_S
#: Rows of a picture.
BANDS = 512

_WINDOW_FRAMES = SAMPLE_RATE // 10
#: The model's own transform has bins of 2.5 Hz, so that each mel band holds some; bins of 5 Hz hold all that a window
#: of 100 ms can tell, at half the work. Every other fine bin is one of them.
_FINE_FRAMES = 4 * _WINDOW_FRAMES
_FRAMES = _FINE_FRAMES // 2
_HIGHEST_HZ = 10_000.0
#: Bins up to the highest frequency; what lies above is silent.
_BINS = int(_HIGHEST_HZ * _FRAMES / SAMPLE_RATE) + 1

#: Magnitudes are drawn to this power.
_DRAWN_POWER = 0.25

#: Columns worked on at once.
_BATCH = 256

#: How far each round of the search for phases goes beyond what it found (Perraudin et al., *A fast Griffin-Lim
#: algorithm*, 2013).
_MOMENTUM = 0.99

#: Keeps the inversion of the mel bands from magnifying rounding.
_RIDGE = 1e-4

#: float32, shape (BANDS, columns), rows from low to high.
Mel = NDArray[np.float32]


def mel_of_pixels(pixels: NDArray[np.float32]) -> Mel:
    """Magnitudes that a picture shows; pixels from 0 (black, loud) to 1 (white, silent), shape (BANDS, columns)."""
    mel: Mel = np.power(1.0 - np.clip(pixels[::-1], 0.0, 1.0), np.float32(1 / _DRAWN_POWER), dtype=np.float32)
    return mel


def pixels_of_mel(mel: Mel) -> NDArray[np.float32]:
    """The picture of magnitudes, the loudest of them black; the inverse of `mel_of_pixels` up to a gain."""
    loudest = max(float(mel.max(initial=0.0)), 1e-12)
    drawn: NDArray[np.float32] = 1.0 - np.power(mel / np.float32(loudest), np.float32(_DRAWN_POWER))
    return drawn[::-1]


def mel_of_sound(mono: NDArray[np.float32]) -> Mel:
    """The magnitudes of a sound, shape (frames,) at 44.1 kHz; a column each 10 ms, the first about its beginning."""
    columns = 1 + len(mono) // HOP_FRAMES
    padded = np.pad(mono, (_WINDOW_FRAMES // 2, _WINDOW_FRAMES // 2 + HOP_FRAMES))
    starts = np.arange(columns) * HOP_FRAMES
    mel = np.empty((BANDS, columns), np.float32)
    for first in range(0, columns, _BATCH):
        some = starts[first : first + _BATCH]
        frames = padded[some[:, None] + np.arange(_WINDOW_FRAMES)] * _window()
        mel[:, first : first + len(some)] = _fine_bands() @ np.abs(rfft(frames, _FINE_FRAMES))[:, : _fine_bins()].T
    return mel


def sound_of_mel(
    mel: Mel,
    frames: int,
    *,
    rng: np.random.Generator,
    rounds: int = 32,
    circular: bool = False,
    each_round: Callable[[float], None] = lambda _fraction: None,
) -> NDArray[np.float32]:
    """A sound with these magnitudes, by one Griffin-Lim over all of it: shape (frames,) at 44.1 kHz, peak 1 or silent.

    `rng` draws the phases it begins with. Where `circular`, the last column goes on in the first. `each_round` hears
    the fraction done, and may raise to stop.
    """
    magnitudes = _magnitudes_of(mel)
    columns = len(magnitudes)
    length = columns * HOP_FRAMES
    sound = rng.standard_normal(length).astype(np.float32)
    before = sound
    for number in range(rounds):
        each_round(number / rounds)
        after = _with_magnitudes(
            sound + np.float32(_MOMENTUM) * (sound - before) if number else sound, magnitudes, circular
        )
        sound, before = after, sound
    peak = float(np.abs(sound).max(initial=0.0))
    if peak > 1e-9:
        sound = sound / np.float32(peak)
    if len(sound) < frames:
        sound = np.pad(sound, (0, frames - len(sound)))
    return sound[:frames]


def _with_magnitudes(
    sound: NDArray[np.float32], magnitudes: NDArray[np.float32], circular: bool
) -> NDArray[np.float32]:
    """The sound nearest to the phases of one and the magnitudes of another."""
    half = _FRAMES // 2
    columns = len(magnitudes)
    around = np.pad(sound, half, mode="wrap" if circular and len(sound) >= half else "constant")
    total = np.zeros(len(around), np.float32)
    weight = np.zeros(len(around), np.float32)
    offsets = np.arange(_FRAMES)
    window = np.pad(_window(), (_FRAMES - _WINDOW_FRAMES) // 2)
    for first in range(0, columns, _BATCH):
        some = magnitudes[first : first + _BATCH]
        starts = np.arange(first, first + len(some)) * HOP_FRAMES
        spectra = rfft(around[starts[:, None] + offsets] * window)[:, :_BINS]
        spectra *= some / np.maximum(np.abs(spectra), np.float32(1e-12))
        pieces = irfft(spectra, _FRAMES) * window
        for start, piece in zip(starts, pieces, strict=True):
            total[start : start + _FRAMES] += piece
            weight[start : start + _FRAMES] += np.square(window)
    if circular and len(sound) >= half:
        for sums in (total, weight):
            sums[half : 2 * half] += sums[len(sums) - half :]
            sums[len(sums) - 2 * half : len(sums) - half] += sums[:half]
    made: NDArray[np.float32] = total[half:-half] / np.maximum(weight[half:-half], np.float32(1e-3))
    return made


def _magnitudes_of(mel: Mel) -> NDArray[np.float32]:
    """Magnitudes of the bins behind mel magnitudes, shape (columns, _BINS): the least that give the bands."""
    magnitudes: NDArray[np.float32] = np.maximum(mel.T @ _inverse(), np.float32(0.0))
    return magnitudes


@lru_cache(maxsize=1)
def _window() -> NDArray[np.float32]:
    return np.hanning(_WINDOW_FRAMES + 1)[:-1].astype(np.float32)  # periodic


def _fine_bins() -> int:
    return int(_HIGHEST_HZ * _FINE_FRAMES / SAMPLE_RATE) + 1


@lru_cache(maxsize=1)
def _fine_bands() -> NDArray[np.float32]:
    """Triangles of the mel bands over the fine bins, shape (BANDS, bins), without a norm."""
    highest = 2595.0 * np.log10(1.0 + _HIGHEST_HZ / 700.0)  # HTK's mel
    corners = 700.0 * (10.0 ** (np.linspace(0.0, highest, BANDS + 2) / 2595.0) - 1.0)
    bins_hz = np.arange(_fine_bins()) * SAMPLE_RATE / _FINE_FRAMES
    low, middle, high = corners[:-2, None], corners[1:-1, None], corners[2:, None]
    rising, falling = (bins_hz - low) / (middle - low), (high - bins_hz) / (high - middle)
    return np.maximum(0.0, np.minimum(rising, falling)).astype(np.float32)


@lru_cache(maxsize=1)
def _inverse() -> NDArray[np.float32]:
    """What takes mel magnitudes to those of the bins, shape (BANDS, _BINS).

    The least-norm inverse by a solve of 512 equations: a decomposition of the whole basis takes six times as long.
    """
    bands = _fine_bands().astype(np.float64)
    gram = bands @ bands.T
    gram[np.diag_indices_from(gram)] += _RIDGE * np.trace(gram) / BANDS
    return np.linalg.solve(gram, bands)[:, ::2][:, :_BINS].astype(np.float32)
