"""Limits: how often a client may ask, counted in memory, or in the database that nodes share."""

import asyncio
import math
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from app.services.storage.tracks import TrackStore

if TYPE_CHECKING:  # the library is loaded where something is limited: it takes longer than the rest of this package
    from limits import RateLimitItem


@dataclass(frozen=True, kw_only=True, slots=True)
class Standing:
    """How a client stands after a request."""

    #: Whether the request may go on.
    allowed: bool
    #: Requests a window, and the window's length in seconds.
    amount: int
    window_s: int
    #: Requests left in this window, and the seconds until the next.
    left: int
    wait_s: int


class Limits:
    """Asked with every request, from the event loop."""

    def __init__(self, *, client: str = "", address: str = "", shared: TrackStore | None = None) -> None:
        """`client` and `address` are rates such as "60/minute"; empty for none."""
        from limits import parse
        from limits.storage import MemoryStorage
        from limits.strategies import FixedWindowRateLimiter

        from app.services.access.counting import DatabaseCounters

        self._client = parse(client) if client else None
        self._address = parse(address) if address else None
        self._shared = shared is not None
        self._counters = MemoryStorage() if shared is None else DatabaseCounters(shared)
        self._limiter = FixedWindowRateLimiter(self._counters)

    def __len__(self) -> int:
        """Clients and addresses whose requests are counted in memory."""
        return len(getattr(self._counters, "storage", ()))

    async def ask_client(self, name: str) -> Standing | None:
        """Count a request of a client; None where that is not limited. `StorageFailed`."""
        return None if self._client is None else await self._ask(self._client, "client", name)

    async def ask_address(self, address: str) -> Standing | None:
        """Count a request from an address; None where that is not limited. `StorageFailed`."""
        return None if self._address is None else await self._ask(self._address, "address", address)

    async def _ask(self, limit: "RateLimitItem", kind: str, name: str) -> Standing:
        if self._shared:
            return await asyncio.to_thread(self._count, limit, kind, name)
        return self._count(limit, kind, name)

    def _count(self, limit: "RateLimitItem", kind: str, name: str) -> Standing:
        allowed = self._limiter.hit(limit, kind, name)
        window = self._limiter.get_window_stats(limit, kind, name)
        return Standing(
            allowed=allowed,
            amount=limit.amount,
            window_s=limit.get_expiry(),
            left=window.remaining,
            wait_s=max(1, math.ceil(window.reset_time - time.time())),
        )
