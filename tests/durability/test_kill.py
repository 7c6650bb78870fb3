"""A job accepted is never lost: the server is killed, stopped and locked out, the tracks survive."""

import os
import subprocess
import sys

import pytest

from tests.durability.server import ROOT, WORKING, Server, gone

pytestmark = [pytest.mark.integration, pytest.mark.slow]

DURATION_S = 60


def test_a_track_killed_in_the_middle_is_made_of_the_same_fields_and_plan(tmp_path):
    server = Server(tmp_path, measured=False)
    words = {"prompt": "calm piano", "duration": DURATION_S, "seed": 5, "instruments": ["cello"], "key": "F# minor"}
    plan = server.client.post("/music/plan", json=words).json()["plan"]
    asked = {"prompt": "calm piano", "plan": plan, "loudness_lufs": -17}
    by_fields, by_plan = (
        server.client.post("/music/generate", json=body).json()["track_id"] for body in (words, asked)
    )
    server.wait_for(by_fields, lambda r: r["stage"] in WORKING)
    server.kill()

    server = Server(tmp_path, measured=False)
    records = [server.wait_for(track_id, lambda r: r["status"] != "processing") for track_id in (by_fields, by_plan)]
    again = server.client.post("/music/generate", json=asked).json()["track_id"]
    fresh = server.wait_for(again, lambda r: r["status"] != "processing")

    assert [record["status"] for record in records] == ["completed", "completed"]
    # What was made also says which of its candidates was played.
    played = [record["plan"].pop("candidate") for record in records]
    assert all(number in range(plan["candidates"]) for number in played)
    assert plan.pop("candidate") is None
    assert records[0]["plan"] == plan
    assert records[0]["asked"] == {"key": "F# minor", "instruments": ["cello"]}
    assert records[1]["plan"] == {**plan, "mastering": {**plan["mastering"], "loudness_lufs": -17.0}}
    assert records[1]["files"]["mp3"]["sha256"] == fresh["files"]["mp3"]["sha256"]
    assert records[1]["wav_sha256"] == fresh["wav_sha256"] != records[0]["wav_sha256"]
    server.terminate()


def test_a_killed_worker_costs_an_attempt_and_nobody_elses_track(tmp_path):
    server = Server(tmp_path, measured=False, MUSIC_WORKERS="2")
    victim, bystander = (
        server.client.post("/music/generate", json={"prompt": prompt, "duration": DURATION_S}).json()["track_id"]
        for prompt in ("orchestral film music", "solo piano")
    )
    server.wait_for(victim, lambda r: r["stage"] == "rendering")
    busiest = max(server.workers(), key=lambda worker: worker.memory_info().rss)

    busiest.kill()

    records = [server.wait_for(track_id, lambda r: r["status"] != "processing") for track_id in (victim, bystander)]
    assert [record["status"] for record in records] == ["completed", "completed"]
    assert server.client.get("/health").json()["status"] == "healthy"
    server.terminate()


def test_sigterm_leaves_no_orphan_and_no_lost_track(tmp_path):
    server = Server(tmp_path, measured=False, MUSIC_DRAIN="0")
    track_id = server.client.post("/music/generate", json={"prompt": "ambient", "duration": DURATION_S}).json()[
        "track_id"
    ]
    server.wait_for(track_id, lambda r: r["stage"] in WORKING)
    workers = server.workers()

    server.terminate()

    assert workers
    assert gone(workers)
    again = Server(tmp_path, measured=False)
    assert again.wait_for(track_id, lambda r: r["status"] != "processing")["status"] == "completed"
    again.terminate()


@pytest.fixture(scope="module")
def running(tmp_path_factory):
    """A data folder whose server runs."""
    folder = tmp_path_factory.mktemp("running")
    server = Server(folder)
    yield folder
    server.terminate()


def test_a_second_server_on_the_same_folder_refuses_to_start(running):
    second = subprocess.run(
        [sys.executable, "-m", "app.cli", "serve", "--port", "0"],
        cwd=ROOT,
        env={**os.environ, "MUSIC_DATA_DIR": str(running)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert second.returncode == 2
    assert str(running) in second.stderr
    assert "Traceback" not in second.stderr


def test_making_a_track_beside_a_running_server_works(running, tmp_path):
    out = tmp_path / "melody.mp3"

    made = subprocess.run(
        [sys.executable, "-m", "app.cli", "make", "relaxing piano", "--duration", "5", "--out", str(out)],
        cwd=ROOT,
        env={**os.environ, "MUSIC_DATA_DIR": str(running)},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )

    assert made.returncode == 0, made.stderr
    assert out.stat().st_size > 50_000
