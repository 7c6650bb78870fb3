"""Audience: those who are told of every change of a track. Changes in, calls out."""

import logging
from collections.abc import Callable
from threading import Lock
from typing import TypeAlias

from app.models.track import Track

#: Hears a track as it now is, or the id of one that is gone.
Hear: TypeAlias = Callable[[str, Track | None], None]

log = logging.getLogger(__name__)


class Audience:
    """Hearers come and go from any thread; changes are told in their order, on the thread that made them."""

    def __init__(self) -> None:
        self._joining = Lock()
        self._hearers: tuple[Hear, ...] = ()

    def join(self, hear: Hear) -> Callable[[], None]:
        """Tell `hear` of every change from now on, until what this returns is called."""

        def leave() -> None:
            with self._joining:
                self._hearers = tuple(one for one in self._hearers if one is not hear)

        with self._joining:
            self._hearers = (*self._hearers, hear)
        return leave

    def tell(self, track_id: str, track: Track | None) -> None:
        """Tell everybody. What one of them raises is logged, and troubles nobody else."""
        for hear in self._hearers:
            try:
                hear(track_id, track)
            except Exception:  # noqa: PERF203 - the others must hear it all the same
                log.exception("A hearer could not take the news of %s", track_id)
