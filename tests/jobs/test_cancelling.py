"""Ending work that nobody wants, and removing what was made."""

import pytest

from app.errors import StorageFailed, TrackAlreadyFinished, TrackNotFound
from tests.jobs.conftest import until

psutil = pytest.importorskip("psutil", reason="psutil (requirements/dev.txt) watches the processes")


def gone(pid):
    return not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE


def test_queued_work_is_cancelled_without_having_begun(open_shop):
    shop = open_shop(workers=1)
    busy = shop.submit("wait")
    shop.at(busy, 50)
    track = shop.submit()

    cancelled = shop.queue.cancel(track.id).result(10)

    assert (cancelled.status, cancelled.stage, cancelled.error) == ("failed", "cancelled", "Cancelled")
    assert cancelled.finished_at is not None
    assert shop.queue.get(track.id) == shop.store.get(track.id) == cancelled
    assert shop.queue.position(track.id) is None
    shop.let("go")
    shop.finished(busy)
    assert shop.done().status == "completed"
    assert shop.seen(track) == []


def test_running_work_is_cancelled_with_its_worker_and_its_files(shop):
    track = shop.submit("wait")
    shop.at(track, 50)
    (_, _, worker, _), *_ = shop.seen(track)
    assert shop.stored(track) == ["1/half.mp3"]

    cancelled = shop.queue.cancel(track.id).result(10)

    assert (cancelled.status, cancelled.stage, cancelled.progress) == ("failed", "cancelled", 50)
    assert shop.store.get(track.id) == cancelled
    until(lambda: gone(worker))
    until(lambda: shop.stored(track) == [])
    assert shop.done().status == "completed"


def test_cancelling_twice_is_cancelling(shop):
    track = shop.submit("wait")
    shop.at(track, 50)

    first, second = shop.queue.cancel(track.id), shop.queue.cancel(track.id)

    assert first.result(10) == second.result(10) == shop.queue.cancel(track.id).result(10)


def test_cancelling_right_after_submitting_is_cancelling(shop):
    tracks = [shop.submit("wait") for _ in range(6)]

    cancelled = [shop.queue.cancel(track.id) for track in tracks]

    assert {future.result(10).stage for future in cancelled} == {"cancelled"}
    until(lambda: all(shop.stored(track) == [] for track in tracks))
    assert shop.done().status == "completed"


def test_finished_tracks_cannot_be_cancelled(shop):
    for track in (shop.done(), shop.done("refuse")):
        with pytest.raises(TrackAlreadyFinished, match="already finished"):
            shop.queue.cancel(track.id).result(10)


def test_unknown_tracks_can_be_neither_cancelled_nor_deleted(shop):
    with pytest.raises(TrackNotFound):
        shop.queue.cancel("track_0").result(10)
    with pytest.raises(TrackNotFound):
        shop.queue.delete("track_0").result(10)


@pytest.mark.parametrize("prompt", ["succeed", "wait"])
def test_a_deleted_track_is_gone_with_its_files(shop, prompt):
    track = shop.submit(prompt)
    until(lambda: shop.stored(track))
    if prompt == "succeed":
        shop.finished(track)

    shop.queue.delete(track.id).result(10)

    assert shop.queue.get(track.id) is None
    assert shop.store.get(track.id) is None
    assert shop.stored(track) == []
    with pytest.raises(TrackNotFound):
        shop.queue.delete(track.id).result(10)


def test_a_queued_track_can_be_deleted(open_shop):
    shop = open_shop(workers=1)
    busy = shop.submit("wait")
    shop.at(busy, 50)
    track = shop.submit()

    shop.queue.delete(track.id).result(10)

    assert shop.store.get(track.id) is None
    shop.let("go")
    shop.finished(busy)
    assert shop.queue.load().queued == 0


class Stuck:
    """A file store that cannot delete."""

    def delete_track(self, track_id):
        raise OSError("the bucket is away")

    def delete_run(self, track_id, run):
        raise OSError("the bucket is away")

    def delete_live(self, *, before):
        raise StorageFailed("the bucket is away")


def test_files_that_cannot_be_removed_now_are_removed_at_the_next_start(open_shop):
    shop = open_shop(workers=1, files=Stuck())
    track = shop.done()
    shop.queue.delete(track.id).result(10)
    assert shop.stored(track) == ["1/track.mp3"]
    shop.queue.stop()

    again = open_shop(workers=1)

    until(lambda: again.stored(track) == [])
