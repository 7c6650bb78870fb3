"""One sounding layer of a note: a source, an envelope and a place in the stereo picture, added block by block."""

import math

import numpy as np
from numpy.typing import NDArray

from app.models.audio import SAMPLE_RATE
from app.services.instruments.envelopes import FLOOR_DB, Envelope, fading
from app.services.instruments.sources import Planes, Source
from app.utils.units import db_to_gain, gain_to_db

#: Level, in decibels of full scale, below which a tone has ended.
QUIETEST_DB = -84.0
#: Seconds in which a choked tone (a closing hi-hat) falls by 96 dB.
CHOKE_S = 0.25
_CHOKE_FRAMES = round(CHOKE_S * SAMPLE_RATE)
_CHOKE_DB = FLOOR_DB / _CHOKE_FRAMES

# Rows of the planes that a part mixes into: centred tones need one addition instead of two.
CENTRE, LEFT, RIGHT = 0, 1, 2


class Tone:
    """A struck layer. It knows its absolute frames; nothing about blocks."""

    __slots__ = (
        "_choked", "_envelope", "_gain", "_held", "_let_go", "_off", "_places", "_released", "_settled", "_source",
        "start", "stop",
    )  # fmt: skip

    def __init__(
        self, source: Source, envelope: Envelope, *, start: int, length: int, gain: float, pan: float = 0.0,
        choke: int | None = None,
    ) -> None:  # fmt: skip
        """A tone struck at `start`, let go after `length` frames, `pan` −1…1, cut short from frame `choke` on."""
        self._source = source
        self._envelope = envelope
        self._off = length
        self._settled = envelope.settled_frame
        self._held: Source | None = None
        self._released: Source | None = None
        self._choked = None if choke is None else choke - start
        self.start = start
        stop = envelope.silent_after(length, gain_to_db(gain), QUIETEST_DB)
        if source.frames is not None:
            stop = min(stop, source.frames)
        if self._choked is not None:
            stop = min(stop, self._choked + _CHOKE_FRAMES)
        #: Frame after its last, from the start of the piece.
        self.stop = start + stop
        rows = _rows(pan)
        self._gain = gain * rows[0][1] * source.scale
        self._let_go = self._gain * envelope.level_at(length)
        #: Rows of the planes, each with its gain against the row before.
        self._places = [
            (row, level / before) for (row, level), (_, before) in zip(rows, (rows[0], *rows), strict=False)
        ]

    def add_to(self, planes: Planes, first: int, last: int, scratch: Planes) -> None:
        """Add what sounds between two frames of the piece to planes that begin at frame `first`.

        `planes` has the rows CENTRE, LEFT, RIGHT; `scratch` two rows at least as long.
        """
        begin, end = max(first, self.start), min(last, self.stop)
        if end <= begin:
            return
        place = slice(begin - first, end - first)
        wet = scratch[1, : end - begin]
        begin, end = begin - self.start, end - self.start
        body = self._source.read(begin, end)
        gains = self._gains(begin, end, scratch[0, : end - begin])
        if len(body) == 2:
            for row, channel in ((LEFT, body[0]), (RIGHT, body[1])):
                np.multiply(channel, gains, out=wet)
                planes[row, place] += wet
            return
        # Converting first is quicker than multiplying two kinds of numbers.
        np.copyto(wet, body[0])
        wet *= gains
        for row, step in self._places:
            if step != 1.0:
                wet *= np.float32(step)
            planes[row, place] += wet

    def _gains(self, begin: int, end: int, out: NDArray[np.float32]) -> NDArray[np.float32] | np.float32:
        """The tone's gain from frame `begin` to `end` after its start; one number where it stands still."""
        steady: np.float32 = np.float32(self._gain * db_to_gain(-min(self._envelope.sustain_db, FLOOR_DB)))
        choked = self._choked is not None and end > self._choked
        if self._settled <= begin and end <= self._off and not choked:
            return steady
        moving = min(end, self._settled, self._off) - begin
        if moving > 0:
            if self._held is None:
                self._held = self._envelope.held()
            np.multiply(self._held.read(begin, begin + moving)[0], np.float32(self._gain), out=out[:moving])
        resting = max(begin, self._settled)
        if resting < min(end, self._off):
            out[resting - begin : min(end, self._off) - begin] = steady
        if end > self._off:
            if self._released is None:
                self._released = self._envelope.released()
            free = max(begin, self._off)
            curve = self._released.read(free - self._off, end - self._off)[0]
            np.multiply(curve, np.float32(self._let_go), out=out[free - begin :])
        if self._choked is not None and choked:
            free = max(begin, self._choked)
            out[free - begin :] *= fading(_CHOKE_DB).read(free - self._choked, end - self._choked)[0]
        return out


def _rows(pan: float) -> list[tuple[int, float]]:
    """Rows of the planes that a mono tone goes to, with their gains: equal power, 0 dB in the middle."""
    if pan == 0.0:
        return [(CENTRE, 1.0)]
    angle = (pan + 1.0) * math.pi / 4
    levels = ((LEFT, math.sqrt(2.0) * math.cos(angle)), (RIGHT, math.sqrt(2.0) * math.sin(angle)))
    return [(row, level) for row, level in levels if level > 1e-4]
