"""Orphans: files of a track that its record does not know, as a worker leaves that was frozen, came back, and died.

Everything else that is to go was written down when it became useless, and goes at once.

Rule: what belongs to no track known here may be another installation's, and stays.
"""

import logging
from datetime import timedelta
from itertools import islice

from app.services.storage.files import AudioFiles
from app.services.storage.tracks import TrackStore
from app.utils.clock import Clock

#: Age in seconds from which a file counts as left behind: no run, waiting for its store, takes as long.
GRACE_S = 86_400.0
#: Tracks looked up with one question.
AT_ONCE = 200

log = logging.getLogger(__name__)


class Orphans:
    """Looks through the whole store when it is told to."""

    def __init__(self, store: TrackStore, files: AudioFiles, clock: Clock) -> None:
        self._store = store
        self._files = files
        self._clock = clock

    def remove(self) -> int:
        """Remove what its finished track does not know: the files of how many runs. `StorageFailed`, `StoreAway`."""
        before = self._clock.now() - timedelta(seconds=GRACE_S)
        old: dict[tuple[str, int], bool] = {}
        for run, found in self._files.listed_runs():
            old[run] = old.get(run, True) and found.changed_at < before
        candidates = iter([run for run, is_old in old.items() if is_old])
        removed = 0
        while some := list(islice(candidates, AT_ONCE)):
            tracks = self._store.get_all({track_id for track_id, _ in some})
            for track_id, number in some:
                track = tracks.get(track_id)
                if track is None or not track.finished or any(_run_of(file.key) == number for file in track.files):
                    continue
                log.warning("Files of run %d are not the track's and go", number, extra={"track_id": track_id})
                self._files.delete_run(track_id, number)
                removed += 1
        return removed


def _run_of(key: str) -> int:
    """The run that made a file: the folder it lies in."""
    return int(key.split("/")[2])
