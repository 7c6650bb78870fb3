"""A sound of the subtractive synthesiser as a row of numbers: oscillators, a moving low-pass, an envelope."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from app.services.instruments.envelopes import Envelope
from app.services.instruments.synths.waves import Lowpass, Wave


@dataclass(frozen=True, kw_only=True, slots=True)
class Brightness:
    """How far the filter is open, 0…1, while a note lasts."""

    base: float
    #: Added at full velocity.
    by_velocity: float = 0.3
    #: Added at note-on at full velocity, rising and falling with these time constants.
    sweep: float = 0.0
    sweep_rise_s: float = 0.002
    sweep_fall_s: float = 0.3
    #: Added to the sweep of accented notes, those struck with more than three quarters of full force.
    accent: float = 0.0
    #: Slow movement to both sides.
    wander: float = 0.0
    wander_hz: float = 0.1

    def at(self, time_s: NDArray[np.float64], velocity: int, phase: float) -> NDArray[np.float64]:
        """Openness at seconds after note-on; `phase` 0…1 is where the slow movement begins."""
        force = velocity / 127
        openness = np.full(len(time_s), self.base + self.by_velocity * force)
        if self.sweep:
            rise = 1.0 - np.exp(-time_s / self.sweep_rise_s)
            depth = self.sweep * (0.4 + 0.6 * force) + self.accent * max(0.0, 4.0 * force - 3.0)
            openness += depth * rise * np.exp(-time_s / self.sweep_fall_s)
        if self.wander:
            openness += self.wander * np.sin(2 * np.pi * (self.wander_hz * time_s + phase))
        return np.asarray(np.clip(openness, 0.0, 1.0), np.float64)


@dataclass(frozen=True, kw_only=True, slots=True)
class Patch:
    """A sound of the synthesiser."""

    waves: tuple[Wave, ...]
    tone: Lowpass
    brightness: Brightness
    envelope: Envelope
    #: Frames of its loops; long where detuned oscillators beat. Of free-running patches at 220 Hz: they beat the faster
    #: the higher they sound.
    loop_frames: int = 8_192
    #: How far apart the channels of a stereo patch stand, 0 (mono) to 1.
    width: float = 0.6
    #: Whether each note begins somewhere else in the loop and moves on its own.
    free_running: bool = False
    #: Depth in cents, rate and onset of a vibrato; only where notes do not run freely.
    vibrato_cents: float = 0.0
    vibrato_hz: float = 5.4
    vibrato_delay_s: float = 0.35
    #: One note at a time: each ends the one before it.
    mono: bool = False
    #: Seconds in which a slide comes within a semitone or so of its goal; only where notes do not run freely.
    glide_s: float = 0.06
    #: Cents above its pitch at which a note is struck, as drums are, and the time constant of its fall.
    drop_cents: float = 0.0
    drop_s: float = 0.02

    @property
    def stereo(self) -> bool:
        """Whether its channels differ."""
        return any(wave.side for wave in self.waves)
