"""Cursors: the place in a listing where the next page begins, opaque to clients."""

import base64
from datetime import datetime, timezone

from app.errors import InvalidField


def write_cursor(created_at: datetime, track_id: str) -> str:
    """The place after a track, as text for an address."""
    place = f"{created_at.isoformat()} {track_id}"
    return base64.urlsafe_b64encode(place.encode()).decode().rstrip("=")


def read_cursor(cursor: str) -> tuple[datetime, str]:
    """`created_at` and id that a cursor stands for. `InvalidField` for one that was never given out.

    >>> read_cursor(write_cursor(datetime(2026, 1, 1, tzinfo=timezone.utc), "track_1"))
    (datetime.datetime(2026, 1, 1, 0, 0, tzinfo=datetime.timezone.utc), 'track_1')
    """
    try:
        raw = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
        moment, track_id = raw.decode().split(" ")
        return datetime.fromisoformat(moment).astimezone(timezone.utc), track_id
    except (ValueError, OverflowError):
        raise InvalidField("cursor", "must be the next_cursor of an earlier answer") from None
