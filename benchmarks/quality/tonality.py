"""Key of finished audio: chroma by librosa against key profiles. Sound is one channel at `rhythm.RATE`."""

import librosa
import numpy as np
from numpy.typing import NDArray

from benchmarks.quality.rhythm import RATE, Mono

TONICS = ("C", "C#", "D", "D#", "E", "F", "F#", "G", "G#", "A", "A#", "B")
_FLATS = {"Db": "C#", "Eb": "D#", "Gb": "F#", "Ab": "G#", "Bb": "A#", "Cb": "B", "Fb": "E", "E#": "F", "B#": "C"}

#: How much each degree, from the key note up, belongs to a key. Sha'ath, *Estimation of key in digital music
#: recordings* (2011): listeners' ratings by Krumhansl and Kessler, fitted to recordings; Temperley, *Music and
#: Probability* (2007): counted in the Kostka and Payne corpus.
PROFILES = {
    "sha'ath": {
        "major": (6.6, 2.0, 3.5, 2.3, 4.6, 4.0, 2.5, 5.2, 2.4, 3.7, 2.3, 3.4),
        "minor": (6.5, 2.7, 3.5, 5.4, 2.6, 3.5, 2.5, 5.2, 4.0, 2.7, 4.3, 3.2),
    },
    "temperley": {
        "major": (0.748, 0.060, 0.488, 0.082, 0.670, 0.460, 0.096, 0.715, 0.104, 0.366, 0.057, 0.400),
        "minor": (0.712, 0.084, 0.474, 0.618, 0.049, 0.460, 0.105, 0.747, 0.404, 0.067, 0.133, 0.330),
    },
}


def chroma_of(mono: Mono) -> NDArray[np.float64]:
    """Strength of the twelve pitch classes over time, shape (12, times), of what has pitch."""
    tuning = float(librosa.estimate_tuning(y=mono, sr=RATE))
    harmonic = librosa.effects.harmonic(mono, margin=2.0, n_fft=4096, hop_length=2048)
    return np.asarray(librosa.feature.chroma_cqt(y=harmonic, sr=RATE, hop_length=512, tuning=tuning), dtype=np.float64)


def key_of(chroma: NDArray[np.float64]) -> str:
    """The likeliest of the 24 keys, as "D minor", all profiles together; black keys are sharps."""
    mean = chroma.mean(axis=1)
    scores = {
        f"{tonic} {third}": sum(
            float(np.corrcoef(mean, np.roll(profile[third], step))[0, 1]) for profile in PROFILES.values()
        )
        for step, tonic in enumerate(TONICS)
        for third in ("major", "minor")
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
