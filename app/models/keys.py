"""Bodies of the calls about keys."""

from datetime import datetime

from pydantic import Field

from app.models.access import DEFAULT_SCOPES, ApiKey, KeyScope
from app.models.api import WebhookUrl, Wire

_MADE = "2026-08-27T10:30:00.000Z"
_KEY_ID = "key_0123456789ab"


class NewKeyRequest(Wire):
    """A key that is wanted."""

    name: str = Field(min_length=1, max_length=100, description="What to call it.", examples=["web shop"])
    scopes: list[KeyScope] = Field(
        default_factory=lambda: list(DEFAULT_SCOPES),
        min_length=1,
        max_length=10,
        description="What it may be used for; `admin` includes all, and sees what belongs to other keys.",
        examples=[["generate", "read"]],
    )
    expires_in_days: int | None = Field(
        None, ge=1, le=36_500, description="Days that it lasts; null for ever.", examples=[90]
    )
    webhook_url: WebhookUrl | None = Field(
        None,
        description="Address to call once a track of the key is finished whose request names none, where the server "
        "does so.",
        examples=[None],
    )


class KeyRecord(Wire):
    """A key, without the key itself."""

    key_id: str = Field(description="Name of the key, which also stands in it.", examples=[_KEY_ID])
    name: str = Field(description="What it is called.", examples=["web shop"])
    scopes: list[KeyScope] = Field(description="What it may be used for.", examples=[["generate", "read"]])
    created_at: datetime = Field(description="When it was made.", examples=[_MADE])
    expires_at: datetime | None = Field(description="When it ends, null for never.", examples=[None])
    revoked_at: datetime | None = Field(description="When it was revoked, else null.", examples=[None])
    last_used_at: datetime | None = Field(description="When it was used last, right to a minute.", examples=[_MADE])
    webhook_url: str | None = Field(
        description="Address to call for tracks whose request names none, else null.", examples=[None]
    )


def record_of(key: ApiKey) -> KeyRecord:
    """A key as it is shown."""
    return KeyRecord(
        key_id=key.id,
        name=key.name,
        scopes=list(key.scopes),
        created_at=key.created_at,
        expires_at=key.expires_at,
        revoked_at=key.revoked_at,
        last_used_at=key.last_used_at,
        webhook_url=key.webhook_url,
    )


class NewKey(KeyRecord):
    """A key that was just made."""

    key: str = Field(description="The key itself, shown this once.", examples=["mk_0123456789ab_…"])


class KeyList(Wire):
    """All keys."""

    keys: list[KeyRecord] = Field(description="The oldest first.")


class AuditRecord(Wire):
    """Something that was done."""

    at: datetime = Field(description="When.", examples=[_MADE])
    event: str = Field(description="What.", examples=["key.created"])
    subject: str = Field(description="To what.", examples=[_KEY_ID])
    key_id: str | None = Field(description="With which key; null from the command line.", examples=[_KEY_ID])
    address: str | None = Field(description="From which address.", examples=["203.0.113.7"])
    request_id: str | None = Field(description="The request's id, as the log has it.", examples=["0123456789abcdef"])


class AuditList(Wire):
    """What was done."""

    events: list[AuditRecord] = Field(description="The newest first.")
