"""What the catalogue says of a model: a row. Reading one imports no engine."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from app.services.engines.base import Capabilities, Engine, ModelSource

#: How a family's published folder is laid out: files of one model side by side, a folder for each part of a pipeline,
#: or anyhow.
Layout = Literal["transformers", "diffusers", "plain"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Weights:
    """What a model's engine reads, and where it is published."""

    #: Name of the repository on the Hugging Face hub; None for a folder of the owner's.
    repository: str | None
    layout: Layout
    #: Branch, tag or commit.
    revision: str = "main"
    #: Size of what is fetched, about; 0 where nobody knows.
    size_bytes: int = 0
    #: Files without which the folder is no checkpoint; beside what its own indexes name.
    required: tuple[str, ...] = ()
    #: Folders and files of the repository that are fetched; all of them if empty.
    folders: tuple[str, ...] = ()
    #: The folder, where it is one of the owner's.
    folder: Path | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class ModelRow:
    """One model, as clients and wiring see it."""

    #: Name in requests and settings.
    name: str
    #: Family that it belongs to: what is installed for it, `requirements/ENGINE.txt`.
    engine: str
    #: One or two sentences for `GET /music/models`.
    description: str
    capabilities: Capabilities
    #: Makes the engine from where its things lie; imports what it needs only then.
    make: Callable[[ModelSource], Engine]
    #: Seconds that a track takes, from its seconds of music, prompt and seed. Never falls with the first two.
    estimate_s: Callable[[int, str, int], float]
    #: Packages that must be importable before it can work. None: it comes with the service.
    packages: tuple[str, ...] = ()
    #: Whether its packages live in an environment of their own, `.venv-ENGINE`.
    own_environment: bool = False
    weights: Weights | None = None
    #: Setting that holds the key of a remote service.
    key_setting: str | None = None
    #: Bytes that it needs when loaded, about; 0 where nobody knows.
    memory_bytes: int = 0
    #: Whether it lives in a process of its own, loaded once for many tracks, instead of in every worker.
    resident: bool = False
    #: Family of `planning.phrasing` that a wish is phrased for; None for those that take the words as they are.
    phrased_for: str | None = None

    @property
    def needs_something(self) -> bool:
        """Whether it needs more than what comes with the service."""
        return bool(self.packages or self.weights or self.key_setting)
