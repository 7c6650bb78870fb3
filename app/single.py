"""One track without a server: `python3 run.py make`."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from app.config import Settings
from app.errors import FormNotFound
from app.models.asked import Asked
from app.services.engines import lives_with
from app.services.generator import DEFAULT_DURATION_S, check_request, file_name, new_track
from app.services.instruments import fingerprint_of
from app.services.jobs.base import Job, Outcome, Progress
from app.services.jobs.engine_room import Resident, Watched
from app.services.planning import Terms, terms_of
from app.services.storage import AudioFiles
from app.services.workshop import open_resident, run_job
from app.utils.clock import SystemClock
from app.utils.seeds import new_seed
from app.wiring import AUDIO, make_workshop


@dataclass(frozen=True, kw_only=True, slots=True)
class MadeTrack:
    """A track made without a server."""

    path: Path
    #: Readable name for the file.
    file_name: str
    #: Seconds.
    duration: int
    seed: int


def make_one_track(
    settings: Settings,
    prompt: str,
    duration: int | None,
    *,
    form: str,
    seed: int | None,
    model: str | None,
    asked: Asked | None = None,
    show: Callable[[str, int], None],
    below: Path,
) -> MadeTrack:
    """Make one track in this process, in a folder that is there; `show` gets the stage and the per cent done.

    Of the settings' data folder only the models are used that were taught there.
    """
    check_request(prompt, duration, seed)
    folder = below.resolve()
    workshop = make_workshop(settings, str(folder / AUDIO))
    row = workshop.models.row(model or settings.model)
    workshop.models.check(row)
    terms = Terms(
        duration=DEFAULT_DURATION_S if duration is None else duration, seed=new_seed() if seed is None else seed
    )
    if asked is not None:
        sha256 = fingerprint_of(workshop.soundfont)
        terms = terms_of(asked, duration=duration, seed=seed, default=terms, soundfont_sha256=sha256)
    track = new_track(row, prompt.strip(), terms.duration, terms.seed, SystemClock().now(), asked=asked)

    def report(progress: Progress) -> None:
        show(progress.stage, int(progress.fraction * 99))

    def run(job: Job) -> Outcome:
        work = folder / job.kind
        work.mkdir(parents=True)
        return run_job(workshop, job, work, report)

    job = Job(kind="render", track=track, run=1)
    if row.resident:
        resident = open_resident(workshop, lives_with(row.name), settings.device, lambda _: None)
        job = _with_take(resident, job, folder, report)
    outcome = run(job)
    track = replace(job.track, status="completed", files=outcome.files, **outcome.facts)
    if track.file(form) is None and form not in track.on_demand:
        raise FormNotFound(form, [file.form for file in track.files] + list(track.on_demand))
    if track.file(form) is None:
        outcome = run(Job(kind="encode", track=track, run=1, form=form))
        track = replace(track, files=track.files + outcome.files)
    file = track.file(form)
    assert file is not None  # noqa: S101 - it was made at once, or just now
    path = folder / f"made.{form}"
    AudioFiles(workshop.files).fetch(file.key, path)
    show("completed", 100)
    return MadeTrack(path=path, file_name=file_name(track, form), duration=track.duration, seed=track.seed)


def _with_take(resident: Resident, job: Job, folder: Path, report: Callable[[Progress], None]) -> Job:
    """The job with the take of its model, made in this process."""
    into = folder / "take"
    into.mkdir(parents=True)
    try:
        made = resident.take(job, into, Watched(at_work=lambda _: None, report=report, cancelled=lambda: False))
    finally:
        resident.close()
    return replace(job, track=replace(job.track, **made.facts), take=into)
