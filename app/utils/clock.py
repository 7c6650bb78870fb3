"""Time handed in, so that nothing that waits has to be waited for in a test."""

import time
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from typing import Protocol


class Clock(Protocol):
    """What tells the time."""

    def now(self) -> datetime:
        """The present moment, in UTC."""

    def monotonic(self) -> float:
        """Seconds on a clock that never goes back."""


class SystemClock:
    """The machine's own clock."""

    def now(self) -> datetime:
        """The present moment, in UTC."""
        return datetime.now(timezone.utc)

    def monotonic(self) -> float:
        """Seconds on a clock that never goes back."""
        return time.monotonic()


@dataclass
class FrozenClock:
    """A clock that stands still until it is told to advance."""

    #: The moment it shows, in UTC.
    moment: datetime = field(default_factory=lambda: datetime(2026, 1, 1, tzinfo=timezone.utc))

    def now(self) -> datetime:
        """The moment it was set to."""
        return self.moment

    def monotonic(self) -> float:
        """The moment as seconds since 1970."""
        return self.moment.timestamp()

    def advance(self, seconds: float) -> None:
        """Move on by some seconds."""
        self.moment += timedelta(seconds=seconds)
