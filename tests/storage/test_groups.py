"""Groups and comparisons live as long as one of their tracks; what was preferred outlives them."""

import sqlite3
from contextlib import closing
from dataclasses import replace
from datetime import datetime, timedelta, timezone

import pytest

from app.errors import StorageFailed
from app.models.group import Comparison, Group, Side, Standing
from app.models.track import Track
from app.services.storage.rows import JobRow

NOW = datetime(2026, 8, 27, 10, 30, tzinfo=timezone.utc)


def accepted(count, first=0):
    """Tracks with their jobs."""
    tracks = [
        Track(
            id=f"track_{number:x}", prompt=f"piano {number}", duration=30, model="composer", seed=number,
            created_at=NOW + timedelta(microseconds=number), estimated_s=2,
        )
        for number in range(first, first + count)
    ]  # fmt: skip
    return [
        (track, JobRow(id=f"job_{track.id}", kind="render", subject_id=track.id, created_at=track.created_at))
        for track in tracks
    ]


def group_of(pairs, name="group_1", kind="batch"):
    return Group(id=name, kind=kind, created_at=NOW, track_ids=tuple(track.id for track, _ in pairs), size=len(pairs))


def comparison_of(group, name="comparison_1"):
    sides = tuple(
        Side(label=label, track_id=track_id, name=f"model {track_id}")
        for label, track_id in zip("CAB", group.track_ids, strict=False)
    )
    return Comparison(
        id=name, group_id=group.id, created_at=NOW, prompt="piano", varied="models", loudness_lufs=-14.0, sides=sides
    )


def test_a_group_comes_back_as_it_was_written(store):
    pairs = accepted(100)
    group = group_of(list(reversed(pairs)))

    with store.transaction() as changes:
        changes.add_group(pairs, group)

    assert store.group(group.id) == group
    assert store.get_all(group.track_ids) == {track.id: track for track, _ in pairs}
    assert store.group("group_2") is None
    assert store.get_all([]) == {}


def test_a_comparison_comes_back_as_it_was_written(store):
    pairs = accepted(3)
    group = group_of(pairs, kind="comparison")
    comparison = comparison_of(group)

    with store.transaction() as changes:
        changes.add_group(pairs, group, comparison)

    assert store.comparison(comparison.id) == comparison
    assert store.comparison("comparison_2") is None


@pytest.mark.parametrize("store", ["sqlite"], indirect=True)
def test_a_group_that_cannot_be_written_leaves_no_track(store, tmp_path):
    store.open()
    with closing(sqlite3.connect(tmp_path / "new" / "music.db")) as connection:
        connection.execute(
            "CREATE TRIGGER full BEFORE INSERT ON group_members WHEN NEW.place = 50 "
            "BEGIN SELECT RAISE(ABORT, 'the disk is full'); END"
        )
    pairs = accepted(100)

    with pytest.raises(StorageFailed, match="the disk is full"), store.transaction() as changes:
        changes.add_group(pairs, group_of(pairs))

    assert store.group("group_1") is None
    assert store.page().tracks == ()


def test_a_track_that_goes_leaves_its_group_and_the_last_takes_it_away(store):
    pairs, others = accepted(3), accepted(2, first=3)
    group, other = group_of(pairs, kind="comparison"), group_of(others, "group_2")
    comparison = comparison_of(group)
    with store.transaction() as changes:
        changes.add_group(pairs, group, comparison)
        changes.add_group(others, other)

    with store.transaction() as changes:
        changes.delete_track("track_1")
    assert store.group(group.id) == replace(group, track_ids=("track_0", "track_2"))
    assert store.comparison(comparison.id) == comparison

    with store.transaction() as changes:
        changes.delete_track("track_0")
        changes.delete_track("track_2")
    assert store.group(group.id) is None
    assert store.comparison(comparison.id) is None
    assert store.group(other.id) == other


def test_the_last_vote_counts_and_outlives_its_tracks(store):
    pairs = accepted(2)
    group = group_of(pairs, kind="comparison")
    with store.transaction() as changes:
        changes.add_group(pairs, group, comparison_of(group))
    assert store.standings() == {}

    with store.transaction() as changes:
        changes.vote("comparison_1", "C", {"composer": True, "simulator": False}, NOW)
    later = NOW + timedelta(hours=1)
    with store.transaction() as changes:
        voted = changes.vote("comparison_1", "A", {"composer": False, "simulator": True}, later)

    assert voted == store.comparison("comparison_1")
    assert (voted.winner, voted.voted_at, voted.votes) == ("A", later, 2)
    expected = {"composer": Standing(compared=1, wins=0), "simulator": Standing(compared=1, wins=1)}
    assert store.standings() == expected
    with store.transaction() as changes:
        for track, _ in pairs:
            changes.delete_track(track.id)
    assert store.comparison("comparison_1") is None
    assert store.standings() == expected


def test_a_vote_on_what_is_gone_is_none(store):
    with store.transaction() as changes:
        assert changes.vote("comparison_9", "A", {"composer": True}, NOW) is None

    assert store.standings() == {}
