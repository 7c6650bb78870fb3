"""The queue seam: accepted work is never lost, and runs outside the server process."""

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Protocol, TypeAlias, TypeVar

from app.models.group import Comparison, Group
from app.models.track import Stage, Track, TrackFile

if TYPE_CHECKING:  # workers come for the values here; the database toolkit would cost each of them 0.3 s and 25 MB
    from app.services.jobs.audience import Hear
    from app.services.storage.changes import Changes

Result = TypeVar("Result")

JobKind = Literal["render", "encode"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Job:
    """One run of one piece of work, as a worker sees it. Picklable."""

    kind: JobKind
    #: The track as it stood when the run began.
    track: Track
    #: Which run of the job this is, from 1; files are written under it.
    run: int
    #: For "encode": the form to make.
    form: str | None = None
    #: For "render" by a model: the folder that holds its take, once there is one; the rest is still to be done.
    take: Path | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Progress:
    """News from a worker about its job."""

    stage: Stage
    #: Work done on the whole job, 0…1.
    fraction: float
    #: Facts for the record that are known now (`brief`, `plan`), by field of Track.
    facts: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True, slots=True)
class CacheSize:
    """How much is kept in memory so that it need not be made or read again."""

    #: What is kept, in one word for those who operate the service.
    name: str
    entries: int
    #: Memory that the entries hold; None where nobody counts it.
    size_bytes: int | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Outcome:
    """What a job that succeeded leaves behind."""

    #: New files of the track, already in the file store.
    files: tuple[TrackFile, ...]
    #: Fields of Track to set with the completion.
    facts: Mapping[str, Any] = field(default_factory=dict)
    #: What its worker now keeps for jobs to come.
    caches: tuple[CacheSize, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class TakeMade:
    """The first half of a model's render is done: its take lies in the run's folder."""

    #: Seconds of the model that it took, its share of a batch.
    work_s: float
    #: Fields of Track that are known by now.
    facts: Mapping[str, Any] = field(default_factory=dict)


#: Runs in a worker process; a top-level function or a `functools.partial` of one. Raises `MusicError` for reasons to
#: show; `work` is an empty folder of its own, removed afterwards.
JobBody: TypeAlias = Callable[[Job, Path, Callable[[Progress], None]], Outcome]


@dataclass(frozen=True, kw_only=True, slots=True)
class QueueLoad:
    """How much work is waiting for the workers, or for one model."""

    queued: int
    running: int
    #: Workers, or tracks that the model makes side by side.
    workers: int
    #: Sum of the estimates of queued tracks and of what is left of running ones, in seconds of one worker.
    backlog_s: float
    #: Seconds of work for a second of music, where a model's pace was measured.
    pace_s: float | None = None
    #: Seconds until a model can begin: its loading, as far as that is known.
    loading_s: float = 0.0
    #: Whether workers on other machines make it, so that nothing needs to be installed here.
    elsewhere: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class LoadedModel:
    """What is known of a model that has worked here."""

    model: str
    #: "loading", "loaded", or "unloaded" where only what was measured is left.
    state: Literal["loading", "loaded", "unloaded"]
    #: Devices that hold it: "cpu", "cuda:0".
    devices: tuple[str, ...] = ()
    #: Bytes that it holds on all of them; of one that is not loaded, what it held last.
    memory_bytes: int = 0
    #: Seconds that loading took last; 0 where it never came to an end.
    load_s: float = 0.0
    #: Seconds of music made in a second, batches counted as they come; None before the first take.
    speed: float | None = None
    #: Tracks in its hands.
    running: int = 0


class JobQueue(Protocol):
    """Where tracks wait for a worker. Thread-safe; usable from any event loop through `asyncio.wrap_future`."""

    def start(self) -> None:
        """Take ownership of the data folder, requeue what was running, begin to work. Idempotent."""

    def stop(self, *, drain_s: float = 0.0) -> None:
        """Stop taking work, wait up to `drain_s` for what runs, requeue the rest, end every worker."""

    def submit(self, track: Track) -> "Future[Track]":
        """Accept a track; resolved once it is durable. `QueueFull` where too many wait."""

    def submit_all(self, tracks: Sequence[Track], group: Group, comparison: Comparison | None = None) -> "Future[None]":
        """Accept all of a group's tracks, with the group and its comparison, or nothing; resolved once it is durable.

        `InvalidField` where the queue never takes so many, `QueueFull` where it does not now.
        """

    def record(self, change: "Callable[[Changes], Result]") -> "Future[Result]":
        """Write something else that is kept; resolved, with what it returned, once it is durable. `StorageFailed`."""

    def get(self, track_id: str) -> Track | None:
        """The track as it stands now, from memory; None if it is not in memory (the store may know it)."""

    def position(self, track_id: str) -> int | None:
        """Place in the queue, 1 = next; None unless it waits."""

    def cancel(self, track_id: str) -> "Future[Track]":
        """End queued or running work; resolved with the failed track. Idempotent for cancelled tracks.

        `TrackNotFound`, `TrackAlreadyFinished`.
        """

    def delete(self, track_id: str) -> "Future[None]":
        """Cancel where needed, then remove the record and the files. `TrackNotFound`."""

    def make_file(self, track_id: str, form: str) -> "Future[TrackFile]":
        """Make an on-demand form of a completed track, once, ahead of queued renders; joins work under way."""

    def keep(self, track_id: str) -> AbstractContextManager[None]:
        """While inside, neither age nor space removes the track: somebody is reading its files."""

    def watch(self, hear: "Hear") -> Callable[[], None]:
        """Call `hear` with each track whenever it changes, in order, until what this returns is called.

        It is called on the queue's own thread, with the track as it now is or the id of one that is gone: it must be
        quick. Where other machines do the work, changes that follow each other at once may come as one.
        """

    def at_work(self) -> list[Track]:
        """Tracks that wait or are made, as far as they are in memory, in no order."""

    def load(self, model: str | None = None) -> QueueLoad:
        """What is waiting and running for the workers that would make a track of this model."""

    def loaded(self) -> "Mapping[str, LoadedModel]":
        """Models that are in memory now or were lately measured, by name."""

    @property
    def remote(self) -> bool:
        """Whether the work is done by other processes that come and go, so that perhaps nobody takes an engine."""

    def ailment(self) -> str | None:
        """Why tracks are not taken on or not followed now, in a few words; None where they are."""

    def remembered(self) -> int:
        """Tracks that are answered for from memory."""

    def caches(self) -> "Sequence[CacheSize]":
        """What its own worker processes keep, added up, each as it stood after its last job."""
