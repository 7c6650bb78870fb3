"""The caller: on whose behalf the code now runs. Set at the door, asked where things are made and looked up.

Rule: without a caller there is no authentication, and everybody sees everything, as ever.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass

from app.models.access import KeyScope


@dataclass(frozen=True, kw_only=True, slots=True)
class Caller:
    """Who asks, once a server owner has turned authentication on."""

    #: The key's id; "" of one who has none.
    key_id: str
    scopes: frozenset[KeyScope] = frozenset()
    #: What follows the path of an address that must open without a key: "?expires=…&signature=…".
    sign: Callable[[str], str] | None = None
    #: Whom its tracks tell that they are finished, where the request names nobody.
    webhook_url: str | None = None
    #: 64 bytes that are always the same for the same words, and that nobody foresees who does not hold the key.
    draw: Callable[[str], bytes] | None = None

    @property
    def sees_all(self) -> bool:
        """Whether it sees what belongs to others."""
        return "admin" in self.scopes

    def may(self, scope: KeyScope) -> bool:
        """Whether it may do what a scope stands for."""
        return scope in self.scopes or "admin" in self.scopes


#: One who asks for what is open to all; it sees nothing of anybody's.
NOBODY = Caller(key_id="")

_current: ContextVar[Caller | None] = ContextVar("caller", default=None)

#: The caller of this request; None where authentication is off.
caller = _current.get


@contextmanager
def acting_as(who: Caller | None) -> Iterator[None]:
    """Let what is done inside be done on somebody's behalf."""
    token = _current.set(who)
    try:
        yield
    finally:
        _current.reset(token)


def owner() -> str | None:
    """Whom what is made now belongs to."""
    who = _current.get()
    return None if who is None else who.key_id


def usual_webhook() -> str | None:
    """Whom the caller's tracks tell that they are finished, where the request names nobody."""
    who = _current.get()
    return None if who is None else who.webhook_url


def may_see(whose: str | None) -> bool:
    """Whether the caller sees what belongs to `whose`: its own; an admin sees all."""
    who = _current.get()
    return who is None or who.sees_all or (whose is not None and whose == who.key_id)


def seen_owner() -> str | None:
    """The only owner whose things the caller sees; None where it sees all."""
    who = _current.get()
    return None if who is None or who.sees_all else who.key_id


def link_to(base_url: str, path: str) -> str:
    """The address of a path below the service's own, signed where it must open without a key."""
    who = _current.get()
    signature = "" if who is None or who.sign is None else who.sign(path)
    return f"{base_url.rstrip('/')}{path}{signature}"
