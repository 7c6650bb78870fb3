"""Uploading: the files of a SQLite installation go into an object store."""

import logging
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from app.models.track import Track, TrackFile
from app.services.storage.files import AudioFiles, headers_of
from app.services.storage.tracks import TrackStore

#: Files on their way at the same time.
UPLOADS_AT_ONCE = 8
#: Tracks read at once.
AT_ONCE = 200

log = logging.getLogger(__name__)


def upload_files(database: Path, source: Path, target: AudioFiles) -> int:
    """Upload what a SQLite database knows of and `target` lacks: how many files. `StorageFailed`; then again.

    Its files lie below `source`. One whose file is not there stays behind, with a word in the log.
    """
    there = {found.key: found.size for _, found in target.listed_runs()}
    store = TrackStore(database)

    def upload(track: Track, file: TrackFile) -> int:
        path = source / file.key
        if there.get(file.key) == file.size:
            return 0
        if not path.is_file():
            log.warning("%s is not there and stays behind", file.key)
            return 0
        target.copy(path, file.key, headers_of((track.plan or {}).get("title") or track.prompt, file.form))
        return 1

    try:
        with ThreadPoolExecutor(UPLOADS_AT_ONCE) as pool:
            cursor: str | None = None
            uploaded = 0
            while True:
                page = store.page(status="completed", cursor=cursor, limit=AT_ONCE)
                wanted = [(track, file) for track in page.tracks for file in track.files]
                uploaded += sum(pool.map(lambda pair: upload(*pair), wanted))
                cursor = page.next_cursor
                if cursor is None:
                    return uploaded
    finally:
        store.close()
