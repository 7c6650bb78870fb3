"""A sample at a pitch: recorded frames go in, the same tone at another pitch, looped and filtered, comes out.

In SoundFont, pitch, loop, filter and low-frequency oscillators start anew with each note and come before the loudness
envelope; so their result is made once for each (sample, pitch, filter) and read by every note that asks for it.
"""

import functools
import itertools
import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from app.models.audio import SAMPLE_RATE
from app.services.dsp.recursion import filter_direct
from app.services.instruments.motion import Motion
from app.services.instruments.sf2 import SoundFont
from app.services.instruments.sources import LONG_RING, GrowingSource, Ring
from app.utils.units import db_to_gain

#: Frames between two looks at oscillators and the modulation envelope.
CONTROL_FRAMES = 64
#: Cut-off steps, in cents, within which the filter's coefficients stay.
_CUTOFF_STEP = 75.0
#: Pole of the high-pass that takes recordings' DC away: 12 Hz.
_DC_POLE = math.exp(-2 * math.pi * 12.0 / SAMPLE_RATE)
#: Offset from the zero line, of full scale, below which a recording counts as having none.
_LEAST_DC = 2e-4
#: Above this cut-off (in Hz) a filter without resonance is left out.
_OPEN_HZ = 12_500.0
#: Frames that a filter rings on after a sample's last frame.
_RING_OUT = 2_048
#: Fewest frames that go round in a looped sample, and those of the cross-fade that evens out parts of a frame.
_SHORTEST_RING = 32_768
_RING_SEAM = 1_024


@dataclass(frozen=True, kw_only=True, slots=True)
class Filter:
    """A resonant low-pass of two poles."""

    #: In absolute cents: 0 is 8.176 Hz.
    cutoff_cents: float
    #: Height of the resonance above DC, in decibels, 0…96.
    resonance_db: float


@dataclass(frozen=True, kw_only=True, slots=True)
class PitchedKey:
    """All that decides how a pitched sample sounds; equal keys sound the same."""

    font_sha256: str
    sample: int
    #: Frames of the sample between which it plays and loops; `loop_end` 0 for no loop.
    first: int
    last: int
    loop_start: int
    loop_end: int
    #: Frames of the sample that pass in one frame of output.
    step: float
    #: None where it would take nothing away.
    filter: Filter | None
    #: None where nothing moves.
    motion: Motion | None


class PitchedSample(GrowingSource):
    """A source made from a sample of a font."""

    def __init__(self, key: PitchedKey, font: SoundFont) -> None:
        length = None
        if not key.loop_end:
            slowest = key.step
            if key.motion is not None and key.motion.moves_pitch:
                depth = abs(key.motion.sweep_to_pitch) + abs(key.motion.oscillator_to_pitch)
                slowest *= 2.0 ** (-(depth + abs(key.motion.vibrato_to_pitch)) / 1200.0)
            length = math.ceil((key.last - key.first) / slowest) + _RING_OUT
        super().__init__(frames=length, ring=_ring(key), loudest=_loudest(key, font.peak(key.sample)))
        self._key = key
        self._pcm = font.pcm(key.sample)
        self._position = 0.0
        self._state: NDArray[np.float64] | None = None
        self._settled: Filter | None = None
        self._untouched = key.filter is None and not _has_dc(self._pcm, key)

    def _make(self, first: int, last: int) -> NDArray[np.float32]:
        tone = self._resampled(first, last)
        filtered = tone if self._untouched else self._filtered(tone, first, last)
        motion = self._key.motion
        if motion is not None and motion.oscillator_to_volume_db:
            swing_db = motion.oscillator_to_volume_db * motion.oscillator.at(_control_times(first, last))
            filtered *= _per_frame(10.0 ** (swing_db / 20.0))
        return filtered

    def _resampled(self, first: int, last: int) -> NDArray[np.float32]:
        key = self._key
        if key.motion is not None and first >= key.motion.pitch_settled_frame:
            step = key.step * 2.0 ** (key.motion.settled_cents / 1200.0)
            positions = np.arange(last - first, dtype=np.float64) * step + self._position
            self._position += (last - first) * step
        elif key.motion is not None and key.motion.moves_pitch:
            steps = key.step * np.exp2(_per_frame64(key.motion.pitch_cents(_control_times(first, last))) / 1200.0)
            ends = np.cumsum(steps)
            positions = np.concatenate(([0.0], ends[:-1])) + self._position
            self._position += float(ends[-1])
        elif key.step == 1.0:
            return self._recorded(first, last)
        else:
            positions = np.arange(first, last, dtype=np.float64) * key.step
        whole = positions.astype(np.intp)
        low = int(whole[0]) - 1
        recorded = self._recorded(low, int(whole[-1]) + 3)
        part = (positions - whole).astype(np.float32)
        whole -= low
        return hermite(recorded, whole, part)

    def _recorded(self, low: int, high: int) -> NDArray[np.float32]:
        """Frames of the sample as it runs on through its loop, silence before and after it."""
        key = self._key
        out = np.zeros(high - low, np.float32)
        end = key.loop_end or key.last
        begin = max(low, 0)
        straight = max(0, min(high, end - key.first) - begin)
        out[begin - low : begin - low + straight] = self._pcm[key.first + begin : key.first + begin + straight]
        if key.loop_end and begin + straight < high:
            loop = self._pcm[key.loop_start : key.loop_end]
            at = (begin + straight + key.first - key.loop_start) % len(loop)
            wanted = high - begin - straight
            out[begin - low + straight :] = np.tile(loop, (at + wanted) // len(loop) + 1)[at : at + wanted]
        out *= np.float32(1 / 32_768)
        return out

    def _filtered(self, tone: NDArray[np.float32], first: int, last: int) -> NDArray[np.float32]:
        key = self._key
        if key.filter is None or key.motion is None or not key.motion.moves_cutoff:
            return self._filter_piece(tone, key.filter)
        if self._settled is not None:
            return self._filter_piece(tone, self._settled)
        cents = key.filter.cutoff_cents + key.motion.cutoff_cents(_control_times(first, last)[:-1])
        steps = np.round(cents / _CUTOFF_STEP)
        edges = np.concatenate(([0], np.flatnonzero(np.diff(steps)) + 1, [len(steps)]))
        out = np.empty(last - first, np.float32)
        for begin, end in itertools.pairwise(edges.tolist()):
            moved = Filter(cutoff_cents=float(steps[begin]) * _CUTOFF_STEP, resonance_db=key.filter.resonance_db)
            piece = slice(begin * CONTROL_FRAMES, end * CONTROL_FRAMES)
            out[piece] = self._filter_piece(tone[piece], moved)
        if first >= key.motion.cutoff_settled_frame:
            self._settled = moved
        return out

    def _filter_piece(self, tone: NDArray[np.float32], lowpass: Filter | None) -> NDArray[np.float32]:
        b, a = _filter_rows(lowpass)
        if self._state is None:
            # As if the first value had stood there for ever: a recording with DC begins without a step.
            self._state = np.cumsum(b[:0:-1])[::-1] * float(tone[0])
        out, self._state = filter_direct(b, a, tone, self._state)
        return np.asarray(out, np.float32)


def _has_dc(pcm: NDArray[np.int16], key: PitchedKey) -> bool:
    """Whether a recording lies beside the zero line, or might for a while: one-shots have no loop to tell by."""
    if not key.loop_end:
        return True
    stretches = (pcm[key.first : key.last], pcm[key.loop_start : key.loop_end])
    return any(abs(float(stretch.mean())) > _LEAST_DC * 32_768 for stretch in stretches)


def _loudest(key: PitchedKey, peak: float) -> float:
    """An amplitude that a sample with this peak stays below: interpolation, resonance and tremolo lift it."""
    lift_db = key.filter.resonance_db / 2 if key.filter else 0.0
    if key.motion is not None:
        lift_db += abs(key.motion.oscillator_to_volume_db)
    return max(1.5 * peak, 1e-3) * db_to_gain(lift_db)


def _ring(key: PitchedKey) -> Ring:
    """Where a looped sample has settled, whole loops go round; where something moves for ever, the long ring does."""
    motion = key.motion
    if not key.loop_end or (motion is not None and motion.moves_for_ever):
        return LONG_RING
    step, settled = key.step, float(_RING_OUT)
    if motion is not None:
        step *= 2.0 ** (motion.settled_cents / 1200)
        settled += motion.sweep.settled_s * SAMPLE_RATE
    period = (key.loop_end - key.loop_start) / step
    settled += (key.loop_start - key.first) / min(step, key.step)
    fewest = math.ceil(_SHORTEST_RING / period)
    loops = min(range(fewest, fewest + 12), key=lambda n: (round(abs(n * period - round(n * period)), 3), n))
    frames = round(loops * period)
    start = math.ceil(settled) + frames
    return Ring(start=start, frames=frames, seam=_RING_SEAM) if start < LONG_RING.start else LONG_RING


def opened(cutoff: Filter, motion: Motion | None) -> bool:
    """Whether a filter takes away nothing that matters."""
    lowest = cutoff.cutoff_cents
    if motion is not None:
        lowest += min(motion.sweep_to_cutoff, 0.0) - abs(motion.oscillator_to_cutoff)
    return cutoff.resonance_db <= 0.5 and cents_to_hz(lowest) >= _OPEN_HZ


def cents_to_hz(cents: float) -> float:
    """Frequency of an absolute pitch in cents, of which 0 is MIDI pitch 0.

    >>> round(cents_to_hz(6900), 1)
    440.0
    """
    return float(440.0 * 2.0 ** ((cents - 6900.0) / 1200.0))


def hermite(samples: NDArray[np.float32], whole: NDArray[np.intp], part: NDArray[np.float32]) -> NDArray[np.float32]:
    """Samples at `whole + part`, by the cubic through four neighbours (Catmull-Rom); `whole` is at least 1."""
    # All places are inside; "clip" only spares a check that takes half as long again.
    here = samples.take(whole, mode="clip")
    whole -= 1
    before = samples.take(whole, mode="clip")
    whole += 2
    after = samples.take(whole, mode="clip")
    whole += 1
    beyond = samples.take(whole, mode="clip")
    slope = after - before
    slope *= 0.5
    rise = after
    rise -= here
    beyond -= here
    # With s the slope, d and e the way to the two neighbours after: c3 = s + e/2 − 2d, c2 = d − s − c3, c1 = s.
    square = rise - slope
    beyond *= 0.5
    cubic = slope + beyond
    rise *= 2.0
    cubic -= rise
    square -= cubic
    cubic *= part
    cubic += square
    cubic *= part
    cubic += slope
    cubic *= part
    cubic += here
    return cubic


@functools.lru_cache(maxsize=4_096)
def _filter_rows(lowpass: Filter | None) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Coefficients of the low-pass, if any, and the DC high-pass in one."""
    high_b, high_a = np.array([1.0, -1.0]), np.array([1.0, -_DC_POLE])
    if lowpass is None:
        return high_b, high_a
    hertz = min(max(cents_to_hz(lowpass.cutoff_cents), 5.0), 0.45 * SAMPLE_RATE)
    # A resonance of 0 dB is a Butterworth filter; a high one lowers the pass band by half its height (8.1.3, 9).
    q = 10.0 ** ((lowpass.resonance_db - 3.01) / 20.0)
    omega = 2 * math.pi * hertz / SAMPLE_RATE
    alpha, cosine = math.sin(omega) / (2 * q), math.cos(omega)
    scale = 1.0 / (1.0 + alpha)
    edge = (1 - cosine) / 2 * scale * 10.0 ** (-lowpass.resonance_db / 40.0)
    low_b = np.array([edge, 2 * edge, edge])
    low_a = np.array([1.0, -2 * cosine * scale, (1 - alpha) * scale])
    return np.convolve(low_b, high_b), np.convolve(low_a, high_a)


def _control_times(first: int, last: int) -> NDArray[np.float64]:
    """Seconds at the control points from `first` to `last`, both included."""
    return np.arange(first, last + 1, CONTROL_FRAMES) / SAMPLE_RATE


def _per_frame64(points: NDArray[np.float64]) -> NDArray[np.float64]:
    """A value a frame from values a control point, straight between them; the last point is left out."""
    ramp = np.arange(CONTROL_FRAMES) / CONTROL_FRAMES
    return (points[:-1, None] + np.diff(points)[:, None] * ramp).ravel()


def _per_frame(points: NDArray[np.float64]) -> NDArray[np.float32]:
    return _per_frame64(points).astype(np.float32)
