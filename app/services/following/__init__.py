"""Following tracks as they happen."""

from app.services.following.events import Event, Seen, events_since
from app.services.following.following import Following

__all__ = ["Event", "Following", "Seen", "events_since"]
