"""The course of a note's loudness: delay, attack, hold, decay, sustain, release, as curves to multiply with.

The attack is straight in amplitude, decay and release are straight in decibels (SoundFont 2.04, 9.5.2). Synthesised
instruments use the same shape.
"""

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from app.models.audio import SAMPLE_RATE
from app.services.instruments.sources import CACHE, GrowingSource
from app.utils.units import db_to_gain

#: Depth at which a decay or release has come to its end, in decibels.
FLOOR_DB = 96.0


@dataclass(frozen=True, kw_only=True)
class Envelope:
    """How a note swells and fades."""

    #: Seconds of silence, of the rise to full level, of staying there.
    delay_s: float = 0.0
    attack_s: float = 0.003
    hold_s: float = 0.0
    #: Seconds that the fall to −96 dB would take; it stops at the sustain level.
    decay_s: float = 1.0
    #: Level below full at which the note is held, 0…96.
    sustain_db: float = 0.0
    #: Seconds that the fall by 96 dB takes after the key is let go.
    release_s: float = 0.2

    @cached_property
    def rise_frame(self) -> float:
        """Where the attack begins."""
        return self.delay_s * SAMPLE_RATE

    @cached_property
    def top_frame(self) -> float:
        """Where full level is reached."""
        return self.rise_frame + self.attack_s * SAMPLE_RATE

    @cached_property
    def fall_frame(self) -> float:
        """Where the decay begins."""
        return self.top_frame + self.hold_s * SAMPLE_RATE

    @cached_property
    def decay_db(self) -> float:
        """Decibels lost in each frame of the decay."""
        return FLOOR_DB / max(self.decay_s * SAMPLE_RATE, 1.0)

    @cached_property
    def release_db(self) -> float:
        """Decibels lost in each frame of the release."""
        return FLOOR_DB / max(self.release_s * SAMPLE_RATE, 1.0)

    @cached_property
    def settled_frame(self) -> int:
        """From here on the level of a held note stands still."""
        return math.ceil(self.fall_frame + min(self.sustain_db, FLOOR_DB) / self.decay_db)

    def level_at(self, frame: int) -> float:
        """Amplitude 0…1 of a held note at a frame after it was struck."""
        if frame < self.top_frame:
            return max(0.0, (frame - self.rise_frame) / max(self.top_frame - self.rise_frame, 1e-9))
        lost_db = min(max(frame - self.fall_frame, 0.0) * self.decay_db, self.sustain_db)
        return db_to_gain(-lost_db)

    def silent_after(self, length: int, loudest_db: float, quietest_db: float) -> int:
        """Frames until a note held for `length` frames falls below a level for good.

        `loudest_db` is what the note reaches at full level.
        """
        room_db = loudest_db - quietest_db
        if room_db <= 0:
            return 0
        if self.sustain_db >= room_db and length > (end := self.fall_frame + room_db / self.decay_db):
            return math.ceil(end)
        level = self.level_at(length)
        if level <= 0:
            return length
        return length + max(0, math.ceil((room_db + 20 * math.log10(level)) / self.release_db))

    def held(self) -> GrowingSource:
        """The curve of a held note up to its settled frame; shape (1, frames)."""
        return CACHE.get(("held", self), lambda: _HeldCurve(self))

    def released(self) -> GrowingSource:
        """The curve from the release on, beginning at 1; shape (1, frames)."""
        return fading(self.release_db)


def fading(fall_db: float) -> GrowingSource:
    """A curve that begins at 1 and loses `fall_db` decibels in each frame; shape (1, frames)."""
    return CACHE.get(("fading", fall_db), lambda: _FadingCurve(fall_db))


class _HeldCurve(GrowingSource):
    def __init__(self, envelope: Envelope) -> None:
        super().__init__(frames=envelope.settled_frame)
        self._envelope = envelope

    def _make(self, first: int, last: int) -> NDArray[np.float32]:
        envelope = self._envelope
        frame = np.arange(first, last, dtype=np.float64)
        lost_db = np.clip((frame - envelope.fall_frame) * envelope.decay_db, 0.0, envelope.sustain_db)
        curve = _gains(lost_db)
        if first < envelope.top_frame:
            rise = (frame - envelope.rise_frame) / max(envelope.top_frame - envelope.rise_frame, 1e-9)
            curve *= np.clip(rise, 0.0, 1.0).astype(np.float32)
        return curve


class _FadingCurve(GrowingSource):
    def __init__(self, fall_db: float) -> None:
        super().__init__(frames=math.ceil(2 * FLOOR_DB / fall_db) + 1)
        self._fall_db = fall_db

    def _make(self, first: int, last: int) -> NDArray[np.float32]:
        return _gains(np.arange(first, last, dtype=np.float64) * self._fall_db)


def _gains(lost_db: NDArray[np.float64]) -> NDArray[np.float32]:
    exponents = (lost_db * (-math.log2(10.0) / 20.0)).astype(np.float32)
    return np.exp2(exponents, out=exponents)
