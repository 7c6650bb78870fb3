"""Answers to repeatable requests as rows."""

from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, delete, insert, select, update
from sqlalchemy.dialects import postgresql, sqlite

from app.services.storage.tables import group_members, replays


@dataclass(frozen=True, kw_only=True, slots=True)
class Replay:
    """A request that may be repeated, and what was answered."""

    #: Its key's owner, and the Idempotency-Key: unique.
    name: str
    #: SHA-256 of method, path and body.
    asked: str
    #: Who is making the answer, or made it: one run of a server.
    maker: str
    created_at: datetime
    #: First of the tracks that it made, once one is about to be accepted.
    track_id: str | None = None
    #: The answer; None while it is being made.
    status: int | None = None
    headers: dict[str, str] | None = None
    body: str | None = None


_FIELDS = tuple(field.name for field in fields(Replay))


def begin_replay(connection: Connection, replay: Replay) -> Replay | None:
    """Keep a new one; nothing written, and the one of that name, if there is one."""
    dialect = postgresql if connection.dialect.name == "postgresql" else sqlite
    made = dialect.insert(replays).values({name: getattr(replay, name) for name in _FIELDS})
    if connection.execute(made.on_conflict_do_nothing()).rowcount == 1:
        return None
    return read_replay(connection, replay.name)


def read_replay(connection: Connection, name: str) -> Replay | None:
    """The one of a name; None if there is none."""
    row = connection.execute(select(replays).where(replays.c.name == name)).mappings().first()
    return None if row is None else Replay(**row)


def take_over_replay(connection: Connection, old: Replay, new: Replay) -> bool:
    """Put one in the place of another; False, and nothing written, if somebody else was faster."""
    gone = connection.execute(delete(replays).where(replays.c.name == old.name, replays.c.maker == old.maker))
    if gone.rowcount == 0:
        return False
    connection.execute(insert(replays).values({name: getattr(new, name) for name in _FIELDS}))
    return True


def change_replay(connection: Connection, name: str, maker: str, **values: Any) -> None:
    """Change one that is still its maker's."""
    connection.execute(update(replays).where(replays.c.name == name, replays.c.maker == maker).values(values))


def drop_replay(connection: Connection, name: str, maker: str) -> None:
    """Forget one that is still its maker's."""
    connection.execute(delete(replays).where(replays.c.name == name, replays.c.maker == maker))


def drop_old_replays(connection: Connection, before: datetime) -> int:
    """Forget those begun before a moment: how many."""
    return connection.execute(delete(replays).where(replays.c.created_at < before)).rowcount


def read_group_of(connection: Connection, track_id: str) -> str | None:
    """The group that a track was asked for in; None of one that was asked for alone."""
    found = select(group_members.c.group_id).where(group_members.c.track_id == track_id)
    return connection.execute(found).scalars().first()
