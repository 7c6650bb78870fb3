"""The instrument seam: note events go in, dry audio comes out block by block."""

from dataclasses import dataclass
from typing import Protocol

from app.models.audio import Samples


@dataclass(frozen=True, kw_only=True, slots=True)
class NoteEvent:
    """A note in sounding time."""

    #: Frame at which it is struck.
    start_frame: int
    #: Frames it is held, above 0; what rings after is the instrument's own affair.
    length_frames: int
    #: MIDI pitch; in drum parts a General MIDI drum key.
    pitch: int
    #: 1…127.
    velocity: int
    #: Pitch that it slides away from as it begins; None for a plain stroke. Instruments that cannot slide do not.
    slide_from: int | None = None


class DryPart(Protocol):
    """One voice being played, from its first frame to its last."""

    @property
    def finished(self) -> bool:
        """Whether everything has sounded."""

    def block(self, frames: int) -> Samples:
        """The next `frames` frames, shape (frames, 2), silence after the last tail.

        The array holds until the next call but one: copy to keep.
        """
