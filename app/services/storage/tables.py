"""The tables: `tracks` is the truth that clients see, `jobs` the work still to be done for it, and what joins tracks.

Rule: portable SQL only; the same tables stand in SQLite and in PostgreSQL.
"""

from datetime import datetime, timezone
from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    DateTime,
    Dialect,
    Float,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    false,
)
from sqlalchemy.types import TypeDecorator


class Moment(TypeDecorator[datetime]):
    """A moment in UTC; SQLite keeps no time zone, so it is put back on reading."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002 - SQLAlchemy's signature
        """The moment as the database keeps it."""
        return None if value is None else value.astimezone(timezone.utc)

    def process_result_value(self, value: Any, dialect: Dialect) -> datetime | None:  # noqa: ARG002 - SQLAlchemy's signature
        """The moment as the program knows it."""
        if not isinstance(value, datetime):
            return None
        return value.replace(tzinfo=timezone.utc) if value.tzinfo is None else value.astimezone(timezone.utc)


class Words(TypeDecorator[str]):
    """Text as it came. PostgreSQL keeps no NUL character, so there it is written as SUB and a digit."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:
        """The text as the database keeps it."""
        if value is None or dialect.name != "postgresql":
            return value
        return value.replace("\x1a", "\x1a1").replace("\x00", "\x1a0")

    def process_result_value(self, value: str | None, dialect: Dialect) -> str | None:
        """The text as it came."""
        if value is None or dialect.name != "postgresql":
            return value
        return value.replace("\x1a0", "\x00").replace("\x1a1", "\x1a")


metadata = MetaData()

tracks = Table(
    "tracks",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("owner", String(64)),
    Column("prompt", Words, nullable=False),
    Column("duration", Integer, nullable=False),
    Column("model", String(64), nullable=False),
    Column("seed", BigInteger, nullable=False),
    Column("created_at", Moment, nullable=False),
    Column("estimated_s", Integer, nullable=False),
    # Explicit fields and the plan that came with the prompt.
    Column("asked", JSON(none_as_null=True)),
    Column("seed_named", Boolean, nullable=False, server_default=false()),
    Column("priority", Integer, nullable=False, server_default="0"),
    Column("status", String(16), nullable=False),
    Column("stage", String(32), nullable=False),
    Column("progress", Integer, nullable=False),
    Column("attempt", Integer, nullable=False),
    Column("started_at", Moment),
    Column("finished_at", Moment),
    Column("paced_until", Moment),
    Column("error", Words),
    Column("brief", JSON(none_as_null=True)),
    Column("plan", JSON(none_as_null=True)),
    Column("files", JSON, nullable=False),
    Column("on_demand", JSON, nullable=False),
    Column("timings", JSON, nullable=False),
    Column("measured", JSON, nullable=False),
    Column("report", JSON(none_as_null=True)),
    Column("composition", JSON(none_as_null=True)),
    Column("warnings", JSON(none_as_null=True)),
    Column("wav_sha256", String(64)),
    # Whom to tell once it is finished.
    Column("webhook_url", Text),
    # Runs begun for this track, of every kind of job: each writes its files under a number of its own.
    Column("runs", Integer, nullable=False),
    # Sum of the sizes of its files.
    Column("stored_bytes", BigInteger, nullable=False),
    Index("tracks_newest", "created_at", "id"),
    Index("tracks_newest_of_owner", "owner", "created_at", "id"),
    Index("tracks_newest_by_status", "status", "created_at", "id"),
    # Retention asks for nothing else, so it never touches the rows.
    Index("tracks_oldest_finished", "finished_at", "id", "stored_bytes"),
)

jobs = Table(
    "jobs",
    metadata,
    Column("id", String(64), primary_key=True),
    # "render", "encode", or "remove" for files that nothing belongs to any more.
    Column("kind", String(16), nullable=False),
    # What it is done for: a track's id. No foreign key, for files outlive their track by a moment.
    Column("subject_id", String(64), nullable=False),
    # One queue for each engine.
    Column("queue", String(64), nullable=False),
    # Higher goes first.
    Column("priority", Integer, nullable=False),
    Column("form", String(16)),
    Column("state", String(16), nullable=False),
    # Runs begun that count against the limit.
    Column("attempt", Integer, nullable=False),
    # The run under way; for "remove" the run whose files go, 0 for all of the track's.
    Column("run", Integer, nullable=False),
    Column("stage", String(32), nullable=False),
    Column("progress", Integer, nullable=False),
    Column("created_at", Moment, nullable=False),
    # The job of the queue on PostgreSQL that brings it to a worker; the embedded queue has none.
    Column("delivery", BigInteger),
    # Times that its worker vanished, which costs it no attempt.
    Column("vanished", Integer, nullable=False, server_default="0"),
    # Round in which a track is made, so that owners take turns; on PostgreSQL.
    Column("turn", Integer, nullable=False, server_default="0"),
    Index("jobs_next", "state", "priority", "created_at"),
    Index("jobs_subject", "subject_id", "kind"),
)

groups = Table(
    "groups",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("owner", String(64)),
    # "variations", "batch" or "comparison".
    Column("kind", String(16), nullable=False),
    Column("created_at", Moment, nullable=False),
    # How many tracks there were at first.
    Column("size", Integer, nullable=False),
    # Whom to tell once all of them are finished.
    Column("webhook_url", Text),
)

# A track that goes leaves its group; `delete_track` takes the group away with its last track.
group_members = Table(
    "group_members",
    metadata,
    Column("group_id", String(64), ForeignKey("groups.id", ondelete="CASCADE"), primary_key=True),
    # Order in which the tracks were asked for, from 0.
    Column("place", Integer, primary_key=True),
    Column("track_id", String(64), ForeignKey("tracks.id", ondelete="CASCADE"), nullable=False),
    Index("group_members_track", "track_id"),
)

comparisons = Table(
    "comparisons",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("owner", String(64)),
    Column("group_id", String(64), ForeignKey("groups.id", ondelete="CASCADE"), nullable=False),
    Column("created_at", Moment, nullable=False),
    Column("prompt", Words, nullable=False),
    # "models", "seeds" or "plans".
    Column("varied", String(16), nullable=False),
    Column("loudness_lufs", Float, nullable=False),
    # Label, track and name of each, in the order they were asked for.
    Column("sides", JSON, nullable=False),
    # Label of the side that was preferred last.
    Column("winner", String(8)),
    Column("voted_at", Moment),
    Column("votes", Integer, nullable=False),
    Index("comparisons_group", "group_id"),
)

# What a comparison said about each model in it. No foreign key: a preference outlives the tracks.
votes = Table(
    "votes",
    metadata,
    Column("comparison_id", String(64), primary_key=True),
    Column("model", String(64), primary_key=True),
    Column("owner", String(64)),
    Column("won", Boolean, nullable=False),
    Column("voted_at", Moment, nullable=False),
    Index("votes_by_model", "model", "won"),
)

finetunes = Table(
    "finetunes",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("owner", String(64)),
    Column("name", String(64), nullable=False),
    # The model that is taught.
    Column("base", String(64), nullable=False),
    Column("style", String(64)),
    Column("strength", Float, nullable=False),
    Column("seed", BigInteger, nullable=False),
    # Steps of training, of a model that is trained.
    Column("steps", Integer),
    # Names of the files that were sent.
    Column("files", JSON, nullable=False),
    Column("created_at", Moment, nullable=False),
    Column("status", String(16), nullable=False),
    Column("stage", String(32), nullable=False),
    Column("progress", Integer, nullable=False),
    Column("attempt", Integer, nullable=False),
    Column("started_at", Moment),
    Column("finished_at", Moment),
    Column("error", Text),
    Column("skipped", JSON, nullable=False),
    Column("learned", JSON(none_as_null=True)),
    # Whether others than its owner may make music with it.
    Column("shared", Boolean, nullable=False, server_default=false()),
    # Where several machines teach: how often it was begun, and the worker node that has it, or had it last.
    Column("run", Integer, nullable=False, server_default="0"),
    Column("worker", String(80)),
    Index("finetunes_newest", "created_at", "id"),
    Index("finetunes_named", "base", "name"),
)

clips = Table(
    "clips",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("owner", String(64)),
    Column("name", Text, nullable=False),
    # What the file that was sent turned out to be.
    Column("format", String(16), nullable=False),
    Column("seconds", Float, nullable=False),
    Column("sample_rate", Integer, nullable=False),
    Column("channels", Integer, nullable=False),
    Column("size", BigInteger, nullable=False),
    Column("sha256", String(64), nullable=False),
    # Size of what is kept of it.
    Column("stored_bytes", BigInteger, nullable=False),
    Column("created_at", Moment, nullable=False),
    Column("used_at", Moment, nullable=False),
    Index("clips_longest_unused", "used_at", "id"),
)

# Worker nodes that said so lately; only on PostgreSQL is anybody in it.
workers = Table(
    "workers",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("host", String(255), nullable=False),
    # Names of the engines whose queues it takes from.
    Column("engines", JSON, nullable=False),
    # Tracks that it makes at once.
    Column("concurrency", Integer, nullable=False),
    Column("seen_at", Moment, nullable=False),
)

api_keys = Table(
    "api_keys",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("name", String(100), nullable=False),
    # SHA-256 of the key; the key itself is nowhere.
    Column("hashed", String(64), nullable=False),
    Column("scopes", JSON, nullable=False),
    Column("created_at", Moment, nullable=False),
    Column("expires_at", Moment),
    Column("revoked_at", Moment),
    Column("last_used_at", Moment),
    Column("webhook_url", Text),
)

# What clients have had of what is limited, by window; those that ended are swept.
counters = Table(
    "counters",
    metadata,
    Column("name", String(255), primary_key=True),
    Column("amount", BigInteger, nullable=False),
    # Seconds since 1970.
    Column("expires_at", Float, nullable=False),
    Index("counters_oldest", "expires_at"),
)

# What only this installation may know, by name: links are signed with it.
secret_values = Table(
    "secret_values",
    metadata,
    Column("name", String(64), primary_key=True),
    Column("value", String(64), nullable=False),
)

audit = Table(
    "audit",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("at", Moment, nullable=False),
    Column("event", String(64), nullable=False),
    Column("subject", String(64), nullable=False),
    Column("key_id", String(64)),
    Column("address", String(64)),
    Column("request_id", String(64)),
    Index("audit_newest", "at", "id"),
)

# Answers to requests that carried an Idempotency-Key.
replays = Table(
    "replays",
    metadata,
    # Whose key it is, and the key.
    Column("name", String(400), primary_key=True),
    Column("asked", String(64), nullable=False),
    Column("maker", String(64), nullable=False),
    Column("created_at", Moment, nullable=False),
    Column("track_id", String(64)),
    Column("status", Integer),
    Column("headers", JSON(none_as_null=True)),
    Column("body", Words),
    Index("replays_oldest", "created_at"),
)

# The outbox: what is to be told to addresses that clients named.
hook_messages = Table(
    "hook_messages",
    metadata,
    Column("id", String(80), primary_key=True),
    Column("owner", String(64)),
    Column("url", Text, nullable=False),
    Column("event", String(32), nullable=False),
    Column("subject", String(64), nullable=False),
    Column("payload", JSON, nullable=False),
    Column("created_at", Moment, nullable=False),
    Column("state", String(16), nullable=False),
    Column("next_at", Moment, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("log", JSON, nullable=False),
    Column("claimed_until", Moment),
    Index("hook_messages_due", "state", "next_at"),
    Index("hook_messages_newest", "created_at", "id"),
)

# Addresses that answered 410, by owner and hash.
gone_hooks = Table(
    "gone_hooks",
    metadata,
    Column("name", String(160), primary_key=True),
    Column("gone_at", Moment, nullable=False),
)
