"""One track, and a service that is killed under it again and again."""

import pytest

from tests.durability.server import WORKING, Server, Service, gone

pytestmark = [pytest.mark.integration, pytest.mark.slow]

KILLS = 20
#: Every fifth server that is killed speaks HTTP; the others are the same service without it, which start sooner.
WITH_HTTP = range(0, KILLS, 5)
DURATION_S = 60


def test_a_track_outlives_twenty_kills_in_the_middle_of_its_rendering(tmp_path):
    server = Server(tmp_path, measured=False)
    asked = {"prompt": "orchestral film music", "duration": DURATION_S}
    track_id = server.client.post("/music/generate", json=asked).json()["track_id"]
    shown = [0]
    for number in range(KILLS):
        if number > 0:
            server = Server(tmp_path, measured=False) if number in WITH_HTTP else Service(tmp_path, track_id)
            shown.append(server.record(track_id)["progress"])
        record = server.wait_for(track_id, lambda r: r["stage"] in WORKING or r["status"] != "processing")
        assert record["stage"] in WORKING
        shown.append(record["progress"])
        workers = server.workers()
        server.kill()
        assert workers
        assert gone(workers)

    server = Server(tmp_path, measured=False)
    shown.append(server.record(track_id)["progress"])
    record = server.wait_for(track_id, lambda r: r["status"] != "processing")

    assert record["status"] == "completed"
    assert shown == sorted(shown)
    assert max(shown) < 100
    folders = list((tmp_path / "audio" / "tracks" / track_id).iterdir())
    assert len(folders) == 1
    assert not list(tmp_path.rglob("*.part"))
    listed = server.client.get("/music/tracks").json()["tracks"]
    assert [track["track_id"] for track in listed] == [track_id]
    assert server.client.get(record["files"]["mp3"]["url"]).status_code == 200
    server.terminate()
