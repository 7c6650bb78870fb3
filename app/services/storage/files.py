"""AudioFiles: where finished files are kept, in a local folder or in any object store that obstore speaks to.

Keys look like paths and never leave the root: tracks/{track_id}/{run}/{file}, clips/{clip_id}/{file}.
"""

import errno
import os
import re
import shutil
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit
from urllib.request import url2pathname

import obstore
from obstore.exceptions import BaseError
from obstore.store import LocalStore, from_url

from app.errors import StorageFailed, storage_errors
from app.models.track import TrackFile
from app.utils.chance import random_token

if TYPE_CHECKING:
    from obstore.store import ObjectStore

#: Folder of all tracks below the root.
TRACKS = "tracks"
#: Folder of all clips below the root.
CLIPS = "clips"
#: Least and most bytes of a piece of a stream; the last may be smaller.
LEAST_PIECE, LARGEST_PIECE = 65_536, 262_144

#: Letters, digits and a few signs that no file system, URL or header gives a meaning to.
_KEY = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]*(/[A-Za-z0-9_-][A-Za-z0-9._-]*)*")
_NAME = re.compile(r"[A-Za-z0-9_-]+")


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


class AudioFiles:
    """Files by key. Cheap to make: nothing is opened or created before the first use. Safe to use from any thread.

    What the disk or the store refuses raises `StorageFailed` with the reason, and leaves no partial file. A malformed
    key raises `ValueError`.
    """

    def __init__(self, root: str | Path) -> None:
        """Keep the files at a folder (a path or a `file://` URL) or at a URL: `s3://`, `gs://`, `az://`, `memory:///`."""
        self._url = str(root)
        scheme = urlsplit(self._url).scheme if "://" in self._url else ""
        if scheme == "file":
            self._folder: Path | None = Path(url2pathname(urlsplit(self._url).path))
        else:
            self._folder = None if scheme else Path(root)

    def put(self, path: Path, key: str) -> None:
        """Take a file over: it is moved or uploaded whole, and `path` is gone afterwards."""
        check_key(key)
        with _refusals(f"{key} could not be stored"):
            if self._folder is None:
                obstore.put(self._store, key, path)
                path.unlink()
            else:
                _move(path, self._folder / key)

    def fetch(self, key: str, path: Path) -> None:
        """Copy a stored file to `path`."""
        check_key(key)
        with _refusals(f"{key} could not be fetched"), _whole(path) as draft:
            if self._folder is None:
                with draft.open("wb") as file:
                    for piece in obstore.get(self._store, key).stream(min_chunk_size=1 << 20):
                        file.write(piece)
            else:
                shutil.copyfile(self._folder / key, draft)

    async def stream(self, key: str, start: int, end: int) -> AsyncIterator[bytes]:
        """The bytes from `start` up to, not including, `end`, in pieces; the event loop is free while they are read."""
        check_key(key)
        if start >= end:
            return
        with _refusals(f"{key} could not be read"):
            found = await obstore.get_async(self._store, key, options={"range": (start, end)})
            async for buffer in found.stream(min_chunk_size=LEAST_PIECE):
                view = memoryview(buffer)
                for begin in range(0, len(view), LARGEST_PIECE):
                    yield bytes(view[begin : begin + LARGEST_PIECE])

    def stored(self, file: TrackFile, *, media_type: str, file_name: str) -> StoredFile:
        """A file of a track, ready to be handed over under a readable name."""
        key = file.key
        check_key(key)
        return StoredFile(
            form=file.form,
            media_type=media_type,
            size=file.size,
            sha256=file.sha256,
            file_name=file_name,
            stream=lambda start, end: self.stream(key, start, end),
        )

    def delete_track(self, track_id: str) -> None:
        """Remove all files of a track. Idempotent."""
        self._delete(f"{TRACKS}/{_checked_name(track_id)}")

    def delete_run(self, track_id: str, run: int) -> None:
        """Remove what one run of a track's work left. Idempotent."""
        self._delete(f"{TRACKS}/{_checked_name(track_id)}/{int(run)}")

    def check(self) -> None:
        """Write a small file and remove it again. `StorageFailed` with the reason."""
        key = f"checks/{random_token()}"
        with _refusals("Files cannot be written"):
            if self._folder is None:
                obstore.put(self._store, key, b"written")
                obstore.delete(self._store, key)
                return
            path = self._folder / key
            path.parent.mkdir(parents=True, exist_ok=True)
            try:
                path.write_bytes(b"written")
            finally:
                path.unlink(missing_ok=True)

    def delete_clip(self, clip_id: str) -> None:
        """Remove a clip. Idempotent."""
        self._delete(f"{CLIPS}/{_checked_name(clip_id)}")

    def runs(self) -> set[tuple[str, int]]:
        """Every (track id, run) that holds a file; for finding leftovers."""
        found = set()
        for key, _ in self._listed():
            match key.split("/"):
                case [_, track_id, run, _, *_] if run.isdecimal():
                    found.add((track_id, int(run)))
        return found

    def total_bytes(self) -> int:
        """Space that the files of all tracks take."""
        return sum(size for _, size in self._listed())

    @cached_property
    def _store(self) -> "ObjectStore":
        if self._folder is not None:
            return LocalStore(self._folder, mkdir=True)
        return from_url(self._url)

    def _delete(self, prefix: str) -> None:
        with _refusals(f"{prefix} could not be removed"):
            if self._folder is None:
                keys = [str(meta["path"]) for page in obstore.list(self._store, prefix) for meta in page]
                obstore.delete(self._store, keys)
                return
            try:
                shutil.rmtree(self._folder / prefix)
            except FileNotFoundError:
                return

    def _listed(self) -> Iterator[tuple[str, int]]:
        """Key and size of each file of a track."""
        with _refusals("the stored files could not be listed"):
            if self._folder is None:
                for page in obstore.list(self._store, TRACKS):
                    yield from ((str(meta["path"]), int(meta["size"])) for meta in page)
                return
            for folder, _, names in os.walk(self._folder / TRACKS):
                for path in (Path(folder, name) for name in names):
                    yield path.relative_to(self._folder).as_posix(), _size(path)


def clip_key(clip_id: str) -> str:
    """Where a clip lies.

    >>> clip_key("clip_1f")
    'clips/clip_1f/clip.flac'
    """
    return f"{CLIPS}/{_checked_name(clip_id)}/clip.flac"


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


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:  # deleted while it was counted
        return 0


@contextmanager
def _refusals(what: str) -> Iterator[None]:
    with storage_errors(what):
        try:
            yield
        except BaseError as error:
            # Its own words name addresses and buckets; they go to the log with the chained error.
            raise StorageFailed(f"{what}: the store answered {type(error).__name__}") from error


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
