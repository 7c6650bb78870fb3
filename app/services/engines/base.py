"""The engine seam: a Plan goes in, a Take comes out, by whatever means."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from app.models.audio import SAMPLE_RATE, Block, Samples
from app.models.clip import ClipUse
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
    #: Seconds that the model hears at once, where longer pieces are made of several windows; None if it has no window.
    window_s: float | None = None
    #: Longest take in seconds.
    longest_s: int = 300
    #: Whether the same seed gives the same bytes, alone and in a batch.
    seed: bool = True
    seed_in_batch: bool = False
    #: Whether its takes carry a score (MIDI) and stems.
    notes: bool = False
    #: Whether its takes are played from their beginning on, so that they are heard while they are made. Loops are not.
    streams: bool = False
    #: Requests it can work on at once.
    batch: int = 1
    #: What it can do with a clip that comes with the prompt.
    audio_prompt: frozenset[ClipUse] = frozenset()
    #: Whether it can be taught from examples.
    fine_tune: bool = False
    #: Whether it is of practical use only on a GPU.
    wants_gpu: bool = False
    #: Whether the work happens on somebody else's machine.
    remote: bool = False
    #: Whether its tracks keep the simulator's pace, whatever the work really takes.
    paced: bool = False
    #: Licence of the engine's code and of its weights or sounds.
    code_licence: str = ""
    weights_licence: str = ""
    commercial_use: bool = True


@dataclass(frozen=True, kw_only=True, slots=True)
class ModelSource:
    """Where a model's engine finds what it plays from. Picklable."""

    #: Name of the model in requests.
    name: str
    #: Folder of its weights, in the family's own published layout; None where the engine has none or fetches nothing.
    folder: Path | None = None
    #: The soundfont to play, for engines that play one.
    soundfont: Path | None = None
    #: The Python of its engine's own environment, where it has one.
    python: Path | None = None
    #: Key and address of a remote service.
    api_key: str | None = field(default=None, repr=False)
    base_url: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class AudioPrompt:
    """A clip that comes with the words."""

    #: Go on from where it ends, or follow its melody.
    use: ClipUse
    #: float32, shape (frames, channels).
    samples: Samples
    sample_rate: int


@dataclass(frozen=True, kw_only=True, slots=True)
class TakeRequest:
    """One piece of work for an engine."""

    plan: Plan
    #: The user's words.
    prompt: str
    #: The same wish phrased for a model: in English, in the style it was trained on. The words themselves if empty.
    description: str = ""
    #: A clip to go on from or to follow.
    audio: AudioPrompt | None = None
    #: Folder of the adapter to play with; None for the model as it is.
    adapter: Path | None = None
    #: Whether the client named the seed, and so expects the same bytes again.
    seed_named: bool = False
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
    #: Integrated loudness that the mix is expected to have; None where nobody knows before it is whole.
    expected_lufs: float | None = None
    #: How the score was chosen, where the engine writes several.
    composition: Composition | None = None
    #: Further files of the track, whole, by form ("mel.png").
    extras: Mapping[str, bytes] = field(default_factory=dict)


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
