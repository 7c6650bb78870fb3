"""Batcher: requests from many threads go in, an engine's thread answers them, those that fit together side by side.

Rule: what a request gets never depends on its neighbours: each has its own take, its own error, its own end.
"""

import gc
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar, cast

from app.errors import Cancelled, GenerationFailed, printable
from app.services.engines.base import Engine, Take, TakeRequest

Made = TypeVar("Made")

#: Names of the errors by which frameworks say that memory ran out, and words in those without a name of their own.
_OUT_OF_MEMORY = ("OutOfMemoryError", "CUDAOutOfMemoryError")
_SIGNS = ("out of memory", "resource_exhausted", "not enough memory", "can't allocate memory")


@dataclass(frozen=True, kw_only=True, slots=True)
class Answer(Generic[Made]):
    """What became of a request."""

    made: Made
    #: Seconds of the engine that it took: its share of the batch, by its length.
    work_s: float


@dataclass(kw_only=True, eq=False)
class _Entry:
    """A request that waits or is at work."""

    request: TakeRequest
    #: What to do with the take, on the engine's thread, before the next batch.
    keep: Callable[[Take], Any]
    at_work: Callable[[bool], None]
    key: object
    #: Moment (`time.monotonic`) at which it came.
    came: float
    answer: "Future[Answer[Any]]" = field(default_factory=Future)

    def fail(self, error: Exception) -> None:
        if not self.answer.done():
            self.answer.set_exception(error)


class Batcher:
    """In front of one engine; its thread is the only one that touches it."""

    def __init__(
        self,
        name: str,
        engine: Engine,
        *,
        load: Callable[[], None],
        failed: Callable[[Exception], None] = lambda _: None,
        wait_s: float,
        most: int,
    ) -> None:
        """`load` loads the engine, called once on its thread. `most` requests run together, `wait_s` they wait for it.

        Where `load` raises, everybody who waits gets that error, and everybody who comes later; then `failed` hears it.
        """
        self._name = name
        self._engine = engine
        self._load = load
        self._failed = failed
        self._wait_s = wait_s
        self._most = max(1, min(most, engine.capabilities.batch))
        self._changed = threading.Condition()
        self._waiting: list[_Entry] = []
        self._to_load = False
        self._loaded = False
        self._end: Exception | None = None
        self._thread = threading.Thread(target=self._work, name=f"engine-{name}", daemon=True)
        self._thread.start()

    @property
    def most(self) -> int:
        """Requests that run together at most; falls when memory runs out."""
        return self._most

    @property
    def waiting(self) -> list[TakeRequest]:
        """Requests that are not at work."""
        with self._changed:
            return [entry.request for entry in self._waiting]

    def take(
        self,
        request: TakeRequest,
        keep: Callable[[Take], Made],
        *,
        at_work: Callable[[bool], None],
        alone: bool = False,
    ) -> Answer[Made]:
        """Wait for the take of a request, and for what `keep` makes of it.

        `at_work` is told True when the engine takes it up, or loads for it, and False when it is done with it.
        The engine's own errors; `Cancelled`; `GenerationFailed` with the figures where memory runs out.
        """
        capabilities = self._engine.capabilities
        key = self._engine.batch_key(request)
        if alone or (request.seed_named and not capabilities.seed_in_batch):
            key = (object(),)
        entry = _Entry(request=request, keep=keep, at_work=at_work, key=key, came=time.monotonic())
        with self._changed:
            if self._end is not None:
                raise self._end
            self._waiting.append(entry)
            self._changed.notify_all()
        return cast("Answer[Made]", entry.answer.result())

    def load(self) -> None:
        """Begin to load the engine, if it is not loaded."""
        with self._changed:
            self._to_load = True
            self._changed.notify_all()

    def nudge(self) -> None:
        """Some request was cancelled: those that only wait are answered at once."""
        with self._changed:
            gone = [entry for entry in self._waiting if entry.request.cancelled()]
            self._waiting = [entry for entry in self._waiting if entry not in gone]
            self._changed.notify_all()
        for entry in gone:
            entry.fail(Cancelled("Cancelled"))

    def close(self, within_s: float = 5.0) -> None:
        """Take no more, let the batch at work finish, unload the engine; returns when that is done, or too slow."""
        self._refuse(GenerationFailed(f"{self._name} is being unloaded"))
        self._thread.join(within_s)

    # -- the engine's thread ------------------------------------------------------------------------------------

    def _work(self) -> None:
        while (batch := self._next()) is not None:
            if not self._loaded and not self._prepare():
                break
            if batch:
                self._run(batch)
        self._engine.unload()

    def _next(self) -> list[_Entry] | None:
        """The next batch, empty where there is only loading to do; None at the end."""
        with self._changed:
            while self._end is None:
                if not self._loaded and (self._to_load or self._waiting):
                    return []
                if not self._waiting:
                    self._changed.wait()
                    continue
                first = self._waiting[0]
                batch = [entry for entry in self._waiting if entry.key == first.key][: self._most]
                left_s = first.came + self._wait_s - time.monotonic()
                if len(batch) < self._most and left_s > 0 and not _alone(first):
                    self._changed.wait(left_s)
                    continue
                self._waiting = [entry for entry in self._waiting if entry not in batch]
                return batch
        return None

    def _prepare(self) -> bool:
        with self._changed:
            waiting = list(self._waiting)
        for entry in waiting:
            entry.at_work(True)
        try:
            self._load()
        except Exception as error:  # noqa: BLE001 - it belongs to whoever waits
            self._refuse(error)
            self._failed(error)
            return False
        self._loaded = True
        for entry in waiting:
            entry.at_work(False)
        return True

    def _refuse(self, error: Exception) -> None:
        with self._changed:
            self._end = self._end or error
            waiting, self._waiting = self._waiting, []
            self._changed.notify_all()
        for entry in waiting:
            entry.fail(error)

    def _run(self, batch: Sequence[_Entry]) -> None:
        for entry in batch:
            if entry.request.cancelled():
                entry.fail(Cancelled("Cancelled"))
            else:
                entry.at_work(True)
        try:
            self._generate([entry for entry in batch if not entry.answer.done()])
        except Exception as error:  # noqa: BLE001 - the engine's thread must not end
            for entry in batch:
                entry.fail(error)

    def _generate(self, entries: Sequence[_Entry]) -> None:
        if not entries:
            return
        began = time.perf_counter()
        short: dict[int, str] = {}
        for number, kept in enumerate(self._kept(entries)):
            entry = entries[number]
            if not isinstance(kept, Exception):
                whole_s = sum(one.request.plan.duration_s for one in entries)
                share = entry.request.plan.duration_s / whole_s
                entry.at_work(False)
                entry.answer.set_result(Answer(made=kept, work_s=(time.perf_counter() - began) * share))
            elif (shortage := shortage_in(kept)) is None:
                entry.fail(kept)
            else:
                short[number] = shortage
        if not short:
            return
        kept = None  # an error holds on to all that its frames held
        _give_back()
        if len(entries) == 1:
            entries[0].fail(GenerationFailed(self._too_large(entries[0].request, short[0])))
            return
        half = len(entries) // 2
        self._most = max(1, min(self._most, half))
        again = [entries[number] for number in short]
        for first in range(0, len(again), half):
            self._generate([entry for entry in again[first : first + half] if not entry.request.cancelled()])
        for entry in again:
            entry.fail(Cancelled("Cancelled"))  # those that were left out

    def _kept(self, entries: Sequence[_Entry]) -> Iterator[Any]:
        """What was made of each take, or the error of each, in order."""
        try:
            answers: Sequence[Take | Exception] = self._engine.generate([entry.request for entry in entries])
            if len(answers) != len(entries):
                raise ValueError(f"{self._name} gave {len(answers)} answers to {len(entries)} requests")
        except Exception as error:  # noqa: BLE001 - it is everybody's
            answers = [error] * len(entries)
        for entry, answer in zip(entries, answers, strict=True):
            if isinstance(answer, Exception):
                yield answer
                continue
            try:
                yield entry.keep(answer)
            except Exception as error:  # noqa: BLE001 - it is this one's, whose take is made as it is kept
                yield error

    def _too_large(self, request: TakeRequest, shortage: str) -> str:
        held = self._engine.memory_bytes()
        model = f"; the model itself holds {held / 1e9:.1f} GB" if held else ""
        return (
            f"{request.plan.duration_s} s of music by {self._name} need more memory than there is "
            f"({shortage}{model}). Ask for less at once, or set MUSIC_DEVICE to a device with more"
        )


def shortage_in(error: BaseException) -> str | None:
    """What an error says about memory that ran out; None if it is about something else."""
    cause: BaseException | None = error
    while cause is not None:
        said = str(cause)
        names = {kind.__name__ for kind in type(cause).__mro__}
        if isinstance(cause, MemoryError) or names & set(_OUT_OF_MEMORY) or any(s in said.lower() for s in _SIGNS):
            return printable(said.partition("\n")[0], 200) or "out of memory"
        cause = cause.__cause__
    return None


def _alone(entry: _Entry) -> bool:
    """Whether nobody can join it: its key equals no other."""
    return isinstance(entry.key, tuple) and any(type(part) is object for part in entry.key)


def _give_back() -> None:
    """Free what the failed attempt held, also what the framework keeps for itself."""
    gc.collect()
    torch = sys.modules.get("torch")  # only where the engine brought it
    if torch is not None and torch.cuda.is_available():
        torch.cuda.empty_cache()
