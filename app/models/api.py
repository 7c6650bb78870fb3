"""What goes over the wire: the bodies of requests and answers. The contract's fields, and others beside them."""

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field
from pydantic_core import PydanticCustomError

from app.models.asked import Asked, AudioPrompted, Instruments, Loudness, Moods, PlanValues, Tempo, Word
from app.models.clip import ClipUse
from app.models.composition import Composition
from app.models.report import ReportRow
from app.models.track import Stage, Status
from app.utils.seeds import MAX_SEED

DEFAULT_DURATION_S = 30

_PROMPT = "relaxing piano melody for meditation"
_TRACK_ID = "track_a1b2c3d4e5f60718"
_STARTED = "2026-08-27T10:30:00.000Z"
_DUE = "2026-08-27T10:31:00.000Z"
_SHA256 = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"
_PLAN = {"style": "meditation", "tempo_bpm": 62, "tonic": "D", "mode": "major", "form": [{"kind": "intro", "bars": 4}]}
_DOWNLOAD = f"http://localhost:8000/downloads/{_TRACK_ID}.mp3"
_EVENTS = f"http://localhost:8000/music/tracks/{_TRACK_ID}/events"
_STREAM = f"http://localhost:8000/music/tracks/{_TRACK_ID}/stream"
_STREAM_IS = "Absolute address of its sound from the beginning, also while it is made; opens without a header, too."
_EVENTS_ARE = "Absolute address of its Server-Sent Events; opens without a header where keys are asked for."


def _no_truth_value(value: Any) -> Any:
    """Python counts True as 1; JSON does not."""
    if isinstance(value, bool):
        raise PydanticCustomError("int_type", "Input should be a valid integer")
    return value


#: Whole numbers; also as HTTPie and forms send them: `"30"`, `30.0`.
Seconds = Annotated[int, Field(ge=5, le=300), BeforeValidator(_no_truth_value)]
Variations = Annotated[int, Field(ge=1, le=8), BeforeValidator(_no_truth_value)]
Priority = Annotated[int, Field(ge=-10, le=10), BeforeValidator(_no_truth_value)]
Seed = Annotated[int, Field(ge=0, le=MAX_SEED), BeforeValidator(_no_truth_value)]


#: An address that is told what became of music; what it may be, the service knows.
WebhookUrl = Annotated[str, Field(min_length=1, max_length=2_000)]


class Wire(BaseModel):
    """A body, asked for or answered."""

    # Fields may be called `model`; clients may send fields that this version does not know.
    model_config = ConfigDict(frozen=True, extra="ignore", protected_namespaces=())


class PlanRequest(Wire):
    """What music to plan. What an explicit field says counts first, then the plan, then the prompt."""

    # The body that the documentation offers to send; the examples of all fields together would contradict each other.
    model_config = ConfigDict(json_schema_extra={"examples": [{"prompt": _PROMPT, "duration": 60}]})

    prompt: str = Field(
        min_length=1,
        max_length=500,
        description="The music in your own words, 1 to 500 characters; white space around it is ignored.",
        examples=[_PROMPT],
    )
    duration: Seconds | None = Field(
        DEFAULT_DURATION_S,
        description="Length in whole seconds, 5 to 300; null or left out means the plan's, without a plan 30.",
        examples=[60],
    )
    seed: Seed | None = Field(
        None,
        description="The same seed, words and length give the same music; left out it is the plan's, without a plan "
        "drawn, and always reported.",
        examples=[7],
    )
    model: Annotated[str, Field(min_length=1, max_length=100)] | None = Field(
        None,
        description="Model to plan for, a name of `GET /music/models`; only one that was taught, `composer:…`, plans "
        "otherwise than the others.",
        examples=["composer"],
    )
    tempo_bpm: Tempo | None = Field(None, description="Beats a minute, 30 to 300.", examples=[92])
    key: Word | None = Field(
        None,
        description="Key note, mode or both: `F#m`, `C minor`, `D dorian`, `Bb`. What it leaves out is left to the "
        "plan, else to the words.",
        examples=["D minor"],
    )
    time_signature: Word | None = Field(
        None, description="Metre: `4/4`, `3/4`, `2/4`, `6/8`, `12/8`, `5/4` or `7/8`.", examples=["6/8"]
    )
    genre: Word | None = Field(
        None,
        description="A name of `GET /music/genres`, or a word for one. Not beside a plan.",
        examples=["bossa nova"],
    )
    moods: Moods | None = Field(
        None,
        description="Up to eight names of `GET /music/moods`, or words for them, strongest first. Not beside a plan.",
        examples=[["peaceful", "romantic"]],
    )
    instruments: Instruments | None = Field(
        None,
        description="Up to sixteen that must play beside those the words name: names of `GET /music/instruments`, or "
        "words for them. Not beside a plan.",
        examples=[["nylon_guitar", "flute"]],
    )
    exclude_instruments: Instruments | None = Field(
        None,
        description="Up to sixteen that must not play, whatever the words say; `drums` means nobody drums. "
        "Not beside a plan.",
        examples=[["drums"]],
    )
    loop: bool | None = Field(
        None, description="Whether the end is to join the beginning without a seam.", examples=[False]
    )
    loudness_lufs: Loudness | None = Field(
        None, description="Integrated loudness of the master in LUFS, −30 to −8; else −14.", examples=[-16]
    )
    plan: PlanValues | None = Field(
        None,
        description="A plan to play: a track's `plan.json` or the `plan` of `POST /music/plan`, edited or not. Its "
        "sections must last the duration. Unchanged, it gives the same bytes.",
        examples=[_PLAN],
    )
    audio_prompt: AudioPrompted | None = Field(
        None,
        description="A clip of `POST /music/clips` for the model to go on from or to follow; `audio_prompt` in "
        "`GET /music/models` says which can. Others answer 422. It does not change the plan.",
        examples=[{"clip": "clip_a1b2c3d4e5f60718", "use": "continue"}],
    )

    def asked(self) -> dict[str, Any]:
        """What stands in the body beside prompt, length, seed and model."""
        return {name: getattr(self, name) for name in Asked.model_fields}

    @property
    def seconds(self) -> int | None:
        """The length, if the body says one."""
        return self.duration if "duration" in self.model_fields_set else None


class GenerateRequest(PlanRequest):
    """What music to make. What an explicit field says counts first, then the plan, then the prompt."""

    model: Annotated[str, Field(min_length=1, max_length=100)] | None = Field(
        None,
        description="Engine to use, a name of `GET /music/models`; null means the server's default.",
        examples=["composer"],
    )

    variations: Variations | None = Field(
        None,
        description="Tracks to make of it, 1 to 8, each with a seed of its own: the first has the seed asked for or "
        "drawn, the others follow from it. With 2 or more the answer also names their group.",
        examples=[1],
    )
    priority: Priority | None = Field(
        None, description="What goes first among those that wait, −10 to 10, higher first; null means 0.", examples=[0]
    )
    webhook_url: WebhookUrl | None = Field(
        None, description="Address to call once it is finished, where the server does so.", examples=[None]
    )


class PlanAnswer(Wire):
    """What would be made of a request."""

    prompt: str = Field(description="The prompt, trimmed.", examples=[_PROMPT])
    duration: int = Field(description="Length in seconds.", examples=[60])
    seed: int = Field(description="Seed of all dice; drawn where none was sent.", examples=[7])
    brief: dict[str, Any] = Field(
        description="What was understood, each decision with the words or the field it came from; words not "
        "understood; conflicts and how they were settled.",
        examples=[{"tempo_bpm": {"value": 92, "words": ["tempo_bpm=92"]}, "conflicts": []}],
    )
    plan: dict[str, Any] = Field(
        description="Every choice made before a note is written. Send it as `plan`, edited or not.", examples=[_PLAN]
    )


class GenerateAnswer(Wire):
    """A track was accepted."""

    success: bool = Field(description="Always true; what goes wrong has another status code.", examples=[True])
    message: str = Field(
        description="A sentence for people.", examples=[f"Music generation started for prompt: '{_PROMPT}'"]
    )
    track_id: str = Field(description="Name of the track from now on; opaque.", examples=[_TRACK_ID])
    prompt: str = Field(description="The prompt, trimmed.", examples=[_PROMPT])
    duration: int = Field(description="Length in seconds.", examples=[60])
    estimated_processing_time: int = Field(
        ge=1, description="Seconds until the track is completed, the queue before it included.", examples=[45]
    )
    status: Status = Field(description="`processing` from here on.", examples=["processing"])
    download_url: str | None = Field(description="Null until the track is completed.", examples=[None])
    seed: int = Field(description="Seed of all dice; send it again for the same music.", examples=[7])
    model: str = Field(description="Engine that makes the track.", examples=["composer"])
    events_url: str = Field(description=_EVENTS_ARE, examples=[_EVENTS])
    stream_url: str = Field(description=_STREAM_IS, examples=[_STREAM])


class VariationsAnswer(GenerateAnswer):
    """Several variations were accepted; the other fields speak of the first."""

    group_id: str = Field(
        description="Name of their group; follow it at `GET /music/groups/{group_id}`.",
        examples=["group_a1b2c3d4e5f60718"],
    )
    track_ids: list[str] = Field(description="Every track, the first included.", examples=[[_TRACK_ID]])
    seeds: list[int] = Field(description="Seed of each, in the same order.", examples=[[7, 4_503_599_627_370_495]])


class StatusAnswer(Wire):
    """How far a track is."""

    track_id: str = Field(description="Name of the track.", examples=[_TRACK_ID])
    status: Status = Field(
        description="`processing`, `completed` or `failed`; a cancelled track has failed.", examples=["processing"]
    )
    progress: int = Field(
        ge=0, le=100, description="Work done in per cent; never falls, 100 only when completed.", examples=[75]
    )
    prompt: str = Field(description="The prompt, trimmed.", examples=[_PROMPT])
    duration: int = Field(description="Length in seconds.", examples=[60])
    created_at: datetime = Field(description="When the track was accepted.", examples=[_STARTED])
    estimated_completion: datetime = Field(description="When it will be, or was, finished.", examples=[_DUE])
    download_url: str | None = Field(
        description="Absolute address of the MP3 once completed, else null.", examples=[None]
    )
    stage: Stage = Field(description="What is being done; finer than the status.", examples=["rendering"])
    error: str | None = Field(description="Why the track failed, else null.", examples=[None])


class FileRecord(Wire):
    """One downloadable form of a completed track."""

    url: str = Field(description="Absolute address.", examples=[_DOWNLOAD])
    media_type: str = Field(description="Media type of the file.", examples=["audio/mpeg"])
    ready: bool = Field(description="False while it is yet to be made, on the first download.", examples=[True])
    size: int | None = Field(description="Length in bytes; null until it is made.", examples=[1_440_000])
    sha256: str | None = Field(description="SHA-256 of the bytes; null until it is made.", examples=[_SHA256])


class TrackSummary(Wire):
    """A track as the list shows it."""

    track_id: str = Field(description="Name of the track.", examples=[_TRACK_ID])
    status: Status = Field(description="`processing`, `completed` or `failed`.", examples=["completed"])
    stage: Stage = Field(description="What is being done; finer than the status.", examples=["completed"])
    progress: int = Field(ge=0, le=100, description="Work done in per cent.", examples=[100])
    queue_position: int | None = Field(
        description="Place in the queue, 1 is next; null unless the track waits.", examples=[None]
    )
    prompt: str = Field(description="The prompt, trimmed.", examples=[_PROMPT])
    duration: int = Field(description="Length in seconds.", examples=[60])
    model: str = Field(description="Engine that makes the track.", examples=["composer"])
    seed: int = Field(description="Seed of all dice; send it again for the same music.", examples=[7])
    created_at: datetime = Field(description="When the track was accepted.", examples=[_STARTED])
    started_at: datetime | None = Field(description="When work on it began, else null.", examples=[_STARTED])
    finished_at: datetime | None = Field(description="When it was completed or failed, else null.", examples=[_DUE])
    estimated_processing_time: int = Field(
        ge=1, description="Seconds from acceptance to completion, as told at first.", examples=[45]
    )
    error: str | None = Field(description="Why the track failed, else null.", examples=[None])
    download_url: str | None = Field(
        description="Absolute address of the MP3 once completed, else null.", examples=[_DOWNLOAD]
    )
    files: dict[str, FileRecord] = Field(
        description="Every form that can be downloaded, by its name; empty until completed.",
        examples=[
            {
                "mp3": {
                    "url": _DOWNLOAD,
                    "media_type": "audio/mpeg",
                    "ready": True,
                    "size": 1_440_000,
                    "sha256": _SHA256,
                }
            }
        ],
    )
    wav_sha256: str | None = Field(description="SHA-256 of the master's WAV file.", examples=[_SHA256])


class TrackRecord(TrackSummary):
    """Everything known about a track."""

    events_url: str = Field(description=_EVENTS_ARE, examples=[_EVENTS])
    stream_url: str = Field(description=_STREAM_IS, examples=[_STREAM])
    audible: bool = Field(description="Whether it can be heard now, finished or not.", examples=[True])
    attempt: int = Field(description="Runs begun that count against the limit of three.", examples=[1])
    asked: dict[str, Any] | None = Field(
        description="Explicit fields as they were sent; `plan` is true where one was sent; null where there were none.",
        examples=[{"tempo_bpm": 92.0, "key": "D minor"}],
    )
    brief: dict[str, Any] | None = Field(
        description="What the prompt's words said, each decision with the words it came from; null until read.",
        examples=[{"moods": [{"value": "relaxing", "words": ["relaxing"]}]}],
    )
    plan: dict[str, Any] | None = Field(
        description="Every choice made before a note was written; null until planned.",
        examples=[{"style": "meditation", "tempo_bpm": 62, "tonic": "D", "mode": "major"}],
    )
    timings: dict[str, float] = Field(
        description="Seconds that each stage took.", examples=[{"planning": 0.01, "rendering": 0.6}]
    )
    measured: dict[str, float] = Field(
        description="Facts measured on the finished audio: loudness and its range, true peak, brightness (spectral "
        "centroid), the gain that the master was given; and the gain with which it is heard while it is made, which is "
        "there as soon as it can be heard.",
        examples=[
            {
                "loudness_lufs": -14.0,
                "true_peak_dbtp": -1.1,
                "brightness_hz": 2140.5,
                "gain_db": 5.8,
                "stream_gain_db": 5.6,
            }
        ],
    )
    report: list[ReportRow] | None = Field(
        description="What was asked for, planned and measured on the finished audio, row by row; null until completed.",
        examples=[
            [
                {
                    "what": "tempo",
                    "asked": 90,
                    "planned": 90,
                    "measured": 90.1,
                    "agrees": True,
                    "tolerance": "within 4 %, half and double counted",
                    "note": None,
                }
            ]
        ],
    )
    composition: Composition | None = Field(
        description="The scores that were written from the plan, what each was worth by stated musical criteria, and "
        "which is played; null until completed, and of engines that write no notes.",
        examples=[
            {
                "criteria": [{"name": "steps", "meaning": "Share of moves that are steps.", "weight": 1.0}],
                "candidates": [
                    {"number": 0, "scores": {"steps": 0.8}, "total": 0.8},
                    {"number": 1, "scores": {"steps": 1.0}, "total": 1.0},
                ],
                "chosen": 1,
            }
        ],
    )
    warnings: list[str] = Field(
        description="What is wrong with the music though the track is finished, in sentences; a model's take that "
        "sounded bad was tried once more with another seed, unless the request named one. Also where somebody heard it "
        "more than 1 dB too loud or too soft while it was made.",
        examples=[["73% of the take is silent."]],
    )


class TrackList(Wire):
    """One page of tracks."""

    tracks: list[TrackSummary] = Field(description="Tracks, newest first.")
    next_cursor: str | None = Field(
        description="Send it as `cursor` for the next page; null on the last.", examples=["MjAyNi0wOC0yNw"]
    )


class GenreList(Wire):
    """Genres that the service knows by name."""

    genres: list[str] = Field(description="Words to use in a prompt.", examples=[["pop", "rock", "jazz"]])


class MoodList(Wire):
    """Moods that the service knows by name."""

    moods: list[str] = Field(description="Words to use in a prompt.", examples=[["happy", "sad", "peaceful"]])


class InstrumentReach(Wire):
    """What an instrument can play."""

    low_pitch: int = Field(description="Lowest MIDI pitch; 60 is middle C.", examples=[55])
    high_pitch: int = Field(description="Highest MIDI pitch.", examples=[100])
    drums: bool = Field(description="Whether it is a drum kit.", examples=[False])


class InstrumentList(Wire):
    """Instruments, groups and ensembles that the service knows by name."""

    instruments: list[str] = Field(
        description="Names to send as `instruments` or `exclude_instruments`.",
        examples=[["acoustic_grand_piano", "violin", "drums"]],
    )
    playable: dict[str, InstrumentReach] = Field(
        description="Those that a plan's ensemble can be given, with what each can play.",
        examples=[{"violin": {"low_pitch": 55, "high_pitch": 100, "drums": False}}],
    )


class ModelRecord(Wire):
    """One model, as it stands on this machine."""

    name: str = Field(description="Name to send as `model`.", examples=["composer"])
    description: str = Field(
        description="What it is, in a sentence.", examples=["Reads the prompt, composes, plays, mixes and masters."]
    )
    default: bool = Field(description="Whether it is used when a request names none.", examples=[True])
    longest_s: int = Field(description="Longest track in seconds.", examples=[300])
    seed: bool = Field(description="Whether the same seed gives the same bytes.", examples=[True])
    notes: bool = Field(description="Whether its tracks come with MIDI and stems.", examples=[True])
    streams: bool = Field(
        description="Whether its tracks are heard while they are made (`stream`), loops aside.", examples=[True]
    )
    remote: bool = Field(description="Whether the work happens on somebody else's machine.", examples=[False])
    compared: int = Field(
        description="Votes on comparisons with other models that it took part in (`POST /music/compare`).", examples=[5]
    )
    wins: int = Field(description="Those in which it was preferred.", examples=[3])
    commercial_use: bool = Field(description="Whether its licence allows commercial use of the music.", examples=[True])
    code_licence: str = Field(description="Licence of the engine's code.", examples=["MIT"])
    weights_licence: str = Field(description="Licence of its weights or sounds.", examples=["MIT"])
    engine: str = Field(description="Family of models that it belongs to.", examples=["composer"])
    state: Literal["ready", "loaded", "needs_install", "needs_weights", "needs_key", "needs_gpu", "forbidden"] = Field(
        description="`ready`; `loaded`, so that it begins at once; what it needs before it can work; or `forbidden` by "
        "`MUSIC_LICENCE_POLICY`. Only a model that is ready or loaded takes requests; others answer 409 (403).",
        examples=["ready"],
    )
    lacks: str | None = Field(description="What it needs, in words.", examples=[None])
    command: str | None = Field(description="What its owner can run to change that.", examples=[None])
    window_s: float | None = Field(
        description="Seconds that it hears at once, where longer pieces are made of several windows.", examples=[None]
    )
    sample_rate: int = Field(description="Frames a second of what it makes; files have 44,100.", examples=[44_100])
    channels: int = Field(description="1 for mono, 2 for stereo; files are stereo.", examples=[2])
    batch: int = Field(description="Tracks that it makes at once.", examples=[1])
    audio_prompt: list[ClipUse] = Field(
        description="What it can do with a clip that comes with the prompt.", examples=[[]]
    )
    fine_tune: bool = Field(description="Whether it can be taught from examples.", examples=[False])
    wants_gpu: bool = Field(description="Whether it is of practical use only on a GPU.", examples=[False])
    memory_bytes: int | None = Field(
        description="Memory that it holds, or is thought to need where it was never loaded; null where nobody knows.",
        examples=[None],
    )
    speed: float | None = Field(
        description="Seconds of music that this machine made in a second of work, by its latest tracks; null until "
        "there is one.",
        examples=[17.2],
    )


class ModelList(Wire):
    """Every model there is."""

    models: list[ModelRecord] = Field(description="Models, in the order of the catalogue.")


class Welcome(Wire):
    """Who answers here."""

    message: str = Field(description="A welcome.", examples=["Welcome to Music AI Generator Backend"])
    status: str = Field(description="`running`.", examples=["running"])
    version: str = Field(description="Version of the service.", examples=["1.0.0"])
    created_by: str = Field(description="Who made it.", examples=["Sergie Code"])
    docs: str = Field(description="Path of the interactive documentation.", examples=["/docs"])


class Health(Wire):
    """Whether the service answers."""

    status: str = Field(description="`healthy`.", examples=["healthy"])
    service: str = Field(description="Name of the service.", examples=["music-ai-generator-backend"])
    version: str = Field(description="Version of the service.", examples=["1.0.0"])


class Readiness(Wire):
    """Whether the service can do its work now."""

    status: str = Field(description="`ready`; otherwise the answer is 503.", examples=["ready"])
    parts: list[str] = Field(description="What was looked at.", examples=[["database", "storage", "queue", "engines"]])


class ServiceCard(Wire):
    """What can be asked for."""

    service: str = Field(description="Name of the service.", examples=["Music AI Generator"])
    version: str = Field(description="Version of the service.", examples=["1.0.0"])
    supported_formats: list[str] = Field(description="Audio forms of a track.", examples=[["mp3", "wav", "flac"]])
    max_duration: int = Field(description="Longest track in seconds.", examples=[300])
    min_duration: int = Field(description="Shortest track in seconds.", examples=[5])
    status: str = Field(description="`active`.", examples=["active"])
    default_duration: int = Field(description="Seconds where a request names none.", examples=[30])


class Problem(Wire):
    """Why a request was not done."""

    detail: str = Field(description="One sentence that says what is allowed.", examples=["Prompt cannot be empty"])


class Fault(Wire):
    """One thing that is wrong with a request."""

    loc: list[str | int] = Field(description="Where it is.", examples=[["body", "duration"]])
    msg: str = Field(description="What is wrong.", examples=["Input should be less than or equal to 300"])
    type: str = Field(description="Kind of fault, for programs.", examples=["less_than_equal"])


class ValidationProblem(Wire):
    """Everything that is wrong with a request's fields."""

    detail: list[Fault] = Field(description="One entry a fault.")
