"""Files in an object store: what `test_files.py` promises of every place, and what only a store can do to us."""

import asyncio
import hashlib
import os
import threading
import traceback
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime, timezone
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import httpx
import pytest

from app.errors import StorageFailed, StoreAway
from app.models.track import TrackFile
from app.services.engines.catalogue import CATALOGUE
from app.services.generator import new_track
from app.services.instruments import find_soundfont
from app.services.jobs.base import Job, Progress
from app.services.storage.bucket import Bucket
from app.services.storage.files import AudioFiles, headers_of
from app.services.workshop import Workshop, run_job

KEY = "tracks/track_0123456789abcdef/1/track.mp3"
CONTENT = bytes(range(256)) * 12_000  # 3,072,000 bytes: three requests

HEADERS = headers_of("Été / Nacht", "mp3")


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / "track.mp3"
    path.write_bytes(CONTENT)
    return path


class Refusing:
    """A store that gives one answer to everything."""

    def __init__(self, status: int, code: str) -> None:
        body = f"<Error><Code>{code}</Code><Message>secret-bucket-name</Message></Error>".encode()

        class Answer(BaseHTTPRequestHandler):
            def answer(self) -> None:
                self.rfile.read(int(self.headers.get("Content-Length") or 0))
                self.send_response(status)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            do_GET = do_PUT = do_POST = do_DELETE = answer  # noqa: N815 - the names that the server calls

            def log_message(self, *_: object) -> None: ...

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Answer)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()

    def end(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


@pytest.fixture
def refusing(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[int, str], AudioFiles]]:
    servers = []

    def make(status: int, code: str) -> AudioFiles:
        servers.append(server := Refusing(status, code))
        monkeypatch.setenv("AWS_ENDPOINT_URL", server.url)
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", "music")
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
        return AudioFiles("s3://shelf/music")

    yield make
    for server in servers:
        server.end()


async def _read(files: AudioFiles, start: int = 0, end: int = len(CONTENT)) -> bytes:
    return b"".join([piece async for piece in files.stream(KEY, start, end)])


@pytest.mark.parametrize(
    ("status", "code", "reason"),
    [
        (403, "AccessDenied", "the credentials have no right to that"),
        (401, "Unauthorized", "the credentials have no right to that"),
        (404, "NoSuchBucket", "the bucket is not there"),
    ],
)
def test_what_the_owner_has_to_mend_is_said(
    status: int, code: str, reason: str, refusing: Callable[[int, str], AudioFiles], source: Path
) -> None:
    files = refusing(status, code)

    with pytest.raises(StorageFailed, match=rf"^s3://shelf/music cannot be used \(MUSIC_STORAGE_URL\): {reason}$"):
        files.check()
    for call in (
        lambda: files.put(source, KEY),
        lambda: files.fetch(KEY, source.with_name("copy")),
        lambda: asyncio.run(_read(files)),
        lambda: asyncio.run(files.read(KEY)),
        lambda: files.delete_track("track_0123456789abcdef"),
    ):
        with pytest.raises(StorageFailed, match=f": {reason}$") as refused:
            call()
        assert not isinstance(refused.value, StoreAway)
    assert [path.name for path in source.parent.iterdir()] == ["track.mp3"]


def test_a_file_that_is_not_there_is_no_trouble_of_the_bucket(refusing: Callable[[int, str], AudioFiles]) -> None:
    files = refusing(404, "NoSuchKey")

    assert asyncio.run(files.read(KEY)) is None


def test_neither_messages_nor_logs_hold_the_structures_of_the_library(
    refusing: Callable[[int, str], AudioFiles], source: Path
) -> None:
    files = refusing(403, "AccessDenied")

    for call in (files.check, lambda: files.put(source, KEY), lambda: files.fetch(KEY, source.with_name("copy"))):
        with pytest.raises(StorageFailed) as refused:
            call()
        logged = "".join(traceback.format_exception(refused.value))
        assert "AccessDenied" in logged, "what the store said is there"
        assert "Debug source" not in logged


@pytest.mark.parametrize("status", [500, 503, 429])
def test_what_may_pass_is_known_as_such(status: int, refusing: Callable[[int, str], AudioFiles], source: Path) -> None:
    files = refusing(status, "SlowDown")

    for call in (lambda: files.check(), lambda: files.put(source, KEY), lambda: asyncio.run(_read(files))):
        with pytest.raises(StoreAway, match=r"the store does not answer$"):
            call()
    assert source.exists()


def test_a_place_where_nobody_answers_is_away(monkeypatch: pytest.MonkeyPatch, source: Path) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "music")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")

    with pytest.raises(StoreAway):
        AudioFiles("s3://shelf").put(source, KEY)

    assert source.exists()


@pytest.mark.distributed
@pytest.mark.essential
def test_a_bucket_that_is_there_can_be_used_and_keeps_nothing_of_the_trial(bucket: str, s3_server) -> None:
    AudioFiles(f"s3://{bucket}/music").check()

    assert s3_server.keys(bucket) == []


@pytest.mark.distributed
@pytest.mark.essential
def test_a_bucket_that_is_not_there_is_named(bucket: str) -> None:
    with pytest.raises(StorageFailed, match="the bucket is not there"):
        AudioFiles(f"s3://{bucket}-not").check()


@pytest.mark.distributed
@pytest.mark.essential
async def test_a_signed_address_gives_the_file_with_its_name_to_anybody(bucket: str, source: Path) -> None:
    files = AudioFiles(f"s3://{bucket}/music", redirects=True)
    files.put(source, KEY, HEADERS)
    file = TrackFile(form="mp3", key=KEY, size=len(CONTENT), sha256="")

    stored = files.stored(file, media_type="audio/mpeg", file_name="x")
    assert stored.address is not None
    answer = httpx.get(await stored.address(), headers={"Range": "bytes=10-19"})

    assert answer.status_code == 206
    assert answer.content == CONTENT[10:20]
    assert answer.headers["content-type"] == "audio/mpeg"
    assert "filename*=UTF-8''%C3%89t%C3%A9%20Nacht.mp3" in answer.headers["content-disposition"]
    assert AudioFiles(f"s3://{bucket}/music").stored(file, media_type="", file_name="").address is None


@pytest.mark.distributed
@pytest.mark.essential
def test_a_container_of_azure_can_be_used_and_is_named_where_it_is_not_there(container: str) -> None:
    AudioFiles(f"az://{container}/music").check()

    with pytest.raises(StorageFailed, match="the bucket is not there"):
        AudioFiles(f"az://{container}-not").check()


@pytest.mark.distributed
@pytest.mark.essential
async def test_azure_takes_a_large_file_in_parts_and_signs_an_address_of_it(container: str, tmp_path: Path) -> None:
    content = bytes(range(256)) * 50_000  # 12.8 MB
    (tmp_path / "track.wav").write_bytes(content)
    files = AudioFiles(f"az://{container}/music", redirects=True)

    files.put(tmp_path / "track.wav", "tracks/track_a/1/track.wav", headers_of("Été / Nacht", "wav"))
    files.fetch("tracks/track_a/1/track.wav", tmp_path / "copy")
    file = TrackFile(form="wav", key="tracks/track_a/1/track.wav", size=len(content), sha256="")
    stored = files.stored(file, media_type="audio/wav", file_name="x")
    assert stored.address is not None
    answer = httpx.get(await stored.address(), headers={"Range": "bytes=10-19"})

    assert (tmp_path / "copy").read_bytes() == content
    assert answer.status_code == 206
    assert answer.content == content[10:20]
    assert answer.headers["content-type"] == "audio/wav"
    assert "filename*=UTF-8''%C3%89t%C3%A9%20Nacht.wav" in answer.headers["content-disposition"]


@pytest.mark.distributed
@pytest.mark.essential
def test_a_bucket_of_google_can_be_used_and_is_named_where_it_is_not_there(google_bucket: str) -> None:
    AudioFiles(f"gs://{google_bucket}/music").check()

    with pytest.raises(StorageFailed, match="the bucket is not there"):
        AudioFiles(f"gs://{google_bucket}not").check()


@pytest.mark.distributed
@pytest.mark.essential
def test_google_takes_a_large_file_in_parts_whole_or_as_it_grows(google_bucket: str, tmp_path: Path) -> None:
    content = bytes(range(256)) * 50_000  # 12.8 MB
    (tmp_path / "track.wav").write_bytes(content)
    files = AudioFiles(f"gs://{google_bucket}/music")

    growing = files.ahead("tracks/track_a/1/growing.wav", content[:1])
    assert growing is not None
    growing.follow(tmp_path / "track.wav")
    assert growing.finish(tmp_path / "track.wav", hashlib.sha256(content).hexdigest())
    files.put(tmp_path / "track.wav", "tracks/track_a/1/track.wav", HEADERS)

    for name in ("growing.wav", "track.wav"):
        files.fetch(f"tracks/track_a/1/{name}", tmp_path / "copy")
        assert (tmp_path / "copy").read_bytes() == content
    assert files.runs() == {("track_a", 1)}
    files.delete_track("track_a")
    assert files.runs() == set()


def test_an_account_that_nobody_named_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("AZURE_")]:
        monkeypatch.delenv(name)

    with pytest.raises(StorageFailed, match="there are no credentials for it in the environment"):
        AudioFiles("az://shelf").check()


@pytest.mark.distributed
@pytest.mark.essential
def test_a_large_file_goes_up_in_parts_and_comes_back_whole(bucket: str, s3_server, tmp_path: Path) -> None:
    content = bytes(range(256)) * 50_000  # 12.8 MB
    (tmp_path / "track.wav").write_bytes(content)
    files = AudioFiles(f"s3://{bucket}/music")

    files.put(tmp_path / "track.wav", "tracks/track_a/1/track.wav")
    files.fetch("tracks/track_a/1/track.wav", tmp_path / "copy")

    assert (tmp_path / "copy").read_bytes() == content
    assert s3_server.unfinished_uploads(bucket) == 0
    assert [path.name for path in tmp_path.iterdir()] == ["copy"]


@pytest.mark.distributed
@pytest.mark.essential
def test_a_track_goes_up_while_it_is_encoded(bucket: str, s3_server, tmp_path: Path, monkeypatch) -> None:
    track = replace(new_track(CATALOGUE["composer"], "calm piano", 75, 3, datetime.now(timezone.utc)), id="track_1f")
    workshop = Workshop(soundfont=find_soundfont(None), files=f"s3://{bucket}/music")
    unfinished, whole = [], []
    put = Bucket.put
    monkeypatch.setattr(Bucket, "put", lambda self, key, *rest: whole.append(key) or put(self, key, *rest))

    def report(said: Progress) -> None:
        if said.stage == "encoding":
            unfinished.append(s3_server.unfinished_uploads(bucket))

    outcome = run_job(workshop, Job(kind="render", track=track, run=1), tmp_path, report)
    wav = next(file for file in outcome.files if file.form == "wav")
    AudioFiles(workshop.files).fetch(wav.key, tmp_path / "copy")

    assert 1 in unfinished, "it was on its way before it was finished"
    assert wav.key not in whole
    assert {file.key for file in outcome.files} == {wav.key, *whole}
    assert hashlib.sha256((tmp_path / "copy").read_bytes()).hexdigest() == wav.sha256
    assert s3_server.unfinished_uploads(bucket) == 0


@pytest.mark.distributed
@pytest.mark.essential
def test_an_upload_waits_for_a_store_that_comes_back(bucket: str, s3_server, source: Path) -> None:
    files = AudioFiles(f"s3://{bucket}/music", patience_s=120)
    s3_server.freeze()
    upload = threading.Thread(target=files.put, args=(source, KEY))
    upload.start()
    upload.join(0.5)
    waited = upload.is_alive()
    s3_server.thaw()
    upload.join(120)

    assert waited
    assert asyncio.run(_read(files)) == CONTENT
    assert not source.exists()


@pytest.mark.distributed
@pytest.mark.essential
async def test_a_stream_under_way_outlasts_a_store_that_stumbles(
    bucket: str, s3_server, source: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = AudioFiles(f"s3://{bucket}/music")
    files.put(source, KEY)
    pieces = files.stream(KEY, 0, len(CONTENT))
    got = await anext(pieces)
    s3_server.freeze()
    thaw = threading.Timer(1.0, s3_server.thaw)
    thaw.start()
    try:
        async for piece in pieces:
            got += piece
    finally:
        thaw.join()

    assert got == CONTENT
