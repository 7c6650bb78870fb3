"""Bodies of the calls about clips."""

from datetime import datetime

from pydantic import Field

from app.models.api import Wire

_SENT = "2026-08-27T10:30:00.000Z"
_SHA256 = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"


class ClipRecord(Wire):
    """A recording that models can go on from or follow."""

    clip_id: str = Field(
        description="Name of the clip, to be sent as `audio_prompt.clip`.", examples=["clip_a1b2c3d4e5f60718"]
    )
    name: str = Field(description="Name of the file that was sent.", examples=["verse.wav"])
    format: str = Field(
        description="What the file is by its content: `wav`, `flac`, `mp3`, `ogg` or `aiff`.", examples=["wav"]
    )
    seconds: float = Field(description="How long it lasts.", examples=[12.5])
    sample_rate: int = Field(description="Frames a second of the file that was sent.", examples=[44_100])
    channels: int = Field(description="1 for mono, 2 for stereo; of more the first two are kept.", examples=[2])
    size: int = Field(description="Bytes that were sent.", examples=[2_205_044])
    sha256: str = Field(description="SHA-256 of those bytes.", examples=[_SHA256])
    created_at: datetime = Field(description="When it was sent.", examples=[_SENT])
    expires_at: datetime | None = Field(
        description="When it is removed, unless a request uses it before; null if never.", examples=[_SENT]
    )
