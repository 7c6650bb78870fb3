"""Plays a part: sorted notes and an instrument go in, blocks of stereo come out."""

from collections.abc import Sequence
from typing import Protocol

import numpy as np

from app.models.audio import Samples
from app.services.instruments.base import NoteEvent
from app.services.instruments.sources import Planes
from app.services.instruments.tones import CENTRE, LEFT, RIGHT, Tone


class Instrument(Protocol):
    """What turns one note into tones."""

    #: How much of each channel is added to the other, 0…1.
    crossfeed: float

    def tones(self, event: NoteEvent, number: int, choke: int | None) -> Sequence[Tone]:
        """Tones of a note, the `number`-th of its part, cut short from frame `choke` on."""

    def exclusive_class(self, event: NoteEvent) -> int:
        """A note ends the notes of its class before it (an open hi-hat ends as it closes); 0 for none."""


class PlayedPart:
    """A part being played from its first frame to its last; one thread at a time."""

    def __init__(
        self, instrument: Instrument, events: Sequence[NoteEvent], *, gain: float = 1.0, until: int | None = None
    ) -> None:
        """From frame `until` on no note is struck; those before it are still cut short by those after it."""
        self._instrument = instrument
        self._events = sorted(events, key=lambda event: (event.start_frame, event.pitch))
        self._chokes = _chokes(instrument, self._events)
        self._gain = np.float32(gain)
        self._count = sum(until is None or event.start_frame < until for event in self._events)
        self._struck = 0
        self._sounding: list[Tone] = []
        self._frame = 0
        self._planes: Planes = np.empty((3, 0), np.float32)
        self._scratch: Planes = np.empty((2, 0), np.float32)
        self._out: Samples = np.empty((0, 2), np.float32)
        self._before: Samples = np.empty((0, 2), np.float32)

    @property
    def finished(self) -> bool:
        """Whether everything has sounded."""
        return self._struck == self._count and not self._sounding

    def block(self, frames: int) -> Samples:
        """The next `frames` frames, shape (frames, 2). The array holds until the next call but one: copy to keep."""
        self._out, self._before = self._before, self._out
        if frames > self._planes.shape[1]:
            self._planes = np.empty((3, frames), np.float32)
            self._scratch = np.empty((2, frames), np.float32)
        if frames > len(self._out):
            self._out = np.empty((frames, 2), np.float32)
        first, last = self._frame, self._frame + frames
        self._frame = last
        self._strike_until(last)
        out = self._out[:frames]
        if not self._sounding:
            out.fill(0.0)
            return out
        planes = self._planes[:, :frames]
        planes.fill(0.0)
        for tone in self._sounding:
            tone.add_to(planes, first, last, self._scratch)
        self._sounding = [tone for tone in self._sounding if tone.stop > last]
        planes *= self._gain
        if self._instrument.crossfeed:
            crossed = self._scratch[:, :frames]
            np.multiply(planes[LEFT : RIGHT + 1], np.float32(self._instrument.crossfeed), out=crossed)
            planes[LEFT : RIGHT + 1] += crossed[::-1]
        np.add(planes[LEFT], planes[CENTRE], out=out[:, 0])
        np.add(planes[RIGHT], planes[CENTRE], out=out[:, 1])
        return out

    def _strike_until(self, last: int) -> None:
        while self._struck < self._count and self._events[self._struck].start_frame < last:
            number = self._struck
            self._sounding += self._instrument.tones(self._events[number], number, self._chokes[number])
            self._struck += 1


def _chokes(instrument: Instrument, events: Sequence[NoteEvent]) -> list[int | None]:
    """Frame at which each note is cut short by a later one of its class, known before the first block is played."""
    chokes: list[int | None] = [None] * len(events)
    last_start: dict[int, int] = {}
    following: dict[int, int] = {}
    for number in range(len(events) - 1, -1, -1):
        group = instrument.exclusive_class(events[number])
        if group:
            start = events[number].start_frame
            if last_start.get(group, start) != start:
                following[group] = last_start[group]
            last_start[group] = start
            chokes[number] = following.get(group)
    return chokes
