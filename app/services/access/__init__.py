"""Access: whose request this is, what it may do, what it may see."""

from app.services.access.access import Access
from app.services.access.caller import NOBODY, Caller, acting_as, caller, link_to, may_see, owner, seen_owner
from app.services.access.keyring import Keyring
from app.services.access.links import Links

__all__ = [
    "NOBODY",
    "Access",
    "Caller",
    "Keyring",
    "Links",
    "acting_as",
    "caller",
    "link_to",
    "may_see",
    "owner",
    "seen_owner",
]
