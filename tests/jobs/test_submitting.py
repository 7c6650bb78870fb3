"""What is accepted is kept; what cannot be kept is not accepted."""

import asyncio
import sqlite3
from contextlib import closing, contextmanager

import pytest

from app.errors import Busy, QueueFull, StorageFailed
from app.services.storage import TrackStore
from tests.jobs.conftest import a_track, until


class Ledgerkeeper(TrackStore):
    """Counts what reaches the disk, and fails when told to."""

    def __init__(self, path):
        super().__init__(path)
        self.commits = 0
        self.full = False

    @contextmanager
    def transaction(self, *, durable=True):
        self.commits += durable
        with super().transaction(durable=durable) as changes:
            yield changes
            if self.full:
                # A statement that SQLite refuses, as it would any on a full disk.
                changes._connection.exec_driver_sql("INSERT INTO nowhere VALUES (1)")


def rows(shop):
    """How many tracks and jobs there are."""
    with closing(sqlite3.connect(shop.folder / "music.db")) as connection:
        return connection.execute("SELECT (SELECT count(*) FROM tracks), (SELECT count(*) FROM jobs)").fetchone()


def test_an_accepted_track_is_in_the_database(shop):
    track = shop.queue.submit(a_track("wait never")).result(10)

    with closing(sqlite3.connect(shop.folder / "music.db")) as connection:
        found = connection.execute("SELECT prompt FROM tracks WHERE id = ?", [track.id]).fetchone()
    assert found == ("wait never",)
    shop.queue.cancel(track.id).result(10)


def test_what_has_priority_goes_first_and_equals_in_their_order(open_shop):
    shop = open_shop(workers=1)
    shop.at(shop.submit("wait go"), 1)
    waiting = [shop.submit("succeed", priority=priority) for priority in (0, -10, 10, 0)]
    assert [shop.queue.position(track.id) for track in waiting] == [2, 4, 1, 3]

    shop.let("go")
    ended = sorted((shop.finished(track) for track in waiting), key=lambda track: track.started_at)

    assert [track.id for track in ended] == [waiting[number].id for number in (2, 0, 3, 1)]


def test_waiting_inserts_share_commits(open_shop, tmp_path):
    store = Ledgerkeeper(tmp_path / "music.db")
    shop = open_shop(store=store, workers=1)
    busy = shop.submit("wait")
    before = store.commits

    futures = [shop.queue.submit(a_track("wait")) for _ in range(200)]
    tracks = [future.result(10) for future in futures]

    assert len({track.id for track in tracks}) == 200
    assert 0 < store.commits - before < 50
    assert rows(shop) == (201, 201)
    assert shop.queue.get(busy.id) is not None


def test_fifty_clients_at_once_lose_nothing(shop):
    async def client():
        return [(await asyncio.wrap_future(shop.queue.submit(a_track()))).id for _ in range(3)]

    async def clients():
        return await asyncio.gather(*(client() for _ in range(50)))

    ids = [track_id for some in asyncio.run(clients()) for track_id in some]

    assert len(set(ids)) == 150
    until(lambda: all(shop.queue.get(track_id).status == "completed" for track_id in ids))


def test_one_who_no_longer_waits_takes_nothing_back(shop):
    track = a_track()

    async def impatient():
        waiting = asyncio.wrap_future(shop.queue.submit(track))
        waiting.cancel()

    asyncio.run(impatient())

    assert shop.finished(track).status == "completed"


def test_a_full_queue_says_when_to_come_back_and_creates_nothing(open_shop):
    shop = open_shop(workers=1, max_queue=3)
    running = shop.submit("wait")
    until(lambda: shop.queue.load().running == 1)
    waiting = [shop.submit("wait") for _ in range(3)]
    refused = a_track("wait")

    with pytest.raises(QueueFull, match=r"The queue is full \(3 tracks are waiting\)") as caught:
        shop.queue.submit(refused).result(10)

    assert caught.value.retry_after_s >= 1
    assert shop.queue.get(refused.id) is None
    assert shop.store.get(refused.id) is None
    assert rows(shop) == (4, 4)
    shop.let("go")
    assert all(shop.finished(track).status == "completed" for track in [running, *waiting])
    assert shop.done().status == "completed"


def test_what_cannot_be_written_is_refused_and_the_queue_goes_on(open_shop, tmp_path):
    store = Ledgerkeeper(tmp_path / "music.db")
    shop = open_shop(store=store, workers=1)
    store.full = True
    refused = a_track()

    with pytest.raises(StorageFailed, match="no such table: nowhere"):
        shop.queue.submit(refused).result(10)
    store.full = False

    assert shop.queue.get(refused.id) is None
    assert shop.queue.load().queued == 0
    assert shop.done().status == "completed"
    assert shop.store.get(refused.id) is None


def test_an_id_given_twice_harms_nobody_else(open_shop):
    shop = open_shop(workers=1)
    first = shop.done()
    twin = a_track()
    twin = type(twin)(**{**{name: getattr(twin, name) for name in twin.__slots__}, "id": first.id})

    futures = [shop.queue.submit(track) for track in (a_track(), twin, a_track())]

    with pytest.raises(StorageFailed):
        futures[1].result(10)
    assert shop.finished(futures[0].result(10)).status == "completed"
    assert shop.finished(futures[2].result(10)).status == "completed"


def test_a_completion_that_cannot_be_written_yet_is_written_later(open_shop, tmp_path):
    store = Ledgerkeeper(tmp_path / "music.db")
    shop = open_shop(store=store, workers=1)
    track = shop.submit("wait")
    shop.at(track, 50)
    store.full = True
    shop.let("go")
    until(lambda: (shop.folder / "audio" / "tracks" / track.id / "1" / "track.mp3").exists())
    commits = store.commits
    until(lambda: store.commits > commits)
    assert not shop.queue.get(track.id).finished

    store.full = False

    assert shop.finished(track).status == "completed"
    assert store.get(track.id).status == "completed"


def test_a_stopped_queue_says_so(open_shop):
    shop = open_shop(workers=1)
    shop.queue.stop()

    with pytest.raises(Busy, match="stopping"):
        shop.queue.submit(a_track()).result(10)


def test_the_line_is_told_in_order(open_shop):
    shop = open_shop(workers=1)
    running = shop.submit("wait")
    shop.at(running, 40)
    first, second = shop.submit("wait"), shop.submit("wait")

    assert [shop.queue.position(track.id) for track in (running, first, second)] == [None, 1, 2]
    assert shop.queue.position("track_0") is None
    load = until(lambda: (now := shop.queue.load()).queued == 2 and now)
    assert (load.running, load.workers) == (1, 1)
    assert load.backlog_s > 0

    shop.let("go")
    shop.finished(second)
    assert shop.queue.get(first.id).started_at <= shop.queue.get(second.id).started_at
    assert until(lambda: (now := shop.queue.load()).running == 0 and now).backlog_s == 0
