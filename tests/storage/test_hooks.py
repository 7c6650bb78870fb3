"""The outbox, in both databases: written with what it tells of, told by one at a time."""

from dataclasses import replace
from datetime import datetime, timedelta, timezone

from app.models.group import Group
from app.models.track import Track
from app.services.storage.hooks import claim_due, keep_message, read_messages
from app.services.storage.rows import JobRow

NOW = datetime(2026, 1, 1, tzinfo=timezone.utc)
URL = "https://example.org/hook"


def a_track(name, **more):
    values = {"prompt": "p", "duration": 5, "model": "m", "seed": 1, "created_at": NOW, "estimated_s": 1, **more}
    return Track(id=f"track_{name}", **{"webhook_url": URL, **values})


def accept(store, *tracks, group=None):
    with store.transaction() as changes:
        taken = [(t, JobRow(id=f"job_{t.id}", kind="render", subject_id=t.id, created_at=NOW)) for t in tracks]
        changes.add(taken) if group is None else changes.add_group(taken, group)


def finish(store, track, status="completed"):
    done = replace(track, status=status, stage=status, finished_at=NOW, progress=100 if status == "completed" else 0)
    with store.transaction() as changes:
        return changes.finish(f"job_{track.id}", done, run=None)


def told(store):
    with store.reading() as connection:
        return {message.id: message for message in read_messages(connection, owner=None, limit=50)}


def test_what_happened_is_written_with_it_once(store):
    done, failed, quiet = a_track("1", owner="key_1"), a_track("2"), a_track("3", webhook_url=None)
    accept(store, done, failed, quiet)
    assert told(store) == {}

    assert finish(store, done)
    assert finish(store, failed, "failed")
    assert finish(store, quiet)
    assert not finish(store, done)

    messages = told(store)
    assert {name: message.event for name, message in messages.items()} == {
        "msg_track_1": "track.completed",
        "msg_track_2": "track.failed",
    }
    message = messages["msg_track_1"]
    assert (message.owner, message.url, message.state) == ("key_1", URL, "pending")
    assert message.payload["type"] == "track.completed"
    assert message.payload["data"]["track_id"] == "track_1"


def test_what_keeps_a_pace_is_told_when_its_time_has_come_and_what_failed_at_once(store):
    later = NOW + timedelta(seconds=9)
    done, cancelled = a_track("1", paced_until=later), a_track("2", paced_until=later)
    accept(store, done, cancelled)
    finish(store, done)
    finish(store, cancelled, "failed")

    assert {name: message.next_at for name, message in told(store).items()} == {
        "msg_track_1": later,
        "msg_track_2": NOW,
    }


def test_a_transaction_that_fails_tells_nothing(store):
    track = a_track("1")
    accept(store, track)
    try:
        with store.transaction() as changes:
            changes.finish("job_track_1", replace(track, status="completed", finished_at=NOW), run=None)
            raise KeyboardInterrupt
    except KeyboardInterrupt:
        pass

    assert told(store) == {}
    assert finish(store, track)
    assert len(told(store)) == 1


def test_a_group_is_told_of_with_its_last_track(store):
    tracks = [a_track(str(n)) for n in range(3)]
    group = Group(
        id="group_1", kind="batch", created_at=NOW, track_ids=tuple(t.id for t in tracks), size=3, webhook_url=URL
    )
    accept(store, *tracks, group=group)

    finish(store, tracks[0])
    finish(store, tracks[1], "failed")
    assert "msg_group_1" not in told(store)
    finish(store, tracks[2])

    assert told(store)["msg_group_1"].payload["data"] == {
        "group_id": "group_1",
        "kind": "batch",
        "status": "completed",
        "tracks": {"track_0": "completed", "track_1": "failed", "track_2": "completed"},
    }


def test_a_group_whose_last_track_in_work_is_removed_is_finished(store):
    tracks = [a_track("1"), a_track("2")]
    group = Group(id="group_1", kind="batch", created_at=NOW, track_ids=("track_1", "track_2"), size=2, webhook_url=URL)
    accept(store, *tracks, group=group)
    finish(store, tracks[0])

    with store.transaction() as changes:
        changes.delete_track("track_2")

    assert told(store)["msg_group_1"].payload["data"]["tracks"] == {"track_1": "completed"}


def test_a_message_is_taken_by_one_at_a_time(store):
    track = a_track("1")
    accept(store, track)
    finish(store, track)

    def claim(moment):
        with store.transaction() as changes:
            return claim_due(changes.connection, moment, busy_s=60, limit=5)

    assert [message.id for message in claim(NOW)] == ["msg_track_1"]
    assert claim(NOW + timedelta(seconds=59)) == []
    (message,) = claim(NOW + timedelta(seconds=61))
    with store.transaction() as changes:
        keep_message(
            changes.connection, replace(message, next_at=NOW + timedelta(hours=1), attempts=1, log=({"a": 1},))
        )
    assert claim(NOW + timedelta(minutes=59)) == []
    (again,) = claim(NOW + timedelta(minutes=61))
    assert (again.attempts, again.log) == (1, ({"a": 1},))
