"""Clips as rows: what the store reads of them, and what its changes write."""

from dataclasses import asdict, fields
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, RowMapping, delete, insert, select, update

from app.models.clip import Clip, ClipFacts
from app.services.storage.tables import clips

_FACTS = tuple(field.name for field in fields(ClipFacts))
_FIELDS = tuple(field.name for field in fields(Clip) if field.name != "facts")


def read_clip(connection: Connection, clip_id: str) -> Clip | None:
    """A clip; None if there is none."""
    row = connection.execute(select(clips).where(clips.c.id == clip_id)).mappings().first()
    return None if row is None else _clip_of(row)


def read_longest_unused(connection: Connection) -> list[Clip]:
    """All clips, the one that nobody used for the longest first."""
    rows = connection.execute(select(clips).order_by(clips.c.used_at, clips.c.id)).mappings()
    return [_clip_of(row) for row in rows]


def insert_clip(connection: Connection, clip: Clip) -> None:
    """A new one."""
    values: dict[str, Any] = {name: getattr(clip, name) for name in _FIELDS}
    connection.execute(insert(clips).values(values | asdict(clip.facts)))


def use_clip(connection: Connection, clip_id: str, now: datetime) -> None:
    """Somebody named it."""
    connection.execute(update(clips).where(clips.c.id == clip_id).values(used_at=now))


def delete_clip(connection: Connection, clip_id: str) -> None:
    """Forget one."""
    connection.execute(delete(clips).where(clips.c.id == clip_id))


def _clip_of(row: RowMapping) -> Clip:
    facts = ClipFacts(**{name: row[name] for name in _FACTS})
    return Clip(facts=facts, **{name: row[name] for name in _FIELDS})
