"""Messages to addresses that clients named: what happened, and how telling it went."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

#: What may have happened.
HookEvent = Literal["track.completed", "track.failed", "group.completed"]

#: "pending" until it was told, or cannot be.
HookState = Literal["pending", "delivered", "failed"]


@dataclass(frozen=True, kw_only=True, slots=True)
class HookMessage:
    """Something that happened, to be told to an address."""

    #: "msg_" and what it is about: nothing is told twice under two names.
    id: str
    owner: str | None
    url: str
    event: HookEvent
    #: The track or group it is about.
    subject: str
    #: What is told, as JSON values.
    payload: dict[str, Any]
    created_at: datetime
    state: HookState = "pending"
    #: When it is told next.
    next_at: datetime
    #: Attempts since it was last sent on its way.
    attempts: int = 0
    #: What came of each attempt, the last last: "at", "status" or None, "error" or None.
    log: tuple[dict[str, Any], ...] = ()
