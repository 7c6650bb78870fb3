"""Who may do what: keys, what they may be used for, and what was done with them."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal, get_args

#: What a key may be used for. "admin" includes all others, and sees what belongs to other keys.
KeyScope = Literal["generate", "read", "delete", "finetune", "admin"]

SCOPES: tuple[KeyScope, ...] = get_args(KeyScope)

#: What a key may be used for unless it is said when it is made.
DEFAULT_SCOPES: tuple[KeyScope, ...] = ("generate", "read", "delete")


@dataclass(frozen=True, kw_only=True, slots=True)
class ApiKey:
    """A key as it is kept: everything but the key itself."""

    #: "key_" and twelve hexadecimal digits, which also stand in the key: what its tracks name as their owner.
    id: str
    #: What people call it.
    name: str
    #: SHA-256 of the key, hexadecimal.
    hashed: str
    scopes: tuple[KeyScope, ...]
    created_at: datetime
    expires_at: datetime | None = None
    revoked_at: datetime | None = None
    #: Right to a minute.
    last_used_at: datetime | None = None
    #: Whom its tracks tell that they are finished, where the request names nobody.
    webhook_url: str | None = None

    def good_at(self, now: datetime) -> bool:
        """Whether it opens anything at a moment."""
        return self.revoked_at is None and (self.expires_at is None or now < self.expires_at)


@dataclass(frozen=True, kw_only=True, slots=True)
class AuditEvent:
    """Something that an owner may want to know later: who made or revoked a key, who removed what."""

    id: str
    at: datetime
    #: "key.created", "key.revoked", "track.deleted" …
    event: str
    #: What it was done to.
    subject: str
    #: Key that it was done with; None from the command line.
    key_id: str | None = None
    #: Address that it came from, and the request; None from the command line.
    address: str | None = None
    request_id: str | None = None
