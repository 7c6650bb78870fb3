"""Tempo of finished audio, from where its spectrum rises.

The onset strength says at each moment how much new sound begins; where it resembles itself some time later, that time
is a beat, a part of one or several. Nothing here knows what was planned.
"""

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy.fft import irfft, next_fast_len, rfft

from app.services.listening.ear import LISTENING_RATE, Mono

#: Frames of a spectrum and between two of them, at the listening rate: 93 ms, one each 11.6 ms.
_WINDOW_FRAMES = 1_024
_HOP_FRAMES = 128

#: Onset strengths a second.
STRENGTHS_PER_S = LISTENING_RATE / _HOP_FRAMES

#: Edges of the bands that are watched: half an octave each.
_BAND_EDGES_HZ = 40.0 * 2.0 ** (np.arange(15) / 2)
#: Bands below this say where the bar begins.
LOW_BANDS = 4

#: Quieter than this below the band's loudest moment, or below the loudest of all bands, nothing begins.
_FLOOR_DB, _WHOLE_FLOOR_DB = 50.0, 60.0

#: Variance of onset strengths below which they are no onsets, in dB².
_FAINTEST = 10.0

#: Spectra worked on at once, so that a long piece takes no more memory than a short one.
_BATCH = 1_024

#: Tempi that are looked for, and the one that people tap to music they do not know (after Moelants, *Preferred tempo
#: reconsidered*, 2002), with how much rarer others are, in octaves.
_SLOWEST_BPM, _FASTEST_BPM = 40.0, 220.0
_PREFERRED_BPM, _SPREAD_OCTAVES = 115.0, 0.8

#: How much the first, second … multiple of a beat says about it.
_MULTIPLES = (1.0, 1.0, 0.6, 0.8)

#: Where the onsets resemble themselves so much less a beat later than two beats later, the beat is another one.
_HOLLOW = 0.35

#: A tempo is told where the onsets resemble themselves at least so much.
_SURE = 0.05

#: float32, shape (times, bands), in dB.
Levels: TypeAlias = NDArray[np.float32]
#: float32, shape (bands, times), in dB that a band rises in two hops.
Strength: TypeAlias = NDArray[np.float32]


@dataclass(frozen=True, kw_only=True, slots=True)
class Tempo:
    """How fast a piece sounds."""

    #: Beats a minute that most would tap to.
    tempo_bpm: float
    #: How much the onsets resemble themselves a beat later, 0…1.
    clarity: float


def band_levels(mono: Mono) -> Levels:
    """How loud each band is: shape (times, bands), in dB, `STRENGTHS_PER_S` times a second."""
    count = max(0, 1 + (len(mono) - _WINDOW_FRAMES) // _HOP_FRAMES)
    edges = np.round(_BAND_EDGES_HZ * _WINDOW_FRAMES / LISTENING_RATE).astype(int)
    levels = np.empty((count, len(edges) - 1), np.float32)
    if not count:
        return levels
    window = np.hanning(_WINDOW_FRAMES).astype(np.float32)
    frames = np.lib.stride_tricks.sliding_window_view(mono, _WINDOW_FRAMES)[::_HOP_FRAMES]
    for first in range(0, count, _BATCH):
        spectra = rfft(frames[first : first + _BATCH] * window)
        power = np.square(spectra.real) + np.square(spectra.imag)
        levels[first : first + _BATCH] = np.add.reduceat(power, edges, axis=1)[:, :-1]
    np.log10(levels + np.float32(1e-12), out=levels)
    levels *= 10
    loudest = levels.max(axis=0)
    floors = np.maximum(loudest - np.float32(_FLOOR_DB), loudest.max() - np.float32(_WHOLE_FLOOR_DB))
    np.maximum(levels, floors, out=levels)
    return levels


def onset_strengths(levels: Levels) -> Strength:
    """How much new sound begins, band by band: shape (bands, times). Takes what `band_levels` gives."""
    if len(levels) < 3:
        return np.zeros((levels.shape[1], 0), np.float32)
    return np.ascontiguousarray(np.maximum(levels[2:] - levels[:-2], np.float32(0.0)).T)


def measure_tempo(strengths: Strength) -> Tempo | None:
    """The tempo of a piece; None where nothing beats. Takes what `onset_strengths` gives."""
    similar = similarity(strengths.sum(axis=0))
    if len(similar) < 4:
        return None
    tempi = _SLOWEST_BPM * 2.0 ** (np.arange(0.0, np.log2(_FASTEST_BPM / _SLOWEST_BPM), 0.004))
    lags = 60.0 * STRENGTHS_PER_S / tempi
    places = np.arange(len(similar))
    clarity = np.zeros(len(tempi))
    weights = np.zeros(len(tempi))
    for number, weight in enumerate(_MULTIPLES, start=1):
        inside = lags * number < len(similar) - 1
        likeness = np.maximum(np.interp(lags * number, places, similar), 0.0)
        clarity += np.where(inside, weight * np.sqrt(likeness), 0.0)
        weights += np.where(inside, weight, 0.0)
    # Roots first: a beat is one that all its multiples confirm, not one whose double alone is strong.
    clarity = np.square(clarity / np.maximum(weights, 1e-9))
    away = np.log2(tempi / _PREFERRED_BPM) / _SPREAD_OCTAVES
    best = int(np.argmax(clarity * np.exp(-0.5 * away**2)))
    if clarity[best] < _SURE:
        return None
    tempo_bpm = float(tempi[best])
    at_beat, at_two, at_two_thirds = np.interp(lags[best] * np.array((1.0, 2.0, 2 / 3)), places, similar)
    if at_beat < _HOLLOW * at_two and at_beat < at_two_thirds:
        # Only every other of these beats is one: two of them are a bar of three, as in a waltz.
        tempo_bpm *= 1.5
    return Tempo(tempo_bpm=round(tempo_bpm, 1), clarity=round(float(clarity[best]), 3))


def similarity(strength: NDArray[np.float32], *, faintest: float = _FAINTEST) -> NDArray[np.float64]:
    """How much a row of onset strengths resembles itself later: shape (lags,), 1 at lag 0; up to 8 s.

    A row that varies less than `faintest`, in its unit squared, resembles nothing.
    """
    longest = min(len(strength) // 2, round(8.0 * STRENGTHS_PER_S))
    if longest < 4 or not strength.any():
        return np.zeros(0)
    size = next_fast_len(2 * len(strength), real=True)
    centred = strength.astype(np.float64) - strength.mean()
    spectrum = rfft(centred, size)
    likeness = irfft(np.abs(spectrum) ** 2, size)[:longest]
    # Fewer pairs lie far apart; each lag is held against its own.
    likeness /= len(strength) - np.arange(longest)
    similar: NDArray[np.float64] = likeness / max(likeness[0], faintest)
    return similar
