"""What several machines ask of the table of fine-tunes, each within a transaction of the asker's; PostgreSQL only.

Rule: whoever writes of a run says which; one that another has begun anew, or that somebody ended, writes nothing.
"""

from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy import Connection, func, or_, select, text, update

from app.models.finetune import Finetune
from app.services.storage.finetunes import finetune_of, values_of
from app.services.storage.tables import finetunes, workers


@dataclass(frozen=True, kw_only=True, slots=True)
class Taken:
    """A fine-tune in the hands of a worker node."""

    finetune: Finetune
    #: How often it was begun, this time included.
    run: int


def hold_name(connection: Connection, base: str, name: str) -> None:
    """Keep others from accepting a fine-tune of that name until the transaction ends."""
    connection.execute(text("SELECT pg_advisory_xact_lock(hashtext(:name))"), {"name": f"{base}:{name}"})


def open_count(connection: Connection) -> int:
    """Fine-tunes that wait or are being made."""
    return int(
        connection.execute(
            select(func.count()).select_from(finetunes).where(finetunes.c.status == "processing")
        ).scalar_one()
    )


def begin_one(
    connection: Connection, worker: str, bases: Collection[str], *, stale_s: float, now: datetime
) -> Taken | None:
    """Begin the oldest that waits, or whose worker was not heard of for `stale_s`; None where there is none.

    One that a worker vanished from is charged no attempt. A worker that asks has none in hand, whatever its row says,
    and gets none while it is not heard of itself.
    """
    alive = select(workers.c.id).where(workers.c.seen_at > func.now() - func.make_interval(0, 0, 0, 0, 0, 0, stale_s))
    if worker not in set(connection.execute(alive).scalars()):
        return None
    free = or_(finetunes.c.worker.is_(None), finetunes.c.worker == worker, finetunes.c.worker.not_in(alive))
    wanted = (
        select(finetunes)
        .where(finetunes.c.status == "processing", finetunes.c.base.in_(bases), free)
        .order_by(finetunes.c.created_at, finetunes.c.id)
        .limit(1)
        .with_for_update(skip_locked=True)
    )
    row = connection.execute(wanted).mappings().first()
    if row is None:
        return None
    vanished = row["worker"] is not None
    finetune = finetune_of(row)
    finetune = replace(finetune, attempt=finetune.attempt + (not vanished), started_at=now)
    taken = Taken(finetune=finetune, run=row["run"] + 1)
    connection.execute(
        update(finetunes)
        .where(finetunes.c.id == finetune.id)
        .values(**values_of(finetune), run=taken.run, worker=worker)
    )
    return taken


def write_run(connection: Connection, taken: Taken, *, keep: bool = True) -> bool:
    """The fine-tune as a run has it; False, and nothing written, where it is no longer this run's.

    Without `keep` its worker lets go of it.
    """
    values = values_of(taken.finetune) | ({} if keep else {"worker": None})
    mine = (finetunes.c.id == taken.finetune.id) & (finetunes.c.run == taken.run) & (finetunes.c.status == "processing")
    return connection.execute(update(finetunes).where(mine).values(values)).rowcount == 1


def end_open(connection: Connection, finetune_id: str, now: datetime) -> Finetune | None:
    """Cancel one that is not finished: as it now is, None if there is none."""
    row = (
        connection.execute(select(finetunes).where(finetunes.c.id == finetune_id).with_for_update()).mappings().first()
    )
    if row is None:
        return None
    finetune = finetune_of(row)
    if not finetune.finished:
        finetune = replace(finetune, status="failed", stage="cancelled", error="Cancelled", finished_at=now)
        connection.execute(update(finetunes).where(finetunes.c.id == finetune_id).values(values_of(finetune)))
    return finetune


def taught_runs(connection: Connection) -> list[Taken]:
    """All that were completed, with the run that completed them, the oldest first."""
    wanted = select(finetunes).where(finetunes.c.status == "completed")
    rows = connection.execute(wanted.order_by(finetunes.c.created_at, finetunes.c.id)).mappings()
    return [Taken(finetune=finetune_of(row), run=row["run"]) for row in rows]
