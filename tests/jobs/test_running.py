"""A track's way through a worker, and what comes of workers that fail."""

import os
import signal
from functools import partial

import pytest

from tests.jobs.bodies import fail_to_warm, warm
from tests.jobs.conftest import until

psutil = pytest.importorskip("psutil", reason="psutil (requirements/dev.txt) watches the processes")


def test_a_track_is_completed_with_what_its_body_made(shop):
    track = shop.done()

    assert (track.status, track.stage, track.progress, track.attempt) == ("completed", "completed", 100, 1)
    assert [file.key for file in track.files] == [f"tracks/{track.id}/1/track.mp3"]
    assert track.plan == {"title": "A"}
    assert track.on_demand == ("ogg", "flac")
    assert track.created_at <= track.started_at <= track.finished_at
    assert shop.store.get(track.id) == track


def test_work_happens_in_another_process_that_stands_back(shop):
    track = shop.submit("wait nice")
    (_, _, worker, _), *_ = until(lambda: shop.seen(track))

    assert psutil.Process(worker) in psutil.Process().children(recursive=True)
    assert psutil.Process(worker).nice() > psutil.Process().nice()
    shop.let("nice")
    shop.finished(track)


def test_each_step_can_be_seen_and_is_kept(open_shop):
    shop = open_shop(workers=1)
    track = shop.submit("steps")

    for step in range(1, 10):
        shop.let(f"step{step}")
        now = until(lambda step=step: (now := shop.queue.get(track.id)).progress == step * 10 and now)
        kept = shop.store.get(track.id)
        assert (kept.progress, kept.stage) == (now.progress, now.stage) == (step * 10, "rendering")
    shop.let("step10")
    assert shop.finished(track).progress == 100


def test_a_reason_to_show_fails_the_track_at_once(shop):
    track = shop.done("refuse")

    assert (track.status, track.stage, track.error) == ("failed", "failed", "This engine has no strings")
    assert len(shop.seen(track)) == 1
    assert shop.store.get(track.id) == track


def test_a_full_disk_is_a_reason_to_show(shop):
    track = shop.done("full")

    assert track.error == "Files could not be written: no space is left on the disk"
    assert len(shop.seen(track)) == 1


def test_an_unforeseen_error_is_tried_again(shop):
    track = shop.done("stumble 1")

    assert (track.status, track.attempt) == ("completed", 2)
    assert [run for _, run, _, _ in shop.seen(track)] == [1, 2]


def test_an_error_that_stays_is_logged_whole_and_shown_in_one_calm_line(shop, caplog):
    track = shop.done("stumble")

    assert track.status == "failed"
    assert track.error == "Internal error while rendering; the log has the details"
    assert len(shop.seen(track)) == 3
    assert "ZeroDivisionError: a secret detail" in caplog.text


def test_a_body_cannot_say_what_is_not_its_to_say(shop, caplog):
    track = shop.done("lie")

    assert track.status == "failed"
    assert "not a fact about a track: status" in caplog.text


@pytest.mark.parametrize("how", ["exit", "kill"])
def test_a_worker_that_dies_is_replaced_and_its_job_tried_again(shop, how):
    other = shop.submit(f"wait {how}")
    shop.at(other, 50)

    track = shop.done(f"crash 1 {how}")

    assert (track.status, track.attempt) == ("completed", 2)
    until(lambda: shop.stored(track) == ["2/track.mp3"])
    shop.let(how)
    assert (shop.finished(other).status, len(shop.seen(other))) == ("completed", 1)


def test_three_crashes_are_enough(shop):
    track = shop.submit("crash")
    seen = []
    until(lambda: seen.append(shop.queue.get(track.id)) or seen[-1].finished)
    track = seen[-1]

    assert (track.status, track.attempt) == ("failed", 3)
    assert track.error == "The render crashed three times and was given up"
    assert [run for _, run, _, _ in shop.seen(track)] == [1, 2, 3]
    progress = [now.progress for now in seen]
    assert progress == sorted(progress)
    assert track.progress == 60
    until(lambda: shop.stored(track) == [])


def test_a_run_that_takes_too_long_is_ended_and_tried_again(open_shop):
    shop = open_shop(workers=1, job_timeout_s=0.3)

    track = shop.done("wait never")

    assert track.status == "failed"
    assert track.error == "The render took longer than 0.3 s three times and was given up"
    assert len(shop.seen(track)) == 3
    until(lambda: shop.stored(track) == [])
    assert shop.done().status == "completed"


def test_work_folders_go_with_their_runs(shop):
    shop.done()
    shop.done("stumble")

    until(lambda: list((shop.folder / "work").iterdir()) == [])


def test_idle_workers_that_die_are_replaced(open_shop):
    shop = open_shop(workers=2)
    both = [shop.submit("wait"), shop.submit("wait")]
    workers = {until(lambda track=track: shop.seen(track))[0][2] for track in both}
    shop.let("go")
    for track in both:
        shop.finished(track)
    for worker in workers:
        os.kill(worker, signal.SIGKILL)

    tracks = [shop.submit() for _ in range(4)]

    assert [shop.finished(track).status for track in tracks] == ["completed"] * 4


def test_workers_warm_up_before_the_first_job(open_shop):
    shop = open_shop(workers=2, warm=partial(warm, str(open_shop.folder)))
    until(lambda: len(list((shop.folder / "warm").glob("*"))) == 2)

    track = shop.done()

    assert str(shop.seen(track)[0][2]) in {path.name for path in (shop.folder / "warm").iterdir()}


def test_workers_that_cannot_warm_up_work_all_the_same(open_shop):
    shop = open_shop(workers=1, warm=fail_to_warm)

    assert shop.done().status == "completed"


def test_workers_that_cannot_be_started_at_first_are_started_for_the_first_job(open_shop, monkeypatch):
    shop = open_shop(start=False, workers=1)
    pool, refusals = shop.queue._dispatcher._pool, [OSError("too many processes")]
    start = pool.start
    monkeypatch.setattr(pool, "start", lambda: start() if not refusals else _throw(refusals.pop()))
    shop.queue.start()

    assert shop.done().status == "completed"


def _throw(error):
    raise error


def test_a_busy_worker_does_not_hold_up_the_others(open_shop):
    shop = open_shop(workers=2)
    slow = shop.submit("wait")
    shop.at(slow, 50)

    assert [shop.done().status for _ in range(5)] == ["completed"] * 5
    assert not shop.queue.get(slow.id).finished
