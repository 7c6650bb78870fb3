"""Changes: what one transaction writes, verb by verb. Either all of it happens, or nothing."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timezone
from typing import Any

from sqlalchemy import ColumnElement, Connection, bindparam, delete, func, insert, select, update

from app.models.clip import Clip
from app.models.finetune import Finetune
from app.models.group import Comparison, Group
from app.models.track import Stage, Track, TrackFile
from app.services.storage.clips import delete_clip, insert_clip, use_clip
from app.services.storage.finetunes import delete_finetune, insert_finetune, read_named, write_finetune
from app.services.storage.groups import insert_group, leave_groups, write_vote
from app.services.storage.hooks import announce_leaving, announce_track
from app.services.storage.rows import JobRow, job_of, job_values, select_jobs, select_tracks, track_of, track_values
from app.services.storage.tables import Moment, jobs, tracks
from app.utils.chance import random_token

# The statements that begin a track are made once: putting one together takes longer than carrying it out, and those of
# a claim would hold up the answer to the very request that it follows.
_ADD_TRACKS, _ADD_JOBS = insert(tracks), insert(jobs)
_COUNT_RUN = (
    update(tracks)
    .where(tracks.c.id == bindparam("of_track"))
    .values(runs=tracks.c.runs + 1, started_at=func.coalesce(tracks.c.started_at, bindparam("now", type_=Moment)))
)
_READ_RUN = select(tracks.c.runs).where(tracks.c.id == bindparam("of_track"))
_BEGIN_RUN = (
    update(jobs)
    .where(jobs.c.id == bindparam("of_job"), jobs.c.state == "queued")
    .values(state="running", run=bindparam("new_run"), attempt=jobs.c.attempt + 1)
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Unfinished:
    """What a queue finds when it starts."""

    #: Renders that wait, with their tracks, in the order they were accepted.
    waiting: tuple[tuple[JobRow, Track], ...]
    #: Files that were still to be removed.
    removals: tuple[JobRow, ...]


class Changes:
    """The writing half of the store; made by `TrackStore.transaction`."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    @property
    def connection(self) -> Connection:
        """What it writes through, for what belongs into the same transaction."""
        return self._connection

    def add(self, accepted: Sequence[tuple[Track, JobRow]]) -> None:
        """New tracks, each with the job that will make it, or is making it already."""
        self._connection.execute(_ADD_TRACKS, [{**track_values(track), "runs": job.run} for track, job in accepted])
        self._connection.execute(_ADD_JOBS, [job_values(job) for _, job in accepted])

    def add_group(
        self, accepted: Sequence[tuple[Track, JobRow]], group: Group, comparison: Comparison | None = None
    ) -> None:
        """New tracks that belong together, each with its job, and the comparison that they are for."""
        self.add(accepted)
        insert_group(self._connection, group, comparison)

    def vote(
        self, comparison_id: str, winner: str, models: Mapping[str, bool], voted_at: datetime
    ) -> Comparison | None:
        """Prefer a side of a comparison, by its label: the comparison as it now is, None if it is gone.

        `models` says of each model compared whether its side was preferred; empty where no two models were compared.
        """
        return write_vote(self._connection, comparison_id, winner, models, voted_at)

    def add_job(self, job: JobRow) -> None:
        """One more job."""
        self._connection.execute(insert(jobs).values(job_values(job)))

    def claim(self, job_id: str, track_id: str, *, started_at: datetime) -> int | None:
        """Begin a run of a job: its number, counted over all of the track's jobs; None if the track is gone."""
        counted = self._connection.execute(_COUNT_RUN, {"of_track": track_id, "now": started_at})
        if counted.rowcount == 0:
            return None
        run = self._connection.execute(_READ_RUN, {"of_track": track_id}).scalar_one()
        self._connection.execute(_BEGIN_RUN, {"of_job": job_id, "new_run": run})
        return int(run)

    def note(self, job_id: str, *, run: int, stage: Stage, progress: int) -> bool:
        """How far a run is; False, and nothing written, if another run has the job or it is done."""
        noted = self._connection.execute(
            update(jobs).where(jobs.c.id == job_id, jobs.c.run == run).values(stage=stage, progress=progress)
        )
        return noted.rowcount == 1

    def learn(self, track_id: str, facts: Mapping[str, Any]) -> None:
        """Facts about a track that are known before it is finished, by column."""
        self._connection.execute(update(tracks).where(tracks.c.id == track_id).values(dict(facts)))

    def requeue(self, job_id: str, *, run: int, attempt: int) -> None:
        """A run came to nothing; its job waits again, with `attempt` of its runs charged."""
        self._connection.execute(
            update(jobs)
            .where(jobs.c.id == job_id, jobs.c.run == run)
            .values(state="queued", stage="queued", attempt=attempt)
        )

    def finish(self, job_id: str, track: Track, *, run: int | None) -> bool:
        """End a job and keep the track as it now is.

        False, and nothing written, if another run has the job or the track is gone: a zombie's late result loses.
        `run` is None for a job that never began. Whoever wants to be told of it will be.
        """
        kept = self._end(job_id, track, run=run)
        if kept:
            announce_track(self._connection, track)
        return kept

    def _end(self, job_id: str, track: Track, *, run: int | None) -> bool:
        here = (jobs.c.state == "queued") if run is None else ((jobs.c.state == "running") & (jobs.c.run == run))
        ended = self._connection.execute(delete(jobs).where(jobs.c.id == job_id, here))
        if ended.rowcount == 0:
            return False
        kept = self._connection.execute(update(tracks).where(tracks.c.id == track.id).values(track_values(track)))
        return kept.rowcount == 1

    def attach(self, job_id: str, track_id: str, files: Sequence[TrackFile], *, run: int) -> Track | None:
        """End a job that made more files of a finished track: the track with them.

        None, and nothing written, if another run has the job or the track is gone.
        """
        row = self._connection.execute(select_tracks().where(tracks.c.id == track_id)).mappings().first()
        if row is None:
            return None
        track = track_of(row)
        track = replace(track, files=(*track.files, *files))
        return track if self._end(job_id, track, run=run) else None

    def drop_job(self, job_id: str) -> None:
        """Forget a job."""
        self._connection.execute(delete(jobs).where(jobs.c.id == job_id))

    def delete_track(self, track_id: str) -> None:
        """Forget a track and the jobs that were to make something of it; a group goes with its last track."""
        announce_leaving(self._connection, track_id, datetime.now(timezone.utc))
        leave_groups(self._connection, track_id)
        self._connection.execute(delete(tracks).where(tracks.c.id == track_id))
        self._connection.execute(delete(jobs).where(jobs.c.subject_id == track_id, jobs.c.kind != "remove"))

    def owe_removal(self, track_id: str, run: int, now: datetime) -> JobRow:
        """Files to delete, written down with the change that made them useless, so that none is ever forgotten.

        `run` 0 stands for all files of the track. `drop_job` when they are gone.
        """
        removal = JobRow(id=random_token(), kind="remove", subject_id=track_id, run=run, created_at=now)
        self.add_job(removal)
        return removal

    def add_finetune(self, finetune: Finetune) -> Finetune | None:
        """A new fine-tune; nothing written, and the one that has its name, if one has that did not fail."""
        taken = read_named(self._connection, finetune.base, finetune.name)
        if taken is None:
            insert_finetune(self._connection, finetune)
        return taken

    def keep_finetune(self, finetune: Finetune) -> bool:
        """A fine-tune as it now is; False, and nothing written, if it is gone."""
        return write_finetune(self._connection, finetune)

    def delete_finetune(self, finetune_id: str) -> None:
        """Forget a fine-tune."""
        delete_finetune(self._connection, finetune_id)

    def add_clip(self, clip: Clip) -> None:
        """A new clip."""
        insert_clip(self._connection, clip)

    def use_clip(self, clip_id: str, now: datetime) -> None:
        """A request named a clip, if it is there."""
        use_clip(self._connection, clip_id, now)

    def delete_clip(self, clip_id: str) -> None:
        """Forget a clip."""
        delete_clip(self._connection, clip_id)

    def recover(self, now: datetime) -> Unfinished:
        """Put what was running back into the queue, without charging it an attempt, and tell what there is to do.

        Files on demand are not made again: nobody waits for them any more.
        """
        for dead in self._jobs(jobs.c.state == "running"):
            self.owe_removal(dead.subject_id, dead.run, now)
        self._connection.execute(delete(jobs).where(jobs.c.kind == "encode"))
        self._connection.execute(
            update(jobs)
            .where(jobs.c.state == "running")
            .values(state="queued", stage="queued", attempt=jobs.c.attempt - 1)
        )
        rows = self._connection.execute(select_tracks().where(tracks.c.status == "processing")).mappings()
        known = {row["id"]: track_of(row) for row in rows}
        return Unfinished(
            waiting=tuple((job, known[job.subject_id]) for job in self._jobs(jobs.c.kind == "render")),
            removals=tuple(self._jobs(jobs.c.kind == "remove")),
        )

    def _jobs(self, wanted: ColumnElement[bool]) -> list[JobRow]:
        rows = self._connection.execute(select_jobs().where(wanted).order_by(jobs.c.created_at, jobs.c.id))
        return [job_of(row) for row in rows.mappings()]
