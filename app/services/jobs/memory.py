"""TrackMemory: tracks as they stand now, readable from any thread without waiting."""

from collections import OrderedDict
from contextlib import suppress

from app.models.track import Track
from app.services.jobs.audience import Audience

#: Finished tracks remembered; with plan and brief each takes some 30 kB.
REMEMBERED = 2_000


class TrackMemory:
    """All tracks in work, and those finished that were asked for last.

    One thread writes, and tells the `audience` what is new. Readers take no lock: each step is one operation of a dict,
    which is never seen half done.
    """

    def __init__(self, remembered: int = REMEMBERED) -> None:
        self._in_work: dict[str, Track] = {}
        self._finished: OrderedDict[str, Track] = OrderedDict()
        self._remembered = remembered
        self.audience = Audience()

    def get(self, track_id: str) -> Track | None:
        """The track, if it is remembered."""
        track = self._in_work.get(track_id)
        if track is not None:
            return track
        track = self._finished.get(track_id)
        if track is not None:
            with suppress(KeyError):  # forgotten in this very moment
                self._finished.move_to_end(track_id)
        return track

    def keep(self, track: Track) -> None:
        """Remember a track as it now is."""
        before = self._in_work.get(track.id) or self._finished.get(track.id)
        if track.finished:
            self._finished[track.id] = track
            self._in_work.pop(track.id, None)
            while len(self._finished) > self._remembered:
                self._finished.popitem(last=False)
        else:
            self._in_work[track.id] = track
        if before is not track:
            self.audience.tell(track.id, track)

    def __len__(self) -> int:
        """Tracks that it remembers."""
        return len(self._in_work) + len(self._finished)

    def ids(self) -> list[str]:
        """Tracks that it remembers."""
        return [*self._in_work, *self._finished]

    def at_work(self) -> list[Track]:
        """Tracks that wait or are made, as they stand, in no order."""
        return list(self._in_work.values())

    def forget(self, track_id: str) -> None:
        """Remember it no more."""
        known = self._in_work.pop(track_id, None) or self._finished.pop(track_id, None)
        if known is not None:
            self.audience.tell(track_id, None)
