"""The service with its audio in a real S3 server: on one machine, and on many that share no folder."""

import hashlib
import os
import subprocess
import sys
from contextlib import suppress

import httpx
import pytest

from app.services.storage import TrackStore
from tests.distributed.conftest import Worker, ask, finished, in_work
from tests.durability.server import ROOT, Server, _first
from tests.storage.test_tracks import a_job, a_track

pytestmark = pytest.mark.distributed


class Shelf:
    """A bucket, and the settings that name it."""

    def __init__(self, s3_server):
        self.server = s3_server
        self.name = s3_server.bucket()
        self.environment = {**s3_server.environment, "MUSIC_STORAGE_URL": f"s3://{self.name}/music"}

    def files(self, track_id):
        """Keys of a track's objects, below the prefix."""
        return [key.removeprefix("music/tracks/") for key in self.server.keys(self.name) if f"/{track_id}/" in key]

    def until(self, look):
        return _first(look, bool, 60, pause_s=0.05)


@pytest.fixture
def shelf(s3_server):
    return Shelf(s3_server)


@pytest.fixture
def started():
    """Ends what a test starts."""
    children = []
    yield lambda child: children.append(child) or child
    for child in children:
        if child._process.poll() is None:
            child.kill()


def right(server, track_id, form):
    """The file, once it is seen to be what the record says."""
    answer = server.client.get(f"/downloads/{track_id}.{form}", timeout=120)
    assert answer.status_code == 200, answer.text
    assert answer.headers["etag"] == f'"{hashlib.sha256(answer.content).hexdigest()}"'
    return answer.content


def one_set(shelf, database, track_id):
    """Whether the bucket holds exactly the objects that the database knows, all of one attempt."""
    store = TrackStore(database)
    rows = {file.key.removeprefix("tracks/") for file in store.get(track_id).files}
    store.close()
    return set(shelf.files(track_id)) == rows


def test_one_machine_keeps_its_files_in_a_bucket(shelf, tmp_path, started):
    server = started(Server(tmp_path / "data", measured=False, **shelf.environment))
    track_id = ask(server)
    assert server.wait_for(track_id, finished)["status"] == "completed"

    sound = right(server, track_id, "mp3")
    right(server, track_id, "flac")
    part = server.client.get(f"/downloads/{track_id}.mp3", headers={"Range": "bytes=100-199"})
    tag = server.client.get(f"/downloads/{track_id}.mp3", headers={"If-None-Match": part.headers["etag"]})
    one = one_set(shelf, tmp_path / "data" / "music.db", track_id)
    server.client.delete(f"/music/tracks/{track_id}")

    assert (part.status_code, part.content) == (206, sound[100:200])
    assert tag.status_code == 304
    assert one
    shelf.until(lambda: not shelf.files(track_id))
    assert not (tmp_path / "data" / "audio").exists()


@pytest.mark.essential
def test_nodes_without_a_common_folder_share_a_bucket(installation, shelf, tmp_path, started):
    own = {**installation.environment, **shelf.environment}
    node = started(Server(tmp_path / "node", measured=False, **{**own, "MUSIC_DATA_DIR": str(tmp_path / "node")}))
    first = started(Worker({**own, "MUSIC_DATA_DIR": str(tmp_path / "first")}))
    track_id = ask(node)
    assert node.wait_for(track_id, finished)["status"] == "completed"
    sound = right(node, track_id, "mp3")
    first.kill()  # what it had on its disk is gone with it
    started(Worker({**own, "MUSIC_DATA_DIR": str(tmp_path / "second")}))

    for form in ("wav", "ogg", "stems.zip", "mid", "plan.json"):
        right(node, track_id, form)

    assert right(node, track_id, "mp3") == sound
    assert one_set(shelf, installation.address, track_id)
    assert [path for path in tmp_path.rglob("*") if path.suffix in (".mp3", ".wav")] == []
    node.client.delete(f"/music/tracks/{track_id}")
    shelf.until(lambda: not shelf.files(track_id))


@pytest.mark.parametrize("many", [False, True], ids=["one machine", "many machines"])
def test_a_store_that_is_away_delays_and_loses_nothing(many, installation, shelf, tmp_path, started):
    data = tmp_path / "data"
    # So short a patience that the work is begun anew, again and again.
    own = {**shelf.environment, "MUSIC_JOB_TIMEOUT": "24"}
    if many:
        own |= installation.environment
        started(Worker({**own, "MUSIC_DATA_DIR": str(tmp_path / "worker")}))
    own.pop("MUSIC_DATA_DIR", None)
    server = started(Server(data, measured=False, **own))
    before = ask(server, "calm piano")
    server.wait_for(before, finished)

    shelf.server.freeze()
    try:
        after = ask(server, "calm guitar")
        waiting = server.client.get(f"/downloads/{before}.mp3")
        server.wait_for(after, lambda record: record.get("stage") == "encoding")
        gone = server.client.delete(f"/music/tracks/{before}")
        held = server.record(after)
    finally:
        shelf.server.thaw()
    made = server.wait_for(after, finished)

    assert waiting.status_code == 503
    assert int(waiting.headers["retry-after"]) > 0
    assert "does not answer" in waiting.json()["detail"]
    assert held["status"] == "processing"
    assert gone.status_code == 204
    assert made["status"] == "completed"
    right(server, after, "mp3")
    database = installation.address if many else data / "music.db"
    shelf.until(lambda: one_set(shelf, database, after))
    shelf.until(lambda: not shelf.files(before))
    assert shelf.server.unfinished_uploads(shelf.name) == 0


def test_a_bucket_that_vanishes_fails_the_track_with_its_reason(shelf, tmp_path, started):
    server = started(Server(tmp_path / "data", measured=False, **shelf.environment))
    done = ask(server)
    server.wait_for(done, finished)
    shelf.server.remove_bucket(shelf.name)

    made = server.wait_for(ask(server), finished)
    part = {"Range": "bytes=100-199"}
    answers = [
        server.client.get(f"/downloads/{done}.mp3"),
        server.client.get(f"/downloads/{done}.mp3", headers=part),
        server.client.get(f"/music/tracks/{done}/stream"),
        server.client.get(f"/music/tracks/{ask(server, duration=60)}/stream"),  # while it is made
    ]

    assert made["status"] == "failed"
    assert made["error"].endswith("could not be stored: the bucket is not there")
    assert [answer.status_code for answer in answers] == [503] * 4
    assert all("the bucket is not there" in answer.json()["detail"] for answer in answers)


def test_downloads_are_sent_on_to_the_store(shelf, tmp_path, started):
    server = started(Server(tmp_path / "data", measured=False, MUSIC_DOWNLOAD_REDIRECT="true", **shelf.environment))
    track_id = ask(server, "naïve piano")
    server.wait_for(track_id, finished)
    path = f"/downloads/{track_id}.mp3"

    sent_on = server.client.get(path)
    asked = server.client.head(path)
    kept = server.client.get(path, headers={"If-None-Match": asked.headers["etag"]})
    got = httpx.get(sent_on.headers["location"])

    assert sent_on.status_code == 307
    assert sent_on.headers["cache-control"] == "private, no-store"
    assert sent_on.headers["location"].startswith(shelf.server.url)
    assert asked.status_code == 200
    assert asked.headers["etag"] == f'"{hashlib.sha256(got.content).hexdigest()}"'
    assert kept.status_code == 304
    assert got.headers["content-type"] == "audio/mpeg"
    assert got.headers["content-disposition"] == asked.headers["content-disposition"]


@pytest.mark.parametrize(
    ("settings", "reason"),
    [
        ({"MUSIC_STORAGE_URL": "s3://not-there/music"}, "the bucket is not there"),
        ({"MUSIC_STORAGE_URL": "ftp://somewhere/music"}, "one of file:///srv/audio, s3://bucket/prefix, gs://bucket"),
        ({"MUSIC_STORAGE_URL": "s3://"}, "one of file:///srv/audio, s3://bucket/prefix, gs://bucket"),
        ({"MUSIC_DOWNLOAD_REDIRECT": "true"}, "MUSIC_DOWNLOAD_REDIRECT needs an object store"),
    ],
)
@pytest.mark.parametrize("role", ["serve", "worker"])
def test_what_cannot_be_used_is_said_at_the_start(role, settings, reason, installation, s3_server, tmp_path):
    environment = {**s3_server.environment, **installation.environment, "MUSIC_DATA_DIR": str(tmp_path), **settings}

    ended = run("app.cli", role, **environment)

    assert ended.returncode != 0
    assert reason in " ".join((ended.stdout + ended.stderr).split())
    assert "Traceback" not in ended.stderr


def test_a_moving_installation_brings_its_files_into_the_bucket(installation, shelf, tmp_path, started):
    old = tmp_path / "old"
    server = started(Server(old, measured=False))
    track_id = ask(server)
    server.wait_for(track_id, finished)
    sounds = {form: right(server, track_id, form) for form in ("mp3", "wav", "flac")}
    server.terminate()
    store = TrackStore(old / "music.db")
    waiting = a_track(7, duration=5)
    with store.transaction() as changes:
        changes.add([(waiting, a_job(waiting, queue="composer", priority=3))])
    store.close()
    own = {**installation.environment, **shelf.environment, "MUSIC_DATA_DIR": str(tmp_path / "new")}

    moved = run("app.cli", "migrate", "--from", str(old), **own)

    assert moved.returncode == 0, moved.stderr
    assert "2 tracks moved" in moved.stdout
    assert one_set(shelf, installation.address, track_id)
    own.pop("MUSIC_DATA_DIR")
    node = started(Server(tmp_path / "node", measured=False, **own))
    assert {form: right(node, track_id, form) for form in sounds} == sounds
    started(Worker({**own, "MUSIC_DATA_DIR": str(tmp_path / "worker")}))
    assert node.wait_for(waiting.id, finished)["status"] == "completed"
    assert (old / "audio").is_dir()
    assert not (tmp_path / "new" / "audio").exists()


@pytest.mark.essential
def test_a_killed_workers_objects_go_and_the_track_is_made_once(installation, shelf, tmp_path, started):
    own = {**installation.environment, **shelf.environment}
    own.pop("MUSIC_DATA_DIR")
    node = started(Server(tmp_path / "node", measured=False, **own))
    first = started(Worker({**own, "MUSIC_DATA_DIR": str(tmp_path / "first")}))
    track_id = ask(node, duration=30)
    node.wait_for(track_id, in_work)
    with suppress(AssertionError):  # in the middle of its uploads, if it can be caught there
        _first(lambda: shelf.files(track_id), bool, 10, pause_s=0.002)
    first.kill()
    started(Worker({**own, "MUSIC_DATA_DIR": str(tmp_path / "second")}))

    assert node.wait_for(track_id, finished)["status"] == "completed"

    right(node, track_id, "wav")
    shelf.until(lambda: one_set(shelf, installation.address, track_id))


def run(*command, **environment):
    return subprocess.run(
        [sys.executable, "-m", *command],
        cwd=ROOT, env={**os.environ, **environment}, capture_output=True, text=True, timeout=120,
    )  # fmt: skip
