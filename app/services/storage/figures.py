"""Figures about the queue, for whoever watches the service."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, func, select

from app.services.storage.tables import jobs


@dataclass(frozen=True, kw_only=True, slots=True)
class LineFigures:
    """Jobs of one kind and engine that are in the same state."""

    engine: str
    #: "render" or "encode".
    kind: str
    #: "queued" or "running".
    state: str
    count: int
    #: When the oldest of them was accepted.
    oldest: datetime


def read_lines(connection: Connection) -> list[LineFigures]:
    """How many jobs wait and run, by engine."""
    wanted = (
        select(jobs.c.queue, jobs.c.kind, jobs.c.state, func.count(), func.min(jobs.c.created_at))
        .where(jobs.c.kind != "remove")
        .group_by(jobs.c.queue, jobs.c.kind, jobs.c.state)
    )
    return [
        LineFigures(engine=engine, kind=kind, state=state, count=count, oldest=oldest)
        for engine, kind, state, count, oldest in connection.execute(wanted)
    ]
