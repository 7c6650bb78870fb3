"""The mix made ready: clean lows, tone, glue, the loudness asked for, no peak above the ceiling, a faded end.

Of a loop the end is what came before the beginning: filters and gains run on over the seam, and nothing fades.

The piece is gone through three times, block by block: filters, which may follow the mix as it is made; glue and fade,
while levels are read; gain and limiter on the way out. The first two work in place, so a master needs hardly more
memory than the mix.
"""

from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from app.models.audio import BLOCK_FRAMES, SAMPLE_RATE, Samples
from app.models.plan import Mastering
from app.services.dsp import biquad
from app.services.dsp.cells import CELL_FRAMES, apply_gains, cell_count, cell_power, inner_edges
from app.services.dsp.dynamics import around_seam, compressor_gains, power_percentile_db
from app.services.dsp.filters import StreamingFilter
from app.services.dsp.loudness import k_weighting
from app.services.dsp.stereo import mid_side
from app.services.mixing.levelling import Leveller
from app.services.mixing.measuring import Measured, Meter
from app.utils.units import seconds_to_frames

#: Nothing below is music; the sides begin higher, so that the bass stands in the middle on every loudspeaker.
_LOW_CUT_HZ = 30.0
_SIDE_LOW_CUT_HZ = 120.0
_LOW_SHELF_HZ = 120.0
_HIGH_SHELF_HZ = 8_000.0

#: The bus compressor reaches as far down as asked at this percentile of the levels.
_GLUE_PERCENT = 95.0
_GLUE_RATIO = 2.0

#: A piece that begins higher than this (−60 dB) below its loudest passage would click; it is ramped up to in 1 ms.
_CLICK = 1e-3
_START_RAMP_S = 0.001

#: Work in place takes longer strides than the block grid, four blocks: fewer calls.
STRIDE_FRAMES = 4 * BLOCK_FRAMES

#: Before a loop begins, its filters have heard so much of its end: the lowest cut has settled long before.
_RUN_UP_FRAMES = SAMPLE_RATE

#: Shortest fade at the end, for pieces that ask for none.
_SHORTEST_FADE_S = 0.005


#: Runs a function on an array, now or on another thread.
Run: TypeAlias = Callable[[Callable[[Samples], Samples], Samples], "Future[Samples]"]


class Mastered:
    """A mastered piece: iterate over its blocks; afterwards `measured` says what they were."""

    def __init__(self, mix: Samples, edges: NDArray[np.float32], *, gain_db: float) -> None:
        #: What the mix was given to be as loud as it is, the limiter left aside.
        self.gain_db = gain_db
        self._mix = mix
        self._edges = edges
        self._measured: Measured | None = None

    def __iter__(self) -> Iterator[Samples]:
        return self.blocks()

    @property
    def measured(self) -> Measured:
        """The numbers of `measure`, of the samples handed out; RuntimeError before the last block was."""
        if self._measured is None:
            raise RuntimeError("read all blocks before asking what they measured")
        return self._measured

    def blocks(self) -> Iterator[Samples]:
        """Mastered blocks of up to BLOCK_FRAMES frames, float32, shape (frames, 2), each a new array."""
        meter = Meter()
        for cells, block in _blocks(self._mix):
            loud = apply_gains(block, self._edges[cells])
            meter.add(loud)
            yield loud
        self._measured = meter.measured()


def master(mix: Samples, mastering: Mastering, *, loop: bool = False, threads: int = 1) -> Mastered:
    """Master a whole mix, shape (frames, 2), at 44.1 kHz. It uses `mix` up: the array is worked on in place.

    The number of frames stays. The loudness comes within 0.2 LU of the one asked for wherever the ceiling lets it;
    the true peak never passes the ceiling; the last sample is zero, except in a `loop`; silence stays silence. The
    samples do not depend on the number of `threads`, two of which are of use.
    """
    with Masterer(mastering, loop=loop, threads=threads) as masterer:
        return masterer.finish(mix)


class Masterer:
    """`master`, for a mix that is still being filled: what is final of it is filtered beside the players.

    Used in a `with`. The samples are those of `master`, however much of the mix was followed.
    """

    def __init__(self, mastering: Mastering, *, loop: bool = False, threads: int = 1) -> None:
        self._mastering = mastering
        self._loop = loop
        self._beside = ThreadPoolExecutor(1, "master") if threads > 1 else None
        self._filters = Filters(mastering)
        self._followed: list[Future[NDArray[np.float32]]] = []

    def __enter__(self) -> "Masterer":
        return self

    def __exit__(self, *_: object) -> None:
        if self._beside is not None:
            self._beside.shutdown(cancel_futures=True)

    def follow(self, mix: Samples, final: int) -> None:
        """Filter, in place, what is new of the mix's first `final` frames, which nobody writes to any more.

        Not for loops, whose filters begin with the end.
        """
        if self._beside is None:
            return
        for first in range(len(self._followed) * STRIDE_FRAMES, final, STRIDE_FRAMES):
            block = mix[first : first + STRIDE_FRAMES]
            if first + len(block) <= final:  # whole, or the last
                self._followed.append(self._beside.submit(self._filters.process, block, at_once))

    @property
    def follows(self) -> bool:
        """Whether it works on a mix that is followed at once, instead of when it is finished."""
        return self._beside is not None

    def filtered(self, frame: int) -> bool:
        """Whether a frame of the mix was followed; waits until it is filtered."""
        stride = frame // STRIDE_FRAMES
        if stride >= len(self._followed):
            return False
        self._followed[stride].result()
        return True

    def finish(self, mix: Samples) -> Mastered:
        """Master the whole mix, now that all of it is there."""
        run: Run = at_once if self._beside is None else self._beside.submit
        power = self._filtered(mix, run)
        mastering = self._mastering
        if not self._loop:
            start_ramp(mix, loudest=float(np.sqrt(power.max(initial=0.0))))
            end_fade(mix, mastering.fade_out_s, place=0, frames=len(mix))
        glue = inner_edges(_glue_gains(power, mastering.glue_db, loop=self._loop), loop=self._loop)
        weighted, peak = _glue_and_read(mix, glue, run=run)
        leveller = Leveller(mix, weighted_power=weighted, peak=peak, ceiling_db=mastering.ceiling_dbtp, loop=self._loop)
        edges = leveller.edges_for(mastering.loudness_lufs)
        return Mastered(mix, edges, gain_db=leveller.gain_db)

    def _filtered(self, mix: Samples, run: Run) -> NDArray[np.float32]:
        # The power of each cell of the filtered mix.
        power = [np.empty(0, np.float32), *(one.result() for one in self._followed)]
        if self._loop:
            self._filters.run_up(mix[-_RUN_UP_FRAMES:])
        rest = mix[len(self._followed) * STRIDE_FRAMES :]
        power += [self._filters.process(block, run) for _, block in _blocks(rest, STRIDE_FRAMES)]
        return np.concatenate(power)


class Filters:
    """Clean lows and tone, in the middle and at the sides."""

    def __init__(self, mastering: Mastering) -> None:
        tone = []
        if mastering.low_shelf_db:
            tone.append(biquad.low_shelf(_LOW_SHELF_HZ, mastering.low_shelf_db))
        if mastering.high_shelf_db:
            tone.append(biquad.high_shelf(_HIGH_SHELF_HZ, mastering.high_shelf_db))
        self._mid = StreamingFilter(biquad.cascade(biquad.high_pass(_LOW_CUT_HZ), *tone), channels=1)
        self._side = StreamingFilter(biquad.cascade(biquad.high_pass(_SIDE_LOW_CUT_HZ), *tone), channels=1)

    def run_up(self, samples: Samples) -> None:
        """Hear what comes before the beginning."""
        mid, side = mid_side(samples)
        self._mid.process(mid[:, np.newaxis])
        self._side.process(side[:, np.newaxis])

    def process(self, block: Samples, run: Run) -> NDArray[np.float32]:
        """Filter the next block in place; the power of each of its cells."""
        mid, side = mid_side(block)
        coming = run(self._side.process, side[:, np.newaxis])
        mid = self._mid.process(mid[:, np.newaxis])[:, 0]
        side = coming.result()[:, 0]
        np.add(mid, side, out=block[:, 0])
        np.subtract(mid, side, out=block[:, 1])
        return cell_power(block)


def at_once(function: Callable[[Samples], Samples], samples: Samples) -> "Future[Samples]":
    """Run on the caller's own thread."""
    done: Future[Samples] = Future()
    done.set_result(function(samples))
    return done


def _blocks(mix: Samples, frames: int = BLOCK_FRAMES) -> Iterator[tuple[slice, Samples]]:
    # Views of each block, with the edges of the cells it spans.
    for first in range(0, len(mix), frames):
        block = mix[first : first + frames]
        cell = first // CELL_FRAMES
        yield slice(cell, cell + cell_count(len(block)) + 1), block


def start_ramp(begin: Samples, *, loudest: float) -> None:
    """Ramp up, in place, the first block of a piece that begins with a click; `loudest` is an amplitude."""
    ramp = min(seconds_to_frames(_START_RAMP_S, SAMPLE_RATE), len(begin))
    if len(begin) and np.abs(begin[0]).max() > _CLICK * loudest:
        begin[:ramp] *= np.linspace(0, 1, ramp, dtype=np.float32)[:, np.newaxis]


def end_fade(block: Samples, fade_out_s: float, *, place: int, frames: int) -> None:
    """Fade, in place, what of a block belongs to the end of a piece of `frames` frames; it begins at frame `place`."""
    fade = min(seconds_to_frames(max(fade_out_s, _SHORTEST_FADE_S), SAMPLE_RATE), frames)
    first = max(place, frames - fade)
    if place + len(block) <= first:
        return
    steps = np.arange(first - (frames - fade) + 1, place + len(block) - (frames - fade) + 1)
    curve = 0.5 + 0.5 * np.cos(np.pi * steps / max(fade, 1))
    block[first - place :] *= curve.astype(np.float32)[:, np.newaxis]


def _glue_gains(power: NDArray[np.float32], glue_db: float, *, loop: bool) -> NDArray[np.float32]:
    loud_db = power_percentile_db(power, _GLUE_PERCENT)

    def gains(levels: NDArray[np.float32]) -> NDArray[np.float32]:
        return glue_by_threshold(levels, loud_db, glue_db)

    return around_seam(power, gains) if loop and glue_db > 0 else gains(power)


def glue_by_threshold(power: NDArray[np.float32], loud_db: float, glue_db: float) -> NDArray[np.float32]:
    """Gains of the bus compressor, which reaches down by `glue_db` at the level `loud_db`; both shape (cells,)."""
    if glue_db <= 0:
        return np.ones_like(power)
    threshold_db = loud_db - glue_db / (1 - 1 / _GLUE_RATIO)
    return compressor_gains(power, threshold_db=threshold_db, ratio=_GLUE_RATIO)


def _glue_and_read(mix: Samples, glue: NDArray[np.float32], *, run: Run) -> tuple[NDArray[np.float32], float]:
    # In place; hands back the K-weighted power of each cell, and the highest sample.
    weighting = StreamingFilter(k_weighting())
    coming, peak = [], 0.0
    for cells, block in _blocks(mix, STRIDE_FRAMES):
        block[:] = apply_gains(block, glue[cells])
        coming.append(run(lambda block: cell_power(weighting.process(block)), block))
        peak = max(peak, float(block.max()), -float(block.min()))
    return np.concatenate([np.empty(0, np.float32), *(power.result() for power in coming)]), peak
