import asyncio
import errno
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from pathlib import Path

import obstore
import pytest

from app.errors import StorageFailed
from app.models.track import TrackFile
from app.services.storage.files import AudioFiles, check_key, clip_key, live_key

KEY = "tracks/track_0123456789abcdef/1/track.mp3"
CONTENT = bytes(range(256)) * 4_000  # 1,024,000 bytes


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "audio"


@pytest.fixture(
    params=[
        "path",
        "text",
        "file URL",
        "memory",
        pytest.param("s3", marks=[pytest.mark.distributed, pytest.mark.essential]),
        pytest.param("az", marks=[pytest.mark.distributed, pytest.mark.essential]),
        pytest.param("gs", marks=[pytest.mark.distributed, pytest.mark.essential]),
    ]
)
def files(request: pytest.FixtureRequest, root: Path) -> AudioFiles:
    if request.param == "s3":
        return AudioFiles(f"s3://{request.getfixturevalue('bucket')}/music")
    if request.param == "az":
        return AudioFiles(f"az://{request.getfixturevalue('container')}/music")
    if request.param == "gs":
        return AudioFiles(f"gs://{request.getfixturevalue('google_bucket')}/music")
    roots = {"path": root, "text": str(root), "file URL": root.as_uri(), "memory": "memory:///"}
    return AudioFiles(roots[request.param])


@pytest.fixture
def made(tmp_path: Path) -> Callable[..., Path]:
    """A file fresh from a worker."""

    def make(content: bytes = CONTENT, name: str = "track.mp3") -> Path:
        work = tmp_path / "work"
        work.mkdir(exist_ok=True)
        (work / name).write_bytes(content)
        return work / name

    return make


async def read(files: AudioFiles, key: str, start: int = 0, end: int = len(CONTENT)) -> bytes:
    return b"".join([piece async for piece in files.stream(key, start, end)])


async def test_what_is_put_is_what_is_streamed_and_fetched(files: AudioFiles, made: Callable[..., Path]) -> None:
    source = made()

    files.put(source, KEY)

    assert await read(files, KEY) == CONTENT
    files.fetch(KEY, source.with_name("copy.mp3"))
    assert source.with_name("copy.mp3").read_bytes() == CONTENT
    assert not source.exists(), "the store took it over"


@pytest.mark.parametrize(
    ("start", "end"), [(0, 1), (0, 65_536), (70_000, 900_001), (1_023_999, 1_024_000), (5, 5), (9, 3)]
)
async def test_any_stretch_can_be_streamed(start: int, end: int, files: AudioFiles, made: Callable[..., Path]) -> None:
    files.put(made(), KEY)

    assert await read(files, KEY, start, end) == CONTENT[start:end]


async def test_pieces_have_64_to_256_kb_but_for_the_last(files: AudioFiles, made: Callable[..., Path]) -> None:
    files.put(made(), KEY)

    sizes = [len(piece) async for piece in files.stream(KEY, 0, len(CONTENT))]

    assert all(65_536 <= size <= 262_144 for size in sizes[:-1])
    assert 0 < sizes[-1] <= 262_144


async def test_other_work_goes_on_while_a_file_is_streamed(root: Path, made: Callable[..., Path]) -> None:
    files = AudioFiles(root)
    files.put(made(), KEY)
    turns = 0

    async def count_turns() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    counting = asyncio.create_task(count_turns())
    pieces = [piece async for piece in files.stream(KEY, 0, len(CONTENT))]
    counting.cancel()

    assert turns >= len(pieces), "each piece let the loop turn"


async def test_a_file_put_again_replaces_the_old_one(files: AudioFiles, made: Callable[..., Path]) -> None:
    files.put(made(b"old"), KEY)
    files.put(made(b"new!"), KEY)

    assert await read(files, KEY, 0, 4) == b"new!"
    assert files.total_bytes() == 4


def test_deleting_a_track_takes_all_its_runs_and_no_others(files: AudioFiles, made: Callable[..., Path]) -> None:
    for key in ("tracks/track_a/1/track.mp3", "tracks/track_a/2/plan.json", "tracks/track_ab/1/track.mp3"):
        files.put(made(b"12345"), key)

    files.delete_track("track_a")
    files.delete_track("track_a")
    files.delete_track("track_never_was")

    assert files.runs() == {("track_ab", 1)}
    assert files.total_bytes() == 5


def test_deleting_a_run_leaves_the_others(files: AudioFiles, made: Callable[..., Path]) -> None:
    for key in ("tracks/track_a/1/track.mp3", "tracks/track_a/2/track.mp3", "tracks/track_a/12/track.mp3"):
        files.put(made(b"123"), key)

    files.delete_run("track_a", 1)
    files.delete_run("track_a", 1)

    assert files.runs() == {("track_a", 2), ("track_a", 12)}
    assert files.total_bytes() == 6


def test_what_is_no_file_of_a_run_is_not_taken_for_one(files: AudioFiles, made: Callable[..., Path]) -> None:
    files.put(made(b"1"), "tracks/track_a/notes/x.txt")
    files.put(made(b"1"), "tracks/stray.txt")
    files.put(made(b"1"), "other/track_a/1/x.txt")

    assert files.runs() == set()
    assert files.total_bytes() == 2


def test_an_empty_store_has_nothing_in_it_and_makes_no_folder(files: AudioFiles, root: Path) -> None:
    assert files.runs() == set()
    assert files.total_bytes() == 0
    assert not root.exists()


def test_a_missing_file_is_a_clear_reason(files: AudioFiles, made: Callable[..., Path]) -> None:
    target = made(b"x").with_name("copy")

    with pytest.raises(StorageFailed, match=f"^{KEY} could not be fetched: it is not there$"):
        files.fetch(KEY, target)
    with pytest.raises(StorageFailed, match=f"^{KEY} could not be read: it is not there$"):
        asyncio.run(read(files, KEY))
    with pytest.raises(StorageFailed, match=f"^{KEY} could not be stored: it is not there$"):
        files.put(target, KEY)

    assert sorted(path.name for path in target.parent.iterdir()) == ["track.mp3"]


@pytest.mark.parametrize(
    "key",
    [
        "",
        "/etc/passwd",
        "../secret",
        "tracks/../../secret",
        "tracks/..",
        "tracks/./x",
        "tracks//x",
        "tracks/x/",
        "tracks\\x",
        "C:/x",
        "tracks/x\0.mp3",
        "tracks/x\n",
        "tracks/été.mp3",
        "tracks/.hidden",
        "tracks/x y",
        "file:///x",
    ],
)
def test_keys_never_leave_the_root(key: str, files: AudioFiles, made: Callable[..., Path], tmp_path: Path) -> None:
    source = made(b"x")

    for misuse in (
        lambda: files.put(source, key),
        lambda: files.fetch(key, tmp_path / "out"),
        lambda: asyncio.run(read(files, key)),
        lambda: files.stored(TrackFile(form="mp3", key=key, size=1, sha256=""), media_type="", file_name=""),
        lambda: check_key(key),
    ):
        with pytest.raises(ValueError, match="not a key"):
            misuse()

    assert source.exists()
    assert list(tmp_path.iterdir()) == [source.parent]


@pytest.mark.parametrize("track_id", ["", "..", "a/b", "/", "a\\b", "a\0", "."])
def test_only_a_plain_track_id_can_be_deleted(track_id: str, files: AudioFiles) -> None:
    with pytest.raises(ValueError, match="not an id"):
        files.delete_track(track_id)
    with pytest.raises(ValueError, match="not an id"):
        files.delete_run(track_id, 1)


async def test_a_stored_file_knows_its_facts_and_gives_its_bytes(files: AudioFiles, made: Callable[..., Path]) -> None:
    files.put(made(), KEY)
    file = TrackFile(form="mp3", key=KEY, size=len(CONTENT), sha256="ab" * 32)

    stored = files.stored(file, media_type="audio/mpeg", file_name="Night.mp3")

    assert (stored.form, stored.media_type, stored.file_name) == ("mp3", "audio/mpeg", "Night.mp3")
    assert (stored.size, stored.sha256) == (len(CONTENT), "ab" * 32)
    assert b"".join([piece async for piece in stored.stream(10, 20)]) == CONTENT[10:20]


def test_a_file_where_a_folder_is_needed_is_a_clear_reason(root: Path, made: Callable[..., Path]) -> None:
    source = made()
    root.write_bytes(b"in the way")

    with pytest.raises(StorageFailed, match=f"^{KEY} could not be stored: a file stands where a folder is needed$"):
        AudioFiles(root).put(source, KEY)

    assert source.exists()


@pytest.mark.skipif(sys.platform == "win32" or os.geteuid() == 0, reason="nothing is unwritable for root or on Windows")
def test_an_unwritable_folder_is_a_clear_reason(root: Path, made: Callable[..., Path]) -> None:
    root.mkdir(mode=0o500)

    with pytest.raises(StorageFailed, match="the folder is not writable"):
        AudioFiles(root).put(made(), KEY)


def refusing(number: int) -> Callable[..., None]:
    def refuse(*_: object, **__: object) -> None:
        raise OSError(number, os.strerror(number))

    return refuse


async def test_a_file_from_another_disk_is_copied_whole(
    root: Path, made: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    source, files = made(), AudioFiles(root)
    move = Path.replace

    def other_disk(self: Path, target: Path) -> Path:
        return refusing(errno.EXDEV)() if self == source else move(self, target)  # type: ignore[func-returns-value]

    monkeypatch.setattr(Path, "replace", other_disk)

    files.put(source, KEY)

    assert await read(files, KEY) == CONTENT
    assert not source.exists()
    assert [path.name for path in (root / KEY).parent.iterdir()] == ["track.mp3"]


def test_a_disk_that_fills_up_is_named_and_leaves_no_partial_file(
    root: Path, made: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    source = made()

    def half_a_copy(_: Path, target: Path) -> None:
        Path(target).write_bytes(CONTENT[:1_000])
        refusing(errno.ENOSPC)()

    monkeypatch.setattr(Path, "replace", refusing(errno.EXDEV))
    monkeypatch.setattr(shutil, "copyfile", half_a_copy)

    with pytest.raises(StorageFailed, match=f"^{KEY} could not be stored: no space is left on the disk$"):
        AudioFiles(root).put(source, KEY)
    assert source.exists()
    assert [path for path in root.rglob("*") if path.is_file()] == []
    with pytest.raises(StorageFailed, match=f"^{KEY} could not be fetched: no space is left on the disk$"):
        AudioFiles(root).fetch(KEY, source.with_name("copy"))
    assert sorted(path.name for path in source.parent.iterdir()) == ["track.mp3"]


def test_a_move_that_the_disk_refuses_is_named(
    root: Path, made: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Path, "replace", refusing(errno.EROFS))

    with pytest.raises(StorageFailed, match="the disk is read-only"):
        AudioFiles(root).put(made(), KEY)


def test_a_removal_that_the_disk_refuses_is_named(
    root: Path, made: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    files = AudioFiles(root)
    files.put(made(), KEY)
    monkeypatch.setattr(shutil, "rmtree", refusing(errno.EACCES))

    with pytest.raises(StorageFailed, match=r"could not be removed: the folder is not writable$"):
        files.delete_track("track_0123456789abcdef")


def test_files_deleted_while_they_are_counted_do_not_count(
    root: Path, made: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    files = AudioFiles(root)
    files.put(made(), KEY)
    monkeypatch.setattr(Path, "stat", refusing(errno.ENOENT))

    assert files.total_bytes() == 0


def test_what_the_store_refuses_says_nothing_about_addresses(
    made: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise obstore.exceptions.GenericError("https://bucket.internal/?token=secret")

    monkeypatch.setattr(obstore, "put", refuse)
    source = made()

    with pytest.raises(StorageFailed, match=f"^{KEY} could not be stored: the store answered GenericError$"):
        AudioFiles("memory:///").put(source, KEY)

    assert source.exists()


def test_making_one_opens_nothing(tmp_path: Path) -> None:
    AudioFiles(tmp_path / "audio")
    AudioFiles("s3://bucket/folder")

    assert list(tmp_path.iterdir()) == []


def test_a_reader_never_sees_half_a_file(root: Path, made: Callable[..., Path]) -> None:
    files = AudioFiles(root)
    files.put(made(b"a" * 300_000), KEY)
    reader = (
        "import json, sys, pathlib\n"
        "path = pathlib.Path(sys.argv[1])\n"
        "print('ready', flush=True)\n"
        "print(json.dumps(sorted({(len(b), len(set(b))) for b in (path.read_bytes() for _ in range(200))})))\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", reader, str(root / KEY)], stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        for turn in range(100):
            files.put(made(b"ab"[turn % 2 : turn % 2 + 1] * (300_000 + turn % 2)), KEY)
        seen = process.stdout.read()

    assert [size for size in json.loads(seen) if size not in ([300_000, 1], [300_001, 1])] == []


def test_a_look_whether_files_can_be_written_leaves_none(files: AudioFiles, root: Path) -> None:
    files.check()

    assert [path for path in root.rglob("*") if path.is_file()] == []


def test_what_keeps_files_from_being_written_is_said(root: Path) -> None:
    root.parent.mkdir(exist_ok=True)
    root.write_text("a file where the folder belongs")

    with pytest.raises(StorageFailed, match="Files cannot be written"):
        AudioFiles(root).check()


def test_a_clip_is_kept_beside_the_tracks_and_one_that_is_gone_is_told_from_a_store_that_is_away(files, made, tmp_path):
    files.put(made(), clip_key("clip_a"))
    files.put(made(), clip_key("clip_b"))
    files.fetch(clip_key("clip_a"), tmp_path / "again")
    assert (tmp_path / "again").read_bytes() == CONTENT
    assert files.runs() == set()

    files.delete_clip("clip_a")
    files.delete_clip("clip_a")

    with pytest.raises(StorageFailed) as gone:
        files.fetch(clip_key("clip_a"), tmp_path / "again")
    assert isinstance(gone.value.__cause__, FileNotFoundError)
    files.fetch(clip_key("clip_b"), tmp_path / "again")


async def test_a_few_bytes_are_written_whole_found_and_read(files: AudioFiles) -> None:
    key = live_key("track_01", "mp3", "0")

    assert not files.exists(key)
    assert await files.read(key) is None
    files.write(key, b"once")
    files.write(key, b"again")

    assert files.exists(key)
    assert await files.read(key) == b"again"
    assert files.runs() == set(), "it is no file of a track"


async def test_what_was_heard_of_a_track_goes_once_nothing_newer_comes(files: AudioFiles) -> None:
    key = live_key("track_02", "mp3", "0")
    files.write(key, b"sound")
    now = datetime.now(timezone.utc)

    files.delete_live(before=now - timedelta(seconds=60))
    assert await files.read(key) == b"sound"
    files.delete_live(before=now + timedelta(seconds=60))

    assert await files.read(key) is None


async def test_with_a_track_goes_what_was_heard_of_it(files: AudioFiles) -> None:
    mine, other = (live_key(name, "mp3", "0") for name in ("track_03", "track_04"))
    files.write(mine, b"mine")
    files.write(other, b"other")

    files.delete_track("track_03")

    assert await files.read(mine) is None
    assert await files.read(other) == b"other"
