"""Segments: what is heard of tracks while they are made lies in the file store for a while, so that any node serves it.

A listener asks by leaving a mark; the worker that makes the track looks for it, and lays down one segment a block,
always from the first on. A segment's bytes hang on the track alone, so a second run writes what the first one wrote.
"""

from dataclasses import dataclass

from app.models.audio import BLOCK_FRAMES
from app.services.storage.files import AudioFiles, live_key

#: Seconds between looks, for a mark or for the next segment: a folder is asked for nothing, a store is not.
LOOK_S, REMOTE_LOOK_S = 0.02, 0.2

_MARK = "asked"


def segments_of(frames: int) -> int:
    """How many segments a piece of so many frames has: one a block.

    >>> segments_of(65_537)
    2
    """
    return -(-frames // BLOCK_FRAMES)


@dataclass(frozen=True, slots=True)
class Segments:
    """The segments of one track in one form."""

    files: AudioFiles
    track_id: str
    #: "mp3" or "wav".
    form: str

    @property
    def look_s(self) -> float:
        """Seconds between looks."""
        return REMOTE_LOOK_S if self.files.remote else LOOK_S

    def ask(self) -> None:
        """Say that somebody listens. `StorageFailed`."""
        self.files.write(self._key(_MARK), b"")

    def asked(self) -> bool:
        """Whether somebody did. `StorageFailed`."""
        return self.files.exists(self._key(_MARK))

    def write(self, number: int, content: bytes) -> None:
        """Lay down a segment, counted from 0. `StorageFailed`."""
        self.files.write(self._key(str(number)), content)

    async def read(self, number: int) -> bytes | None:
        """A segment; None where it is not there yet. `StorageFailed`."""
        return await self.files.read(self._key(str(number)))

    def _key(self, name: str) -> str:
        return live_key(self.track_id, self.form, name)
