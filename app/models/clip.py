"""A clip: a recording that somebody sent, for models to go on from or to follow."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

#: What a model can do with a clip: go on where it ends, or follow its melody.
ClipUse = Literal["continue", "melody"]


@dataclass(frozen=True, kw_only=True, slots=True)
class ClipFacts:
    """What a recording turned out to be."""

    #: "wav", "flac", "mp3", "ogg" or "aiff".
    format: str
    seconds: float
    #: Frames a second and channels of the file that was sent.
    sample_rate: int
    channels: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Clip:
    """A recording that is kept, and everything known about it."""

    #: "clip_" and sixteen hexadecimal digits.
    id: str
    #: Name of the file that was sent.
    name: str
    facts: ClipFacts
    #: Bytes of the file that was sent, and their SHA-256, hexadecimal.
    size: int
    sha256: str
    #: Bytes that are kept of it.
    stored_bytes: int
    created_at: datetime
    #: When it was sent, or a request last named it: its age counts from there.
    used_at: datetime
    #: Who it belongs to; None until a server owner turns authentication on.
    owner: str | None = None
