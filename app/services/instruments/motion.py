"""What moves while a note lasts: envelopes and slow oscillators on pitch, brightness and loudness, seen at note-on."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from app.models.audio import SAMPLE_RATE


@dataclass(frozen=True, kw_only=True, slots=True)
class Sweep:
    """A modulation envelope: 0 rises to 1 along a convex curve, then falls straight to `sustain`."""

    delay_s: float
    attack_s: float
    hold_s: float
    #: Seconds of the fall from 1 to 0.
    decay_s: float
    #: 0…1.
    sustain: float

    @property
    def settled_s(self) -> float:
        """Seconds after which it stands still."""
        return self.delay_s + self.attack_s + self.hold_s + self.decay_s * (1.0 - self.sustain)

    def at(self, time_s: NDArray[np.float64]) -> NDArray[np.float64]:
        """Its value at seconds after the note was struck."""
        rise = np.clip((time_s - self.delay_s) / max(self.attack_s, 1e-6), 0.0, 1.0)
        convex = np.clip(1.0 + 40.0 / 96.0 * np.log10(np.maximum(rise, 1e-6)), 0.0, 1.0)
        fall_s = time_s - self.delay_s - self.attack_s - self.hold_s
        # What takes no time is over when it begins: a filter that leapt a moment after the stroke would click.
        falling = np.clip(1.0 - fall_s / self.decay_s, self.sustain, 1.0) if self.decay_s > 0 else self.sustain
        return np.where(fall_s >= 0, falling, convex)


@dataclass(frozen=True, kw_only=True, slots=True)
class Oscillator:
    """A slow triangle wave between −1 and 1 that begins at 0, rising."""

    delay_s: float
    rate_hz: float

    def at(self, time_s: NDArray[np.float64]) -> NDArray[np.float64]:
        """Its value at seconds after the note was struck."""
        phase = np.maximum(time_s - self.delay_s, 0.0) * self.rate_hz
        return 1.0 - 4.0 * np.abs((phase + 0.25) % 1.0 - 0.5)


@dataclass(frozen=True, kw_only=True, slots=True)
class Motion:
    """What moves a note's pitch, brightness and loudness while it lasts. Depths are in cents, tremolo in decibels."""

    sweep: Sweep
    oscillator: Oscillator
    vibrato: Oscillator
    sweep_to_pitch: float = 0.0
    oscillator_to_pitch: float = 0.0
    vibrato_to_pitch: float = 0.0
    sweep_to_cutoff: float = 0.0
    oscillator_to_cutoff: float = 0.0
    oscillator_to_volume_db: float = 0.0

    @property
    def moves_pitch(self) -> bool:
        """Whether the pitch ever changes."""
        return bool(self.sweep_to_pitch or self.oscillator_to_pitch or self.vibrato_to_pitch)

    @property
    def moves_cutoff(self) -> bool:
        """Whether the filter ever moves."""
        return bool(self.sweep_to_cutoff or self.oscillator_to_cutoff)

    @property
    def moves_for_ever(self) -> bool:
        """Whether an oscillator keeps the tone from ever repeating with its loop."""
        return bool(
            self.oscillator_to_pitch
            or self.vibrato_to_pitch
            or self.oscillator_to_cutoff
            or self.oscillator_to_volume_db
        )

    @property
    def settled_cents(self) -> float:
        """Cents above the note's own pitch at which the envelope ends."""
        return self.sweep_to_pitch * self.sweep.sustain

    @property
    def pitch_settled_frame(self) -> float:
        """From here on the pitch stands still; never where an oscillator bends it, or where nothing ever did."""
        if not self.sweep_to_pitch or self.oscillator_to_pitch or self.vibrato_to_pitch:
            return math.inf
        return self.sweep.settled_s * SAMPLE_RATE

    @property
    def cutoff_settled_frame(self) -> float:
        """From here on the filter stands still."""
        return math.inf if self.oscillator_to_cutoff else self.sweep.settled_s * SAMPLE_RATE

    def pitch_cents(self, time_s: NDArray[np.float64]) -> NDArray[np.float64]:
        """Cents above the note's own pitch."""
        return (
            self.sweep_to_pitch * self.sweep.at(time_s)
            + self.oscillator_to_pitch * self.oscillator.at(time_s)
            + self.vibrato_to_pitch * self.vibrato.at(time_s)
        )

    def cutoff_cents(self, time_s: NDArray[np.float64]) -> NDArray[np.float64]:
        """Cents above the filter's own cut-off."""
        return self.sweep_to_cutoff * self.sweep.at(time_s) + self.oscillator_to_cutoff * self.oscillator.at(time_s)
