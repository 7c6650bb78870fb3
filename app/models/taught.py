"""Bodies of the calls about fine-tunes."""

from datetime import datetime
from typing import Any

from pydantic import Field

from app.models.api import Wire
from app.models.finetune import FinetuneStage
from app.models.track import Status

_FINETUNE_ID = "finetune_a1b2c3d4e5f60718"
_STARTED = "2026-08-27T10:30:00.000Z"
_LEARNED = {
    "style": "learned-0123456789abcdef",
    "base_style": "folk",
    "tunes": 12,
    "notes": 4_210,
    "tempo_bpm": {"low": 92.0, "typical": 104.0, "high": 118.0},
    "time_signatures": {"3/4": 1.0},
    "thirds": {"major": 0.75, "minor": 0.25},
    "instruments": {"lead": ["flute"], "chords": ["harp"], "bass": ["cello"]},
    "progressions": 24,
    "rhythms": 31,
    "avoided_passages": 2_980,
    "distance": {"base": 0.41, "learned": 0.14},
}


class SkippedRecord(Wire):
    """A file that nothing was learned from."""

    file: str = Field(description="Its name as sent; in a ZIP, that of the ZIP first.", examples=["set.zip/a.mid"])
    reason: str = Field(description="Why.", examples=["is a broken or truncated MIDI file"])


class FinetuneRecord(Wire):
    """A model that was taught, or is being taught."""

    finetune_id: str = Field(description="Name of the fine-tune.", examples=[_FINETUNE_ID])
    name: str = Field(description="What you called it.", examples=["my-band"])
    model: str = Field(description="What to send as `model` once it is completed.", examples=["composer:my-band"])
    base: str = Field(description="Model that is taught.", examples=["composer"])
    status: Status = Field(description="`processing`, `completed` or `failed`.", examples=["completed"])
    stage: FinetuneStage = Field(
        description="`queued`, `reading` the files, `learning`, `measuring` what was learned; then `completed`, "
        "`failed` or `cancelled`.",
        examples=["completed"],
    )
    progress: int = Field(ge=0, le=100, description="Work done in per cent.", examples=[100])
    strength: float = Field(ge=0, le=1, description="How much your files count against the base style.", examples=[0.8])
    style: str | None = Field(
        description="Packaged style that was asked for as the base; null where the files decide.", examples=[None]
    )
    shared: bool = Field(description="Whether other API keys may make music with it.", examples=[False])
    seed: int = Field(description="The same files, fields and seed teach the same.", examples=[7])
    steps: int | None = Field(
        description="Steps of training that were asked for; null of the composer, which counts.", examples=[None]
    )
    files: list[str] = Field(description="Names of the files that were sent.", examples=[["one.mid", "two.mid"]])
    skipped: list[SkippedRecord] = Field(
        description="Files that nothing was learned from, with the reasons; empty until it is completed.",
        examples=[[{"file": "cover.jpg", "reason": "is not a MIDI file (it does not begin with MThd)"}]],
    )
    learned: dict[str, Any] | None = Field(
        description="What was learned; null until it is completed. Of the composer, `distance` is that of four pieces "
        "to your files, 0 for none and 1 for nothing in common: of the base style, and of what was learned. Of a model "
        "that is trained, `loss` holds pairs of a step and the mean loss of the steps up to it.",
        examples=[_LEARNED],
    )
    created_at: datetime = Field(description="When it was accepted.", examples=[_STARTED])
    started_at: datetime | None = Field(description="When work on it began last, else null.", examples=[_STARTED])
    finished_at: datetime | None = Field(description="When it was over, else null.", examples=[_STARTED])
    error: str | None = Field(description="Why it failed, else null.", examples=[None])


class FinetuneList(Wire):
    """Some of the fine-tunes, newest first."""

    finetunes: list[FinetuneRecord] = Field(description="Newest first.")
    next_cursor: str | None = Field(
        description="Send it as `cursor` for the next page; null on the last.", examples=[None]
    )
