"""How alike two finished tracks are: harmony, rhythm and colour, as one listener would compare them by ear.

Sound is one channel at `rhythm.RATE`.
"""

from dataclasses import dataclass

import librosa
import numpy as np
from numpy.typing import NDArray

from benchmarks.quality.rhythm import RATE, Mono

#: Tracks that are at least so alike are near-twins. Five tracks in another master were 0.96 to 0.98 alike, in another
#: key 0.75 to 0.91; with other dice, so that they only share their prompt, 0.47 to 0.67.
TWINS = 0.71

#: Moments a second at which tracks are compared.
_PER_S = 4

#: The later track may run so many moments ahead or behind.
_GIVE = 8


@dataclass(frozen=True, kw_only=True, slots=True)
class Portrait:
    """What is compared of a track."""

    #: Pitch classes over time, shape (12, times), each moment's mean taken out and of length 1.
    chroma: NDArray[np.float64]
    #: Strength of onsets over time, 32 moments a second, mean 0 and length 1.
    onsets: NDArray[np.float64]
    #: Means and spreads of twenty cepstral coefficients, shape (40,), the level left out.
    colour: NDArray[np.float64]


def portrait(mono: Mono, chroma: NDArray[np.float64]) -> Portrait:
    """A track's portrait from its sound and `tonality.chroma_of` of it."""
    seconds = len(mono) / RATE
    times = int(seconds * _PER_S)
    slices = np.array_split(chroma, times, axis=1)
    over_time = np.stack([part.mean(axis=1) for part in slices], axis=1)
    over_time = over_time - over_time.mean(axis=0)
    over_time /= np.linalg.norm(over_time, axis=0) + 1e-9
    strength = librosa.onset.onset_strength(y=mono, sr=RATE, hop_length=256)
    grid = np.interp(np.arange(int(seconds * 32)) / 32, np.arange(len(strength)) * 256 / RATE, strength)
    onsets = grid - grid.mean()
    cepstrum = librosa.feature.mfcc(y=mono, sr=RATE, n_mfcc=21, n_mels=64)[1:]
    return Portrait(
        chroma=over_time,
        onsets=onsets / (np.linalg.norm(onsets) + 1e-9),
        colour=np.concatenate((cepstrum.mean(axis=1), cepstrum.std(axis=1))),
    )


def likeness(one: Portrait, other: Portrait) -> float:
    """From 0 (nothing in common) to 1 (the same), whatever key the other is in."""
    return (_harmony(one, other) + _rhythm(one, other) + _colour(one, other)) / 3


def parts_of_likeness(one: Portrait, other: Portrait) -> tuple[float, float, float]:
    """Harmony, rhythm and colour apart, 0…1 each."""
    return _harmony(one, other), _rhythm(one, other), _colour(one, other)


def _harmony(one: Portrait, other: Portrait) -> float:
    best = 0.0
    times = min(one.chroma.shape[1], other.chroma.shape[1])
    for shift in range(-_GIVE, _GIVE + 1):
        early = one.chroma[:, max(0, shift) : times + min(0, shift)]
        late = other.chroma[:, max(0, -shift) : times - max(0, shift)]
        late = late[:, : early.shape[1]]
        for step in range(12):
            best = max(best, float(np.mean(np.sum(early * np.roll(late, step, axis=0), axis=0))))
    return best


def _rhythm(one: Portrait, other: Portrait) -> float:
    frames = min(len(one.onsets), len(other.onsets))
    size = 1 << (2 * frames).bit_length()
    first, second = np.fft.rfft(one.onsets[:frames], size), np.fft.rfft(other.onsets[:frames], size)
    crossed = np.fft.irfft(first * np.conj(second))
    give = _GIVE * 32 // _PER_S
    return float(max(0.0, crossed[: give + 1].max(), crossed[-give:].max()))


def _colour(one: Portrait, other: Portrait) -> float:
    # The means of natural tracks lie some 60 apart in this space, those of two masters of one track below 15.
    return float(np.exp(-np.linalg.norm(one.colour - other.colour) / 60.0))
