"""Drum hits by analogue and digital recipes: a kit's numbers and dice go in, one hit comes out.

`force` is 0…1: how hard it is struck; harder hits are brighter and longer, their loudness is the player's affair.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from app.services.instruments.synths.drum_tools import (
    Hit,
    falling,
    finished,
    held_noise,
    metal,
    noise,
    seconds,
    swept_sine,
)

#: Dice and force become a hit.
Recipe = Callable[[np.random.Generator, float], Hit]


#: Time in which a kick's body sinks, in seconds.
_SIGH_S = 0.11


@dataclass(frozen=True, kw_only=True, slots=True)
class Kick:
    """A swept sine, a click, and saturation."""

    from_hz: float
    to_hz: float
    sweep_s: float
    fall_s: float
    click: float = 0.2
    drive: float = 1.0
    #: How far above `to_hz` the body still is when the sweep is over; it sinks while it rings, so that no one key is
    #: drummed under music in another.
    sigh_hz: float = 0.0

    def __call__(self, rng: np.random.Generator, force: float) -> Hit:
        """One kick."""
        time_s = seconds(self.fall_s * 0.9 + 0.05)
        top_hz = self.from_hz * (0.75 + 0.25 * force) * rng.uniform(0.985, 1.015)
        body = swept_sine(
            time_s, top_hz, self.to_hz, self.sweep_s, self.sigh_hz * _SIGH_S * (1 - np.exp(-time_s / _SIGH_S))
        )
        body *= falling(time_s, self.fall_s)
        click = noise(rng, len(time_s) / 44_100, 1_500.0, 8_000.0) * falling(time_s, 0.03)
        drive = self.drive * (0.6 + 0.4 * force)
        wave = np.tanh(body * drive) / np.tanh(drive) + click * self.click * (0.3 + 0.7 * force) * 0.35
        return finished(wave, 0.9)


@dataclass(frozen=True, kw_only=True, slots=True)
class Snare:
    """Two falling sines for the shell, noise for the wires."""

    low_hz: float
    high_hz: float
    shell_fall_s: float
    wires_fall_s: float
    wires: float
    bright_hz: float = 7_500.0

    def __call__(self, rng: np.random.Generator, force: float) -> Hit:
        """One stroke."""
        time_s = seconds(max(self.shell_fall_s, self.wires_fall_s) * 0.9)
        length_s = len(time_s) / 44_100
        detune = rng.uniform(0.99, 1.01)
        shell = swept_sine(time_s, self.low_hz * 1.35 * detune, self.low_hz * detune, 0.018)
        shell += 0.6 * swept_sine(time_s, self.high_hz * 1.25 * detune, self.high_hz * detune, 0.012, 0.25)
        wires = noise(rng, length_s, 1_300.0, self.bright_hz * (0.6 + 0.4 * force), 1.5)
        snap = noise(rng, length_s, 2_500.0, 9_000.0) * falling(time_s, 0.035)
        wave = 0.42 * shell * falling(time_s, self.shell_fall_s)
        wave += self.wires * 0.3 * wires * falling(time_s, self.wires_fall_s * (0.75 + 0.25 * force))
        return finished(wave + 0.22 * force * snap, 0.85)


@dataclass(frozen=True, kw_only=True, slots=True)
class Tom:
    """A swept sine with a breath of noise."""

    hertz: float
    fall_s: float
    bend: float = 1.5

    def __call__(self, rng: np.random.Generator, force: float) -> Hit:
        """One stroke."""
        time_s = seconds(self.fall_s * 0.95)
        hertz = self.hertz * rng.uniform(0.992, 1.008)
        wave = swept_sine(time_s, hertz * (1 + (self.bend - 1) * (0.6 + 0.4 * force)), hertz, 0.045)
        wave *= falling(time_s, self.fall_s)
        skin = noise(rng, len(time_s) / 44_100, 300.0, 2_600.0) * falling(time_s, 0.05)
        return finished(wave + 0.1 * (0.4 + 0.6 * force) * skin, 0.75)


@dataclass(frozen=True, kw_only=True, slots=True)
class Cymbal:
    """Ringing metal and hiss above a frequency; hats are short ones."""

    fall_s: float
    low_hz: float
    hiss: float = 0.4
    #: A second, shorter fall of the stroke itself.
    stroke_s: float = 0.05
    stroke: float = 0.6
    tuning: float = 1.0
    level: float = 0.3

    def __call__(self, rng: np.random.Generator, force: float) -> Hit:
        """One stroke."""
        time_s = seconds(self.fall_s * 0.9 + 0.02)
        length_s = len(time_s) / 44_100
        ring = metal(rng, length_s, self.low_hz, tuning=self.tuning, high_hz=9_000.0 + 7_000.0 * force)
        ring = ring * (1 - self.hiss) + noise(rng, length_s, self.low_hz, 9_000.0 + 6_000.0 * force, 3.0) * self.hiss
        shape = falling(time_s, self.fall_s * (0.8 + 0.2 * force)) + self.stroke * force * falling(
            time_s, self.stroke_s
        )
        return finished(ring * shape, self.level)


@dataclass(frozen=True, kw_only=True, slots=True)
class Bells:
    """Two band-limited tones through a band-pass: cowbell, agogo, ride bell, triangle, woodblocks, claves, rim."""

    hertz: tuple[float, ...]
    fall_s: float
    #: Odd harmonics kept of each tone; 1 is a sine.
    harmonics: int = 1
    knock: float = 0.0
    level: float = 0.5

    def __call__(self, rng: np.random.Generator, force: float) -> Hit:
        """One stroke."""
        time_s = seconds(self.fall_s * 0.95 + 0.01)
        wave = np.zeros(len(time_s))
        for hertz in self.hertz:
            tuned = hertz * rng.uniform(0.997, 1.003)
            for number in range(1, 2 * self.harmonics, 2):
                if tuned * number < 17_000:
                    soft = (0.4 + 0.6 * force) if number > 1 else 1.0
                    wave += soft / number * np.sin(2 * np.pi * tuned * number * time_s)
        wave *= (falling(time_s, self.fall_s) + 0.7 * falling(time_s, self.fall_s * 0.18)) / len(self.hertz)
        if self.knock:
            wave += self.knock * noise(rng, len(time_s) / 44_100, 800.0, 5_000.0) * falling(time_s, 0.015)
        return finished(wave, self.level, rise_s=0.0006)


@dataclass(frozen=True, kw_only=True, slots=True)
class Burst:
    """Noise that comes in bursts: claps, shakers, tambourine, vibraslap."""

    low_hz: float
    high_hz: float
    fall_s: float
    #: Seconds between bursts before the last, and how many there are.
    gap_s: float = 0.011
    bursts: int = 1
    rise_s: float = 0.001
    jingle: float = 0.0
    level: float = 0.4

    def __call__(self, rng: np.random.Generator, force: float) -> Hit:
        """One stroke."""
        lead_s = self.gap_s * (self.bursts - 1)
        time_s = seconds(lead_s + self.rise_s + self.fall_s * 0.95)
        shape = np.zeros(len(time_s))
        for number in range(self.bursts):
            begun_s = time_s - number * self.gap_s * rng.uniform(0.9, 1.1)
            fall_s = self.fall_s if number == self.bursts - 1 else self.gap_s * 3
            rise = np.clip(begun_s / self.rise_s, 0.0, 1.0)
            shape = np.maximum(shape, rise * falling(np.maximum(begun_s - self.rise_s, 0.0), fall_s) * (begun_s >= 0))
        wave = noise(rng, len(time_s) / 44_100, self.low_hz, self.high_hz * (0.7 + 0.3 * force))
        if self.jingle:
            wave = wave * (1 - self.jingle) + self.jingle * metal(rng, len(time_s) / 44_100, 5_000.0, tuning=1.7)
        return finished(wave * shape, self.level)


@dataclass(frozen=True, kw_only=True, slots=True)
class ChipNoise:
    """Held random bits, falling in steps as a console's four-bit volume does."""

    rate_hz: float
    fall_s: float
    #: Frequency that a pulse slides from and to beneath the noise; 0 for none.
    from_hz: float = 0.0
    to_hz: float = 0.0
    hiss: float = 1.0
    level: float = 0.35

    def __call__(self, rng: np.random.Generator, force: float) -> Hit:
        """One stroke."""
        time_s = seconds(self.fall_s * 0.8 + 0.01)
        wave = self.hiss * held_noise(rng, len(time_s) / 44_100, self.rate_hz * (0.8 + 0.2 * force))
        if self.from_hz:
            phase = swept_sine(time_s, self.from_hz, self.to_hz, self.fall_s * 0.22)
            wave += 1.3 * np.arcsin(phase) * (2 / np.pi)
        volume = np.round(15 * falling(time_s, self.fall_s)) / 15
        return finished(wave * volume, self.level)
