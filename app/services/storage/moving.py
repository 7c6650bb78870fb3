"""Moving: a SQLite installation's tables and files to where many machines share them. Either all tables, or none."""

import shutil
from pathlib import Path

from sqlalchemy import URL, Connection, Table, delete, func, insert, select, update

from app.errors import StorageFailed, storage_errors
from app.services.storage.database import open_engine
from app.services.storage.tables import jobs, metadata, tracks, workers

#: Name of the SQLite file in a data folder.
DATABASE = "music.db"
#: Rows of one statement.
AT_ONCE = 500


def copy_database(path: Path, target: Connection) -> int:
    """Copy every row into empty tables, in the target's transaction: how many tracks. `StorageFailed`.

    Renders that were still to be made wait in the target; no worker of it has them yet.
    """
    if target.execute(select(func.count()).select_from(tracks)).scalar_one():
        raise StorageFailed("The database holds tracks already: an installation moves into an empty one only")
    source = open_engine(URL.create("sqlite", database=str(path)))
    try:
        with source.connect() as connection:
            for table in metadata.sorted_tables:
                if table is not workers:
                    _copy(table, connection, target)
    finally:
        source.dispose()
    target.execute(delete(jobs).where(jobs.c.kind == "encode"))
    # What was running there is begun anew, and costs no attempt.
    target.execute(
        update(jobs).where(jobs.c.state == "running").values(state="queued", stage="queued", attempt=jobs.c.attempt - 1)
    )
    return int(target.execute(select(func.count()).select_from(tracks)).scalar_one())


def copy_files(source: Path, target: Path) -> None:
    """Copy all files that `target` lacks. `StorageFailed`; then it is done again."""
    if source.resolve() == target.resolve() or not source.is_dir():
        return
    with storage_errors("The files could not be copied"):
        shutil.copytree(source, target, dirs_exist_ok=True)


def _copy(table: Table, source: Connection, target: Connection) -> None:
    rows = source.execution_options(yield_per=AT_ONCE).execute(select(table)).mappings()
    for some in rows.partitions(AT_ONCE):
        target.execute(insert(table), [dict(row) for row in some])
