"""The outbox: messages about what happened, written in the transaction in which it happens."""

from collections.abc import Sequence
from dataclasses import fields, replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Connection, RowMapping, delete, or_, select, update
from sqlalchemy.dialects import postgresql, sqlite

from app.models.hook import HookEvent, HookMessage
from app.models.track import Track
from app.services.storage.tables import gone_hooks, group_members, groups, hook_messages, tracks

#: Seconds for which a message may wait for its next attempt, more than the longest of the messenger's waits.
LONGEST_WAIT_S = 86_400.0

_FIELDS = tuple(field.name for field in fields(HookMessage))


def announce_track(connection: Connection, track: Track) -> None:
    """A track that named an address is finished: so may its groups be."""
    if track.webhook_url is None:
        return
    event: HookEvent = "track.completed" if track.status == "completed" else "track.failed"
    told = {
        "track_id": track.id,
        "status": track.status,
        "stage": track.stage,
        "prompt": track.prompt,
        "duration": track.duration,
        "model": track.model,
        "seed": track.seed,
        "error": track.error,
    }
    paced_until = track.paced_until if track.status == "completed" else None  # failures keep no pace
    moment = max(filter(None, (track.finished_at, paced_until)), default=track.created_at)
    _add(connection, event, track.id, track.owner, track.webhook_url, told, moment)
    announce_groups(connection, track.id, moment)


def announce_leaving(connection: Connection, track_id: str, now: datetime) -> None:
    """A track is about to go: where it was the last in work, its groups are finished."""
    wanted = select(tracks.c.webhook_url).where(tracks.c.id == track_id, tracks.c.status == "processing")
    if connection.execute(wanted).scalar() is not None:
        announce_groups(connection, track_id, now)


def announce_groups(connection: Connection, track_id: str, moment: datetime) -> None:
    """A track of theirs is finished, or about to go: tell of those groups none of whose other tracks is in work."""
    mine = select(group_members.c.group_id).where(group_members.c.track_id == track_id)
    # Two that finish at once wait here for each other, so that the later one sees both. SQLite has one writer anyway.
    rows = connection.execute(
        select(groups).where(groups.c.id.in_(mine), groups.c.webhook_url.is_not(None)).with_for_update()
    )
    for group in rows.mappings().all():
        members = (
            select(tracks.c.id, tracks.c.status)
            .join(group_members, group_members.c.track_id == tracks.c.id)
            .where(group_members.c.group_id == group["id"])
            .order_by(group_members.c.place)
        )
        found = [row for row in connection.execute(members) if row.id != track_id or row.status != "processing"]
        if not found or any(member.status == "processing" for member in found):
            continue
        statuses = {str(member.id): str(member.status) for member in found}
        told = {
            "group_id": group["id"],
            "kind": group["kind"],
            "status": "completed" if "completed" in statuses.values() else "failed",
            "tracks": statuses,
        }
        _add(connection, "group.completed", group["id"], group["owner"], group["webhook_url"], told, moment)


def _add(
    connection: Connection,
    event: HookEvent,
    subject: str,
    owner: str | None,
    url: str,
    told: dict[str, Any],
    moment: datetime,
) -> None:
    payload = {"type": event, "timestamp": moment.isoformat(timespec="milliseconds"), "data": told}
    message = HookMessage(
        id=f"msg_{subject}",
        owner=owner,
        url=url,
        event=event,
        subject=subject,
        payload=payload,
        created_at=moment,
        next_at=moment,
    )
    dialect = postgresql if connection.dialect.name == "postgresql" else sqlite
    connection.execute(dialect.insert(hook_messages).values(_values(message)).on_conflict_do_nothing())


def claim_due(connection: Connection, now: datetime, *, busy_s: float, limit: int) -> list[HookMessage]:
    """Messages whose time has come, which nobody else takes in the next `busy_s` seconds."""
    longest = now + timedelta(seconds=busy_s)
    free = or_(
        hook_messages.c.claimed_until.is_(None),
        hook_messages.c.claimed_until < now,
        hook_messages.c.claimed_until > longest,  # by a clock that was set back since
    )
    due = _due(now) & free
    wanted = select(hook_messages).where(due).order_by(hook_messages.c.next_at).limit(limit)
    found = [_message_of(row) for row in connection.execute(wanted.with_for_update(skip_locked=True)).mappings()]
    if found:
        connection.execute(
            update(hook_messages)
            .where(hook_messages.c.id.in_([message.id for message in found]))
            .values(claimed_until=now + timedelta(seconds=busy_s))
        )
    return found


def keep_message(connection: Connection, message: HookMessage) -> None:
    """A message as it now is, free for the next attempt."""
    values = {**_values(message), "claimed_until": None}
    connection.execute(update(hook_messages).where(hook_messages.c.id == message.id).values(values))


def read_message(connection: Connection, message_id: str) -> HookMessage | None:
    """A message; None if there is none."""
    row = connection.execute(select(hook_messages).where(hook_messages.c.id == message_id)).mappings().first()
    return None if row is None else _message_of(row)


def read_messages(connection: Connection, *, owner: str | None, limit: int) -> list[HookMessage]:
    """The newest messages, of one owner where one is named."""
    wanted = select(hook_messages).order_by(hook_messages.c.created_at.desc(), hook_messages.c.id.desc()).limit(limit)
    if owner is not None:
        wanted = wanted.where(hook_messages.c.owner == owner)
    return [_message_of(row) for row in connection.execute(wanted).mappings()]


def drop_old_messages(connection: Connection, before: datetime) -> int:
    """Forget messages that were told, or given up, and are older than a moment: how many."""
    old = (hook_messages.c.state != "pending") & (hook_messages.c.created_at < before)
    return connection.execute(delete(hook_messages).where(old)).rowcount


def set_gone(connection: Connection, name: str, now: datetime) -> None:
    """An address said that it is gone."""
    dialect = postgresql if connection.dialect.name == "postgresql" else sqlite
    connection.execute(dialect.insert(gone_hooks).values(name=name, gone_at=now).on_conflict_do_nothing())


def clear_gone(connection: Connection, name: str) -> None:
    """An address is to be tried again."""
    connection.execute(delete(gone_hooks).where(gone_hooks.c.name == name))


def read_gone(connection: Connection, names: Sequence[str]) -> set[str]:
    """Those of some addresses that are gone."""
    return set(connection.execute(select(gone_hooks.c.name).where(gone_hooks.c.name.in_(list(names)))).scalars())


def is_due(connection: Connection, now: datetime) -> bool:
    """Whether the time of a message has come."""
    due = _due(now)
    return connection.execute(select(hook_messages.c.id).where(due).limit(1)).first() is not None


def _due(now: datetime) -> ColumnElement[bool]:
    """Whether a message's time has come, or lies further ahead than any wait: by a clock that was set back since."""
    furthest = now + timedelta(seconds=LONGEST_WAIT_S)
    come = or_(hook_messages.c.next_at <= now, hook_messages.c.next_at > furthest)
    return (hook_messages.c.state == "pending") & come


def again(message: HookMessage, now: datetime) -> HookMessage:
    """A message sent on its way once more."""
    return replace(message, state="pending", attempts=0, next_at=now)


def _values(message: HookMessage) -> dict[str, Any]:
    return {**{name: getattr(message, name) for name in _FIELDS}, "log": list(message.log)}


def _message_of(row: RowMapping) -> HookMessage:
    return HookMessage(**{**{name: row[name] for name in _FIELDS}, "log": tuple(row["log"])})
