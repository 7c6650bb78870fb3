"""What is done to an installation now and then: its tables, its move to PostgreSQL, backups, weights of models."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

from app.config import Settings, hub_cache
from app.errors import SettingRefused
from app.services.engines.fetching import fetch, folder_if_whole, shipment_of
from app.services.jobs.lock import FolderLock
from app.services.storage import LessonFiles, TrackStore
from app.services.storage.backups import back_up, put_back
from app.services.storage.moving import DATABASE, copy_files
from app.services.storage.uploading import upload_files, upload_finetunes
from app.utils.clock import SystemClock
from app.wiring import AUDIO, FINETUNES, make_files, make_models


def migrate(settings: Settings) -> str:
    """Bring the tables of the settings' database up to date; its address. `StorageFailed`, `SettingRefused`."""
    store = TrackStore(settings.server or f"sqlite:///{settings.data_dir.resolve() / 'music.db'}")
    try:
        return store.migrate()
    finally:
        store.close()


def move_in(settings: Settings, old: Path) -> int:
    """Move a SQLite installation, its folder given, to the settings' database and data folder: how many tracks.

    The old folder stays as it is. `SettingRefused`, `StorageFailed`, `DataFolderInUse` while a server runs on it.
    """
    if settings.server is None:
        raise SettingRefused("Where to? Set MUSIC_DATABASE_URL to the PostgreSQL that takes the tracks")
    if not (old / DATABASE).is_file():
        raise SettingRefused(f"There is no installation in {old}: it has no {DATABASE}")
    lock = FolderLock(old)
    lock.acquire()
    store = TrackStore(settings.server)
    try:
        store.migrate()
        files = make_files(settings)
        if files.remote:
            upload_files(old / DATABASE, old / AUDIO, files)
        else:
            copy_files(old / AUDIO, files.folder)
        upload_finetunes(old / DATABASE, LessonFiles(old / FINETUNES), files)
        return store.take_over(old)
    finally:
        store.close()
        lock.release()


def make_backup(settings: Settings, into: Path) -> int:
    """Copy what the settings' data folder keeps into another, while a server runs on it or not: how many files.

    `SettingRefused` where there is no such installation, `StorageFailed`.
    """
    folder = _folder_alone(settings)
    if not (folder / DATABASE).is_file():
        raise SettingRefused(f"There is nothing to back up in {folder}: it has no {DATABASE}")
    return back_up(folder, into, _parts(settings))


def restore(settings: Settings, backup: Path) -> Path | None:
    """Let the settings' data folder be what a backup is: where the database that was there is put, if there was one.

    `SettingRefused`, `StorageFailed`, `DataFolderInUse` while a server runs on it.
    """
    folder = _folder_alone(settings)
    lock = FolderLock(folder)
    lock.acquire()
    try:
        return put_back(backup, folder, _parts(settings), SystemClock().now())
    finally:
        lock.release()


def _folder_alone(settings: Settings) -> Path:
    if settings.server is not None:
        raise SettingRefused("A PostgreSQL is backed up and put back by its own tools, pg_dump and pg_restore")
    return settings.data_dir.resolve()


def _parts(settings: Settings) -> list[str]:
    """Folders of files; those in an object store stay where they are."""
    return [FINETUNES] if settings.storage_url else [AUDIO, FINETUNES]


def fetch_model(
    settings: Settings,
    name: str,
    *,
    bar: Callable[[int], AbstractContextManager[Callable[[int], None]]],
    say: Callable[[str], None],
) -> Path:
    """Fetch a model's weights unless they are here; the folder that holds them.

    `bar` is opened with the number of all bytes, and told of those that came.

    `InvalidField` for an unknown model, `LicenceRefused`, `FetchFailed`, `StorageFailed`.
    """
    models = make_models(settings)
    row = models.row(name)
    models.check_licence(row)
    hub = hub_cache()
    if (there := folder_if_whole(row, hub)) is not None:
        return there
    shipment = shipment_of(row)
    say(
        f"{row.name}: {shipment.size_bytes / 1e9:.2f} GB in {len(shipment.names)} files of "
        f"{shipment.listing.repository} into {hub}. Licence of the weights: {row.capabilities.weights_licence}"
    )
    with bar(shipment.size_bytes) as heard:
        return fetch(shipment, hub, heard)
