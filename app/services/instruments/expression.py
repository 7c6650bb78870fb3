"""A part that grows and fades while its notes are held: dry audio and a course of strength go in, shaped audio out."""

from collections.abc import Sequence

import numpy as np

from app.models.audio import Samples
from app.services.dsp.cells import CELL_FRAMES, apply_gains, cell_count
from app.services.instruments.base import DryPart


class ExpressivePart:
    """A part played with a course of strength, as controller 11 has it."""

    def __init__(self, part: DryPart, course: Sequence[tuple[int, float]], *, period: int | None = None) -> None:
        """`course` is (frame, gain 0…1) in order, at least one; between two the gain runs straight.

        With `period` the course begins again after so many frames, as in a loop.
        """
        self._part = part
        self._frames = np.array([frame for frame, _ in course], np.float64)
        self._gains = np.array([gain for _, gain in course], np.float64)
        self._period = period
        self._frame = 0

    @property
    def finished(self) -> bool:
        """Whether everything has sounded."""
        return self._part.finished

    def block(self, frames: int) -> Samples:
        """The next `frames` frames, shape (frames, 2). The array holds until the next call but one."""
        played = self._part.block(frames)
        edges = self._frame + CELL_FRAMES * np.arange(cell_count(frames) + 1, dtype=np.float64)
        self._frame += frames
        return apply_gains(played, np.interp(edges, self._frames, self._gains, period=self._period).astype(np.float32))
