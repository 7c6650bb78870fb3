"""A track and its life."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

Status = Literal["processing", "completed", "failed"]

#: What is being done; finer than the status. Clients must tolerate new ones.
Stage = Literal[
    "queued",
    "loading",
    "planning",
    "composing",
    "rendering",
    "mastering",
    "encoding",
    "completed",
    "failed",
    "cancelled",
]

#: What `measured` says of the gain, in decibels, with which a track can be heard while it is made; once it can be.
STREAM_GAIN = "stream_gain_db"

#: File forms of a finished track, each with its media type.
FORMS: dict[str, str] = {
    "mp3": "audio/mpeg",
    "wav": "audio/wav",
    "flac": "audio/flac",
    "ogg": "audio/ogg",
    "opus": "audio/ogg; codecs=opus",
    "mid": "audio/midi",
    "stems.zip": "application/zip",
    "plan.json": "application/json",
    "brief.json": "application/json",
    "mel.png": "image/png",
    "waveform.json": "application/json",
    "spectrogram.png": "image/png",
    "pianoroll.png": "image/png",
    "cover.png": "image/png",
}


@dataclass(frozen=True, kw_only=True, slots=True)
class TrackFile:
    """One stored file of a track."""

    #: A key of FORMS.
    form: str
    #: Where the file store keeps it, relative to its root: "tracks/track_…/1/track.mp3".
    key: str
    #: Length in bytes.
    size: int
    #: SHA-256 of the bytes, hexadecimal; the strong ETag.
    sha256: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Track:
    """The finished piece, or the one in the making, and everything known about it."""

    #: "track_" and sixteen hexadecimal digits.
    id: str
    prompt: str
    #: Seconds of music, 5…300.
    duration: int
    #: Key of the engine catalogue.
    model: str
    seed: int
    created_at: datetime
    #: Seconds from created_at to completion, as told to the client; at least 1.
    estimated_s: int
    #: What was asked for beside the prompt, as JSON values of `Asked`; None where there was nothing.
    asked: dict[str, Any] | None = None
    #: Whether the client named the seed, and so expects the same music again.
    seed_named: bool = False
    #: What goes first among those that wait, −10…10; higher is earlier.
    priority: int = 0
    status: Status = "processing"
    stage: Stage = "queued"
    #: 0…100; the highest seen over all attempts; 100 only with "completed".
    progress: int = 0
    #: Who it belongs to; None until a server owner turns authentication on.
    owner: str | None = None
    #: Runs begun that count against the limit of three.
    attempt: int = 0
    started_at: datetime | None = None
    finished_at: datetime | None = None
    #: Where set, the track is not shown as finished before this moment (the simulator's pace).
    paced_until: datetime | None = None
    #: Why it failed, in one calm line.
    error: str | None = None
    #: The Brief and the Plan as JSON values, once known.
    brief: dict[str, Any] | None = None
    plan: dict[str, Any] | None = None
    files: tuple[TrackFile, ...] = ()
    #: Forms made when they are first asked for.
    on_demand: tuple[str, ...] = ()
    #: Stage to seconds it took.
    timings: dict[str, float] = field(default_factory=dict)
    #: Integrated loudness, true peak and the like of the finished audio.
    measured: dict[str, float] = field(default_factory=dict)
    #: Asked against measured: the rows of `app.models.report`, as JSON values; None before completion.
    report: list[dict[str, Any]] | None = None
    #: The candidates and what each was worth: `app.models.composition`, as JSON values; None before completion, and of
    #: engines that write no notes.
    composition: dict[str, Any] | None = None
    #: What is wrong with the music though the track is finished, in sentences.
    warnings: tuple[str, ...] = ()
    #: SHA-256 of the master's WAV file.
    wav_sha256: str | None = None
    #: Whom to tell once it is finished.
    webhook_url: str | None = None

    @property
    def finished(self) -> bool:
        """Whether nothing more will happen to it."""
        return self.status != "processing"

    @property
    def audible(self) -> bool:
        """Whether it can be heard, finished or not."""
        return self.status == "completed" or STREAM_GAIN in self.measured

    @property
    def base(self) -> str:
        """The model that makes it: of one that was taught, the model that it was taught on."""
        return self.model.partition(":")[0]

    def file(self, form: str) -> TrackFile | None:
        """Its stored file of a form, if there is one."""
        return next((file for file in self.files if file.form == form), None)
