"""Following tracks as they happen: events, and the sound while it is made."""

from app.services.following.events import Event, Seen, events_since
from app.services.following.following import Following
from app.services.following.streaming import STREAM_FORMS, BrokenOff, Sound, Streaming

__all__ = ["STREAM_FORMS", "BrokenOff", "Event", "Following", "Seen", "Sound", "Streaming", "events_since"]
