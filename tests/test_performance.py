"""Promises about load that need no clock: nothing lost, nothing twice, nothing heavy in the server process."""

import asyncio
import subprocess
import sys
from pathlib import Path

import httpx
import pytest
from fastapi.testclient import TestClient

from app.main import create_app
from app.services.storage import TrackStore
from tests.processes import unfollowed

pytestmark = pytest.mark.performance

ROOT = Path(__file__).resolve().parents[1]

CLIENTS = 50


async def test_fifty_posts_at_once_are_fifty_tracks(settings):
    app = create_app(settings)
    async with app.router.lifespan_context(app), caller(app) as client:
        answers = await asyncio.gather(*(ask(client, number) for number in range(CLIENTS)))
        listed = (await client.get("/music/tracks", params={"limit": 100})).json()["tracks"]

        assert {answer.status_code for answer in answers} == {200}
        asked = {answer.json()["track_id"]: answer.json()["prompt"] for answer in answers}
        assert len(asked) == CLIENTS
        assert {track["track_id"]: track["prompt"] for track in listed} == asked


async def test_fifty_posts_are_kept_across_a_restart(settings):
    app = create_app(settings)
    async with app.router.lifespan_context(app), caller(app) as client:
        answers = await asyncio.gather(*(ask(client, number) for number in range(CLIENTS)))
    app = create_app(settings)
    async with app.router.lifespan_context(app), caller(app) as client:
        statuses = [await client.get(f"/music/status/{answer.json()['track_id']}") for answer in answers]

    assert {status.json()["prompt"] for status in statuses} == {f"piano number {number}" for number in range(CLIENTS)}


def caller(app):
    return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://testserver")


async def ask(client, number):
    return await client.post("/music/generate", json={"prompt": f"piano number {number}", "duration": 300})


def test_the_server_process_renders_nothing(tmp_path):
    script = """
import sys, time
from fastapi.testclient import TestClient
from app.main import create_app

with TestClient(create_app()) as client:
    track = client.post("/music/generate", json={"prompt": "piano", "duration": 5}).json()
    while client.get(f"/music/status/{track['track_id']}").json()["status"] == "processing":
        time.sleep(0.05)
    assert client.get(f"/downloads/{track['track_id']}.flac").status_code == 200
print("app.services.engines.composer" in sys.modules)  # imported by whoever makes an engine
"""
    environment = {"MUSIC_DATA_DIR": str(tmp_path), "MUSIC_WORKERS": "1", "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", script],
        cwd=tmp_path, env={**unfollowed(), **environment}, capture_output=True, text=True,
    )  # fmt: skip

    assert done.stdout.splitlines()[-1:] == ["False"], done.stderr


@pytest.fixture
def reads(monkeypatch):
    """How often a track was read from the database."""
    ids = []
    read = TrackStore.get

    def counted(store, track_id):
        ids.append(track_id)
        return read(store, track_id)

    monkeypatch.setattr(TrackStore, "get", counted)
    return ids


def test_a_status_is_at_most_one_read(settings, reads):
    with TestClient(create_app(settings)) as client:
        track_id = client.post("/music/generate", json={"prompt": "piano", "duration": 300}).json()["track_id"]
        for _ in range(10):
            assert client.get(f"/music/status/{track_id}").json()["status"] == "processing"
        client.post(f"/music/tracks/{track_id}/cancel")
        known = len(reads)
    with TestClient(create_app(settings)) as client:
        assert client.get(f"/music/status/{track_id}").json()["status"] == "failed"

    assert known == 0
    assert len(reads) <= 1
