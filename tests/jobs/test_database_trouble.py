"""The disk fills up, or another program holds the database: who asks is told, and what is known is not lost."""

import sqlite3
from contextlib import suppress

import pytest
from sqlalchemy import event
from sqlalchemy.engine import Engine

from app.errors import StorageFailed
from app.services.storage import database
from tests.jobs.conftest import until


class Disk:
    """How many pages SQLite's file may have: past that it says what it says on a full disk."""

    #: As many as SQLite takes.
    WITHOUT_END = 1_073_741_823

    def __init__(self):
        self.connections = []
        self.pages = self.WITHOUT_END

    def opened(self, connection, _record):
        self.connections.append(connection)
        connection.execute(f"PRAGMA max_page_count = {self.pages}")

    def fill(self):
        (pages,) = self.connections[-1].execute("PRAGMA page_count").fetchone()
        self._set(pages)

    def free(self):
        self._set(self.WITHOUT_END)

    def _set(self, pages):
        self.pages = pages
        for connection in self.connections:
            with suppress(sqlite3.ProgrammingError):  # it is closed
                connection.execute(f"PRAGMA max_page_count = {pages}")


@pytest.fixture
def disk(monkeypatch):
    real, disk = database.create_engine, Disk()

    def create(*arguments, **more):
        engine = real(*arguments, **{**more, "connect_args": {"check_same_thread": False}})
        event.listen(engine, "connect", disk.opened)
        assert isinstance(engine, Engine)
        return engine

    monkeypatch.setattr(database, "create_engine", create)
    return disk


def use_up(shop):
    """Ask for so many tracks that the pages which are left are used up."""
    for _ in range(40):
        shop.submit("succeed " + "x" * 400)


def test_on_a_full_disk_nothing_is_accepted_half_and_what_runs_is_written_down_once_there_is_room(open_shop, disk):
    shop = open_shop(workers=1)
    running = shop.submit("wait")
    until(lambda: shop.seen(running))

    disk.fill()
    with pytest.raises(StorageFailed, match="database or disk is full"):
        use_up(shop)
    shop.let("go")
    until(lambda: shop.stored(running))
    known = {track.id for track in shop.store.page(limit=100).tracks}
    disk.free()

    assert shop.finished(running).status == "completed"
    assert shop.done().status == "completed"
    until(lambda: not shop.queue.at_work())
    assert known <= {track.id for track in shop.store.page(limit=100).tracks}
    assert all(track.status == "completed" for track in shop.store.page(limit=100).tracks)
    assert len(shop.seen(running)) == 1


def test_while_another_program_holds_the_database_who_asks_is_told_and_nothing_is_lost(open_shop, monkeypatch):
    monkeypatch.setattr(database, "BUSY_S", 0.1)
    shop = open_shop(workers=1)
    running = shop.submit("wait")
    until(lambda: shop.seen(running))

    other = sqlite3.connect(shop.folder / "music.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(StorageFailed, match=r"database is locked: another program holds it\. End that program"):
        shop.submit()
    shop.let("go")
    until(lambda: len(shop.stored(running)) == 2)
    assert shop.queue.get(running.id).status == "processing"  # nothing is told before it is written
    other.execute("ROLLBACK")
    other.close()

    assert shop.finished(running).status == "completed"
    assert shop.done().status == "completed"
    assert len(shop.store.page(limit=100).tracks) == 2


def test_a_database_that_is_held_at_the_start_is_refused_with_the_reason(open_shop, monkeypatch):
    monkeypatch.setattr(database, "BUSY_S", 0.1)
    first = open_shop(workers=1)
    first.queue.stop()
    other = sqlite3.connect(first.folder / "music.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")

    shop = open_shop(start=False, workers=1)
    with pytest.raises(StorageFailed, match="another program holds it"):
        shop.queue.start()
    other.execute("ROLLBACK")
    other.close()
    shop.queue.start()
    assert shop.done().status == "completed"


def test_a_damaged_database_is_refused_at_the_start_and_left_as_it_is(open_shop):
    shop = open_shop(start=False)
    path = shop.folder / "music.db"
    path.write_bytes(b"SQLite format 3\0" + b"\xa5" * 20_000)
    before = path.read_bytes()

    with pytest.raises(StorageFailed, match=r"python3 run\.py restore FOLDER"):
        shop.queue.start()
    assert path.read_bytes() == before
    path.unlink()
    shop.queue.start()
    assert shop.done().status == "completed"
