"""Backups: a whole copy of one machine's installation, made while it runs; and the way back.

Rule: nothing is taken for whole before it is. What was there before is put aside, never written over.
"""

import os
import shutil
import sqlite3
from collections.abc import Sequence
from contextlib import closing, suppress
from datetime import datetime
from pathlib import Path

from app.errors import StorageFailed, storage_errors
from app.services.storage.moving import DATABASE

#: What SQLite keeps beside its file; it belongs to that very file.
_BESIDE = ("-wal", "-shm")


def damage_in(database: Path) -> str | None:
    """What is wrong with a SQLite file, in a line; None where it is whole. Reads all of it."""
    try:
        with closing(sqlite3.connect(f"{database.resolve().as_uri()}?mode=ro", uri=True)) as connection:
            found = connection.execute("PRAGMA quick_check(1)").fetchone()
    except sqlite3.Error as error:
        return str(error)
    return None if found == ("ok",) else " ".join(str(found[0]).split())


def back_up(folder: Path, into: Path, parts: Sequence[str]) -> int:
    """Copy the database of a data folder as it now stands, then the files below `parts` that the copy lacks.

    Returns how many files were copied. In this order the copy has every file that its database names, for files never
    change; those that were removed since stay in it. `StorageFailed`.
    """
    with storage_errors(f"The backup could not be written to {into}"):
        into.mkdir(parents=True, exist_ok=True)
        draft = into / f"{DATABASE}.part"
        try:
            with closing(sqlite3.connect(folder / DATABASE)) as source, closing(sqlite3.connect(draft)) as target:
                source.execute("PRAGMA busy_timeout = 30000")
                source.backup(target)
                target.execute("PRAGMA journal_mode = DELETE")
        except sqlite3.Error as error:
            draft.unlink(missing_ok=True)
            raise StorageFailed(f"The database {folder / DATABASE} could not be copied: {error}") from error
        if damage := damage_in(draft):
            draft.unlink(missing_ok=True)
            raise StorageFailed(f"The database {folder / DATABASE} is damaged and was not copied: {damage}")
        _reach_the_disk(draft)
        draft.replace(into / DATABASE)
        return sum(_copy_missing(folder / part, into / part) for part in parts)


def put_back(backup: Path, folder: Path, parts: Sequence[str], now: datetime) -> Path | None:
    """Let a data folder, whose server has ended, be what a backup is: where the database that was there now lies.

    Files come first, then the database, so that it can be done again from the start wherever it ends. `StorageFailed`
    where the backup is none, or damaged; then nothing was changed.
    """
    kept = backup / DATABASE
    if not kept.is_file():
        raise StorageFailed(f"There is no backup in {backup}: it has no {DATABASE}")
    if damage := damage_in(kept):
        raise StorageFailed(f"The backup {kept} is damaged itself: {damage}")
    with storage_errors(f"The backup could not be put back into {folder}"):
        for part in parts:
            _copy_missing(backup / part, folder / part)
        draft = folder / f"{DATABASE}.part"
        shutil.copyfile(kept, draft)
        _reach_the_disk(draft)
        old, aside = folder / DATABASE, folder / f"{DATABASE}.before-{now:%Y%m%dT%H%M%SZ}"
        there = old.exists()
        # A log left beside a file that is not its own would be read into it.
        for ending in _BESIDE:
            with suppress(FileNotFoundError):
                Path(f"{old}{ending}").replace(f"{aside}{ending}")
        if there:
            old.replace(aside)
        draft.replace(old)
        return aside if there else None


def _copy_missing(source: Path, target: Path) -> int:
    """Copy every file that the target lacks, or has in another length: how many."""
    copied = 0
    for path in [Path(folder, name) for folder, _, names in os.walk(source) for name in names]:
        there = target / path.relative_to(source)
        with suppress(FileNotFoundError):  # removed meanwhile
            if not (there.is_file() and there.stat().st_size == path.stat().st_size):
                there.parent.mkdir(parents=True, exist_ok=True)
                draft = there.with_name(f".{there.name}.part")
                shutil.copyfile(path, draft)
                draft.replace(there)
                copied += 1
    return copied


def _reach_the_disk(path: Path) -> None:
    with path.open("rb+") as file:
        os.fsync(file.fileno())
