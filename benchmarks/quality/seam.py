"""Whether the end of finished audio joins its beginning: the sound round the seam against the sound elsewhere.

Samples are shape (frames, 2), full scale −1…1.
"""

from collections.abc import Mapping

import librosa
import numpy as np
from numpy.typing import NDArray

#: A seam passes if its step, its jump of level and its turn of colour are no larger than these, and no side is silent.
#: The step is against the largest of the tenth of a second on either side, the turn against the sharpest elsewhere.
STEP_TIMES, JUMP_DB, TURN_TIMES, SILENT_DB = 1.5, 9.0, 1.25, -35.0

#: The last half beat may be so much of one too long or too short.
OVER = 0.2


def seam(samples: NDArray[np.float64], rate: int, tempo_bpm: float | None = None) -> tuple[bool, Mapping[str, float]]:
    """Whether a loop may be joined so, and the figures behind it. With a tempo its half beats must come out even."""
    near = rate // 10
    round_it = np.concatenate((samples[-rate * 4 :], samples[: rate * 4]))
    middle = len(samples[-rate * 4 :])
    steps = np.abs(np.diff(round_it, axis=0)).max(axis=1)
    around = np.concatenate((steps[middle - near : middle - 1], steps[middle : middle + near]))
    step = float(steps[middle - 1] / max(around.max(), 1e-6))
    whole = float(np.mean(samples**2)) + 1e-12
    before, after = (10 * np.log10(np.mean(side**2) / whole + 1e-12) for side in (samples[-near:], samples[:near]))
    figures = {
        "step": round(step, 2),
        "before_db": round(float(before), 1),
        "after_db": round(float(after), 1),
        "turn": round(_turn(samples, rate), 3),
        "over": 0.0 if tempo_bpm is None else round(_over(len(samples) / rate * tempo_bpm / 30), 2),
    }
    # A bar that ends softly and begins with a stroke jumps too: only a fall of level is a broken tail.
    smooth = step <= STEP_TIMES and before - after <= JUMP_DB and figures["turn"] <= TURN_TIMES
    return bool(smooth and figures["over"] <= OVER and min(before, after) >= SILENT_DB), figures


def _over(half_beats: float) -> float:
    return abs(half_beats - round(half_beats))


def _turn(samples: NDArray[np.float64], rate: int) -> float:
    """How much the spectrum changes at the seam, against the sharpest 0.5 % of its changes elsewhere."""
    hop = 1024
    # The piece is turned so that the seam lies within, on the border of two moments.
    turned = np.roll(samples.mean(axis=1), rate * 2)[: len(samples)]
    bands = librosa.feature.melspectrogram(
        y=turned.astype(np.float32), sr=rate, n_fft=2048, hop_length=hop, n_mels=40, fmin=40
    )
    changes = np.abs(np.diff(librosa.power_to_db(bands, top_db=60), axis=1)).mean(axis=0)
    at = rate * 2 // hop
    elsewhere = np.delete(changes, slice(at - 3, at + 4))
    return float(changes[at - 1 : at + 2].max() / (np.percentile(elsewhere, 99.5) + 0.5))
