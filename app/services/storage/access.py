"""Keys, secrets and the audit log as rows."""

import secrets
from dataclasses import fields
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, RowMapping, insert, select, update
from sqlalchemy.dialects import postgresql, sqlite

from app.models.access import ApiKey, AuditEvent
from app.services.storage.tables import api_keys, audit, secret_values

_KEY_FIELDS = tuple(field.name for field in fields(ApiKey))
_AUDIT_FIELDS = tuple(field.name for field in fields(AuditEvent))


def insert_key(connection: Connection, key: ApiKey) -> None:
    """A new key."""
    values: dict[str, Any] = {name: getattr(key, name) for name in _KEY_FIELDS}
    connection.execute(insert(api_keys).values({**values, "scopes": list(key.scopes)}))


def read_key(connection: Connection, key_id: str) -> ApiKey | None:
    """A key; None if there is none."""
    row = connection.execute(select(api_keys).where(api_keys.c.id == key_id)).mappings().first()
    return None if row is None else _key_of(row)


def read_keys(connection: Connection) -> list[ApiKey]:
    """All keys, the oldest first."""
    rows = connection.execute(select(api_keys).order_by(api_keys.c.created_at, api_keys.c.id)).mappings()
    return [_key_of(row) for row in rows]


def revoke_key(connection: Connection, key_id: str, now: datetime) -> None:
    """Mark a key as revoked, unless it is already."""
    connection.execute(
        update(api_keys).where(api_keys.c.id == key_id, api_keys.c.revoked_at.is_(None)).values(revoked_at=now)
    )


def touch_key(connection: Connection, key_id: str, now: datetime) -> None:
    """Note when a key was used."""
    connection.execute(update(api_keys).where(api_keys.c.id == key_id).values(last_used_at=now))


def read_or_make_secret(connection: Connection, name: str) -> str:
    """A secret of this installation, made by whoever needs it first: 64 hexadecimal digits."""
    dialect = postgresql if connection.dialect.name == "postgresql" else sqlite
    made = dialect.insert(secret_values).values(name=name, value=secrets.token_hex(32))
    connection.execute(made.on_conflict_do_nothing())
    return str(connection.execute(select(secret_values.c.value).where(secret_values.c.name == name)).scalar_one())


def insert_audit(connection: Connection, event: AuditEvent) -> None:
    """Something that was done."""
    connection.execute(insert(audit).values({name: getattr(event, name) for name in _AUDIT_FIELDS}))


def read_audit(connection: Connection, limit: int) -> list[AuditEvent]:
    """What was done last, the newest first."""
    rows = connection.execute(select(audit).order_by(audit.c.at.desc(), audit.c.id.desc()).limit(limit)).mappings()
    return [AuditEvent(**row) for row in rows]


def _key_of(row: RowMapping) -> ApiKey:
    values = {name: row[name] for name in _KEY_FIELDS}
    return ApiKey(**{**values, "scopes": tuple(row["scopes"])})
