"""What a worker is handed, and the two functions it runs. Importing this loads no music: the server does it too."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from app.services.jobs.base import Job, Outcome, Progress


@dataclass(frozen=True, kw_only=True, slots=True)
class Workshop:
    """What a worker needs to know; picklable."""

    #: The soundfont file to play.
    soundfont: Path
    #: Folder or URL of the audio file store.
    files: str
    #: Threads a render may use; the result does not depend on it.
    threads: int = 1


def run_job(workshop: Workshop, job: Job, work: Path, report: Callable[[Progress], None]) -> Outcome:
    """Do one job; `work` is an empty folder of its own."""
    from app.services import pipeline

    return {"render": pipeline.render, "encode": pipeline.encode}[job.kind](workshop, job, work, report)


def warm_up(workshop: Workshop) -> None:
    """Import, load and calibrate what every render needs, before the first one asks."""
    from app.services import pipeline

    pipeline.warm_up(workshop)
