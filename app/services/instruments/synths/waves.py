"""Endless band-limited tones: partials go in, loops by one inverse FFT come out.

A loop holds a whole number of cycles of every partial, so it has no seam, no DC and nothing above the partials it was
given. The same loop read a third further on serves as the right channel: oscillators whose cycle count is a multiple
of three sound the same there (centre), the others are shifted by a third of their period (side).
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import fft

from app.models.audio import SAMPLE_RATE

#: Partials fade out between these frequencies.
TOP_HZ = 18_000.0
_FADE_FROM_HZ = 15_000.0

#: Amplitude and phase of the harmonics 1…n of a waveform, as complex numbers of cosines.
Harmonics = NDArray[np.complex128]
Shape = Callable[[int], Harmonics]


def saw(harmonics: int) -> Harmonics:
    """All harmonics, falling by 6 dB an octave."""
    return np.asarray(-1j / np.arange(1, harmonics + 1), np.complex128)


def square(harmonics: int) -> Harmonics:
    """Odd harmonics, falling by 6 dB an octave."""
    return pulse(0.5)(harmonics)


def triangle(harmonics: int) -> Harmonics:
    """Odd harmonics, falling by 12 dB an octave."""
    number = np.arange(1, harmonics + 1)
    return np.where(number % 2, 1.0 / number**2, 0.0).astype(np.complex128)


def sine(harmonics: int) -> Harmonics:
    """The fundamental alone."""
    return np.concatenate(([-1j], np.zeros(max(harmonics - 1, 0), np.complex128)))[:harmonics]


def pulse(width: float) -> Shape:
    """A rectangle that is high for a part `width` of its period."""

    def shape(harmonics: int) -> Harmonics:
        number = np.arange(1, harmonics + 1)
        turned = np.exp(-1j * math.pi * number * width)
        return np.asarray(np.sin(math.pi * number * width) / number * turned, np.complex128)

    return shape


def stepped_triangle(harmonics: int) -> Harmonics:
    """A triangle in thirty-two steps of four bits, as in the game consoles of the eighties."""
    steps = np.concatenate((np.arange(16), np.arange(15, -1, -1))) / 7.5 - 1.0
    number = np.arange(1, harmonics + 1)
    # The spectrum of steps is that of their corners, repeated, times the spectrum of one step.
    corners = np.fft.fft(steps)[number % 32] / 16
    return np.asarray(corners * np.sinc(number / 32) * np.exp(-1j * math.pi * number / 32), np.complex128)


def rounded(harmonics: int) -> Harmonics:
    """A sine pushed gently into saturation: a little second and third harmonic."""
    levels = np.array([-1j, -0.18, 0.12j, 0.03, -0.03j])
    return np.concatenate((levels, np.zeros(max(harmonics - len(levels), 0))))[:harmonics]


def upper_saw(harmonics: int) -> Harmonics:
    """A saw with little of its first harmonic, to stand above a bass of its own."""
    levels = saw(harmonics)
    levels[:1] *= 0.2
    return levels


def driven(harmonics: int) -> Harmonics:
    """A sine pushed hard into saturation, a little more to one side: odd harmonics, and some even ones."""
    turn = 2 * np.pi * np.arange(1_024) / 1_024
    wave = np.tanh(2.6 * np.sin(turn) + 0.35)
    levels = np.fft.rfft(wave)[1:41] / 512
    return np.asarray(np.concatenate((levels, np.zeros(max(harmonics - len(levels), 0))))[:harmonics], np.complex128)


def glassy(harmonics: int) -> Harmonics:
    """Few, far-spread harmonics like rubbed glass."""
    levels = np.zeros(max(harmonics, 13), np.complex128)
    for number, level in ((1, 1.0), (2, 0.35), (3, 0.28), (5, 0.22), (8, 0.12), (12, 0.09)):
        levels[number - 1] = -1j * level
    return levels[:harmonics]


@dataclass(frozen=True, kw_only=True, slots=True)
class Wave:
    """One oscillator of a sound."""

    shape: Shape
    #: Frequency against the note's, and cents beside it.
    ratio: float = 1.0
    cents: float = 0.0
    #: Hertz added to it whatever the pitch: two such neighbours of a wave make it swell and waver.
    beside_hz: float = 0.0
    level: float = 1.0
    #: −1, 0 or 1: to which side its phase leans between the channels.
    side: int = 0


@dataclass(frozen=True, kw_only=True, slots=True)
class Lowpass:
    """A low-pass whose cut-off climbs from variant to variant of a loop."""

    #: Cut-off of the darkest and of the brightest variant in Hz, for middle C.
    darkest_hz: float
    brightest_hz: float
    variants: int
    #: How far the cut-off follows the pitch: 0 not at all, 1 fully.
    tracking: float = 0.5
    #: Poles of the low-pass (6 dB an octave each), and the height of its resonance in decibels.
    poles: int = 2
    resonance_db: float = 0.0

    def gains(self, variant: int, hertz: NDArray[np.float64], base_hz: float) -> NDArray[np.float64]:
        """Amplitude factors of partials."""
        place = variant / max(self.variants - 1, 1)
        darkest_hz = self.darkest_hz * (base_hz / 261.6) ** self.tracking
        ratio = hertz / (darkest_hz * (self.brightest_hz / self.darkest_hz) ** place)
        plain: NDArray[np.float64] = (1.0 + ratio**2) ** (-self.poles / 2)
        if self.resonance_db:
            damping = 10.0 ** (-self.resonance_db / 20)
            peak = 1.0 / np.sqrt((1.0 - ratio**2) ** 2 + (damping * ratio) ** 2)
            plain = peak * (1.0 + ratio**2) ** (-(self.poles - 2) / 2)
        return plain


class Loops:
    """Variants of one endless tone, shape (variants, frames), from dark to bright."""

    def __init__(self, samples: NDArray[np.float32]) -> None:
        self.variants, self.frames = samples.shape
        self._samples = samples

    @property
    def nbytes(self) -> int:
        """Memory it holds."""
        return self._samples.nbytes

    def window(self, variant: int, first: int, frames: int) -> NDArray[np.float32]:
        """`frames` frames of a variant from any place on; not to be written to."""
        loop: NDArray[np.float32] = self._samples[variant]
        at = first % self.frames
        end = at + frames
        if end <= self.frames:
            return loop[at:end]
        return np.concatenate((loop[at:], *[loop] * (end // self.frames - 1), loop[: end % self.frames]))


def make_loops(
    waves: Sequence[Wave], tone: Lowpass, base_hz: float, *, frames: int, rng: np.random.Generator | None
) -> Loops:
    """Loops of about `frames` frames; `rng` spreads the oscillators' phases, without it they start together.

    The length is chosen so that the pitch is right within about a cent.
    """
    centre_step = 3 if any(wave.side for wave in waves) else 1
    size = _fitting_size(frames, base_hz * min(1.0, *(wave.ratio for wave in waves)), centre_step)
    spectra = np.zeros((tone.variants, size // 2 + 1), np.complex64)
    for wave in waves:
        hertz = base_hz * wave.ratio * 2.0 ** (wave.cents / 1200) + wave.beside_hz
        cycles = _cycles(hertz * size / SAMPLE_RATE, wave.side, centre_step)
        hertz = float(cycles * SAMPLE_RATE / size)
        count = int(TOP_HZ / hertz)
        if count < 1:
            continue
        number = np.arange(1, count + 1)
        partials: Harmonics = wave.level * wave.shape(count)
        if rng is not None:
            partials = partials * np.exp(2j * math.pi * rng.random() * number)
        partial_hz = np.asarray(number * hertz, np.float64)
        partials = partials * np.clip((TOP_HZ - partial_hz) / (TOP_HZ - _FADE_FROM_HZ), 0.0, 1.0)
        for variant in range(tone.variants):
            spectra[variant, number * cycles] += partials * tone.gains(variant, partial_hz, base_hz)
    samples = fft.irfft(spectra, size, axis=1)
    samples *= size / 2
    return Loops(np.ascontiguousarray(samples, np.float32))


def _cycles(wanted: float, side: int, step: int) -> int:
    """Whole cycles in a loop nearest to a number, of the remainder that puts them on a side."""
    if step == 1:
        return max(1, round(wanted))
    return max(1, round((wanted - side) / step) * step + side)


def _fitting_size(about: int, base_hz: float, step: int) -> int:
    """The fast FFT length from `about` to a quarter more into which whole cycles fit best."""
    period = step * SAMPLE_RATE / base_hz
    sizes = []
    size: int = max(about, math.ceil(2 * period))
    end = size * 1.25
    while size <= end:
        size = fft.next_fast_len(size, real=True)
        if size % (2 * step) == 0:
            sizes.append(size)
        size += 1
    fitting: int = min(sizes, key=lambda n: (round(abs(round(n / period) * period / n - 1.0), 5), n))
    return fitting
