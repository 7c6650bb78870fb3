"""Learning: MIDI files in, a style like the packaged ones out, and how near its music comes to theirs."""

from app.services.learning.reading import FileUnusable, read_tune
from app.services.learning.teaching import learn

__all__ = ["FileUnusable", "learn", "read_tune"]
