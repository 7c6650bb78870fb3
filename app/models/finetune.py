"""A fine-tune: a model taught from somebody's files, or one in the making."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from app.models.track import Status

#: Where the work on a fine-tune stands.
FinetuneStage = Literal["queued", "reading", "learning", "measuring", "completed", "failed", "cancelled"]


@dataclass(frozen=True, kw_only=True, slots=True)
class SkippedFile:
    """A file that nothing was learned from."""

    #: Its name as it was sent; of a file inside a ZIP, the ZIP's name, a slash and its own.
    file: str
    #: Why, as the rest of a sentence that begins with the name.
    reason: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Finetune:
    """A model that was taught, and everything known about it."""

    #: "finetune_" and sixteen hexadecimal digits.
    id: str
    #: What it is called: a-z, 0-9 and '-'.
    name: str
    #: The model that is taught.
    base: str
    #: Packaged style that what is learned is mixed with; None lets the files decide.
    style: str | None
    #: 0…1: how much the files count against that style.
    strength: float
    seed: int
    #: Steps of training, of a model that is trained; None of one that counts.
    steps: int | None = None
    #: Names of the files that were sent, in order.
    files: tuple[str, ...]
    created_at: datetime
    status: Status = "processing"
    stage: FinetuneStage = "queued"
    #: 0…100; 100 only with "completed".
    progress: int = 0
    #: Who it belongs to; None until a server owner turns authentication on.
    owner: str | None = None
    #: Whether others than its owner may make music with it.
    shared: bool = False
    #: Runs begun that count against the limit of three.
    attempt: int = 0
    started_at: datetime | None = None
    finished_at: datetime | None = None
    #: Why it failed, in one calm line.
    error: str | None = None
    skipped: tuple[SkippedFile, ...] = ()
    #: What was learned, as JSON values; None before completion.
    learned: dict[str, Any] | None = None

    @property
    def model(self) -> str:
        """What to send as `model` once it is completed."""
        return f"{self.base}:{self.name}"

    @property
    def finished(self) -> bool:
        """Whether nothing more will happen to it."""
        return self.status != "processing"


@dataclass(frozen=True, kw_only=True, slots=True)
class Lesson:
    """What the process that learns is handed. Picklable."""

    finetune: Finetune
    #: Where the files lie that were sent, in the order of `finetune.files`.
    paths: tuple[str, ...]
    #: Folder for what is to outlive the process; it need not be there yet.
    work: str


@dataclass(frozen=True, kw_only=True, slots=True)
class LessonProgress:
    """News from the process that learns."""

    stage: FinetuneStage
    #: Work done on the whole, 0…1.
    fraction: float


@dataclass(frozen=True, kw_only=True, slots=True)
class Learned:
    """What was learned."""

    skipped: tuple[SkippedFile, ...]
    #: For the record, as JSON values.
    facts: dict[str, Any]
    #: Name of the style, with the digest of what it says, and the style as JSON; of a composer's lesson.
    style_name: str = ""
    style_json: str = ""
    #: Folder of the adapter, of another model's lesson.
    adapter: str | None = None
