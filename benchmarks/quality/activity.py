"""How strong and how busy finished audio is, whatever its loudness. Sound is one channel at `rhythm.RATE`."""

import librosa
import numpy as np

from benchmarks.quality.rhythm import HOP, RATE, Mono, onset_rate

#: What speaks for energy and for density, all for more the higher. Tracks are compared by their mean place in these.
ENERGY = ("rises", "brightness_hz", "compactness_db", "roughness")
DENSITY = ("onsets_a_second", "filled_bands")


def activity(mono: Mono) -> dict[str, float]:
    """The figures that energy and density are judged by.

    - rises: mean growth of the mel spectrum from one 12 ms to the next, dB, falls not counted
    - brightness_hz: median spectral centroid
    - compactness_db: 10th against 95th percentile of the level, so that 0 is without any dynamics
    - roughness: mean flatness of the spectrum
    - onsets_a_second
    - filled_bands: share of mel bands within 40 dB of the loudest, moment by moment
    """
    spectrum = np.abs(librosa.stft(mono, n_fft=2048, hop_length=HOP * 2))
    bands = librosa.power_to_db(librosa.feature.melspectrogram(S=spectrum**2, sr=RATE, n_mels=64), top_db=70)
    rises = np.maximum(np.diff(bands, axis=1), 0).mean(axis=0)
    levels = 10 * np.log10((spectrum**2).sum(axis=0) + 1e-9)
    quiet, loud = np.percentile(levels, (10, 95))
    return {
        "rises": float(rises.mean()),
        "brightness_hz": float(np.median(librosa.feature.spectral_centroid(S=spectrum, sr=RATE))),
        "compactness_db": float(quiet - loud),
        "roughness": float(np.log10(librosa.feature.spectral_flatness(S=spectrum).mean() + 1e-9)),
        "onsets_a_second": onset_rate(mono),
        "filled_bands": float((bands > bands.max(axis=0) - 40).mean()),
    }


def course_db(mono: Mono) -> float:
    """Level of the last third against the first, its last two seconds left out, in dB."""
    third = len(mono) // 3
    ending = min(2 * RATE, third // 2)
    first, last = (float(np.mean(part**2)) for part in (mono[:third], mono[-third:-ending]))
    return float(10 * np.log10((last + 1e-12) / (first + 1e-12)))
