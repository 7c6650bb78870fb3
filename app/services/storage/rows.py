"""Values to rows and back."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import RowMapping, Select, and_, select

from app.models.track import Stage, Track, TrackFile
from app.services.storage.tables import jobs, tracks

#: "remove" is the store's own: files to delete whose record has gone, or never came to be.
RowKind = Literal["render", "encode", "remove"]

_TRACK_FIELDS = tuple(field.name for field in fields(Track))
_FILE_FIELDS = frozenset(field.name for field in fields(TrackFile))


@dataclass(frozen=True, kw_only=True, slots=True)
class JobRow:
    """A job as the database keeps it."""

    id: str
    kind: RowKind
    subject_id: str
    created_at: datetime
    queue: str = "default"
    #: Higher goes first.
    priority: int = 0
    form: str | None = None
    state: Literal["queued", "running"] = "queued"
    #: Runs begun that count against the limit.
    attempt: int = 0
    #: The run under way; for "remove" the run whose files go, 0 for all of the track's.
    run: int = 0
    stage: Stage = "queued"
    progress: int = 0
    #: The job of the queue on PostgreSQL that brings it to a worker.
    delivery: int | None = None
    #: Times that its worker vanished, which costs it no attempt.
    vanished: int = 0
    #: Round in which a track is made, so that owners take turns, lower goes first; on PostgreSQL.
    turn: int = 0


_JOB_FIELDS = tuple(field.name for field in fields(JobRow))


def job_values(job: JobRow) -> dict[str, Any]:
    """The columns of a job."""
    return {name: getattr(job, name) for name in _JOB_FIELDS}


def track_values(track: Track) -> dict[str, Any]:
    """The columns of a track."""
    values = {name: getattr(track, name) for name in _TRACK_FIELDS}
    values["files"] = [asdict(file) for file in track.files]
    values["on_demand"] = list(track.on_demand)
    values["warnings"] = list(track.warnings) or None
    values["stored_bytes"] = sum(file.size for file in track.files)
    return values


def track_of(row: RowMapping) -> Track:
    """The track of a row; where its render is still in work (columns `job_…`), that knows better how far it is."""
    values = {name: row[name] for name in _TRACK_FIELDS}
    values["files"] = tuple(_file_of(file) for file in row["files"])
    values["on_demand"] = tuple(row["on_demand"])
    values["warnings"] = tuple(row["warnings"] or ())
    if row.get("job_stage") is not None:
        values["stage"] = row["job_stage"]
        values["progress"] = max(row["progress"], row["job_progress"])
        values["attempt"] = row["job_attempt"]
    return Track(**values)


def _file_of(facts: Mapping[str, Any]) -> TrackFile:
    """A file of a track; what a newer version of this program knows of it besides is left alone."""
    return TrackFile(**{name: value for name, value in facts.items() if name in _FILE_FIELDS})


def job_of(row: RowMapping) -> JobRow:
    """The job of a row."""
    return JobRow(**row)


def select_tracks() -> Select[Any]:
    """All columns of tracks, and of each one's render where it is still to be done."""
    render = and_(jobs.c.subject_id == tracks.c.id, jobs.c.kind == "render")
    return select(
        *tracks.c,
        jobs.c.stage.label("job_stage"),
        jobs.c.progress.label("job_progress"),
        jobs.c.attempt.label("job_attempt"),
    ).select_from(tracks.outerjoin(jobs, render))


def select_jobs() -> Select[Any]:
    """All columns of jobs."""
    return select(*jobs.c)
