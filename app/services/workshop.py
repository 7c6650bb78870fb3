"""What a worker is handed, and the functions it runs. Importing this loads no music: the server does it too."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from app.models.clip import ClipFacts
from app.models.finetune import Learned, Lesson, LessonProgress
from app.services.engines import Models
from app.services.jobs.base import Job, Outcome, Progress
from app.services.jobs.engine_room import Resident, Word
from app.services.styles import look_in

#: Modules that a worker imports before anything else.
WORKERS_NEED = ("app.services.pipeline",)


@dataclass(frozen=True, kw_only=True, slots=True)
class Workshop:
    """What a worker needs to know; picklable."""

    #: The soundfont file to play.
    soundfont: Path
    #: Folder or URL of the audio file store.
    files: str
    #: Seconds that a worker goes on trying while that store does not answer.
    store_patience_s: float = 0.0
    #: Threads a render may use; the result does not depend on it.
    threads: int = 1
    #: Which models there are, and where their things lie.
    models: Models = field(default_factory=Models)
    #: Type in which models compute: "auto", "float32", "float16", "bfloat16".
    dtype: str = "auto"
    #: Tracks that a model makes at once at most, and the seconds that one waits for others.
    batch_most: int = 1
    batch_wait_s: float = 0.0
    #: Whether a model's take that sounds bad is tried once more with another seed, if no seed was named.
    retry_bad_takes: bool = True


def run_job(workshop: Workshop, job: Job, work: Path, report: Callable[[Progress], None]) -> Outcome:
    """Do one job; `work` is an empty folder of its own."""
    from app.services import pipeline

    if workshop.models.tuned is not None:
        look_in(workshop.models.tuned)
    return {"render": pipeline.render, "encode": pipeline.encode}[job.kind](workshop, job, work, report)


def run_lesson(workshop: Workshop, lesson: Lesson, tell: Callable[[LessonProgress], None]) -> Learned:
    """Teach a model from files."""
    from app.services import finetuning

    return finetuning.teach(lesson, tell, workshop.models)


def run_clip(source: Path, target: Path) -> ClipFacts:
    """Open a recording that somebody sent, and write what is kept of it."""
    from app.services import encoding

    return encoding.keep_clip(source, target)


def warm_up(workshop: Workshop) -> None:
    """Import, load and calibrate what every render needs, before the first one asks."""
    from app.services import pipeline

    pipeline.warm_up(workshop)


def open_resident(workshop: Workshop, model: str, device: str, tell: Callable[[Word], None]) -> Resident:
    """A model that stays in this process; `tell` hears what becomes of it."""
    from app.services.residence import ModelResident

    return ModelResident(workshop, model, device, tell)
