"""Files are removed once; where their store does not answer, later, and nobody is kept waiting for it."""

from datetime import datetime, timezone
from queue import Queue

import pytest

from app.errors import StoreAway
from app.services.jobs import janitor as module
from app.services.jobs.janitor import Janitor
from app.services.storage.folders import WorkFolders
from app.services.storage.rows import JobRow

REMOVAL = JobRow(
    id="job_1", kind="remove", subject_id="track_1", run=2, created_at=datetime(2026, 1, 1, tzinfo=timezone.utc)
)


class AwayAtFirst:
    """A store that answers from the given call on."""

    def __init__(self, calls: int) -> None:
        self.left = calls
        self.removed: list[tuple[str, int]] = []

    def delete_track(self, track_id: str) -> None:
        self.delete_run(track_id, 0)

    def delete_run(self, track_id: str, run: int) -> None:
        if self.left:
            self.left -= 1
            raise StoreAway("the store does not answer")
        self.removed.append((track_id, run))

    def delete_live(self, *, before: datetime) -> None:
        raise StoreAway("the store does not answer")


def test_what_a_store_that_is_away_keeps_is_removed_when_it_is_back(tmp_path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "PAUSE_S", 0.01)
    files, said = AwayAtFirst(2), Queue()
    janitor = Janitor(files, WorkFolders(tmp_path))
    janitor.start()

    janitor.remove(REMOVAL, said.put)
    answers = [said.get(timeout=60) for _ in range(3)]
    janitor.stop()

    assert answers == [False, False, True]
    assert files.removed == [("track_1", 2)]


def test_the_end_waits_for_no_store(tmp_path) -> None:
    files, said = AwayAtFirst(1_000), Queue()
    janitor = Janitor(files, WorkFolders(tmp_path))
    janitor.start()

    janitor.remove(REMOVAL, said.put)
    janitor.stop()

    assert said.get(timeout=60) is False
    assert files.removed == []


def test_a_store_that_is_away_or_refuses_does_not_end_the_janitor(tmp_path) -> None:
    store = AwayAtFirst(0)
    janitor = Janitor(store, WorkFolders(tmp_path))
    janitor.start()
    removed: Queue[bool] = Queue()

    janitor.clear_live(datetime(2026, 1, 1, tzinfo=timezone.utc))
    janitor.remove(REMOVAL, removed.put)

    assert removed.get(timeout=10)
    janitor.stop()
