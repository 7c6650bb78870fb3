"""A file that came with a request."""

from dataclasses import dataclass
from typing import BinaryIO


@dataclass(frozen=True, kw_only=True, slots=True)
class SentFile:
    """A file of a request, at its beginning."""

    #: What its sender calls it; to be shown, never used as a path.
    name: str
    content: BinaryIO
