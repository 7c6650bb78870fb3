"""AudioFiles: where finished files are kept, in a local folder or in any object store that obstore speaks to.

Keys look like paths and never leave the root: tracks/{track_id}/{run}/{file}, clips/{clip_id}/{file},
live/{track_id}/{form}/{segment}; and where several machines teach, lessons/{finetune_id}/{number} and
taught/{finetune_id}/{run}/{file}.
"""

import asyncio
import errno
import logging
import os
import re
import shutil
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timezone
from functools import cached_property
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import url2pathname

import obstore
from obstore.store import LocalStore

from app.errors import StoreAway
from app.models.track import FORMS, TrackFile
from app.services.storage.ahead import Ahead
from app.services.storage.bucket import LARGEST_PIECE, LEAST_PIECE, Bucket, Listed, store_errors
from app.utils.absence import Absence
from app.utils.chance import random_token
from app.utils.naming import content_disposition, readable_name

#: Folder of all tracks below the root.
TRACKS = "tracks"
#: Folder of all clips below the root.
CLIPS = "clips"
#: Folder of what is heard of tracks while they are made.
LIVE = "live"
#: Folders of what was sent to learn from, and of what was learned.
LESSONS, TAUGHT = "lessons", "taught"
#: First and longest wait in seconds before what a store did not answer is tried again.
FIRST_S, LONGEST_S = 0.2, 5.0

#: Letters, digits and a few signs that no file system, URL or header gives a meaning to.
_KEY = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]*(/[A-Za-z0-9_-][A-Za-z0-9._-]*)*")
_NAME = re.compile(r"[A-Za-z0-9_-]+")

log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True, slots=True)
class StoredFile:
    """A finished file, ready to be handed over."""

    #: A key of FORMS.
    form: str
    media_type: str
    #: Length in bytes.
    size: int
    #: SHA-256 of the bytes, hexadecimal.
    sha256: str
    #: Readable name to save it under.
    file_name: str
    #: Gives the bytes from `start` up to, not including, `end`, piece by piece.
    stream: Callable[[int, int], AsyncIterator[bytes]]
    #: Gives an address from which a client may fetch it without us; None where there is none.
    address: Callable[[], Awaitable[str]] | None = None


class AudioFiles:
    """Files by key. Cheap to make: nothing is opened or created before the first use. Safe to use from any thread.

    What the disk or the store refuses raises `StorageFailed` with the reason, and leaves no partial file; `StoreAway`
    is what may pass by itself. A malformed key raises `ValueError`.
    """

    def __init__(self, root: str | Path, *, redirects: bool = False, patience_s: float = 0.0) -> None:
        """Keep the files at a folder (a path or a `file://` URL) or at a URL: `s3://`, `gs://`, `az://`, `memory:///`.

        `redirects` gives clients addresses of a store's own. `put` and `fetch` go on trying for `patience_s` seconds
        while the store does not answer.
        """
        url = str(root)
        scheme = urlsplit(url).scheme if "://" in url else ""
        self._redirects = redirects
        self._patience_s = patience_s
        self._absence = Absence(log, "Files cannot be stored", "Files are stored again")
        self._bucket = Bucket(url) if scheme not in ("", "file") else None
        self._folder = Path(url2pathname(urlsplit(url).path)) if scheme == "file" else Path(root)

    @property
    def remote(self) -> bool:
        """Whether they are in a store that may be away."""
        return self._bucket is not None

    @property
    def folder(self) -> Path:
        """The folder, of files that are kept in one."""
        return self._folder

    def check(self) -> None:
        """See whether files can be written, listed and removed. `StoreAway`, `StorageFailed` with the reason."""
        if self._bucket is not None:
            self._bucket.check()
            return
        with store_errors("Files cannot be written"):
            path = self._folder / "checks" / random_token()
            path.parent.mkdir(parents=True, exist_ok=True)
            try:
                path.write_bytes(b"written")
            finally:
                path.unlink(missing_ok=True)

    def put(self, path: Path, key: str, attributes: Mapping[str, str] | None = None) -> None:
        """Take a file over: it is moved or uploaded whole, and `path` is gone afterwards.

        `attributes` are headers that a store gives with the file where clients fetch it there.
        """
        check_key(key)
        if self._bucket is None:
            with store_errors(f"{key} could not be stored"):
                _move(path, self._folder / key)
            return
        self.copy(path, key, attributes)
        path.unlink(missing_ok=True)

    def ahead(self, key: str, head: bytes, attributes: Mapping[str, str] | None = None) -> Ahead | None:
        """The way to a store of a file that is still to be written and will begin with `head`; None in a folder."""
        check_key(key)
        bucket = self._bucket
        return None if bucket is None else Ahead(key, lambda: bucket.writer(key, attributes or {}), head)

    def copy(self, path: Path, key: str, attributes: Mapping[str, str] | None = None) -> None:
        """Store a copy of a file, which stays."""
        check_key(key)
        bucket, headers = self._bucket, attributes or {}
        if bucket is not None:
            self._patiently(f"{key} could not be stored", lambda: bucket.put(key, path, headers))
            return
        target = self._folder / key
        with store_errors(f"{key} could not be stored"):
            target.parent.mkdir(parents=True, exist_ok=True)
            with _whole(target) as draft:
                shutil.copyfile(path, draft)

    def fetch(self, key: str, path: Path) -> None:
        """Copy a stored file to `path`."""
        check_key(key)
        bucket, what = self._bucket, f"{key} could not be fetched"
        with store_errors(what), _whole(path) as draft:
            if bucket is not None:
                self._patiently(what, lambda: bucket.fetch(key, draft))
            else:
                shutil.copyfile(self._folder / key, draft)

    def write(self, key: str, content: bytes) -> None:
        """Store a few bytes; readers see all of them or nothing."""
        check_key(key)
        bucket = self._bucket
        if bucket is not None:
            self._patiently(f"{key} could not be stored", lambda: bucket.write(key, content))
            return
        target = self._folder / key
        with store_errors(f"{key} could not be stored"):
            target.parent.mkdir(parents=True, exist_ok=True)
            with _whole(target) as draft:
                draft.write_bytes(content)

    def exists(self, key: str) -> bool:
        """Whether there is such a file."""
        check_key(key)
        if self._bucket is None:
            return (self._folder / key).is_file()
        with store_errors(f"{key} could not be looked for"):
            return self._bucket.exists(key)

    async def read(self, key: str) -> bytes | None:
        """All bytes of a small file; None where there is none."""
        check_key(key)
        with store_errors(f"{key} could not be read"):
            if self._bucket is not None:
                return await self._bucket.read(key)
            try:
                return await asyncio.to_thread((self._folder / key).read_bytes)
            except FileNotFoundError:
                return None

    async def stream(self, key: str, start: int, end: int) -> AsyncIterator[bytes]:
        """The bytes from `start` up to, not including, `end`, in pieces; the event loop is free while they are read."""
        check_key(key)
        if start >= end:
            return
        if self._bucket is not None:
            async for piece in self._bucket.stream(key, start, end):
                yield piece
            return
        with store_errors(f"{key} could not be read"):
            found = await obstore.get_async(self._store, key, options={"range": (start, end)})
            async for buffer in found.stream(min_chunk_size=LEAST_PIECE):
                view = memoryview(buffer)
                for begin in range(0, len(view), LARGEST_PIECE):
                    yield bytes(view[begin : begin + LARGEST_PIECE])

    def stored(self, file: TrackFile, *, media_type: str, file_name: str) -> StoredFile:
        """A file of a track, ready to be handed over under a readable name."""
        key = file.key
        check_key(key)
        bucket = self._bucket if self._redirects else None
        return StoredFile(
            form=file.form,
            media_type=media_type,
            size=file.size,
            sha256=file.sha256,
            file_name=file_name,
            stream=lambda start, end: self.stream(key, start, end),
            address=None if bucket is None else lambda: bucket.address(key),
        )

    def delete_track(self, track_id: str) -> None:
        """Remove all files of a track. Idempotent."""
        for folder in (TRACKS, LIVE):
            self._delete(f"{folder}/{_checked_name(track_id)}")

    def delete_run(self, track_id: str, run: int) -> None:
        """Remove what one run of a track's work left. Idempotent."""
        self._delete(f"{TRACKS}/{_checked_name(track_id)}/{int(run)}")

    def delete_clip(self, clip_id: str) -> None:
        """Remove a clip. Idempotent."""
        self._delete(f"{CLIPS}/{_checked_name(clip_id)}")

    def delete_live(self, *, before: datetime) -> None:
        """Remove what was heard of tracks while they were made, of those that have nothing newer than that."""
        newest: dict[str, datetime] = {}
        for found in self._listed(LIVE):
            track_id = found.key.split("/")[1]
            newest[track_id] = max(found.changed_at, newest.get(track_id, found.changed_at))
        for track_id, changed_at in newest.items():
            if changed_at < before:
                self._delete(f"{LIVE}/{_checked_name(track_id)}")

    def delete_lesson(self, finetune_id: str) -> None:
        """Remove what was sent to learn from. Idempotent."""
        self._delete(f"{LESSONS}/{_checked_name(finetune_id)}")

    def delete_finetune(self, finetune_id: str, run: int = 0) -> None:
        """Remove what a run learned; with run 0, all files of the fine-tune. Idempotent."""
        below = f"{TAUGHT}/{_checked_name(finetune_id)}"
        if run:
            self._delete(f"{below}/{int(run)}")
        else:
            self._delete(below)
            self.delete_lesson(finetune_id)

    def taught_names(self, finetune_id: str, run: int) -> list[str]:
        """Names of the files that a run learned, sorted."""
        found = self._listed(f"{TAUGHT}/{_checked_name(finetune_id)}/{int(run)}")
        return sorted(listed.key.split("/")[-1] for listed in found)

    def runs(self) -> set[tuple[str, int]]:
        """Every (track id, run) that holds a file; for finding leftovers."""
        return {run for run, _ in self.listed_runs()}

    def listed_runs(self) -> Iterator[tuple[tuple[str, int], Listed]]:
        """Every file of a run, with the (track id, run) it belongs to."""
        for found in self._listed(TRACKS):
            match found.key.split("/"):
                case [_, track_id, run, _, *_] if run.isdecimal():
                    yield (track_id, int(run)), found

    def total_bytes(self) -> int:
        """Space that the files of all tracks take."""
        return sum(found.size for found in self._listed(TRACKS))

    @cached_property
    def _store(self) -> LocalStore:
        return LocalStore(self._folder, mkdir=True)

    def _delete(self, prefix: str) -> None:
        with store_errors(f"{prefix} could not be removed"):
            if self._bucket is not None:
                self._bucket.delete(prefix)
                return
            try:
                shutil.rmtree(self._folder / prefix)
            except FileNotFoundError:
                return

    def _listed(self, below: str) -> Iterator[Listed]:
        with store_errors("the stored files could not be listed"):
            if self._bucket is not None:
                yield from self._bucket.listed(below)
                return
            for folder, _, names in os.walk(self._folder / below):
                for path in (Path(folder, name) for name in names):
                    size, changed_at = _facts(path)
                    yield Listed(key=path.relative_to(self._folder).as_posix(), size=size, changed_at=changed_at)

    def _patiently(self, what: str, call: Callable[[], None]) -> None:
        until, wait_s = time.monotonic() + self._patience_s, FIRST_S
        while True:
            try:
                with store_errors(what):
                    call()
            except StoreAway as error:
                if time.monotonic() + wait_s > until:
                    raise
                self._absence.missed(error)
            else:
                self._absence.back()
                return
            time.sleep(wait_s)
            wait_s = min(LONGEST_S, 2 * wait_s)


def headers_of(title: str, form: str) -> dict[str, str]:
    """What a store says of a file to clients who fetch it there."""
    return {
        "Content-Type": FORMS[form],
        "Content-Disposition": content_disposition(readable_name(title, form), form),
        "Cache-Control": "private, max-age=86400, immutable",
    }


def clip_key(clip_id: str) -> str:
    """Where a clip lies.

    >>> clip_key("clip_1f")
    'clips/clip_1f/clip.flac'
    """
    return f"{CLIPS}/{_checked_name(clip_id)}/clip.flac"


def live_key(track_id: str, form: str, name: str) -> str:
    """Where something lies that is heard of a track while it is made.

    >>> live_key("track_1f", "mp3", "0")
    'live/track_1f/mp3/0'
    """
    return f"{LIVE}/{_checked_name(track_id)}/{_checked_name(form)}/{_checked_name(name)}"


def lesson_key(finetune_id: str, number: int) -> str:
    """Where a file lies that was sent to learn from, by its place among them from 0.

    >>> lesson_key("finetune_1f", 3)
    'lessons/finetune_1f/0003'
    """
    return f"{LESSONS}/{_checked_name(finetune_id)}/{number:04}"


def taught_key(finetune_id: str, run: int, name: str) -> str:
    """Where a file lies that a run learned.

    >>> taught_key("finetune_1f", 1, "mine.learned-0123456789abcdef.json")
    'taught/finetune_1f/1/mine.learned-0123456789abcdef.json'
    """
    return f"{TAUGHT}/{_checked_name(finetune_id)}/{int(run)}/{name}"


def check_key(key: str) -> None:
    """ValueError unless the key is a relative path of plain names, without dots in front of any.

    >>> check_key("tracks/track_1f/1/track.mp3")
    """
    if not _KEY.fullmatch(key):
        raise ValueError(f"not a key of a file: {key!r}")


def _checked_name(name: str) -> str:
    if not _NAME.fullmatch(name):
        raise ValueError(f"not an id: {name!r}")
    return name


def _facts(path: Path) -> tuple[int, datetime]:
    """Bytes, and when it was changed."""
    try:
        found = path.stat()
    except FileNotFoundError:  # deleted while it was counted
        return 0, datetime.now(timezone.utc)
    return found.st_size, datetime.fromtimestamp(found.st_mtime, timezone.utc)


@contextmanager
def _whole(path: Path) -> Iterator[Path]:
    """A place to write beside `path`, moved there at the end; nothing stays after an exception."""
    with tempfile.TemporaryDirectory(prefix=".draft-", dir=path.parent) as folder:
        draft = Path(folder) / path.name
        yield draft
        draft.replace(path)


def _move(path: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        path.replace(target)
    except OSError as error:
        if error.errno != errno.EXDEV:
            raise
        with _whole(target) as draft:  # from another disk
            shutil.copyfile(path, draft)
        path.unlink()
