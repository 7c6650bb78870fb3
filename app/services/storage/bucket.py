"""Bucket: files in an object store, and what its refusals mean.

Rule: what may pass by itself is `StoreAway`, and whoever has patience tries again; the rest is for the owner to mend.
"""

import asyncio
import re
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import obstore
from obstore.exceptions import BaseError
from obstore.store import HTTPStore, LocalStore, MemoryStore, from_url

from app.errors import StorageFailed, StoreAway, storage_errors

if TYPE_CHECKING:
    from obstore import WritableFile
    from obstore.store import ClientConfig, ObjectStore, RetryConfig

#: Least and most bytes of a piece of a stream; the last may be smaller.
LEAST_PIECE, LARGEST_PIECE = 65_536, 262_144
#: Bytes asked for at once: a request that waited for a slow client would run out of time.
RANGE_BYTES = 1 << 20
#: Seconds that a stream goes on trying once its first bytes are sent.
STREAM_PATIENCE_S = 30.0
#: Bytes of a part of what goes up while it is made, and parts on their way at once.
PART_BYTES, PARTS_AT_ONCE = 8 << 20, 2
#: Seconds until a broken stream asks again.
STREAM_PAUSE_S = 0.5
#: Seconds that an address handed to a client can be used.
ADDRESS_S = 3_600
#: What is written and removed to see whether that is allowed.
PROBE = ".music-check"

_CLIENT: "ClientConfig" = {"allow_http": True, "connect_timeout": "3s", "timeout": "15s"}
_RETRY: "RetryConfig" = {"max_retries": 2, "retry_timeout": timedelta(seconds=5)}

_MAY_PASS = re.compile(r"HTTP error|status code: (5\d\d|408|429)\b|Server error|timed? ?out", re.IGNORECASE)
_NO_CREDENTIALS = re.compile(r"169\.254\.169\.254|metadata\.google\.internal|Account must be specified")
_REFUSED = re.compile(r"status code: (401|403)\b")


@dataclass(frozen=True, kw_only=True, slots=True)
class Listed:
    """An object as a listing tells of it."""

    key: str
    #: Bytes.
    size: int
    changed_at: datetime


class Bucket:
    """Objects below an address such as `s3://bucket/prefix`. Cheap to make; usable from any thread.

    Keys and rights are those of the provider's own environment variables, which `obstore` reads.

    Everything raises `StoreAway` where trying again may help, else `StorageFailed`.
    """

    def __init__(self, url: str) -> None:
        self._url = url

    def put(self, key: str, path: Path, attributes: Mapping[str, str]) -> None:
        """Upload a file whole, large ones in parts; readers see all of it or nothing."""
        if urlsplit(self._url).scheme == "memory":
            obstore.put(self._store, key, path)
        else:
            obstore.put(self._store, key, path, attributes=dict(attributes))

    def writer(self, key: str, attributes: Mapping[str, str]) -> "WritableFile":
        """An object that comes bit by bit, large ones in parts, and appears when it is closed."""
        more = {} if urlsplit(self._url).scheme == "memory" else dict(attributes)
        return obstore.open_writer(
            self._store, key, attributes=more, buffer_size=PART_BYTES, max_concurrency=PARTS_AT_ONCE
        )

    def write(self, key: str, content: bytes) -> None:
        """Store a few bytes."""
        obstore.put(self._store, key, content)

    def exists(self, key: str) -> bool:
        """Whether there is such an object. A bucket that is gone has none: an answer to HEAD gives no reason."""
        try:
            obstore.head(self._store, key)
        except FileNotFoundError:
            return False
        return True

    async def read(self, key: str) -> bytes | None:
        """All bytes of a small object; None where there is none."""
        try:
            found = await obstore.get_async(self._store, key)
            return bytes(await found.bytes_async())
        except FileNotFoundError as error:
            if _is_of_bucket(str(error)):
                raise
            return None

    def fetch(self, key: str, path: Path) -> None:
        """Write an object's bytes to a file."""
        with path.open("wb") as file:
            for piece in obstore.get(self._store, key).stream(min_chunk_size=RANGE_BYTES):
                file.write(piece)

    async def stream(self, key: str, start: int, end: int) -> AsyncIterator[bytes]:
        """The bytes from `start` up to, not including, `end`, the next ones fetched while some are sent."""
        coming = asyncio.create_task(self._range(key, start, end, patience_s=0.0))
        try:
            while start < end:
                view = memoryview(await coming)
                start += len(view)
                coming = asyncio.create_task(self._range(key, start, end, patience_s=STREAM_PATIENCE_S))
                for begin in range(0, len(view), LARGEST_PIECE):
                    yield bytes(view[begin : begin + LARGEST_PIECE])
        finally:
            coming.cancel()
            await asyncio.gather(coming, return_exceptions=True)

    async def _range(self, key: str, start: int, end: int, *, patience_s: float) -> bytes:
        if start >= end:
            return b""
        until = asyncio.get_running_loop().time() + patience_s
        while True:
            try:
                with store_errors(f"{key} could not be read"):
                    got = await obstore.get_range_async(
                        self._store, key, start=start, end=min(end, start + RANGE_BYTES)
                    )
                    return bytes(got)
            except StoreAway:  # noqa: PERF203 - that is the point
                if asyncio.get_running_loop().time() >= until:
                    raise
                await asyncio.sleep(STREAM_PAUSE_S)

    def delete(self, prefix: str) -> None:
        """Remove all that lies below a prefix. Idempotent."""
        keys = [found.key for found in self.listed(prefix)]
        if keys:
            obstore.delete(self._store, keys)

    def listed(self, prefix: str) -> Iterator[Listed]:
        """All that lies below a prefix."""
        for page in obstore.list(self._store, prefix):
            for meta in page:
                yield Listed(key=str(meta["path"]), size=int(meta["size"]), changed_at=meta["last_modified"])

    async def address(self, key: str) -> str:
        """An address from which anybody may read an object for an hour."""
        with store_errors("No address could be signed"):
            store = self._store
            if isinstance(store, LocalStore | MemoryStore | HTTPStore):
                raise StorageFailed("This store signs no addresses")
            return await obstore.sign_async(store, "GET", key, expires_in=timedelta(seconds=ADDRESS_S))

    def check(self) -> None:
        """See whether the bucket is there, and may be listed and written. `StoreAway`, `StorageFailed`."""
        with store_errors(f"{self._url} cannot be used (MUSIC_STORAGE_URL)"):
            next(iter(obstore.list(self._store, "tracks/", chunk_size=1)), None)
            obstore.put(self._store, PROBE, b"")
            obstore.delete(self._store, PROBE)

    @cached_property
    def _store(self) -> "ObjectStore":
        if urlsplit(self._url).scheme == "memory":
            return from_url(self._url)
        return from_url(self._url, client_options=_CLIENT, retry_config=_RETRY)


@contextmanager
def store_errors(what: str) -> Iterator[None]:
    """Say in the owner's words what the disk or the store refuses: what could not be done, and why."""
    with storage_errors(what):
        try:
            yield
        except (BaseError, FileNotFoundError) as error:
            # Its own words name addresses and requests; they go to the log with the chained error.
            text = _tell_briefly(error)
            if _is_of_bucket(text):
                raise StorageFailed(f"{what}: the bucket is not there") from error
            if _NO_CREDENTIALS.search(text):
                raise StorageFailed(f"{what}: there are no credentials for it in the environment") from error
            if type(error).__name__ in ("PermissionDeniedError", "UnauthenticatedError") or _REFUSED.search(text):
                raise StorageFailed(f"{what}: the credentials have no right to that") from error
            if isinstance(error, FileNotFoundError):
                raise
            if _MAY_PASS.search(text):
                raise StoreAway(f"{what}: the store does not answer") from error
            raise StorageFailed(f"{what}: the store answered {type(error).__name__}") from error


def _is_of_bucket(text: str) -> bool:
    """Whether the store said that the whole bucket is not there, and not only an object."""
    return "NoSuchBucket" in text or "ContainerNotFound" in text


def _tell_briefly(error: Exception) -> str:
    """What the store said. `obstore` adds its own structures, many lines of them; no log is the better for those."""
    text = str(error).partition("\n\nDebug source:")[0]
    if text != str(error):
        error.args = (text,)
    return text
