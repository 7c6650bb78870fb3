"""Key of finished audio: chroma by librosa against key profiles. Sound is one channel at `rhythm.RATE`."""

import librosa
import numpy as np
from numpy.typing import NDArray

from benchmarks.quality.rhythm import RATE, Mono

TONICS = ("C", "C#", "D", "D#", "E", "F", "F#", "G", "G#", "A", "A#", "B")
_FLATS = {"Db": "C#", "Eb": "D#", "Gb": "F#", "Ab": "G#", "Bb": "A#", "Cb": "B", "Fb": "E", "E#": "F", "B#": "C"}

#: How much each degree, from the key note up by semitones, belongs to a key.
#: Krumhansl and Kessler (1982), from listeners; Temperley, *Music and Probability* (2007), from the Kostka and Payne
#: corpus. The latter expect minor music to raise its seventh, and take what does not for the relative major: they are
#: shown beside the former, which count.
PROFILES = {
    "temperley": {
        "major": (0.748, 0.060, 0.488, 0.082, 0.670, 0.460, 0.096, 0.715, 0.104, 0.366, 0.057, 0.400),
        "minor": (0.712, 0.084, 0.474, 0.618, 0.049, 0.460, 0.105, 0.747, 0.404, 0.067, 0.133, 0.330),
    },
    "krumhansl": {
        "major": (6.35, 2.23, 3.48, 2.33, 4.38, 4.09, 2.52, 5.19, 2.39, 3.66, 2.29, 2.88),
        "minor": (6.33, 2.68, 3.52, 5.38, 2.60, 3.53, 2.54, 4.75, 3.98, 2.69, 3.34, 3.17),
    },
}


def chroma_of(mono: Mono) -> NDArray[np.float64]:
    """Strength of the twelve pitch classes over time, shape (12, times), of what has pitch."""
    tuning = float(librosa.estimate_tuning(y=mono, sr=RATE))
    harmonic = librosa.effects.harmonic(mono, margin=2.0, n_fft=4096, hop_length=2048)
    return np.asarray(librosa.feature.chroma_cqt(y=harmonic, sr=RATE, hop_length=512, tuning=tuning), dtype=np.float64)


def key_of(chroma: NDArray[np.float64], profile: str = "krumhansl") -> str:
    """The likeliest of the 24 keys, as "D minor"; black keys are sharps."""
    mean = chroma.mean(axis=1)
    scores = {
        f"{tonic} {third}": float(np.corrcoef(mean, np.roll(weights, step))[0, 1])
        for step, tonic in enumerate(TONICS)
        for third, weights in PROFILES[profile].items()
    }
    return max(scores, key=lambda key: scores[key])


def same_key(one: str, other: str) -> bool:
    """Whether two names mean the same key.

    >>> same_key("Bb minor", "A# minor")
    True
    """
    return _plain(one) == _plain(other)


def _plain(key: str) -> tuple[str, str]:
    tonic, third = key.split(" ")
    return _FLATS.get(tonic, tonic), third
