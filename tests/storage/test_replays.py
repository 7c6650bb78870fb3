"""Answers to requests that may be repeated, in both databases."""

from datetime import datetime, timezone

import pytest

from app.errors import StillBeingMade, UsedForAnother
from app.models.group import Group
from app.models.track import Track
from app.services.access.replays import GIVEN_UP_S, KEPT_S, Lost, Replays
from app.services.storage.rows import JobRow
from app.utils.clock import FrozenClock


def test_an_answer_is_given_again_by_every_node_for_a_day(store):
    clock = FrozenClock()
    here, there = Replays(store, clock), Replays(store, clock)
    begun = here.begin("k", "asked")
    here.keep(begun, 200, {"location": "here"}, '{"prompt": "a\\u0000b"}')

    for replays in (here, there):
        again = replays.begin("k", "asked")
        assert (again.status, again.headers, again.body) == (200, {"location": "here"}, '{"prompt": "a\\u0000b"}')
        with pytest.raises(UsedForAnother):
            replays.begin("k", "another")

    clock.advance(KEPT_S)
    assert there.begin("k", "another").status is None


def test_one_at_a_time_makes_the_answer(store):
    clock = FrozenClock()
    here, there = Replays(store, clock), Replays(store, clock)
    begun = here.begin("k", "asked")

    for replays in (here, there):
        with pytest.raises(StillBeingMade):
            replays.begin("k", "asked")
    here.forget(begun)

    assert there.begin("k", "asked").status is None


def test_what_a_server_that_ended_had_begun_is_taken_over(store):
    clock = FrozenClock()
    Replays(store, clock).begin("k", "asked")
    clock.advance(GIVEN_UP_S - 1)
    other = Replays(store, clock)
    with pytest.raises(StillBeingMade):
        other.begin("k", "asked")

    clock.advance(2)

    assert other.begin("k", "asked").status is None
    with pytest.raises(StillBeingMade):
        Replays(store, clock).begin("k", "asked")


@pytest.mark.parametrize("grouped", [False, True])
def test_what_was_accepted_before_the_server_ended_is_not_made_again(store, grouped):
    clock = FrozenClock()
    first = Replays(store, clock)
    begun = first.begin("k", "asked")
    first.note(begun, "track_1")
    now = datetime.now(timezone.utc)
    track = Track(id="track_1", prompt="p", duration=5, model="m", seed=1, created_at=now, estimated_s=1)
    job = JobRow(id="job_1", kind="render", subject_id="track_1", created_at=now)
    with store.transaction() as changes:
        if grouped:
            group = Group(id="group_1", kind="batch", created_at=now, track_ids=("track_1",), size=1)
            changes.add_group([(track, job)], group)
        else:
            changes.add([(track, job)])
    clock.advance(GIVEN_UP_S + 1)

    assert Replays(store, clock).begin("k", "asked") == Lost("track_1", "group_1" if grouped else None)


def test_what_was_never_accepted_is_made(store):
    clock = FrozenClock()
    first = Replays(store, clock)
    first.note(first.begin("k", "asked"), "track_1")
    clock.advance(GIVEN_UP_S + 1)

    assert Replays(store, clock).begin("k", "asked").status is None
