"""ClipShelf: keeps the recordings that were sent, until nobody has used them for as long as tracks are kept."""

import logging
import tempfile
import threading
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import BinaryIO

from app.errors import ClipNotFound, MusicError, printable, storage_errors
from app.models.clip import Clip
from app.services.access import may_see, owner
from app.services.jobs.decoder import ClipDecoder
from app.services.storage.files import AudioFiles, clip_key
from app.services.storage.sent import write_sent
from app.services.storage.tracks import TrackStore
from app.utils.chance import random_token
from app.utils.clock import Clock

#: Seconds between sweeps.
EVERY_S = 60.0
#: Share of the space for audio files that clips may fill before the longest unused go.
SHARE = 0.1

log = logging.getLogger(__name__)


class ClipShelf:
    """Started once, stopped once. Its calls are from any thread; nodes that share a database each have one."""

    def __init__(
        self,
        store: TrackStore,
        files: AudioFiles,
        decoder: ClipDecoder,
        *,
        clock: Clock,
        retention_s: float,
        storage_limit_bytes: int,
    ) -> None:
        self._store = store
        self._files = files
        self._decoder = decoder
        self._clock = clock
        self._retention_s = retention_s
        self._room_bytes = round(SHARE * storage_limit_bytes)
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._work, name="clips", daemon=True)

    def start(self) -> None:
        """Begin to sweep."""
        self._thread.start()

    def stop(self) -> None:
        """Sweep no more."""
        self._closing.set()
        self._thread.join()

    def take(self, name: str, content: BinaryIO) -> Clip:
        """Keep a recording; it is durable when this returns. `InvalidField`, `Busy`, `StorageFailed`."""
        with storage_errors("The recording could not be kept"), tempfile.TemporaryDirectory(prefix="music-clip-") as at:
            source, target = Path(at, "sent"), Path(at, "clip.flac")
            size, sha256 = write_sent(content, source)
            facts = self._decoder.decode(source, target)
            now = self._clock.now()
            clip = Clip(
                id=f"clip_{random_token()}",
                name=printable(name, 200),
                facts=facts,
                size=size,
                sha256=sha256,
                stored_bytes=target.stat().st_size,
                created_at=now,
                used_at=now,
                owner=owner(),
            )
            # The row first: what a row names can be removed, a file that nobody knows stays for ever.
            with self._store.transaction() as changes:
                changes.add_clip(clip)
            try:
                self._files.put(target, clip_key(clip.id))
            except MusicError:
                with self._store.transaction() as changes:
                    changes.delete_clip(clip.id)
                raise
        self.sweep()
        return clip

    def get(self, clip_id: str) -> Clip:
        """A clip that the caller sees. `ClipNotFound`, `StorageFailed`."""
        clip = self._store.clip(clip_id)
        if clip is None or not may_see(clip.owner):
            raise ClipNotFound(clip_id)
        return clip

    def use(self, clip_id: str) -> Clip:
        """The clip, whose age counts anew. `ClipNotFound`, `StorageFailed`."""
        clip, now = self.get(clip_id), self._clock.now()
        with self._store.transaction() as changes:
            changes.use_clip(clip_id, now)
        return replace(clip, used_at=now)

    def delete(self, clip_id: str) -> None:
        """Remove a clip. Tracks that wait for it will fail with that reason. `ClipNotFound`, `StorageFailed`."""
        self.get(clip_id)
        self._remove(clip_id)

    def expires_at(self, clip: Clip) -> datetime | None:
        """When it goes unless it is used; None where it is kept for ever."""
        try:
            return clip.used_at + timedelta(seconds=self._retention_s)
        except OverflowError:
            return None

    def sweep(self) -> None:
        """Remove what is too old, then the longest unused while all together take too much room; never the latest."""
        now = self._clock.now()
        clips = self._store.clips_longest_unused()
        excess = sum(clip.stored_bytes for clip in clips) - self._room_bytes
        for clip in clips:
            expiry = self.expires_at(clip)
            old = expiry is not None and expiry < now
            if old or (excess > 0 and clip is not clips[-1]):
                self._remove(clip.id)
                excess -= clip.stored_bytes

    def _remove(self, clip_id: str) -> None:
        self._files.delete_clip(clip_id)
        with self._store.transaction() as changes:
            changes.delete_clip(clip_id)

    def _work(self) -> None:
        while True:
            try:
                self.sweep()
            except MusicError as error:  # the disk refuses, most likely: the next sweep tries again
                log.warning("Old clips could not be removed: %s", error.detail)
            if self._closing.wait(EVERY_S):
                return
