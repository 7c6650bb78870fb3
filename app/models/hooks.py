"""Bodies of the calls about webhooks."""

from datetime import datetime

from pydantic import Field

from app.models.api import Wire
from app.models.hook import HookEvent, HookState

_MOMENT = "2026-08-27T10:30:00.000Z"


class HookAttempt(Wire):
    """One attempt to tell."""

    at: datetime = Field(description="When.", examples=[_MOMENT])
    status: int | None = Field(description="Status of the answer; null where there was none.", examples=[200])
    error: str | None = Field(description="What was wrong, else null.", examples=[None])


class HookRecord(Wire):
    """A message, and how telling it went."""

    message_id: str = Field(description="Its `webhook-id`.", examples=["msg_track_a1b2c3d4e5f60718"])
    event: HookEvent = Field(description="What happened.", examples=["track.completed"])
    subject: str = Field(description="The track or group it is about.", examples=["track_a1b2c3d4e5f60718"])
    url: str = Field(description="Whom it is told.", examples=["https://example.org/hook"])
    state: HookState = Field(
        description="`pending` while it is tried, then `delivered` or `failed`.", examples=["delivered"]
    )
    created_at: datetime = Field(description="When it happened.", examples=[_MOMENT])
    next_at: datetime | None = Field(description="When it is tried next, null if it is not.", examples=[None])
    attempts: list[HookAttempt] = Field(description="The last attempts, the latest last.")


class HookList(Wire):
    """Messages, the newest first."""

    messages: list[HookRecord] = Field(description="The newest first.")


class HookSecret(Wire):
    """What messages are signed with."""

    secret: str = Field(description="For a Standard Webhooks library.", examples=["whsec_…"])
