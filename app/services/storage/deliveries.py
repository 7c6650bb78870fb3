"""What several machines ask of the tables, each within a transaction of the asker's; PostgreSQL only."""

from collections.abc import Collection, Sequence
from dataclasses import replace
from datetime import datetime

from sqlalchemy import Connection, delete, func, insert, select, text, update

from app.models.track import Track
from app.services.storage.rows import JobRow, job_of, select_jobs, select_tracks, track_of
from app.services.storage.tables import jobs, tracks, workers

#: Channel on which track ids are told when something about them changed.
NEWS = "music_news"
#: Space of the advisory locks, one an owner, that those hold who give out rounds.
TURNS = 0x6D757475


def tell(connection: Connection, track_ids: Collection[str]) -> None:
    """Let every node know, once the transaction is written."""
    for track_id in track_ids:
        connection.execute(select(func.pg_notify(NEWS, track_id)))


def locked_job(connection: Connection, job_id: str) -> JobRow | None:
    """A job that nobody else changes until the transaction ends."""
    row = connection.execute(select_jobs().where(jobs.c.id == job_id).with_for_update()).mappings().first()
    return None if row is None else job_of(row)


def take_up(connection: Connection, job_id: str, delivery: int, started_at: datetime) -> JobRow | None:
    """Begin a run of a job that waits and was brought by this delivery, in one statement; None where it is not so.

    A job whose track is gone stays as it is.
    """
    mine = (jobs.c.id == job_id) & (jobs.c.state == "queued") & (jobs.c.delivery == delivery)
    owner = select(jobs.c.subject_id).where(mine).with_for_update().scalar_subquery()
    begun = (
        update(tracks)
        .where(tracks.c.id == owner)
        .values(runs=tracks.c.runs + 1, started_at=func.coalesce(tracks.c.started_at, started_at))
        .returning(tracks.c.id, tracks.c.runs)
        .cte("begun")
    )
    claimed = (
        update(jobs)
        .where(jobs.c.id == job_id, jobs.c.subject_id == begun.c.id)
        .values(state="running", run=begun.c.runs, attempt=jobs.c.attempt + 1)
        .returning(*jobs.c)
    )
    row = connection.execute(claimed).mappings().first()
    return None if row is None else job_of(row)


def locked_jobs_of(connection: Connection, track_id: str) -> list[JobRow]:
    """The jobs that make something of a track, kept from others until the transaction ends."""
    wanted = select_jobs().where(jobs.c.subject_id == track_id, jobs.c.kind != "remove").with_for_update()
    return [job_of(row) for row in connection.execute(wanted).mappings()]


def track_in(connection: Connection, track_id: str, *, locked: bool = False) -> Track | None:
    """A track as the transaction sees it."""
    if locked:
        connection.execute(select(tracks.c.id).where(tracks.c.id == track_id).with_for_update())
    row = connection.execute(select_tracks().where(tracks.c.id == track_id)).mappings().first()
    return None if row is None else track_of(row)


def delivered(connection: Connection, job: JobRow, delivery: int) -> JobRow:
    """The job, brought to a worker by another job of the queue."""
    connection.execute(
        update(jobs).where(jobs.c.id == job.id).values(delivery=delivery, vanished=job.vanished, attempt=job.attempt)
    )
    return replace(job, delivery=delivery)


def stranded(connection: Connection, stale_s: float) -> list[JobRow]:
    """Jobs whose worker has not been heard of for so long, or that nothing brings to a worker any more."""
    alive = text(
        "SELECT d.id AS delivery FROM procrastinate_jobs d LEFT JOIN procrastinate_workers w ON w.id = d.worker_id "
        "WHERE d.status = 'todo' OR (d.status = 'doing' AND w.last_heartbeat > now() - make_interval(secs => :stale_s))"
    ).bindparams(stale_s=stale_s)
    living = alive.columns(jobs.c.delivery).subquery()
    wanted = select_jobs().where(
        jobs.c.kind.in_(("render", "encode")), jobs.c.delivery.is_(None) | jobs.c.delivery.not_in(select(living))
    )
    rows = connection.execute(wanted.with_for_update(skip_locked=True, of=jobs))
    return [job_of(row) for row in rows.mappings()]


def forget_orphans(connection: Connection, stale_s: float) -> int:
    """Remove deliveries that bring nothing to anybody, left by workers that are gone: how many.

    A worker writes what came of a job before it ends the delivery, and may die between the two.
    """
    orphans = text(
        "DELETE FROM procrastinate_jobs d WHERE d.status <> 'todo' "
        "AND NOT EXISTS (SELECT FROM jobs j WHERE j.delivery = d.id) "
        "AND NOT EXISTS (SELECT FROM procrastinate_workers w WHERE w.id = d.worker_id "
        "AND w.last_heartbeat > now() - make_interval(secs => :stale_s))"
    )
    return connection.execute(orphans, {"stale_s": stale_s}).rowcount


def removals(connection: Connection, limit: int = 100) -> list[JobRow]:
    """Files that are to go, the oldest first."""
    wanted = select_jobs().where(jobs.c.kind == "remove").order_by(jobs.c.created_at, jobs.c.id).limit(limit)
    return [job_of(row) for row in connection.execute(wanted).mappings()]


def line_of(connection: Connection) -> Sequence[tuple[str, str, str, int, int, str]]:
    """Each render: (track, model, state, duration in seconds, per cent done, kind), the next one first."""
    wanted = (
        select(jobs.c.subject_id, jobs.c.queue, jobs.c.state, tracks.c.duration, jobs.c.progress, jobs.c.kind)
        .join(tracks, tracks.c.id == jobs.c.subject_id)
        .where(jobs.c.kind == "render")
        .order_by(jobs.c.priority.desc(), jobs.c.turn, jobs.c.created_at, jobs.c.id)
    )
    return [tuple(row) for row in connection.execute(wanted)]


def in_turns(connection: Connection, owner: str, wanted: Sequence[JobRow]) -> list[JobRow]:
    """An owner's new renders, each in the round in which it is made: one after those of the owner that wait already.

    Rounds are counted among what is as urgent and waits for the same engine; who has none waiting joins the present
    one. Others of this owner wait until the transaction ends, so that no two are given the same round.
    """
    connection.execute(text("SELECT pg_advisory_xact_lock(:space, hashtext(:owner))"), {"space": TURNS, "owner": owner})
    following: dict[tuple[str, int], int] = {}
    placed = []
    for job in wanted:
        kind = job.queue, job.priority
        turn = following[kind] if kind in following else _next_turn(connection, owner, *kind)
        following[kind] = turn + 1
        placed.append(replace(job, turn=turn))
    return placed


def _next_turn(connection: Connection, owner: str, queue: str, priority: int) -> int:
    here = jobs.c.queue == queue
    found = connection.execute(
        select(
            func.min(jobs.c.turn).filter(here),
            func.min(jobs.c.turn),
            func.max(jobs.c.turn).filter(here, tracks.c.owner == owner),
        )
        .select_from(jobs.join(tracks, tracks.c.id == jobs.c.subject_id))
        .where(jobs.c.kind == "render", jobs.c.state == "queued", jobs.c.priority == priority)
    ).one()
    present, elsewhere, last = found
    if present is None:  # as far as those who wait for other engines of the same workers
        return int(elsewhere or 0)
    return max(int(present), -1 if last is None else int(last) + 1)


def waiting(connection: Connection) -> int:
    """Jobs that no worker has yet."""
    wanted = select(func.count()).select_from(jobs).where(jobs.c.state == "queued", jobs.c.kind != "remove")
    return int(connection.execute(wanted).scalar_one())


def seen(connection: Connection, worker_id: str, host: str, engines: Sequence[str], concurrency: int) -> None:
    """A worker node is there, by the database's clock."""
    values = {"host": host[:255], "engines": list(engines), "concurrency": concurrency, "seen_at": func.now()}
    known = connection.execute(update(workers).where(workers.c.id == worker_id).values(values))
    if known.rowcount == 0:
        connection.execute(insert(workers).values(id=worker_id, **values))


def beat(connection: Connection, worker_ids: Sequence[int]) -> None:
    """Workers of the queue are alive, by the database's clock."""
    if worker_ids:
        connection.execute(
            text("UPDATE procrastinate_workers SET last_heartbeat = now() WHERE id = ANY(:ids)"),
            {"ids": list(worker_ids)},
        )


def left(connection: Connection, worker_id: str) -> None:
    """A worker node goes."""
    connection.execute(delete(workers).where(workers.c.id == worker_id))


def crews(connection: Connection, stale_s: float) -> list[tuple[list[str], int]]:
    """(engines, tracks at once) of each worker node heard of lately; those not heard of for a day are forgotten."""
    fresh = workers.c.seen_at > func.now() - func.make_interval(0, 0, 0, 0, 0, 0, stale_s)
    rows = connection.execute(select(workers.c.engines, workers.c.concurrency).where(fresh))
    return [(list(row.engines), int(row.concurrency)) for row in rows]
