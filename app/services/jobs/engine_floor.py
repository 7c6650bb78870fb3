"""EngineFloor: the engine processes of all models: who is loaded where, who works, who leaves.

Rule: the dispatcher's thread alone uses it, but for `loaded`, which any thread may ask.
"""

import itertools
import logging
import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Literal

from app.models.track import Track
from app.services.jobs.base import Job, LoadedModel, QueueLoad
from app.services.jobs.engine_process import EngineProcess, EngineRun
from app.services.jobs.engine_room import OpensResident
from app.services.jobs.ledger import PATIENCE_S
from app.services.jobs.placement import Join, Start, Wait, choose, over_budget
from app.services.jobs.pool import MOST_BROKEN
from app.services.jobs.run import Run
from app.services.metering import NoTally, Tally

#: Seconds after which a cancelled run is stopped by ending its process, if no other run needs it.
STUBBORN_S = 20.0
#: Seconds that idle processes get to leave when the service stops.
FAREWELL_S = 2.0
#: Share of a device's memory that models may fill unless the owner says otherwise.
FILLED = 0.75
#: How much the latest take counts against all before it when a pace is measured.
WEIGHT = 0.3

log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True, slots=True)
class Residents:
    """What the queue needs to know of the models that live in processes of their own."""

    #: Whether a model is one of them.
    resident: Callable[[str], bool]
    #: The model whose process makes its takes: itself, or the one that it was taught on.
    lives_with: Callable[[str], str] = lambda model: model
    #: Makes it, in its process.
    opens: OpensResident
    #: Tracks that it makes at once.
    batch: Callable[[str], int]
    #: Seconds that a track takes before anything was measured.
    estimate_s: Callable[[Track], float]
    #: Bytes that it is thought to need before it was ever loaded; 0 where nobody knows.
    size_bytes: Callable[[str], int] = lambda _: 0
    #: "auto", "cpu", "cuda", "cuda:1", "mps".
    device: str = "auto"
    #: Seconds without work after which a model is unloaded; infinity for never.
    idle_s: float = math.inf
    #: Bytes that models may hold on one device; None for a share of what it has.
    memory_bytes: int | None = None
    #: Models to load at the start. They stay until their memory is needed.
    preload: tuple[str, ...] = ()


class EngineFloor:
    """All engine processes. A crew of the foreman's."""

    def __init__(self, residents: Residents | None, *, timeout_s: float, tally: Tally | None = None) -> None:
        self._residents = residents
        self._timeout_s = timeout_s
        self._tally = tally or NoTally()
        #: Numbers of the processes whose loading was counted.
        self._counted: set[int] = set()
        self._processes: list[EngineProcess] = []
        self._numbers = itertools.count()
        self._devices: tuple[str, ...] = (residents.device,) if residents is not None else ()
        self._budgets: dict[str, int] = {}
        if residents is not None and residents.memory_bytes is not None:
            self._budgets[residents.device] = residents.memory_bytes
        #: What is known of models, whether they are loaded or not.
        self._known: dict[str, LoadedModel] = {}
        #: Seconds of music made in a second by those that were at work before this start.
        self._remembered: Mapping[str, float] = {}
        #: Times that a model's processes died with nothing in work, since its last take.
        self._broken: dict[str, int] = {}
        self._shown: Mapping[str, LoadedModel] = {}
        self._not_before = 0.0

    # -- asked by anybody ---------------------------------------------------------------------------------------

    def loaded(self) -> Mapping[str, LoadedModel]:
        """What is known of the models that have worked here, by name. From any thread."""
        return self._shown

    # -- life ---------------------------------------------------------------------------------------------------

    def start(self) -> None:
        """Begin to load what is to be there from the start."""
        if self._residents is None:
            return
        for model in self._residents.preload:
            if (process := self._find(model, set())) is not None:
                process.load()
        self._show()

    def remember(self, speeds: Mapping[str, float]) -> None:
        """How fast models were before, in seconds of music made in a second: what is counted with until they work."""
        self._remembered = {model: speed for model, speed in speeds.items() if self.lane(model) == model}

    @property
    def measured(self) -> set[str]:
        """Models that have worked here, or whose speed is remembered."""
        return {*self._shown, *self._remembered}

    def stop(self) -> None:
        """End all processes, and wait until they are gone."""
        for process in self._processes:
            if process.runs:
                process.kill()
            else:
                process.leave()
        by = time.monotonic() + FAREWELL_S
        for process in self._processes:
            process.join(max(0.0, by - time.monotonic()))
            process.kill()
            process.join(FAREWELL_S)
            process.line.close()
        self._processes = []
        self._show()

    # -- the foreman's ------------------------------------------------------------------------------------------

    def lane(self, model: str) -> str:
        """The model in whose process a model's takes are made; "" for one that does not live here."""
        if self._residents is None or not self._residents.resident(model):
            return ""
        return self._residents.lives_with(model)

    def estimate_s(self, track: Track) -> float:
        """Seconds of the model that a track will take."""
        assert self._residents is not None  # noqa: S101 - only residents are asked about
        speed = self._speed_of(self._residents.lives_with(track.model))
        return self._residents.estimate_s(track) if speed is None else track.duration / speed

    def seat(self, model: str, closed: set[str]) -> EngineProcess | None:
        """A process that takes one more track of a model, promised to it; None if none does now.

        Adds to `closed` the devices that must be left to whoever waits for their memory.
        """
        process = self._find(model, closed)
        if process is not None:
            process.promised += 1
        return process

    def hand(self, process: EngineProcess, job: Job, folder: Path) -> EngineRun:
        """Give a job to a process it was promised to. `OSError` if it is gone."""
        process.promised -= 1
        return process.hand(next(self._numbers), job, folder, self, timeout_s=self._timeout_s)

    def take_back(self, process: EngineProcess) -> None:
        """Nothing comes of a promise."""
        process.promised -= 1

    @property
    def connections(self) -> list[Connection]:
        """What becomes readable when a process speaks or dies."""
        return [process.connection for process in self._processes]

    def listen(self) -> None:
        """Take in what was said, and see to those who should leave."""
        now = time.monotonic()
        for process in list(self._processes):
            if not process.hear():
                self._gone(process)
            elif process.gone_by is not None and now >= process.gone_by and not process.runs:
                process.kill()
        self._learn()
        self._tidy(now)
        self._show()

    def wait_s(self) -> float:
        """Seconds until somebody should leave."""
        now = time.monotonic()
        dues = [self._not_before - now] if self._not_before > now else []
        dues += [process.gone_by - now for process in self._processes if process.gone_by is not None]
        dues += [self._idle_until(process) - now for process in self._processes]
        return min(dues, default=math.inf)

    def load_of(self, model: str, load: QueueLoad) -> QueueLoad:
        """How a model's lane stands: `load` with what is known of the model's pace and loading."""
        assert self._residents is not None  # noqa: S101 - only residents have lanes
        known = self._known.get(model)
        mine = [process for process in self._processes if process.model == model and not process.leaving]
        there = any(process.loaded is not None for process in mine)
        speed = self._speed_of(model)
        return replace(
            load,
            workers=max(1, len(mine)),
            pace_s=None if speed is None else 1 / speed,
            loading_s=0.0 if there or known is None else known.load_s,
        )

    def took(self, track: Track, work_s: float) -> None:
        """A take took so many seconds of its model."""
        assert self._residents is not None  # noqa: S101 - a resident took it
        model = self._residents.lives_with(track.model)
        self._broken.pop(model, None)
        speed = track.duration / max(work_s, 1e-3)
        known = self._known.get(model, LoadedModel(model=model, state="loaded"))
        if known.speed is not None:
            speed = 1 / (1 / known.speed + WEIGHT * (1 / speed - 1 / known.speed))
        self._known[model] = replace(known, speed=speed)

    # -- the crew's ---------------------------------------------------------------------------------------------

    def heard(self, run: Run) -> None:
        """A process took the run up. That it does not die of it is seen when the take is made."""

    def end(self, run: Run) -> None:
        """Stop the work on a run: by word if it is unwanted, with its process if it is late."""
        process = _engine(run).process
        if run.late:
            process.kill()
        else:
            run.deadline = time.monotonic() + STUBBORN_S
            process.drop(_engine(run))

    def overdue(self, run: Run) -> bool:
        """A run's deadline has passed: see to it. False, for the death of its process is always seen."""
        process = _engine(run).process
        run.deadline = time.monotonic() + STUBBORN_S
        if not run.unwanted:
            run.late = True
            process.kill()
        elif all(other.unwanted for other in process.runs.values()):
            log.warning("%s does not stop and is ended", process.model)
            process.kill()
        return False

    def blameless(self, run: Run) -> bool:
        """Whether a run that died is not to blame.

        Its process was ended on account of another run, or fails to start, unless that happens again and again.
        """
        process = _engine(run).process
        if not _engine(run).at_work:
            return self._broken.get(process.model, 0) < MOST_BROKEN
        return not run.late and process.condemned

    # -----------------------------------------------------------------------------------------------------------

    def _find(self, model: str, closed: set[str]) -> EngineProcess | None:
        assert self._residents is not None  # noqa: S101 - only residents are asked about
        if time.monotonic() < self._not_before:
            return None
        batch = self._residents.batch(model)
        choice = choose(
            model,
            self._size_of(model),
            seats=[process.seat(batch) for process in self._processes],
            devices=self._devices,
            budgets=self._budgets,
            closed=closed,
        )
        if isinstance(choice, Join):
            return next(process for process in self._processes if process.number == choice.number)
        if isinstance(choice, Start):
            return self._start(model, choice.device)
        self._make_room(choice, closed)
        return None

    def _make_room(self, wait: Wait, closed: set[str]) -> None:
        if wait.device is not None:
            closed.add(wait.device)
        for process in self._processes:
            if process.number in wait.evict:
                log.info("%s makes room on %s", process.model, process.device)
                process.leave()

    def _start(self, model: str, device: str) -> EngineProcess | None:
        assert self._residents is not None  # noqa: S101 - only residents are started
        number = next(self._numbers)
        try:
            process = EngineProcess(number, model, device, self._residents.opens, size_bytes=self._size_of(model))
        except OSError as error:
            log.warning("No process can be had for %s: %s", model, error)
            self._not_before = time.monotonic() + PATIENCE_S
            return None
        log.info("%s is being loaded on %s", model, device)
        self._processes.append(process)
        return process

    def _speed_of(self, model: str) -> float | None:
        """Seconds of music that a model makes in a second, as far as anybody knows."""
        known = self._known.get(model)
        return self._remembered.get(model) if known is None or known.speed is None else known.speed

    def _size_of(self, model: str) -> int:
        assert self._residents is not None  # noqa: S101 - only residents are asked about
        known = self._known.get(model)
        return known.memory_bytes if known is not None and known.load_s else self._residents.size_bytes(model)

    def _gone(self, process: EngineProcess) -> None:
        self._processes.remove(process)
        self._counted.discard(process.number)
        if not process.condemned and not any(run.at_work for run in process.runs.values()):
            self._broken[process.model] = self._broken.get(process.model, 0) + 1
        if not process.condemned:
            log.warning("The process of %s died", process.model)

    def _learn(self) -> None:
        """Take over what processes found out about devices and their models."""
        assert self._residents is not None or not self._processes  # noqa: S101 - only residents have processes
        for process in self._processes:
            if process.loaded is None or self._residents is None:
                continue
            found = process.loaded
            if process.number not in self._counted:
                self._counted.add(process.number)
                self._tally.loaded(process.model, found.load_s)
            if self._residents.device in ("auto", "cuda") and found.devices:
                self._devices = found.devices
            budget = self._residents.memory_bytes or int(FILLED * found.device_bytes)
            if budget:
                self._budgets |= dict.fromkeys((process.device, *found.devices), budget)
            known = self._known.get(process.model, LoadedModel(model=process.model, state="loaded"))
            self._known[process.model] = replace(known, memory_bytes=found.memory_bytes, load_s=found.load_s)

    def _tidy(self, now: float) -> None:
        """Send away who has had nothing to do for long, and those who hold more than may be held."""
        numbers = over_budget([process.seat(0) for process in self._processes], self._budgets)
        for process in self._processes:
            if process.number in numbers or now >= self._idle_until(process):
                log.info("%s is unloaded", process.model)
                process.leave()

    def _idle_until(self, process: EngineProcess) -> float:
        """Moment at which a process has been idle for too long; infinity if it will not be."""
        assert self._residents is not None  # noqa: S101 - only residents have processes
        busy = process.leaving or process.runs or process.promised
        if busy or process.model in self._residents.preload:
            return math.inf
        return process.used_at + self._residents.idle_s

    def _show(self) -> None:
        """Let others see how models stand."""
        shown = {model: replace(known, state="unloaded", devices=(), running=0) for model, known in self._known.items()}
        for process in self._processes:
            if process.leaving:
                continue
            before = shown.get(process.model, LoadedModel(model=process.model, state="loading"))
            state: Literal["loading", "loaded"] = (
                "loaded" if process.loaded is not None or before.state == "loaded" else "loading"
            )
            shown[process.model] = replace(
                before,
                state=state,
                devices=(*before.devices, process.device),
                memory_bytes=process.size_bytes + (before.memory_bytes if before.devices else 0),
                running=before.running + len(process.runs),
            )
        self._shown = shown


def _engine(run: Run) -> EngineRun:
    assert isinstance(run, EngineRun)  # noqa: S101 - the floor is asked about its own runs only
    return run
