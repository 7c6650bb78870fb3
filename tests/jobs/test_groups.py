"""A group is accepted whole or not at all, in one commit with its tracks, and survives whatever ends the server."""

import signal
import sqlite3
import subprocess
import sys
from contextlib import closing

import pytest

from app.errors import Busy, InvalidField, NoRoomForAll, QueueFull, StorageFailed
from app.models.group import Group
from tests.jobs.conftest import a_track, until
from tests.jobs.test_submitting import Ledgerkeeper, rows


def a_group(tracks, **changes):
    first = tracks[0]
    values = {"id": f"group_{first.id[6:]}", "kind": "batch", "created_at": first.created_at, "size": len(tracks)}
    return Group(**{**values, "track_ids": tuple(track.id for track in tracks), **changes})


def submit(shop, *prompts):
    tracks = [a_track(prompt) for prompt in prompts]
    group = a_group(tracks)
    shop.queue.submit_all(tracks, group).result(10)
    return group, tracks


def groups_in(shop):
    with closing(sqlite3.connect(shop.folder / "music.db")) as connection:
        return connection.execute(
            "SELECT (SELECT count(*) FROM groups), (SELECT count(*) FROM group_members)"
        ).fetchone()


def test_a_hundred_tracks_are_one_commit_and_keep_their_order(open_shop, tmp_path):
    store = Ledgerkeeper(tmp_path / "music.db")
    shop = open_shop(store=store, workers=1)
    busy = shop.submit("wait never")
    shop.at(busy, 50)
    before = store.commits

    group, tracks = submit(shop, *["wait never"] * 100)

    assert store.commits - before == 1
    assert rows(shop) == (101, 101)
    assert shop.store.group(group.id) == group
    assert [shop.queue.position(track.id) for track in tracks] == list(range(1, 101))

    shop.queue.stop()
    again = open_shop(workers=1)
    again.at(busy, 50)
    until(lambda: again.queue.load().queued == 100)
    assert [again.queue.position(track.id) for track in tracks] == list(range(1, 101))
    assert again.store.group(group.id) == group


def test_each_track_of_a_group_is_made(shop):
    group, tracks = submit(shop, "succeed", "refuse", "succeed")

    assert [shop.finished(track).status for track in tracks] == ["completed", "failed", "completed"]
    assert shop.store.group(group.id) == group


def test_a_group_that_cannot_be_written_whole_leaves_nothing(open_shop):
    shop = open_shop(workers=1)
    with closing(sqlite3.connect(shop.folder / "music.db")) as connection:
        connection.execute(
            "CREATE TRIGGER full BEFORE INSERT ON tracks WHEN NEW.prompt = 'bad' "
            "BEGIN SELECT RAISE(ABORT, 'the disk is full'); END"
        )
    tracks = [a_track("bad" if number == 70 else "wait") for number in range(100)]

    refused = shop.queue.submit_all(tracks, a_group(tracks))
    beside = shop.queue.submit(a_track())  # shares the commit, and gets through

    with pytest.raises(StorageFailed, match="the disk is full"):
        refused.result(10)
    assert shop.finished(beside.result(10)).status == "completed"
    assert rows(shop) == (1, 0)
    assert groups_in(shop) == (0, 0)
    assert shop.queue.load().queued == 0
    assert not any(shop.queue.get(track.id) for track in tracks)
    assert not any(shop.seen(track) for track in tracks)


def test_a_queue_without_room_for_all_takes_none(open_shop):
    shop = open_shop(workers=1, max_queue=4)
    busy = shop.submit("wait never")
    shop.at(busy, 50)
    shop.submit("wait never")
    tracks = [a_track("wait never") for _ in range(4)]

    with pytest.raises(NoRoomForAll, match=r"room for 3 of the 4 tracks \(at most 4 wait\)") as caught:
        shop.queue.submit_all(tracks, a_group(tracks)).result(10)
    assert caught.value.retry_after_s >= 1
    assert rows(shop) == (2, 2)

    submit(shop, *["wait never"] * 3)
    assert rows(shop) == (5, 5)
    with pytest.raises(QueueFull, match="The queue is full"):
        shop.submit("wait never")
    many = [a_track() for _ in range(5)]
    with pytest.raises(InvalidField, match="at most 4 tracks, got 5"):
        shop.queue.submit_all(many, a_group(many)).result(10)
    assert groups_in(shop) == (1, 3)


def test_a_group_goes_with_its_last_track(open_shop):
    shop = open_shop(workers=1)
    group, (first, second) = submit(shop, "succeed", "succeed")
    shop.finished(first)
    shop.finished(second)

    shop.queue.delete(first.id).result(10)
    assert shop.store.group(group.id).track_ids == (second.id,)

    shop.queue.delete(second.id).result(10)
    assert shop.store.group(group.id) is None
    assert groups_in(shop) == (0, 0)


def test_what_is_recorded_is_durable_when_it_is_answered(open_shop, tmp_path):
    store = Ledgerkeeper(tmp_path / "music.db")
    shop = open_shop(store=store, workers=1)
    commits = store.commits

    assert shop.queue.record(lambda changes: changes.vote("comparison_1", "A", {}, None)).result(10) is None
    assert store.commits == commits + 1

    store.full = True
    with pytest.raises(StorageFailed, match="no such table: nowhere"):
        shop.queue.record(lambda changes: changes.vote("comparison_1", "A", {}, None)).result(10)
    store.full = False

    shop.queue.stop()
    with pytest.raises(Busy, match="stopping"):
        shop.queue.record(lambda changes: None).result(10)


GROUP_OF_THREE = """
import sys, time
from pathlib import Path
from tests.jobs.conftest import Shop
from tests.jobs.test_groups import submit
shop = Shop(Path(sys.argv[1]), workers=1)
shop.queue.start()
group, tracks = submit(shop, "wait", "wait", "succeed")
print(group.id, *group.track_ids, flush=True)
time.sleep(600)
"""


def test_a_server_that_is_killed_forgets_no_group(open_shop, tmp_path):
    process = subprocess.Popen([sys.executable, "-c", GROUP_OF_THREE, str(tmp_path)], stdout=subprocess.PIPE, text=True)
    group_id, *ids = process.stdout.readline().split()
    process.send_signal(signal.SIGKILL)
    process.wait(10)
    process.stdout.close()

    shop = open_shop(workers=1)
    shop.let("go")

    assert shop.store.group(group_id).track_ids == tuple(ids)
    for track_id in ids:
        done = until(lambda track_id=track_id: (now := shop.queue.get(track_id)) and now.finished and now)
        assert done.status == "completed"
