"""A real server on a real disk that fills up: it says so, and goes on once there is room."""

import os
import subprocess
from pathlib import Path

import pytest

from tests.durability.server import Server, _first

pytestmark = [pytest.mark.integration, pytest.mark.slow]

#: Bytes of the disk: room for the database and a few short tracks.
DISK = 14_000_000
ASKED = {"prompt": "calm piano", "duration": 5}


@pytest.fixture
def disk(tmp_path):
    """A small disk of its own, where this user may mount one."""
    place = tmp_path / "disk"
    place.mkdir()
    mounting = ["mount", "-t", "tmpfs", "-o", f"size={DISK}", "tmpfs", str(place)]
    try:
        mounted = hasattr(os, "geteuid") and subprocess.run(mounting, capture_output=True, check=False).returncode == 0
    except FileNotFoundError:
        mounted = False
    if not mounted:
        pytest.skip("only root may mount a small disk; run as root on Linux")
    yield place
    subprocess.run(["umount", "-l", str(place)], check=True)


def test_a_full_disk_fails_a_track_with_the_reason_and_the_next_is_made_once_there_is_room(disk):
    ballast = Path(disk) / "ballast"
    server = Server(disk, measured=False)
    try:
        first = server.client.post("/music/generate", json=ASKED).json()["track_id"]
        assert server.wait_for(first, lambda r: r["status"] != "processing")["status"] == "completed"
        free = os.statvfs(disk)
        ballast.write_bytes(bytes(max(0, free.f_bavail * free.f_frsize - 300_000)))

        accepted = server.client.post("/music/generate", json=ASKED)
        assert accepted.status_code in (200, 503), accepted.text
        if accepted.status_code == 200:
            record = server.wait_for(accepted.json()["track_id"], lambda r: r["status"] != "processing")
            assert record["status"] == "failed"
            assert "no space is left on the disk" in record["error"]
        assert server.client.get("/health").status_code == 200
        assert server.client.get(f"/downloads/{first}.mp3").status_code == 200

        ballast.unlink()
        _first(lambda: server.client.get("/ready").status_code, lambda status: status == 200, 60, pause_s=0.1)
        again = server.client.post("/music/generate", json=ASKED).json()["track_id"]
        assert server.wait_for(again, lambda r: r["status"] != "processing")["status"] == "completed"
        listed = {track["track_id"] for track in server.client.get("/music/tracks").json()["tracks"]}
        whole = {path.parent.parent.name for path in (disk / "audio" / "tracks").rglob("*.mp3")}
        assert {first, again} == whole <= listed
        assert not list((disk / "audio").rglob("*.part"))
    finally:
        server.terminate()
