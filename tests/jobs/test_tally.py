"""What the queue counts of tracks and runs."""

from app.services.jobs.base import CacheSize
from app.services.metering import PrometheusTally
from tests.jobs.conftest import until


def told(tally):
    """Value by name and labels of everything counted."""
    return {
        (sample.name, *sorted(sample.labels.values())): sample.value
        for family in tally.families()
        for sample in family.samples
    }


def test_what_becomes_of_tracks_and_runs_is_counted(open_shop):
    tally = PrometheusTally()
    shop = open_shop(workers=1, tally=tally)
    assert shop.queue.ailment() is None

    shop.done()
    shop.done("refuse")
    shop.done("crash 1")
    shop.done("stumble 1")
    track = shop.submit("wait")
    shop.at(track, 50)
    shop.queue.cancel(track.id).result(10)

    until(lambda: told(tally).get(("music_tracks_ended_total", "cancelled", "fake")))
    seen = told(tally)
    assert seen["music_tracks_ended_total", "completed", "fake"] == 3
    assert seen["music_tracks_ended_total", "failed", "fake"] == 1
    assert seen["music_job_retries_total", "crashed", "render"] == 1
    assert seen["music_job_retries_total", "broke", "render"] == 1
    assert seen["music_track_wait_seconds_count", "fake"] == 5
    assert seen["music_stage_seconds_count", "fake", "rendering"] == 3
    assert seen["music_real_time_ratio_count", "fake"] == 3


def test_what_waits_can_be_counted_in_the_database(open_shop):
    shop = open_shop(workers=1)
    first = shop.submit("wait")
    shop.at(first, 50)
    second = shop.submit()

    lines = {line.state: line for line in until(lambda: shop.store.lines())}

    assert {(line.engine, line.kind, line.count) for line in lines.values()} == {("fake", "render", 1)}
    assert lines["running"].oldest >= first.created_at
    assert lines["queued"].oldest >= second.created_at
    assert shop.queue.remembered() == 2
    shop.let("go")
    shop.finished(second)
    assert until(lambda: not shop.store.lines())


def test_what_workers_keep_is_added_up_and_goes_with_them(open_shop):
    shop = open_shop(workers=2)
    assert list(shop.queue.caches()) == []
    pair = [shop.submit("wait"), shop.submit("wait")]
    for track in pair:
        shop.at(track, 50)
    shop.let("go")
    for track in pair:
        shop.finished(track)

    assert list(shop.queue.caches()) == [CacheSize(name="sounds", entries=4, size_bytes=1000)]

    shop.done("crash 9")  # three runs, each the end of a worker

    assert sum(cache.entries for cache in shop.queue.caches()) <= 2


def test_a_queue_that_has_stopped_says_so(open_shop):
    shop = open_shop()
    shop.queue.stop()

    assert shop.queue.ailment() == "the server is stopping"
