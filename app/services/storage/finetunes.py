"""Fine-tunes as rows: what the store reads of them, and what its changes write."""

from dataclasses import asdict, fields
from typing import Any

from sqlalchemy import Connection, RowMapping, delete, insert, select, tuple_, update

from app.models.finetune import Finetune, SkippedFile
from app.models.track import Status
from app.services.storage.cursors import read_cursor
from app.services.storage.tables import finetunes

_FIELDS = tuple(field.name for field in fields(Finetune))


def read_finetune(connection: Connection, finetune_id: str) -> Finetune | None:
    """A fine-tune; None if there is none."""
    row = connection.execute(select(finetunes).where(finetunes.c.id == finetune_id)).mappings().first()
    return None if row is None else finetune_of(row)


def read_named(connection: Connection, base: str, name: str) -> Finetune | None:
    """The fine-tune of that name that did not fail; None if there is none."""
    named = select(finetunes).where(finetunes.c.base == base, finetunes.c.name == name, finetunes.c.status != "failed")
    row = connection.execute(named).mappings().first()
    return None if row is None else finetune_of(row)


def read_unfinished(connection: Connection) -> list[Finetune]:
    """Those still to be made, the oldest first."""
    wanted = select(finetunes).where(finetunes.c.status == "processing")
    rows = connection.execute(wanted.order_by(finetunes.c.created_at, finetunes.c.id)).mappings()
    return [finetune_of(row) for row in rows]


def read_finetunes(
    connection: Connection, *, status: Status | None, cursor: str | None, limit: int, owner: str | None
) -> list[Finetune]:
    """Up to `limit`, an owner's where one is named, newest first, from a cursor on. `InvalidField`."""
    wanted = select(finetunes).order_by(finetunes.c.created_at.desc(), finetunes.c.id.desc()).limit(limit)
    if status is not None:
        wanted = wanted.where(finetunes.c.status == status)
    if owner is not None:
        wanted = wanted.where(finetunes.c.owner == owner)
    if cursor is not None:
        wanted = wanted.where(tuple_(finetunes.c.created_at, finetunes.c.id) < tuple_(*read_cursor(cursor)))
    return [finetune_of(row) for row in connection.execute(wanted).mappings()]


def insert_finetune(connection: Connection, finetune: Finetune) -> None:
    """A new one."""
    connection.execute(insert(finetunes).values(values_of(finetune)))


def write_finetune(connection: Connection, finetune: Finetune) -> bool:
    """One as it now is; False, and nothing written, if it is gone."""
    kept = connection.execute(update(finetunes).where(finetunes.c.id == finetune.id).values(values_of(finetune)))
    return kept.rowcount == 1


def delete_finetune(connection: Connection, finetune_id: str) -> None:
    """Forget one."""
    connection.execute(delete(finetunes).where(finetunes.c.id == finetune_id))


def values_of(finetune: Finetune) -> dict[str, Any]:
    """The columns of one."""
    values = {name: getattr(finetune, name) for name in _FIELDS}
    values["files"] = list(finetune.files)
    values["skipped"] = [asdict(file) for file in finetune.skipped]
    return values


def finetune_of(row: RowMapping) -> Finetune:
    """One as its row tells of it."""
    values = {name: row[name] for name in _FIELDS}
    values["files"] = tuple(row["files"])
    values["skipped"] = tuple(SkippedFile(**file) for file in row["skipped"])
    return Finetune(**values)
