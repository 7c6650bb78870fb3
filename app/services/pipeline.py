"""The whole road from a prompt to finished files. Runs inside a worker; returns file names, never samples."""

import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from app import __version__
from app.errors import GenerationFailed
from app.models.asked import Asked
from app.models.audio import SAMPLE_RATE, Samples
from app.models.brief import Brief
from app.models.plan import Plan
from app.models.report import ReportRow
from app.models.track import STREAM_GAIN, Stage, Track, TrackFile
from app.services.broadcast import Broadcast
from app.services.dsp.resampling import resampled
from app.services.dsp.turning import turns
from app.services.encoding import (
    Encoder,
    HeldTake,
    Tags,
    delivered,
    encode_from_wav,
    file_facts,
    make_tags,
    open_encoder,
    wav_head,
    write_bytes,
    write_cover,
    write_json,
    write_midi,
    write_piano_roll,
    write_spectrogram,
    write_stems,
    write_waveform,
)
from app.services.engines import Engine, ModelSource, Take, TakeRequest
from app.services.instruments import CACHE, load_soundfont
from app.services.jobs.base import CacheSize, Job, Outcome, Progress
from app.services.listening import Ear, Sound, VoiceShares, Wishes, compare
from app.services.mixing import Mastered, Masterer, Preview, foretold_gain_db
from app.services.planning import decide, members_of, read, refused_by
from app.services.storage import AudioFiles
from app.services.storage.ahead import Ahead
from app.services.storage.files import headers_of
from app.services.styles import is_style
from app.services.workshop import Workshop

#: Forms written as soon as a track is finished; `master.wav` is what all audio on demand is made from.
FORMS_AT_ONCE = ("mp3", "wav", "plan.json", "brief.json")
#: Made from the master when they are first asked for.
FORMS_FROM_MASTER = ("flac", "ogg", "opus", "waveform.json", "spectrogram.png", "cover.png")
#: The same, from the plan's notes, where there are any.
FORMS_FROM_NOTES = ("stems.zip", "pianoroll.png")

#: Mastered blocks (0.25 MB each) that may wait for an encoder, which is at work while the last ones are listened to.
BLOCKS_AHEAD = 16

#: Where the work of a render lies between 0 and 1, by stage: (begins, ends).
WORK: dict[Stage, tuple[float, float]] = {
    "planning": (0.0, 0.03),
    "composing": (0.03, 0.08),
    "rendering": (0.08, 0.70),
    "mastering": (0.70, 0.80),
    "encoding": (0.80, 1.0),
}

#: The same for a model's render. Loading and planning are done at once.
MODEL_WORK: dict[Stage, tuple[float, float]] = {
    "loading": (0.0, 0.08),
    "planning": (0.08, 0.10),
    "composing": (0.10, 0.12),
    "rendering": (0.12, 0.92),
    "mastering": (0.92, 0.95),
    "encoding": (0.95, 1.0),
}


#: How far the gain that was foretold for those who listen early may be off before the record warns of it.
MOST_OFF_DB = 1.0


def warm_up(workshop: Workshop) -> None:
    """Import, load and calibrate what every render needs, before the first one asks."""
    _engine(workshop, "composer").load()
    read("warm up")


def render(workshop: Workshop, job: Job, work: Path, report: Callable[[Progress], None]) -> Outcome:
    """Prompt → Brief → Plan → Take → master → files; where a model made the take, what is left of it."""
    if job.take is not None:
        return _finish(workshop, job, work, report, delivered(job.take))
    track = job.track
    clock = StageClock(report)
    with clock.stage("planning"):
        sha256 = load_soundfont(workshop.soundfont).sha256
        style = workshop.models.style_for(track.model)
        brief, plan = decided_for(track, track.seed, soundfont_sha256=sha256, style=style)
        decided = {"brief": brief.model_dump(mode="json"), "plan": plan.model_dump(mode="json")}
        clock.progress("planning", 1.0, decided)
    with clock.stage("composing"):
        take = take_of(workshop, track.model, plan, track.prompt, clock.progress)
        if take.composition is not None:
            plan = plan.model_copy(update={"candidate": take.composition.chosen})
    with ExitStack() as stack:
        masterer = stack.enter_context(Masterer(plan.mastering, loop=plan.loop, threads=workshop.threads))
        broadcast = _broadcast(workshop, job, clock, plan, take, masterer)
        if broadcast is not None:
            stack.enter_context(broadcast)
        with clock.stage("rendering"):
            shares = VoiceShares()
            follow = masterer.follow if broadcast is None else broadcast.follow
            mix = mix_of(replace(take, blocks=shares.follow(take.blocks)), plan, follow)
        with clock.stage("mastering"):
            if broadcast is not None:
                broadcast.finish()
            mastered = masterer.finish(mix)
        return _finished(
            workshop,
            job,
            work,
            clock,
            brief=brief,
            plan=plan,
            take=take,
            mastered=mastered,
            shares_db=shares.shares_db,
            heard=broadcast is not None and broadcast.heard,
        )


def _broadcast(
    workshop: Workshop, job: Job, clock: "StageClock", plan: Plan, take: Take, masterer: Masterer
) -> Broadcast | None:
    """What lets people hear the track while it is made; None where its beginning is not known before its end is."""
    if take.expected_lufs is None or plan.loop or job.track.paced_until is not None:
        return None
    frames = plan.duration_s * SAMPLE_RATE
    gain_db = foretold_gain_db(plan.mastering, take.expected_lufs)
    return Broadcast(
        AudioFiles(workshop.files),  # without patience: who listens does not wait for a store that is away
        job.track.id,
        Preview(plan.mastering, expected_lufs=take.expected_lufs, frames=frames),
        masterer,
        frames=frames,
        begun=lambda: clock.progress("rendering", 0.0, {"measured": {STREAM_GAIN: round(gain_db, 2)}}),
    )


def _finish(workshop: Workshop, job: Job, work: Path, report: Callable[[Progress], None], held: HeldTake) -> Outcome:
    """The rest of the road of a model's take."""
    track = job.track
    clock = StageClock(report, work=MODEL_WORK, timings=dict(track.timings))
    brief, plan = Brief.model_validate(track.brief), Plan.model_validate(track.plan)
    take = take_held(held)
    with (
        clock.stage("mastering"),
        Masterer(plan.mastering, loop=plan.loop, threads=workshop.threads) as masterer,
    ):
        mastered = masterer.finish(mix_of(take, plan, masterer.follow))
    return _finished(
        workshop,
        job,
        work,
        clock,
        brief=brief,
        plan=plan,
        take=take,
        mastered=mastered,
        shares_db={},
        heard=STREAM_GAIN in take.measured,  # it is held with the takes that somebody heard
    )


def _finished(
    workshop: Workshop,
    job: Job,
    work: Path,
    clock: "StageClock",
    *,
    brief: Brief,
    plan: Plan,
    take: Take,
    mastered: Mastered,
    shares_db: Mapping[str, float],
    heard: bool = False,
) -> Outcome:
    """Master → files. `heard` says whether somebody listened while it was made."""
    with clock.stage("encoding"), ExitStack() as stack:
        decided = {"brief": brief.model_dump(mode="json"), "plan": plan.model_dump(mode="json")}
        tags = tags_of(brief, plan)
        threads = workshop.threads
        measured = dict(take.measured)
        rows: list[ReportRow] = []

        def listen(sound: Sound) -> None:
            measured.update(mastered.measured)
            measured["gain_db"] = round(mastered.gain_db, 2)
            if take.expected_lufs is not None and not plan.loop:
                measured[STREAM_GAIN] = round(foretold_gain_db(plan.mastering, take.expected_lufs), 2)
            if sound.brightness_hz is not None:
                measured["brightness_hz"] = sound.brightness_hz
            wishes = wishes_of(brief, job.track.duration)
            rows.extend(compare(brief, plan, wishes, sound, measured=measured, shares_db=shares_db))

        kept = files_of(workshop)
        title = plan.title or job.track.prompt
        head = wav_head(tags, frames=plan.duration_s * SAMPLE_RATE)
        ahead = stack.enter_context(_sent(kept.ahead(_key(job, "wav"), head, headers_of(title, "wav"))))
        _write_audio(
            mastered, plan, work, tags, threads, listen, lambda part: clock.progress("encoding", part * 0.95), ahead
        )
        write_json(work / "plan.json", decided["plan"])
        write_json(work / "brief.json", decided["brief"])
        made = list(FORMS_AT_ONCE)
        on_demand = list(FORMS_FROM_MASTER)
        if take.score is not None:
            write_midi(take.score, plan, work / "track.mid", tags)
            made.append("mid")
            on_demand += FORMS_FROM_NOTES
        for form, content in take.extras.items():
            write_bytes(work / _file_name(form), content)
            made.append(form)
        files = _store(kept, job, work, made, title=title, ahead=ahead)
    wav = next(file for file in files if file.form == "wav")
    off_db = measured["gain_db"] - measured.get(STREAM_GAIN, measured["gain_db"])
    warned = {"warnings": (*job.track.warnings, told_off(off_db))} if heard and abs(off_db) > MOST_OFF_DB else {}
    return Outcome(
        files=files,
        facts={
            **decided,
            **warned,
            "on_demand": tuple(on_demand),
            "timings": clock.timings,
            "measured": measured,
            "report": [row.model_dump(mode="json") for row in rows],
            "composition": None if take.composition is None else take.composition.model_dump(mode="json"),
            "wav_sha256": wav.sha256,
        },
        caches=caches_kept(),
    )


def caches_kept() -> tuple[CacheSize, ...]:
    """What this process keeps for tracks to come."""
    return (CacheSize(name="sounds", entries=len(CACHE), size_bytes=CACHE.nbytes),)


def told_off(off_db: float) -> str:
    """What the record says of a gain that was foretold wrong by so much.

    >>> told_off(1.52)
    'Heard while it was made, it was 1.5 dB softer than the finished file.'
    """
    than = "softer" if off_db > 0 else "louder"
    return f"Heard while it was made, it was {abs(off_db):.1f} dB {than} than the finished file."


def encode(workshop: Workshop, job: Job, work: Path, report: Callable[[Progress], None]) -> Outcome:
    """One on-demand form of a finished track: from its master, or from the notes of its plan."""
    track, form = job.track, job.form
    assert form is not None  # noqa: S101 - the queue names a form with every encode job
    files = files_of(workshop)
    plan = Plan.model_validate(track.plan)
    tags = tags_of(Brief.model_validate(track.brief), plan)
    target = work / _file_name(form)
    if form in FORMS_FROM_NOTES:
        stems = form == "stems.zip"
        take = take_of(workshop, track.model, plan, track.prompt, lambda _stage, _fraction: None, stems=stems)
        if stems:
            write_stems(take.blocks, target, plan=plan, tags=tags, threads=workshop.threads)
        else:
            assert take.score is not None  # noqa: S101 - only tracks with notes offer it
            write_piano_roll(take.score, plan, target)
    else:
        stored = track.file("wav")
        assert stored is not None  # noqa: S101 - a completed track has its master
        source = work / "master.wav"
        files.fetch(stored.key, source)
        _write_from_master(source, form, target, plan, tags)
    report(Progress(stage="encoding", fraction=1.0))
    return Outcome(files=_store(files, job, work, [form], title=plan.title or job.track.prompt), caches=caches_kept())


def _write_from_master(source: Path, form: str, target: Path, plan: Plan, tags: Tags) -> None:
    if form == "waveform.json":
        write_waveform(source, target)
    elif form == "spectrogram.png":
        write_spectrogram(source, target)
    elif form == "cover.png":
        write_cover(source, plan, target)
    else:
        encode_from_wav(source, form, target, tags)


def decided_for(track: Track, seed: int, *, soundfont_sha256: str, style: str | None = None) -> tuple[Brief, Plan]:
    """What was understood of a track's wish, and the plan for it with a seed, in a style where the model has one."""
    return decide(
        track.prompt,
        None if track.asked is None else Asked.model_validate(track.asked),
        duration_s=track.duration,
        seed=seed,
        soundfont_sha256=soundfont_sha256,
        style=style,
    )


def take_held(held: HeldTake, *, raw: bool = False) -> Take:
    """The take that lies in a folder, its blocks read as they are asked for; `raw` as it was made, sound or not."""
    return Take(
        blocks=held.blocks(raw=raw),
        sample_rate=held.sample_rate,
        measured=held.measured,
        extras={form: held.further(form) for form in held.extras},
    )


def take_of(
    workshop: Workshop,
    model: str,
    plan: Plan,
    prompt: str,
    progress: Callable[[Stage, float], None],
    *,
    stems: bool = False,
) -> Take:
    """The engine's take on a plan; an engine's failure is raised here."""
    if not is_style(plan.style):
        raise GenerationFailed("The style of this plan was learned, and removed since: it cannot be played any more")
    engine = _engine(workshop, model)
    engine.load()
    request = TakeRequest(
        plan=plan,
        prompt=prompt,
        progress=progress,
        cancelled=lambda: False,  # a worker's job is cancelled by ending the worker
        stems=stems,
        threads=workshop.threads,
    )
    (take,) = engine.generate([request])
    if isinstance(take, Exception):
        raise take
    return take


def mix_of(take: Take, plan: Plan, final: Callable[[Samples, int], object] | None = None) -> Samples:
    """The whole mix, shape (frames, 2), at the house rate and exactly as long as the plan says.

    What rings on after the end of a loop is added to its beginning, and so on round and round. Of other pieces, `final`
    is told as it grows: the mix, and how many of its first frames will not change any more.
    """
    mix = np.zeros((plan.duration_s * SAMPLE_RATE, 2), dtype=np.float32)
    filled = 0
    for block in resampled((block.mix for block in take.blocks), take.sample_rate, SAMPLE_RATE):
        counted = len(block) if plan.loop else min(len(block), max(len(mix) - filled, 0))
        for place, part in turns(filled, counted, len(mix)):
            mix[place] += block[part]
        filled += len(block)
        if final is not None and not plan.loop:
            final(mix, min(filled, len(mix)))
    return mix


def wishes_of(brief: Brief, duration_s: int) -> Wishes:
    """What the words asked of the players, as instruments that would do."""
    return Wishes(
        duration_s=duration_s,
        instruments={heard.value: frozenset(members_of(heard.value)) for heard in brief.instruments},
        refused=frozenset().union(*(refused_by(heard.value) for heard in brief.excluded_instruments)),
    )


def tags_of(brief: Brief, plan: Plan) -> Tags:
    """What every file says about itself. No track id, no date: the same plan gives the same bytes."""
    return make_tags(
        title=plan.title,
        prompt=plan.prompt or brief.prompt,
        tempo_bpm=plan.tempo_bpm,
        key=f"{plan.tonic} {plan.mode.replace('_', ' ')}",
        seed=plan.seed,
        genre=plan.style.replace("_", " "),
        generator=f"Music AI Generator Backend {__version__}",
        loop=plan.loop,
    )


def _write_audio(
    mastered: Mastered,
    plan: Plan,
    work: Path,
    tags: Tags,
    threads: int,
    heard: Callable[[Sound], None],
    progress: Callable[[float], None],
    ahead: Ahead | None,
) -> None:
    # `heard` is called once the last block was, while encoders are still at work. `ahead` sends the WAV as it grows.
    frames = plan.duration_s * SAMPLE_RATE
    done = 0
    ear = Ear()
    with ExitStack() as stack:
        writers = []
        for form in ("mp3", "wav"):
            encoder = stack.enter_context(
                open_encoder(form, work / _file_name(form), tags=tags, frames=frames, threads=threads)
            )
            thread = stack.enter_context(ThreadPoolExecutor(1, thread_name_prefix=f"encode-{form}"))
            writers.append((encoder, thread))
        writing: deque[list[Future[None]]] = deque()
        for block in mastered.blocks():  # mastered while those before are encoded
            writing.append([thread.submit(_encode, encoder, block, ahead) for encoder, thread in writers])
            ear.add(block)
            if len(writing) > BLOCKS_AHEAD:
                _wait(writing.popleft())
            done += len(block)
            progress(done / frames)
        heard(ear.sound())
        for written in writing:
            _wait(written)


def _encode(encoder: Encoder, block: Samples, ahead: Ahead | None) -> None:
    encoder.write(block)
    if ahead is not None and encoder.growing is not None:
        ahead.follow(encoder.growing)


@contextmanager
def _sent(ahead: Ahead | None) -> Iterator[Ahead | None]:
    # What was not finished by the end is dropped.
    try:
        yield ahead
    finally:
        if ahead is not None:
            ahead.drop()


def _wait(written: list[Future[None]]) -> None:
    for one in written:
        one.result()


def files_of(workshop: Workshop) -> AudioFiles:
    """Where files are kept, and with how much patience."""
    return AudioFiles(workshop.files, patience_s=workshop.store_patience_s)


def _store(
    files: AudioFiles, job: Job, work: Path, forms: list[str], *, title: str, ahead: Ahead | None = None
) -> tuple[TrackFile, ...]:
    # `ahead` has sent the WAV already, for the most part.
    def store(form: str) -> TrackFile:
        path = work / _file_name(form)
        size, sha256 = file_facts(path)
        key = _key(job, form)
        if form != "wav" or ahead is None or not ahead.finish(path, sha256):
            files.put(path, key, headers_of(title, form))
        return TrackFile(form=form, key=key, size=size, sha256=sha256)

    # A store far away takes its time to answer, whatever the size: it is waited for once, and not once a file.
    with ThreadPoolExecutor(len(forms), thread_name_prefix="store") as together:
        return tuple(together.map(store, forms))


def _key(job: Job, form: str) -> str:
    return f"tracks/{job.track.id}/{job.run}/{_file_name(form)}"


def _file_name(form: str) -> str:
    return form if form.endswith(".json") else f"track.{form}"


def _engine(workshop: Workshop, model: str) -> Engine:
    row = workshop.models.row(model)
    return _made(row.make, workshop.models.source(row, soundfont=workshop.soundfont))


@lru_cache(maxsize=4)
def _made(make: Callable[[ModelSource], Engine], source: ModelSource) -> Engine:
    return make(source)


@dataclass
class StageClock:
    """Tells the queue where a render stands, and the record how long each stage took."""

    report: Callable[[Progress], None]
    timings: dict[str, float] = field(default_factory=dict)
    #: Where each stage lies in the work.
    work: Mapping[Stage, tuple[float, float]] = field(default_factory=lambda: WORK)
    _furthest: float = 0.0

    @contextmanager
    def stage(self, name: Stage) -> Iterator[None]:
        """Report the stage's begin and time it."""
        self.progress(name, 0.0)
        began = time.perf_counter()
        yield
        self.timings[name] = round(self.timings.get(name, 0.0) + time.perf_counter() - began, 4)

    def progress(self, stage: Stage, fraction: float, facts: Mapping[str, Any] | None = None) -> None:
        """Report the fraction of a stage that is done, and what is known from now on. It never falls."""
        begins, ends = self.work[stage]
        self._furthest = max(self._furthest, begins + (ends - begins) * fraction)
        self.report(Progress(stage=stage, fraction=self._furthest, facts=facts or {}))
