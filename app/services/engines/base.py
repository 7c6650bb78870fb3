"""The engine seam: a Plan goes in, a Take comes out, by whatever means."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from app.models.audio import SAMPLE_RATE, Block
from app.models.composition import Composition
from app.models.plan import Plan
from app.models.score import Score
from app.models.track import Stage


@dataclass(frozen=True, kw_only=True, slots=True)
class Capabilities:
    """What an engine can do; readable without loading it."""

    #: Frames a second of its takes; other rates are resampled before mastering.
    sample_rate: int = SAMPLE_RATE
    channels: int = 2
    #: Longest take in seconds.
    longest_s: int = 300
    #: Whether the same seed gives the same bytes.
    seed: bool = True
    #: Whether its takes carry a score (MIDI) and stems.
    notes: bool = False
    #: Requests it can work on at once.
    batch: int = 1
    #: Whether the work happens on somebody else's machine.
    remote: bool = False
    #: Whether its tracks keep the simulator's pace, whatever the work really takes.
    paced: bool = False
    #: Licence of the engine's code and of its weights or sounds.
    code_licence: str = ""
    weights_licence: str = ""
    commercial_use: bool = True


@dataclass(frozen=True, kw_only=True, slots=True)
class TakeRequest:
    """One piece of work for an engine."""

    plan: Plan
    #: The user's words, for engines that read them themselves.
    prompt: str
    #: Called with the stage ("composing", then "rendering") and the fraction of it done, 0…1.
    progress: Callable[[Stage, float], None]
    #: True once the track was cancelled; engines ask between blocks and raise `Cancelled`.
    cancelled: Callable[[], bool]
    #: Whether the blocks must carry stems.
    stems: bool = False
    #: Threads the engine may use; the result does not depend on it.
    threads: int = 1


@dataclass(frozen=True, kw_only=True, slots=True)
class Take:
    """An engine's answer."""

    #: Blocks in order, made as they are asked for; together at least the plan's duration. What a loop's take
    #: (`plan.loop`) holds beyond it is its ringing, which goes on over its beginning.
    blocks: Iterator[Block]
    sample_rate: int = SAMPLE_RATE
    #: The notes, where the engine knows them.
    score: Score | None = None
    #: Measured facts for the track's record, by name.
    measured: dict[str, float] = field(default_factory=dict)
    #: How the score was chosen, where the engine writes several.
    composition: Composition | None = None


class Engine(Protocol):
    """Built for one model; synchronous; lives in a worker process."""

    capabilities: Capabilities

    def load(self, *, device: str = "auto", dtype: str = "auto", adapter: str | None = None) -> None:
        """Make ready for work; does nothing where it is already."""

    def memory_bytes(self) -> int:
        """Memory that the loaded engine holds."""

    def batch_key(self, request: TakeRequest) -> tuple[object, ...]:
        """Requests with equal keys may be generated together."""

    def generate(self, requests: Sequence[TakeRequest]) -> list[Take | Exception]:
        """One answer a request, in order; a request's failure is its own."""

    def unload(self) -> None:
        """Give the memory back."""
