"""What several machines tell those who operate them."""

import socket

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.distributed.conftest import ask, finished
from tests.distributed.test_moving import command

pytestmark = [pytest.mark.distributed, pytest.mark.essential]


def figures(text):
    return {
        (sample.name, *sorted(sample.labels.values())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def free_port():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return taken.getsockname()[1]


def test_a_node_is_ready_while_workers_live_and_each_tells_what_it_knows(installation):
    node = installation.server()
    alone = node.client.get("/ready")
    port = free_port()
    worker = installation.worker(MUSIC_WORKER_METRICS_PORT=str(port))
    installation.until(lambda: node.client.get("/ready").status_code == 200)
    track_id = ask(node)
    node.wait_for(track_id, finished)

    def told():
        return figures(httpx.get(f"http://127.0.0.1:{port}/metrics").text)

    # Before anything is cancelled: who is called off while at work ends with the sounds it keeps.
    installation.until(lambda: ("music_cache_bytes", "sounds") in told())
    theirs = told()
    cancelled = ask(node, duration=60)
    node.client.post(f"/music/tracks/{cancelled}/cancel")
    ours = figures(node.client.get("/metrics").text)

    assert alone.status_code == 503
    assert "engines: no worker takes composer" in alone.json()["detail"]
    assert theirs["music_tracks_ended_total", "completed", "composer"] == 1
    assert theirs["music_stage_seconds_count", "composer", "rendering"] == 1
    assert theirs["music_worker_takes_jobs",] == 1
    assert theirs["music_cache_bytes", "sounds"] > theirs["music_cache_entries", "sounds"] > 0
    assert ours["music_cache_entries", "tracks"] == 2
    assert ours["music_tracks_ended_total", "cancelled", "composer"] == 1
    assert ours["music_places", "composer"] == 1
    assert ours["music_stored_bytes",] > 0
    worker.kill()
    installation.until(lambda: node.client.get("/ready").status_code == 503)


def test_a_database_that_is_away_is_named(installation):
    node = installation.server()
    installation.worker()
    installation.until(lambda: node.client.get("/ready").status_code == 200)

    installation.cluster.stop()
    try:
        detail = installation.until(
            lambda: (answer := node.client.get("/ready")).status_code == 503 and answer.json()["detail"]
        )
        alive = node.client.get("/health").status_code
    finally:
        installation.cluster.start()

    assert "database: The database does not answer" in detail
    assert "connection" not in detail, "addresses of the inside are for the log"
    assert alive == 200
    installation.until(lambda: node.client.get("/ready").status_code == 200)


def test_a_port_that_is_taken_is_said(installation):
    with socket.socket() as taken:
        taken.bind(("", 0))
        taken.listen()
        port = taken.getsockname()[1]

        refused = command("worker", **installation.environment, MUSIC_WORKER_METRICS_PORT=str(port))

    assert refused.returncode == 2
    assert f"MUSIC_WORKER_METRICS_PORT: {port} cannot be used" in refused.stderr
