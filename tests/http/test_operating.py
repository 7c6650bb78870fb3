"""What those who operate the service ask it: can it do its work, and how does it do."""

import pytest
from fastapi.testclient import TestClient
from prometheus_client.parser import text_string_to_metric_families

from app.config import Settings
from app.errors import DatabaseAway
from app.main import create_app
from app.services.metering import NoTally, PrometheusTally, Tallies

JSON = {"Content-Type": "application/json"}


@pytest.fixture
def own(service, tmp_path):
    """A client of an application of its own: what it has counted and seen is this test's."""
    return TestClient(create_app(Settings(data_dir=tmp_path / "data"), service))


def figures(client):
    """Value by (name, labels) of everything told."""
    answer = client.get("/metrics")
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/plain")
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(answer.text)
        for sample in family.samples
    }


def answers(client, method, route, status):
    labels = (("method", method), ("route", route), ("status", status))
    return figures(client).get(("music_http_request_seconds_count", labels), 0)


# -- ready --------------------------------------------------------------------------------------------------------


def test_a_service_that_can_work_says_what_it_looked_at(own):
    answer = own.get("/ready")

    assert answer.status_code == 200
    assert answer.json() == {"status": "ready", "parts": ["database", "storage", "queue", "engines"]}


def test_a_database_that_is_away_is_named_and_health_stays(own, queue):
    queue.trouble_at_ping = DatabaseAway("The database does not answer: connection refused")

    answer = own.get("/ready")

    assert answer.status_code == 503
    assert answer.json() == {"detail": "Not ready: database: The database does not answer: connection refused"}
    assert int(answer.headers["retry-after"]) > 0
    assert own.get("/health").status_code == 200


def test_a_folder_that_cannot_be_written_is_named(own, queue):
    (queue.folder / "audio").write_text("a file where the folder belongs")

    answer = own.get("/ready")

    assert answer.status_code == 503
    assert answer.json()["detail"].startswith("Not ready: storage: Files cannot be written")


def test_each_part_that_fails_is_named(own, queue):
    queue.said = "the server is stopping"
    queue.elsewhere = False

    detail = own.get("/ready").json()["detail"]

    assert detail == "Not ready: queue: the server is stopping; engines: no worker takes composer"


def test_a_default_engine_that_lacks_something_is_named(service, tmp_path):
    service.default_model = "musicgen-small"
    client = TestClient(create_app(Settings(data_dir=tmp_path / "data"), service))

    assert "engines: musicgen-small cannot be used yet" in client.get("/ready").json()["detail"]


# -- metrics ------------------------------------------------------------------------------------------------------


def test_requests_are_counted_by_route_and_status(own, queue):
    track_id = own.post("/music/generate", json={"prompt": "piano"}).json()["track_id"]
    own.post("/music/generate", content="[", headers=JSON)
    own.get(f"/music/status/{track_id}")
    queue.forget(track_id)
    own.get(f"/music/status/{track_id}")  # not in memory, so it is the route that answers
    own.get("/music/status/track_00")
    own.get(f"/music/tracks/{track_id}")

    assert answers(own, "POST", "/music/generate", "200") == 1
    assert answers(own, "POST", "/music/generate", "422") == 1
    assert answers(own, "GET", "/music/status/{track_id}", "200") == 2
    assert answers(own, "GET", "/music/status/{track_id}", "404") == 1
    assert answers(own, "GET", "/music/tracks/{track_id}", "200") == 1


def test_nobody_can_invent_rows(own):
    for number in range(20):
        own.get(f"/nowhere/{number}")
        own.request(f"ODD{number}", "/health")

    told = {labels for name, labels in figures(own) if name == "music_http_request_seconds_count"}
    assert len(told) <= 3


def test_what_waits_is_told_with_its_age(own, queue, service, track_id):
    service.clock.advance(90)

    told = figures(own)

    labels = (("engine", "composer"), ("kind", "render"), ("state", "queued"))
    assert told["music_queue_jobs", labels] == 1
    assert told["music_queue_oldest_seconds", labels] == 90
    assert told["music_places", (("engine", "composer"),)] == 2
    assert told["music_tracks_remembered", ()] == 1
    queue.complete(track_id)
    assert figures(own)["music_stored_bytes", ()] > 0


def entries(client, cache):
    return figures(client).get(("music_cache_entries", (("cache", cache),)))


def test_what_is_kept_in_memory_is_told(own, track_id):
    assert entries(own, "tracks") == 1
    words = entries(own, "words")
    own.post("/music/plan", json={"prompt": "a quizzical ukulelesque serenade"})

    assert entries(own, "words") > words
    assert entries(own, "sounds") == 3  # of the worker processes
    assert figures(own)["music_cache_bytes", (("cache", "sounds"),)] == 4096
    assert entries(own, "keys") is entries(own, "clients") is None  # nobody is asked for a key, nothing is limited


def test_clients_that_are_counted_in_memory_are_told(service, tmp_path):
    settings = Settings(data_dir=tmp_path / "data", limit_requests="60/minute", limit_address="600/minute")
    client = TestClient(create_app(settings, service))
    client.get("/music/")

    assert entries(client, "clients") == 2  # one address, counted for both limits


def test_metrics_can_be_switched_off(service, tmp_path):
    client = TestClient(create_app(Settings(data_dir=tmp_path / "data", metrics="off"), service))

    assert client.get("/metrics").status_code == 404
    assert client.get("/health").status_code == 200


def test_openmetrics_is_told_to_who_asks_for_it(own):
    answer = own.get("/metrics", headers={"Accept": "application/openmetrics-text; version=1.0.0"})

    assert answer.headers["content-type"].startswith("application/openmetrics-text")
    assert answer.text.endswith("# EOF\n")


def test_tracks_are_counted_as_they_end(queue, service, track_id):
    tally = Tallies([PrometheusTally(), NoTally()])
    tally.accepted(queue.tracks[track_id], service.clock.now())
    started = queue.work(track_id, "composing", 10)
    tally.began(started, started.started_at)
    service.clock.advance(3)
    tally.ended(queue.complete(track_id))
    tally.ended(queue.change(track_id, status="failed", stage="cancelled"))
    tally.again("render", "late")
    tally.loaded("musicgen", 12.5)

    told = {
        (sample.name, *sorted(sample.labels.values())): sample.value
        for family in tally.families()
        for sample in family.samples
    }
    assert told["music_tracks_ended_total", "completed", "composer"] == 1
    assert told["music_tracks_ended_total", "cancelled", "composer"] == 1
    assert told["music_tracks_accepted_total", "composer"] == 1
    assert told["music_track_wait_seconds_count", "composer"] == 1
    assert told["music_stage_seconds_sum", "composer", "rendering"] == 0.5
    assert told["music_job_retries_total", "late", "render"] == 1
    assert told["music_engine_load_seconds_sum", "musicgen"] == 12.5
