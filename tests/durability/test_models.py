"""A model's track outlives the server, and no engine process does."""

import pytest

from tests.durability.server import Server, gone
from tests.tones import lines

pytestmark = [pytest.mark.integration, pytest.mark.slow]


class ToneServer(Server):
    """The service with the tones."""

    module = "tests.tones"


def test_a_models_track_outlives_a_kill_in_the_middle_of_its_take(tmp_path):
    server = ToneServer(tmp_path, measured=False, MUSIC_DEVICE="cpu")
    asked = {"prompt": "wait go", "duration": 5, "model": "tone", "seed": 3}
    track_id = server.client.post("/music/generate", json=asked).json()["track_id"]
    shown = server.wait_for(track_id, lambda record: record["progress"] >= 40)["progress"]
    processes = server.workers()
    server.kill()
    assert len(processes) >= 2
    assert gone(processes)

    (tmp_path / "go").touch()
    server = ToneServer(tmp_path, measured=False, MUSIC_DEVICE="cpu")
    assert server.record(track_id)["progress"] >= shown
    record = server.wait_for(track_id, lambda record: record["status"] != "processing")
    again = server.client.post("/music/generate", json=asked).json()["track_id"]
    fresh = server.wait_for(again, lambda record: record["status"] != "processing")
    processes = server.workers()
    server.terminate()

    assert (record["status"], record["attempt"]) == ("completed", 1)
    assert record["wav_sha256"] == fresh["wav_sha256"]
    assert len(lines(tmp_path, "loads")) == 2
    assert gone(processes)
