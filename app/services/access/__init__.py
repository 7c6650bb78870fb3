"""Access: whose request this is, what it may do, what it may see."""

from app.services.access.access import Access
from app.services.access.caller import (
    NOBODY,
    Caller,
    acting_as,
    caller,
    link_to,
    may_see,
    owner,
    seen_owner,
    usual_webhook,
)
from app.services.access.keyring import Keyring
from app.services.access.limits import Limits
from app.services.access.links import Links
from app.services.access.quota import Quota, room_for, spending
from app.services.access.replays import Replays

__all__ = [
    "NOBODY",
    "Access",
    "Caller",
    "Keyring",
    "Limits",
    "Links",
    "Quota",
    "Replays",
    "acting_as",
    "caller",
    "link_to",
    "may_see",
    "owner",
    "room_for",
    "seen_owner",
    "spending",
    "usual_webhook",
]
