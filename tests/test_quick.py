"""A smoke test: the whole road once, with a short track. `run_tests.py quick` runs this alone."""

import io
import time

import pytest
import soundfile
from fastapi.testclient import TestClient

from app.config import Settings
from app.main import create_app


@pytest.fixture(scope="module")
def client(tmp_path_factory):
    with TestClient(create_app(Settings(data_dir=tmp_path_factory.mktemp("data"), workers=1))) as client:
        yield client


@pytest.mark.parametrize("path", ["/", "/health", "/music/", "/music/genres", "/music/moods", "/docs", "/openapi.json"])
def test_the_service_answers(client, path):
    assert client.get(path).status_code == 200


def test_a_sentence_becomes_a_track(client):
    asked = client.post("/music/generate", json={"prompt": "relaxing piano melody for meditation", "duration": 5})
    assert asked.status_code == 200
    assert asked.json()["status"] == "processing"

    status = follow(client, asked.json()["track_id"])

    assert (status["status"], status["progress"]) == ("completed", 100)
    samples, rate = soundfile.read(io.BytesIO(client.get(status["download_url"]).content))
    assert len(samples) == 5 * rate
    assert abs(samples).max() > 0.1


def follow(client, track_id):
    end = time.monotonic() + 60
    while time.monotonic() < end:
        status = client.get(f"/music/status/{track_id}").json()
        if status["status"] != "processing":
            return status
        time.sleep(0.02)
    raise AssertionError(f"still processing: {status}")


def test_nonsense_is_refused(client):
    assert client.post("/music/generate", json={"prompt": "  "}).status_code == 400
    assert client.post("/music/generate", json={"prompt": "piano", "duration": 4}).status_code == 422
    assert client.get("/music/status/track_00").status_code == 404
