"""The machine's clock is set, forwards and back, while tracks are made: none is lost, doubled, stuck or goes back."""

from dataclasses import dataclass
from datetime import timedelta

import pytest

from app.services.jobs.pacing import Pace, patience_s
from app.utils.clock import FrozenClock
from tests.jobs.conftest import a_track, until
from tests.jobs.test_pacing import paced

DAY_S = 86_400.0


@dataclass
class SetClock(FrozenClock):
    """A frozen clock that can be set, as an operator or a time server does it."""

    passed_s: float = 0.0

    def monotonic(self):
        return self.passed_s

    def advance(self, seconds):
        super().advance(seconds)
        self.passed_s += seconds

    def set(self, seconds):
        """Show another moment, though no time has passed."""
        self.moment += timedelta(seconds=seconds)


@pytest.mark.parametrize("jump_s", [-DAY_S, -3_600, -10, 10, DAY_S])
def test_a_paced_track_ends_in_its_time_and_never_goes_back(open_shop, jump_s):
    clock = SetClock()
    shop = open_shop(workers=1, clock=clock)
    track = shop.queue.submit(paced(clock)).result(10)
    until(lambda: shop.stored(track))
    shop.queue.tick()
    clock.advance(10)
    seen = [shop.queue.get(track.id).progress]

    clock.set(jump_s)
    seen.append(shop.queue.get(track.id).progress)
    clock.advance(9)
    seen.append(shop.queue.get(track.id).progress)
    clock.advance(2)
    until(lambda: shop.queue.tick() or shop.queue.get(track.id).finished)
    seen.append(shop.queue.get(track.id).progress)

    assert seen[0] == 50
    assert seen == sorted(seen)
    assert shop.queue.get(track.id).status == "completed"
    assert len(shop.seen(track)) == 1


def test_a_clock_set_back_before_the_work_is_done_holds_a_paced_track_no_longer(open_shop):
    clock = SetClock()
    shop = open_shop(workers=1, clock=clock)
    track = shop.queue.submit(paced(clock, 20, "wait")).result(10)
    until(lambda: shop.seen(track))

    clock.advance(15)
    clock.set(-DAY_S)
    shop.let("go")
    until(lambda: shop.stored(track))
    clock.advance(5.5)
    until(lambda: shop.queue.tick() or shop.queue.get(track.id).finished)

    assert shop.queue.get(track.id).status == "completed"


@pytest.mark.parametrize("jump_s", [-400 * DAY_S, 400 * DAY_S])
def test_tracks_in_work_are_completed_once_and_those_that_wait_are_made(open_shop, jump_s):
    clock = SetClock()
    shop = open_shop(workers=1, clock=clock, retention_s=30 * DAY_S)
    running = shop.submit("wait", created_at=clock.now())
    until(lambda: shop.seen(running))
    waiting = shop.submit(created_at=clock.now())

    clock.set(jump_s)
    shop.queue.tick()
    late = shop.submit(created_at=clock.now())
    shop.let("go")
    ended = [shop.finished(track) for track in (running, waiting, late)]

    assert [track.status for track in ended] == ["completed"] * 3
    assert [len(shop.seen(track)) for track in ended] == [1, 1, 1]
    assert {track.id for track in shop.store.page(limit=10).tracks} == {track.id for track in ended}


def test_a_restart_after_the_clock_was_set_back_takes_everything_up(open_shop):
    clock = SetClock()
    shop = open_shop(workers=1, clock=clock)
    tracks = [shop.submit("wait", created_at=clock.now()), shop.queue.submit(paced(clock)).result(10)]
    until(lambda: shop.seen(tracks[0]))
    shop.queue.stop()

    clock.set(-DAY_S)
    again = open_shop(workers=1, clock=clock)
    again.let("go")
    assert again.finished(tracks[0]).status == "completed"
    until(lambda: again.stored(tracks[1]))
    again.queue.tick()
    clock.advance(20.5)
    until(lambda: again.queue.tick() or again.queue.get(tracks[1].id).finished)
    assert again.queue.get(tracks[1].id).status == "completed"


def test_a_track_is_held_back_for_its_own_time_at_most():
    clock = SetClock()
    track = paced(clock, 20)

    assert patience_s(track, clock.now()) == 20
    assert patience_s(track, clock.now() - timedelta(days=1)) == 20
    assert patience_s(track, clock.now() + timedelta(days=1)) == 0
    assert patience_s(a_track(), clock.now()) == 0


def test_no_more_is_remembered_of_paced_tracks_than_need_be(monkeypatch):
    monkeypatch.setattr("app.services.jobs.pacing.MOST_REMEMBERED", 3)
    clock = SetClock()
    pace = Pace(clock)

    for _ in range(10):
        pace.shown(paced(clock))

    assert len(pace._furthest) == 3
