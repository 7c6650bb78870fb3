"""Those who are told of changes hear all of them, in order, whatever others do."""

from dataclasses import replace
from datetime import datetime, timezone

from app.models.track import Track
from app.services.jobs.memory import TrackMemory


def a_track():
    now = datetime(2026, 11, 1, tzinfo=timezone.utc)
    return Track(id="track_a1", prompt="p", duration=5, model="composer", seed=1, created_at=now, estimated_s=1)


def test_every_change_is_told_until_one_leaves():
    memory, heard = TrackMemory(), []
    leave = memory.audience.join(lambda track_id, track: heard.append((track_id, track and track.progress)))
    track = a_track()

    memory.keep(track)
    memory.keep(track)  # nothing is new
    memory.keep(replace(track, progress=7))
    memory.forget(track.id)
    memory.forget(track.id)
    leave()
    memory.keep(track)

    assert heard == [("track_a1", 0), ("track_a1", 7), ("track_a1", None)]
    assert memory.at_work() == [track]


def test_one_who_stumbles_troubles_nobody_else():
    memory, heard = TrackMemory(), []

    def stumble(_track_id, _track):
        raise ValueError

    memory.audience.join(stumble)
    memory.audience.join(lambda track_id, _: heard.append(track_id))

    memory.keep(a_track())

    assert heard == ["track_a1"]
