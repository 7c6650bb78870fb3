"""A model in its engine process: jobs come in from many threads, takes in their folders go out.

The way of each: plan → phrase → wait in the batcher → take → judge; once more with another seed where it is bad.
"""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from app.errors import GenerationFailed, MusicError, StorageFailed, printable
from app.models.asked import Asked
from app.models.audio import Block
from app.models.brief import Brief
from app.models.plan import Plan
from app.models.track import STREAM_GAIN, Stage, Track
from app.services.broadcast import Relay
from app.services.encoding import HeldTake, deliver, hold_take, read_clip
from app.services.engines import AudioPrompt, Engine, ModelRow, Take, TakeRequest
from app.services.engines.batching import Batcher, shortage_in
from app.services.engines.devices import devices_seen, settled_device
from app.services.instruments import fingerprint_of
from app.services.jobs.base import Job, TakeMade
from app.services.jobs.engine_room import Loaded, Unusable, Watched, Word
from app.services.listening.takes import Verdict, judge
from app.services.pipeline import MODEL_WORK, StageClock, decided_for, files_of, mix_of, take_held
from app.services.planning.phrasing import describe
from app.services.storage import AudioFiles
from app.services.storage.files import clip_key
from app.services.workshop import Workshop
from app.utils.seeds import MAX_SEED, rng_for

#: Seconds between two words on how far the loading is.
TICK_S = 0.5
#: Seconds after which a model is thought to be half loaded; nobody can know.
HALF_LOADED_S = 10.0


@dataclass(frozen=True, kw_only=True, slots=True)
class _Try:
    """A take, and what it is worth."""

    brief: Brief
    plan: Plan
    held: HeldTake
    verdict: Verdict
    work_s: float
    #: Whether somebody listened while it was made.
    heard: bool


class ModelResident:
    """A `Resident` of the engine room."""

    def __init__(self, workshop: Workshop, model: str, device: str, tell: Callable[[Word], None]) -> None:
        self._workshop = workshop
        self._row: ModelRow = workshop.models.row(model)
        self._device = device
        self._tell = tell
        self._engine: Engine = self._row.make(workshop.models.source(self._row, soundfont=workshop.soundfont))
        self._loaded = threading.Event()
        self._judging = threading.Lock()
        self._batcher = Batcher(
            model,
            self._engine,
            load=self._load,
            failed=lambda error: tell(Unusable(reason=str(error))),
            wait_s=workshop.batch_wait_s,
            most=workshop.batch_most,
        )

    def load(self) -> None:
        """Begin to load the model, if it is not loaded."""
        self._batcher.load()

    def nudge(self) -> None:
        """Somebody was dropped."""
        self._batcher.nudge()

    def close(self) -> None:
        """Unload the model."""
        self._batcher.close()

    def take(self, job: Job, folder: Path, watched: Watched) -> TakeMade:
        """Make a take of a track and put it into the folder. `MusicError` with the reason where there can be none."""
        track = job.track
        clock = StageClock(watched.report, work=MODEL_WORK)
        first = self._try(track, track.seed, folder / "first", clock, watched)
        best, warnings, work_s = first, first.verdict.reasons, first.work_s
        # Who heard a take while it was made gets it as a file.
        again = self._workshop.retry_bad_takes and not track.seed_named and not first.heard
        if first.verdict.bad and again:
            seed = other_seed(track.seed)
            second = self._try(track, seed, folder / "second", clock, watched, unheard=True)
            work_s += second.work_s
            given_up = " ".join(first.verdict.reasons)
            given_up = given_up[:1].lower() + given_up[1:]
            if second.verdict.score > first.verdict.score:
                best = second
                warnings = (
                    f"The take with seed {track.seed} was given up: {given_up} This one has seed {seed}.",
                    *second.verdict.reasons,
                )
            else:
                warnings = (*warnings, f"A take with another seed, {seed}, was no better.")
        if track.seed_named and not self._row.capabilities.seed:
            warnings = (*warnings, f"{track.model} takes no seed: the same request makes other music.")
        deliver(best.held, folder)
        return TakeMade(
            work_s=work_s,
            facts={
                "brief": best.brief.model_dump(mode="json"),
                "plan": best.plan.model_dump(mode="json"),
                "seed": best.plan.seed,
                "warnings": tuple(warnings),
                "timings": clock.timings,
            },
        )

    def _try(
        self, track: Track, seed: int, into: Path, clock: StageClock, watched: Watched, *, unheard: bool = False
    ) -> _Try:
        """One take with a seed; with `unheard` nobody hears it while it is made."""
        stage: Stage = "planning" if self._loaded.is_set() else "loading"
        clock.progress(stage, 0.0)
        began = time.perf_counter()
        brief, plan = decided_for(track, seed, soundfont_sha256=fingerprint_of(self._workshop.soundfont))
        clock.timings["planning"] = round(time.perf_counter() - began, 4)
        decided = {"brief": brief.model_dump(mode="json"), "plan": plan.model_dump(mode="json")}
        clock.progress(stage, 1.0 if stage == "planning" else 0.0, decided)
        family = self._row.phrased_for
        request = TakeRequest(
            plan=plan,
            prompt=track.prompt,
            description="" if family is None else describe(brief, plan, manner=family),
            audio=self._clip_of(track, into),
            adapter=self._workshop.models.adapter_for(track.model),
            seed_named=track.seed_named,
            progress=clock.progress,
            cancelled=watched.cancelled,
            threads=self._workshop.threads,
        )

        streamed = self._row.capabilities.streams and not (unheard or plan.loop or track.paced_until)
        heard = False

        def begun(gain_db: float) -> None:
            clock.progress("rendering", 0.0, {"measured": {STREAM_GAIN: round(gain_db, 2)}})

        def keep(take: Take) -> HeldTake:
            measured = dict(take.measured)

            def played() -> Iterator[Block]:
                nonlocal heard
                relay = Relay(
                    AudioFiles(self._workshop.files),  # without patience: who listens does not wait for a store
                    track.id,
                    plan.mastering,
                    sample_rate=take.sample_rate,
                    duration_s=plan.duration_s,
                    begun=begun,
                )
                yield from relay.passed_on(take.blocks)
                heard = relay.heard
                if relay.heard and relay.gain_db is not None:
                    measured[STREAM_GAIN] = round(relay.gain_db, 2)

            return hold_take(
                played() if streamed else take.blocks,
                into,
                sample_rate=take.sample_rate,
                measured=measured,
                extras=dict(take.extras),
            )

        worked_since = 0.0

        def at_work(works: bool) -> None:
            nonlocal worked_since
            if works:
                worked_since = time.perf_counter()  # for loading, and again when that is done
            watched.at_work(works)

        # A crash may have been a neighbour's fault: whoever was there is tried again by itself.
        answer = self._batcher.take(request, keep, at_work=at_work, alone=track.attempt > 1)
        rendering_s = clock.timings.get("rendering", 0.0) + time.perf_counter() - worked_since
        clock.timings["rendering"] = round(rendering_s, 4)
        with self._judging:  # a long take's mix is 100 MB
            verdict = judge(brief, plan, mix_of(take_held(answer.made, raw=True), plan))
        return _Try(brief=brief, plan=plan, held=answer.made, verdict=verdict, work_s=answer.work_s, heard=heard)

    def _clip_of(self, track: Track, below: Path) -> AudioPrompt | None:
        """The clip that came with a track's words. `GenerationFailed` where it is gone."""
        wanted = None if track.asked is None else Asked.model_validate(track.asked).audio_prompt
        if wanted is None:
            return None
        path = below.with_name(f"{below.name}-clip.flac")
        try:
            files_of(self._workshop).fetch(clip_key(wanted.clip), path)
        except StorageFailed as error:
            if not isinstance(error.__cause__, FileNotFoundError):
                raise  # the disk refuses, or the store is away
            raise GenerationFailed(f"The clip {wanted.clip} was removed before this track was made") from error
        try:
            samples, sample_rate = read_clip(path)
        finally:
            path.unlink()
        return AudioPrompt(use=wanted.use, samples=samples, sample_rate=sample_rate)

    def _load(self) -> None:
        """Load the engine, on its thread, and tell how it goes."""
        began = time.monotonic()
        try:
            with self._ticking(began):
                self._engine.load(device=self._device, dtype=self._workshop.dtype)
        except MusicError:
            raise
        except Exception as error:
            raise GenerationFailed(self._reason(error)) from error
        seen = devices_seen()
        remote = self._row.capabilities.remote
        self._loaded.set()
        self._tell(
            Loaded(
                device=settled_device(self._device, seen),
                devices=() if remote else seen.names,
                memory_bytes=self._engine.memory_bytes(),
                device_bytes=seen.memory_bytes,
                load_s=time.monotonic() - began,
            )
        )

    def _reason(self, error: Exception) -> str:
        shortage = shortage_in(error)
        if shortage is not None:
            return f"{self._row.name} does not fit into the memory of {self._device} ({shortage})"
        return f"{self._row.name} cannot be loaded: {type(error).__name__}: {printable(str(error), 200)}"

    @contextmanager
    def _ticking(self, began: float) -> Iterator[None]:
        """While inside, those who wait are told how far the loading may be."""
        done = threading.Event()

        def tick() -> None:
            while not done.wait(TICK_S):
                for request in self._batcher.waiting:
                    request.progress("loading", part_loaded(time.monotonic() - began))

        thread = threading.Thread(target=tick, name="loading", daemon=True)
        thread.start()
        try:
            yield
        finally:
            done.set()
            thread.join()


def part_loaded(seconds: float) -> float:
    """How far a loading is thought to be, 0…1: always a little further.

    >>> part_loaded(HALF_LOADED_S)
    0.5
    """
    return seconds / (seconds + HALF_LOADED_S)


def other_seed(seed: int) -> int:
    """The seed of a second take, 0…2^53 − 1: the same each time, and no variation's."""
    return int(rng_for(seed, "second take").integers(MAX_SEED + 1))
