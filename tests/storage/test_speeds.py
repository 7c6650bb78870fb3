"""How fast a model was here is read from the tracks it finished."""

from dataclasses import replace
from datetime import timedelta

import pytest

from app.services.storage import speeds
from tests.storage.test_tracks import NOW, a_track, add, finish


def made(store, number, model="composer", **facts):
    track = a_track(number, model=model, paced_until=facts.pop("paced_until", None))
    add(store, track)
    return finish(store, track, **facts)


def test_nothing_is_known_before_a_track_is_finished(store):
    add(store, a_track())

    assert store.speeds() == {}


def test_speed_is_music_for_work_over_the_latest_tracks_of_each_model(store):
    made(store, 1, timings={"planning": 0.5, "rendering": 1.0})
    made(store, 2, timings={"rendering": 0.5, "loading": 90.0})
    made(store, 3, model="tiny", timings={"rendering": 60.0})
    made(store, 4, model="untimed", timings={})

    assert store.speeds() == {"composer": 30.0, "tiny": 0.5}


def test_what_keeps_a_pace_is_as_fast_as_its_pace(store):
    track = a_track(1, model="simulator", paced_until=NOW + timedelta(seconds=15))
    add(store, track)
    with store.transaction() as changes:
        run = changes.claim(f"job_{track.id}", track.id, started_at=NOW)
        done = replace(
            track, status="completed", stage="completed", progress=100, timings={"rendering": 1.0},
            finished_at=NOW + timedelta(seconds=15),
        )  # fmt: skip
        assert changes.finish(f"job_{track.id}", done, run=run)

    assert store.speeds() == {"simulator": 2.0}


@pytest.mark.parametrize(("counted", "speed"), [(1, 10.0), (2, 15.0)])
def test_older_tracks_count_no_more(store, monkeypatch, counted, speed):
    monkeypatch.setattr(speeds, "COUNTED", counted)
    old, new = a_track(1), a_track(2)

    add(store, old, replace(new, created_at=NOW + timedelta(seconds=1)))
    finish(store, old, timings={"rendering": 1.0})
    finish(store, replace(new, created_at=NOW + timedelta(seconds=1)), timings={"rendering": 3.0})

    assert store.speeds() == {"composer": speed}
