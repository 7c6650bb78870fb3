"""Absence: tells the log that something is away, ever more seldom, and once that it is back."""

import logging
import threading
import time
from collections.abc import Callable

#: Seconds until an absence is told for the second time; from then on it is told after twice as long each time.
FIRST_S = 10.0
#: Longest silence in seconds.
LONGEST_S = 600.0


class Absence:
    """What many ask for in vain is told of once for all of them. From any thread."""

    def __init__(
        self, log: logging.Logger, away: str, back: str, *, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        """`away` and `back` are what the log says, as sentences without a full stop."""
        self._log = log
        self._away = away
        self._back = back
        self._monotonic = monotonic
        self._lock = threading.Lock()
        #: Since when it is away; None while it is there.
        self._since: float | None = None
        self._next = 0.0
        self._silence_s = FIRST_S

    def missed(self, reason: object) -> None:
        """It was asked in vain."""
        with self._lock:
            now = self._monotonic()
            if self._since is None:
                self._since, self._silence_s = now, FIRST_S
                self._log.warning("%s. Tried again until it is back: %s", self._away, reason)
            elif now < self._next:
                return
            else:
                self._silence_s = min(LONGEST_S, 2 * self._silence_s)
                self._log.warning("%s for %.0f s now: %s", self._away, now - self._since, reason)
            self._next = now + self._silence_s

    def back(self) -> None:
        """It answered."""
        if self._since is None:  # asked often, and nearly always true
            return
        with self._lock:
            if self._since is not None:
                self._log.warning("%s, after %.1f s", self._back, self._monotonic() - self._since)
                self._since = None
