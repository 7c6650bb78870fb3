"""Memory, line, estimates: small things that the dispatcher relies on."""

import pytest

from app.services.jobs.base import JobQueue
from app.services.jobs.embedded import EmbeddedQueue
from app.services.jobs.estimates import WorkEstimates
from app.services.jobs.inbox import Inbox
from app.services.jobs.line import WaitingLine, Work
from app.services.jobs.memory import TrackMemory
from tests.jobs.conftest import a_track


def finished(**changes):
    return a_track(status="completed", stage="completed", progress=100, **changes)


def test_memory_keeps_all_in_work_and_the_finished_that_were_asked_for_last():
    memory = TrackMemory(remembered=2)
    working, first, second, third = a_track(), finished(), finished(), finished()
    for track in (working, first, second):
        memory.keep(track)
    memory.get(first.id)

    memory.keep(third)

    assert [memory.get(track.id) is not None for track in (working, first, second, third)] == [True, True, False, True]
    memory.forget(working.id)
    memory.forget(first.id)
    assert memory.get(working.id) is memory.get(first.id) is None


def work(number, kind="render"):
    return Work(id=str(number), kind=kind, track=a_track(), number=number, estimate_s=2.0)


def test_the_line_goes_by_kind_then_by_age():
    line = WaitingLine()
    first, second, file = work(1), work(2), work(3, "encode")
    for one in (first, file, second):
        line.add(one)

    assert [line.position(one) for one in (file, first, second)] == [1, 2, 3]
    assert line.estimates_s == 6
    assert [line.next() for _ in range(3)] == [file, first, second]
    assert line.position(first) is None
    assert line.estimates_s == 0

    line.add(second)
    line.add(first)  # comes back to its old place
    assert line.position(first) == 1


def test_estimates_follow_what_renders_took():
    estimates = WorkEstimates()
    short, long = a_track(duration=30), a_track(duration=300)
    assert 0 < estimates.seconds(short) < estimates.seconds(long)

    estimates.learn(short, 3.3)
    assert estimates.seconds(long) == 30.3

    for _ in range(40):
        estimates.learn(short, 0.6)
    assert 3 < estimates.seconds(long) < 4
    assert estimates.seconds(a_track(model="other", duration=300)) == WorkEstimates().seconds(long)


def test_an_estimate_begins_with_what_was_seen_before_the_start():
    estimates = WorkEstimates()

    estimates.remember({"fake": 10.0})

    assert estimates.seconds(a_track(duration=300)) == pytest.approx(30.3)


def test_an_inbox_takes_nothing_once_it_is_closed():
    inbox = Inbox()
    left = [lambda: None, lambda: None]
    for call in left:
        assert inbox.put(call)

    assert inbox.close() == left
    assert not inbox.put(lambda: None)


def test_the_queue_is_what_the_service_expects():
    promised = {name for name in vars(JobQueue) if not name.startswith("_")}

    assert promised <= set(dir(EmbeddedQueue))


def test_one_owners_many_do_not_keep_anothers_few_waiting():
    line = WaitingLine()
    many = [Work(id=f"m{n}", kind="render", track=a_track(owner="key_m"), number=n, estimate_s=1.0) for n in range(5)]
    few = [
        Work(id=f"f{n}", kind="render", track=a_track(owner="key_f"), number=9 + n, estimate_s=1.0) for n in range(2)
    ]
    for one in (*many, *few):
        line.add(one)

    assert [line.next().id for _ in range(3)] == ["m0", "f0", "m1"]
    late = Work(id="late", kind="render", track=a_track(owner="key_l"), number=20, estimate_s=1.0)
    line.add(late)
    assert [line.next().id for _ in range(5)] == ["f1", "late", "m2", "m3", "m4"]


def test_who_comes_back_has_the_old_place_in_a_fair_line():
    line = WaitingLine()
    first, second = work(1), work(2)
    line.add(first)
    line.add(second)
    line.next()

    line.add(first)

    assert [line.next(), line.next()] == [first, second]
