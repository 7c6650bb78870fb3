"""Uploading: the files of a SQLite installation go where many machines reach them."""

import logging
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from app.models.finetune import Finetune
from app.models.track import Track, TrackFile
from app.services.storage.files import AudioFiles, headers_of, lesson_key, taught_key
from app.services.storage.lessons import LessonFiles
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


def upload_finetunes(database: Path, source: LessonFiles, target: AudioFiles) -> int:
    """Copy what models were taught, and what is still to be learned from: how many files. `StorageFailed`; then again.

    No run on many machines learned it, so it lies under run 0.
    """
    store = TrackStore(database)
    try:
        finetunes = store.unfinished_finetunes()
        cursor: str | None = None
        while True:
            page, cursor = store.finetune_page(status="completed", cursor=cursor, limit=AT_ONCE)
            finetunes += page
            if cursor is None:
                break
    finally:
        store.close()
    copied = 0
    for key, path in (pair for finetune in finetunes for pair in _files_of(finetune, source)):
        if path.is_file():
            target.copy(path, key)
            copied += 1
        else:
            log.warning("%s is not there and stays behind", path)
    return copied


def _files_of(finetune: Finetune, source: LessonFiles) -> list[tuple[str, Path]]:
    """The files of a fine-tune that are still needed, each with its key."""
    if not finetune.finished:
        paths = source.paths(finetune.id, len(finetune.files))
        return [(lesson_key(finetune.id, number), Path(path)) for number, path in enumerate(paths)]
    if finetune.base == "composer":
        learned = sorted(source.styles.glob(f"{finetune.name}.*.json"))
    else:
        learned = sorted(path for path in (source.adapters / finetune.base / finetune.name).glob("*") if path.is_file())
    return [(taught_key(finetune.id, 0, path.name), path) for path in learned]
