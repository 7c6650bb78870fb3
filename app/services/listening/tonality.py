"""The key of finished audio, from how much each pitch class sounds: on the whole, in the bass, and at the end."""

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy.fft import rfft
from scipy.ndimage import median_filter

from app.services.listening.ear import LISTENING_RATE, Mono

#: Frames of a spectrum, 0.74 s, and between two of them.
_WINDOW_FRAMES = 8_192
_HOP_FRAMES = 4_096

#: MIDI pitches listened to: those from `_LOWEST_TUNE` on make the chroma, those up to `_HIGHEST_BASS` the bass.
_LOWEST, _HIGHEST = 28, 88
_LOWEST_TUNE, _HIGHEST_BASS, _HIGHEST_REST = 40, 50, 60

#: Long pieces are listened to in about so many spectra, further apart.
_MOST_SPECTRA = 200

#: Frames that tell what the piece sets out from and comes to rest on: the first 2 s, the last 3.7 s, the last 2 s.
_FIRST, _LATE, _LAST = slice(None, 24_576), slice(-40_960, None), slice(-24_576, None)

#: Thirds of a semitone around a pitch among which the middle one is taken for noise.
_NOISE_WIDTH = 19
#: What is louder beside the pitch than on it belongs to a drum, or to a neighbour.
_BESIDE = 0.3

#: How much the bass and either end say about the tonic, against how well the whole fits; found on 106 renders.
_BASS_SAYS, _END_SAYS = 0.1, 0.15

#: A key is told where the pitch classes fit it at least so well (a correlation).
_SURE = 0.3

#: float64, shape (12,), C first, summing to 1.
Chroma: TypeAlias = NDArray[np.float64]

#: Pitch classes as they are written here.
TONICS = ("C", "C#", "D", "Eb", "E", "F", "F#", "G", "Ab", "A", "Bb", "B")

#: How much of a piece each semitone above its tonic takes, as Albrecht and Shanahan counted in 982 pieces (*The use of
#: large corpora to train a new type of key-finding algorithm*, Music Perception 31, 2013).
PROFILES = {
    "major": (0.238, 0.006, 0.111, 0.006, 0.137, 0.094, 0.016, 0.214, 0.009, 0.080, 0.008, 0.081),
    "minor": (0.220, 0.006, 0.104, 0.123, 0.019, 0.103, 0.012, 0.214, 0.062, 0.022, 0.061, 0.052),
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Key:
    """The key that a piece sounds in."""

    #: One of TONICS.
    tonic: str
    #: "major" or "minor", by the third above the tonic.
    third: str
    #: How well the pitch classes fit it, up to 1.
    fit: float


def measure_key(mono: Mono) -> Key | None:
    """The key of a piece at the listening rate; None where no key fits, as in noise."""
    hop = max(_HOP_FRAMES, (len(mono) - _WINDOW_FRAMES) // _MOST_SPECTRA)
    pitches = _pitch_loudness(mono, hop)
    if not pitches.any():
        return None
    whole = _chroma(pitches, _LOWEST_TUNE, _HIGHEST)
    bass = _chroma(pitches, _LOWEST, _HIGHEST_BASS)
    says = _BASS_SAYS * bass / max(bass.max(), 1e-12)
    for moment in (_FIRST, _LATE, _LAST):
        resting = _chroma(_pitch_loudness(mono[moment], _HOP_FRAMES), _LOWEST, _HIGHEST_REST)
        says = says + _END_SAYS * resting / max(resting.max(), 1e-12)
    fits = {third: _correlations(whole, profile) for third, profile in PROFILES.items()}
    third, tonic = max(
        ((third, tonic) for third in fits for tonic in range(12)), key=lambda key: fits[key[0]][key[1]] + says[key[1]]
    )
    fit = float(fits[third][tonic])
    return Key(tonic=TONICS[tonic], third=third, fit=round(fit, 3)) if fit >= _SURE else None


def _pitch_loudness(mono: Mono, hop: int) -> NDArray[np.float32]:
    """How loud each pitch from `_LOWEST` to `_HIGHEST` is on average, drums and noise left out: shape (pitches,)."""
    count = 1 + (len(mono) - _WINDOW_FRAMES) // hop
    if count < 1:
        return np.zeros(_HIGHEST - _LOWEST + 1, np.float32)
    frames = np.lib.stride_tricks.sliding_window_view(mono, _WINDOW_FRAMES)[::hop]
    spectra = np.abs(rfft(frames * np.hanning(_WINDOW_FRAMES).astype(np.float32)))
    # Thirds of a semitone; where one is narrower than a line, it shares that line with its neighbour.
    thirds = np.arange(3 * _LOWEST - 1, 3 * _HIGHEST + 3) / 3
    lines = 440.0 * 2.0 ** ((thirds - 1 / 6 - 69) / 12) * _WINDOW_FRAMES / LISTENING_RATE
    levels = np.maximum.reduceat(spectra, np.floor(lines + 0.5).astype(int), axis=1)[:, :-1]
    noise = median_filter(levels, size=(1, _NOISE_WIDTH))
    on, beside = levels[:, 1::3], np.maximum(levels[:, 0::3], levels[:, 2::3])
    tones = np.maximum(on - noise[:, 1::3], 0.0)
    tones[on < 0.9 * beside] *= np.float32(_BESIDE)
    loudness: NDArray[np.float32] = np.log1p(tones * np.float32(1_000 / max(float(levels.max()), 1e-12))).mean(axis=0)
    return loudness


def _chroma(loudness: NDArray[np.float32], lowest: int, highest: int) -> Chroma:
    """The loudness of pitches, summed up by pitch class."""
    chroma = np.zeros(12)
    for pitch in range(lowest, highest + 1):
        chroma[pitch % 12] += loudness[pitch - _LOWEST]
    share: Chroma = chroma / max(chroma.sum(), 1e-12)
    return share


def _correlations(chroma: Chroma, profile: tuple[float, ...]) -> NDArray[np.float64]:
    """How well each of the twelve keys fits, −1…1."""
    spread = max(float(chroma.std()), 1e-12)
    row = (np.array(profile) - np.mean(profile)) / np.std(profile)
    return np.array([float((np.roll(row, tonic) * (chroma - chroma.mean())).mean() / spread) for tonic in range(12)])
