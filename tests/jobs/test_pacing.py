"""The simulator's pace: the work is done at once and shown by the clock."""

from datetime import timedelta

import pytest

from app.services.jobs.pacing import PACE, shown
from app.utils.clock import FrozenClock
from tests.jobs.conftest import a_track, until


def paced(clock, seconds=20, prompt="succeed"):
    return a_track(prompt, created_at=clock.now(), paced_until=clock.now() + timedelta(seconds=seconds))


def test_stages_and_progress_follow_the_clock():
    clock = FrozenClock()
    track = paced(clock, 100)

    seen = [shown(track, clock.now() + timedelta(seconds=s)) for s in range(-1, 130)]

    progress = [now.progress for now in seen]
    assert progress == sorted(progress)
    assert (progress[0], progress[51], progress[-1]) == (0, 50, 99)
    stages = list(dict.fromkeys(now.stage for now in seen))
    assert stages == [stage for _, stage in PACE]
    assert {now.status for now in seen} == {"processing"}


def test_tracks_without_a_pace_are_shown_as_they_are():
    track = a_track()

    assert shown(track, FrozenClock().now()) is track


def test_the_work_is_done_at_once_and_shown_in_time(open_shop):
    clock = FrozenClock()
    shop = open_shop(workers=1, clock=clock)
    track = shop.queue.submit(paced(clock)).result(10)
    until(lambda: shop.stored(track))
    assert shop.queue.get(track.id).progress == 0
    assert shop.queue.position(track.id) is None

    clock.advance(10)
    shop.queue.tick()
    now = shop.queue.get(track.id)
    assert (now.status, now.stage, now.progress) == ("processing", "rendering", 50)
    assert now.files == ()

    clock.advance(10)
    until(lambda: shop.queue.tick() or shop.queue.get(track.id).finished)
    now = shop.queue.get(track.id)
    assert (now.status, now.progress, now.finished_at) == ("completed", 100, track.paced_until)
    assert len(shop.seen(track)) == 1


def test_waiting_holds_no_worker(open_shop):
    clock = FrozenClock()
    shop = open_shop(workers=1, clock=clock)
    tracks = [shop.queue.submit(paced(clock)).result(10) for _ in range(3)]
    until(lambda: all(shop.stored(track) for track in tracks))

    assert shop.done(created_at=clock.now()).status == "completed"
    assert not any(shop.queue.get(track.id).finished for track in tracks)


def test_work_that_takes_longer_than_its_pace_is_shown_when_it_is_done(open_shop):
    clock = FrozenClock()
    shop = open_shop(workers=1, clock=clock)
    track = shop.queue.submit(paced(clock, prompt="wait")).result(10)
    until(lambda: shop.stored(track))

    clock.advance(30)
    shop.queue.tick()
    assert (shop.queue.get(track.id).progress, shop.queue.get(track.id).status) == (99, "processing")

    shop.let("go")
    assert shop.finished(track).status == "completed"


def test_a_failure_is_shown_at_once(open_shop):
    clock = FrozenClock()
    shop = open_shop(workers=1, clock=clock)
    track = shop.queue.submit(paced(clock, prompt="refuse")).result(10)

    assert shop.finished(track).error == "This engine has no strings"


@pytest.mark.parametrize("set_back_s", [0, 3_600])
def test_what_is_cancelled_stays_as_far_as_it_was_shown(open_shop, set_back_s):
    clock = FrozenClock()
    shop = open_shop(workers=1, clock=clock)
    track = shop.queue.submit(paced(clock)).result(10)
    clock.advance(8)
    assert shop.queue.get(track.id).progress == 40
    clock.advance(-set_back_s)

    shop.queue.cancel(track.id).result(10)

    assert shop.queue.get(track.id).progress == 40
    if not set_back_s:  # after a restart
        assert shop.store.get(track.id).progress == 40


def test_what_fails_stays_as_far_as_it_was_shown(open_shop):
    clock = FrozenClock()
    shop = open_shop(workers=1, clock=clock)
    track = shop.queue.submit(paced(clock, prompt="refuse go")).result(10)
    clock.advance(8)
    assert shop.queue.get(track.id).progress == 40

    shop.let("go")

    assert shop.finished(track).progress == shop.store.get(track.id).progress == 40


def test_a_paced_track_can_be_cancelled_when_its_work_is_done(open_shop):
    clock = FrozenClock()
    shop = open_shop(workers=1, clock=clock)
    track = shop.queue.submit(paced(clock)).result(10)
    until(lambda: shop.stored(track))
    shop.queue.tick()

    cancelled = shop.queue.cancel(track.id).result(10)

    assert cancelled.stage == "cancelled"
    until(lambda: shop.stored(track) == [])
    clock.advance(60)
    shop.queue.tick()
    assert shop.queue.get(track.id).status == "failed"


def test_the_pace_is_kept_over_a_restart(open_shop):
    clock = FrozenClock()
    shop = open_shop(workers=1, clock=clock)
    track = shop.queue.submit(paced(clock)).result(10)
    until(lambda: shop.stored(track))
    clock.advance(10)
    shop.queue.stop()

    again = open_shop(workers=1, clock=clock)
    until(lambda: again.stored(track) == ["2/track.mp3"])
    again.queue.tick()
    assert (again.queue.get(track.id).status, again.queue.get(track.id).progress) == ("processing", 50)

    clock.advance(10)
    until(lambda: again.queue.tick() or again.queue.get(track.id).finished)
    assert again.queue.get(track.id).status == "completed"
    assert again.stored(track) == ["2/track.mp3"]
