"""Bodies of the calls about several tracks at once: batches, groups, comparisons and votes."""

from datetime import datetime
from typing import Annotated, Any

from pydantic import ConfigDict, Field

from app.models.api import GenerateAnswer, GenerateRequest, PlanRequest, Seed, TrackSummary, WebhookUrl, Wire
from app.models.asked import PlanValues
from app.models.group import GroupKind, Varied
from app.models.track import Status

_PROMPT = "relaxing piano melody for meditation"
_TRACK_ID = "track_a1b2c3d4e5f60718"
_GROUP_ID = "group_a1b2c3d4e5f60718"
_COMPARISON_ID = "comparison_a1b2c3d4e5f60718"
_STARTED = "2026-08-27T10:30:00.000Z"
_DOWNLOAD = f"http://localhost:8000/downloads/{_TRACK_ID}.mp3"

ModelName = Annotated[str, Field(min_length=1, max_length=100)]


class BatchRequest(Wire):
    """Many wishes at once."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"requests": [{"prompt": _PROMPT, "duration": 60}, {"prompt": "happy folk"}]}]}
    )

    requests: list[GenerateRequest] = Field(
        min_length=1,
        max_length=100,
        description="1 to 100 bodies as of `POST /music/generate`, at most 100 tracks with all variations.",
        examples=[[{"prompt": _PROMPT, "duration": 60}]],
    )
    webhook_url: WebhookUrl | None = Field(
        None, description="Address to call once all are finished, and each that names none.", examples=[None]
    )


class BatchAnswer(Wire):
    """All of them were accepted."""

    success: bool = Field(description="Always true; what goes wrong has another status code.", examples=[True])
    message: str = Field(description="A sentence for people.", examples=["Music generation started for 2 tracks"])
    group_id: str = Field(description="Name of their group.", examples=[_GROUP_ID])
    track_ids: list[str] = Field(
        description="Every track, in the order of the requests, variations one after the other.", examples=[[_TRACK_ID]]
    )
    tracks: list[GenerateAnswer] = Field(description="What `POST /music/generate` says of each, in the same order.")
    estimated_processing_time: int = Field(
        ge=1, description="Seconds until the last of them is completed, the queue included.", examples=[45]
    )
    status: Status = Field(description="`processing` from here on.", examples=["processing"])


class GroupCounts(Wire):
    """How many tracks are of each status."""

    processing: int = Field(description="Waiting or in work.", examples=[1])
    completed: int = Field(description="Finished, with files.", examples=[2])
    failed: int = Field(description="Failed or cancelled.", examples=[0])


class GroupRecord(Wire):
    """Tracks that were asked for together."""

    group_id: str = Field(description="Name of the group.", examples=[_GROUP_ID])
    kind: GroupKind = Field(description="`variations`, `batch` or `comparison`.", examples=["batch"])
    created_at: datetime = Field(description="When it was accepted.", examples=[_STARTED])
    status: Status = Field(
        description="`processing` while a track is, then `completed` if one is, else `failed`.", examples=["processing"]
    )
    progress: int = Field(
        ge=0,
        le=100,
        description="Mean of the tracks' progress in per cent, failed ones counted as done; 100 only when all are.",
        examples=[75],
    )
    counts: GroupCounts = Field(
        description="Tracks by status.", examples=[{"processing": 1, "completed": 2, "failed": 0}]
    )
    size: int = Field(description="How many tracks there were at first.", examples=[3])
    removed: int = Field(description="How many of them are gone: deleted, or too old to be kept.", examples=[0])
    track_ids: list[str] = Field(description="Those that are still there, in order.", examples=[[_TRACK_ID]])
    tracks: list[TrackSummary] = Field(description="Each as `GET /music/tracks` shows it, with its files' addresses.")


class CompareRequest(PlanRequest):
    """The same wish in several ways: send one of `models`, `seeds` and `plans`."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"prompt": _PROMPT, "duration": 30, "models": ["composer", "simulator"]}]}
    )

    model: ModelName | None = Field(
        None,
        description="Engine of every track where seeds or plans are compared; null means the server's default.",
        examples=["composer"],
    )
    webhook_url: WebhookUrl | None = Field(
        None, description="Address to call once each, and all, are finished.", examples=[None]
    )
    models: list[ModelName] | None = Field(
        None,
        description="2 to 8 names of `GET /music/models`: each makes the same plan, with the same seed.",
        examples=[["composer", "simulator"]],
    )
    seeds: list[Seed] | None = Field(None, description="2 to 8 seeds.", examples=[[7, 8, 9]])
    plans: list[PlanValues] | None = Field(
        None,
        description="2 to 8 plans, each as the `plan` of `POST /music/generate`.",
        examples=[[{"style": "meditation"}, {"style": "ambient"}]],
    )


class SideRecord(Wire):
    """One of the tracks that are compared."""

    label: str = Field(description="Its name in the blind order and in a vote.", examples=["A"])
    name: str | None = Field(
        description="What sets it apart: its model, `seed 7`, `plan 2`; null while blind.", examples=["composer"]
    )
    model: str | None = Field(description="Engine that makes it; null while blind.", examples=["composer"])
    seed: int | None = Field(description="Seed of its dice; null while blind.", examples=[7])
    track_id: str = Field(
        description="Its track. A blind page plays it, and does not show the record.", examples=[_TRACK_ID]
    )
    status: Status = Field(description="`processing`, `completed` or `failed`.", examples=["completed"])
    progress: int = Field(ge=0, le=100, description="Work done in per cent.", examples=[100])
    error: str | None = Field(description="Why it failed, else null; null while blind.", examples=[None])
    download_url: str | None = Field(
        description="Absolute address of the MP3 once completed, else null.", examples=[_DOWNLOAD]
    )


class DifferenceRow(Wire):
    """One thing that was measured of every track."""

    what: str = Field(description="What the row is about.", examples=["brightness"])
    unit: str | None = Field(description="Unit of the values; null for words.", examples=["Hz"])
    values: list[Any] = Field(
        description="One a side, in the order of `sides`; null where it is not known or not yet.",
        examples=[[2140.5, 1822.0]],
    )
    spread: float | None = Field(
        description="Largest value minus smallest, where two numbers are known.", examples=[318.5]
    )


class ComparisonRecord(Wire):
    """The same wish in several ways, and what was measured of each."""

    comparison_id: str = Field(description="Name of the comparison.", examples=[_COMPARISON_ID])
    group_id: str = Field(description="Group of its tracks, to be cancelled or removed by.", examples=[_GROUP_ID])
    created_at: datetime = Field(description="When it was accepted.", examples=[_STARTED])
    prompt: str = Field(description="The prompt, trimmed.", examples=[_PROMPT])
    varied: Varied = Field(description="What differs: `models`, `seeds` or `plans`.", examples=["models"])
    status: Status = Field(
        description="`processing` while a track is, then `completed` if one is, else `failed`.", examples=["completed"]
    )
    progress: int = Field(ge=0, le=100, description="Mean of the tracks' progress in per cent.", examples=[100])
    loudness_lufs: float = Field(description="Loudness that every track is mastered to, in LUFS.", examples=[-14.0])
    loudness_matched: bool | None = Field(
        description="Whether the completed tracks measure within 0.5 LU of each other; null while there are not two.",
        examples=[True],
    )
    blind: bool = Field(
        description="Whether names, models, seeds and what would tell them are hidden, and the sides shuffled.",
        examples=[False],
    )
    sides: list[SideRecord] = Field(description="The tracks: as they were asked for, or while blind by label.")
    differences: list[DifferenceRow] = Field(
        description="Tempo, key, loudness, loudness range and brightness as measured; time taken, cost and licence, "
        "which are left out while blind."
    )
    winner: str | None = Field(description="Label of the side preferred; null before the first vote.", examples=["A"])
    voted_at: datetime | None = Field(description="When it was preferred, else null.", examples=[_STARTED])
    votes: int = Field(description="Votes cast; the last one counts.", examples=[1])


class VoteRequest(Wire):
    """A preference."""

    winner: str = Field(
        min_length=1,
        max_length=100,
        description="Label of the side that is preferred, or the id of its track.",
        examples=["A"],
    )
