"""What tests of instruments share: playing a few notes, and listening to what comes out."""

from collections.abc import Sequence

import numpy as np

from app.models.audio import BLOCK_FRAMES, SAMPLE_RATE
from app.models.plan import Voice
from app.services.instruments import NoteEvent, SoundFont, open_part
from app.services.instruments.base import DryPart


def note(pitch: int, start_s: float = 0.0, length_s: float = 0.5, velocity: int = 90) -> NoteEvent:
    return NoteEvent(
        start_frame=round(start_s * SAMPLE_RATE),
        length_frames=round(length_s * SAMPLE_RATE),
        pitch=pitch,
        velocity=velocity,
    )


def voice(instrument: str) -> Voice:
    return Voice(name="voice", role="lead", instrument=instrument, low_pitch=0, high_pitch=127)


def listen(part: DryPart, seconds: float) -> np.ndarray:
    """The first seconds of a part, shape (frames, 2)."""
    frames = round(seconds * SAMPLE_RATE)
    blocks = [part.block(BLOCK_FRAMES).copy() for _ in range(-(-frames // BLOCK_FRAMES))]
    return np.concatenate(blocks)[:frames]


def play(
    instrument: str, events: Sequence[NoteEvent], font: SoundFont, seconds: float = 2.0, seed: int = 1
) -> np.ndarray:
    return listen(open_part(voice(instrument), events, soundfont=font, seed=seed), seconds)


def loudest(samples: np.ndarray) -> float:
    return float(np.abs(samples).max())


def power(samples: np.ndarray) -> float:
    return float(np.mean(samples.astype(np.float64) ** 2))


def cents_off(samples: np.ndarray, hertz: float) -> float:
    """How far the strongest tone within a semitone of a frequency lies from it."""
    mono = samples.mean(axis=1) * np.hanning(len(samples))
    size = 1 << 20
    spectrum = np.abs(np.fft.rfft(mono, size))
    grid = np.fft.rfftfreq(size, 1 / SAMPLE_RATE)
    near = np.flatnonzero(np.abs(1200 * np.log2(np.maximum(grid, 1e-9) / hertz)) < 100)
    return float(1200 * np.log2(grid[near[np.argmax(spectrum[near])]] / hertz))
