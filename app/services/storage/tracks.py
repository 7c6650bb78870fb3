"""TrackStore: tracks and jobs in a database. Reads from any thread; writes from whoever owns the queue."""

import threading
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from sqlalchemy import URL, Connection, Engine, func, select, text, tuple_
from sqlalchemy.exc import SQLAlchemyError

from app.errors import DatabaseAway, StorageFailed
from app.models.clip import Clip
from app.models.finetune import Finetune
from app.models.group import Comparison, Group, Standing
from app.models.track import Status, Track
from app.services.storage.changes import Changes, Unfinished
from app.services.storage.clips import read_clip, read_longest_unused
from app.services.storage.cursors import read_cursor, write_cursor
from app.services.storage.database import (
    BEGIN_WITH,
    RESTORE,
    advice,
    bring_server_up_to_date,
    open_engine,
    reason,
    shown,
)
from app.services.storage.figures import LineFigures, read_lines
from app.services.storage.finetunes import read_finetune, read_finetunes, read_named, read_unfinished
from app.services.storage.groups import read_comparison, read_group, read_standings
from app.services.storage.moving import DATABASE, copy_database
from app.services.storage.rows import select_tracks, track_of
from app.services.storage.server import address_of, is_away
from app.services.storage.speeds import read_speeds
from app.services.storage.tables import tracks


@dataclass(frozen=True, kw_only=True, slots=True)
class TrackPage:
    """Some of the tracks, newest first."""

    tracks: tuple[Track, ...]
    #: Where the next page begins; None on the last.
    next_cursor: str | None


class TrackStore:
    """The database behind the service; opened when it is first used. Errors of the database are `StorageFailed`."""

    def __init__(self, database: str | Path) -> None:
        """Keep tracks in a SQLite file, made where there is none, or at a database's URL."""
        self._url = URL.create("sqlite", database=str(database)) if isinstance(database, Path) else address_of(database)
        self._engine: Engine | None = None
        self._writer: Connection | None = None
        self._durable = True
        self._lock = threading.RLock()

    # -- life ---------------------------------------------------------------------------------------------------

    def open(self) -> None:
        """Make the database where there is none, and bring its tables up to date. Idempotent. `StorageFailed`."""
        if self._engine is not None:  # those who read don't wait for those who write
            return
        with self._lock:
            if self._engine is None:
                self._engine = open_engine(self._url)

    def check(self) -> None:
        """Read a SQLite file from end to end, so that nothing is built on a damaged one. `StorageFailed`."""
        if self._url.get_backend_name() != "sqlite":
            return
        self.open()
        with self.reading() as connection:
            found = str(connection.execute(text("PRAGMA quick_check(1)")).scalar_one())
        if found != "ok":
            said = " ".join(found.split())
            raise StorageFailed(f"The database {shown(self._url)} is damaged ({said}). Nothing was changed. {RESTORE}")

    def migrate(self) -> str:
        """Bring the tables up to date, those of a server too; the address without a password. `StorageFailed`."""
        bring_server_up_to_date(self._url) if self._url.get_backend_name() != "sqlite" else self.open()
        return shown(self._url)

    def take_over(self, folder: Path) -> int:
        """Copy all that a SQLite installation's folder keeps into this server's empty tables: how many tracks.

        `StorageFailed` where there is none, or where this database holds tracks already.
        """
        self.migrate()
        with _said(), self._opened().begin() as connection:
            return copy_database(folder / DATABASE, connection)

    def close(self) -> None:
        """Let go of the database. A later call opens it again."""
        with self._lock:
            self._drop_writer()
            if self._engine is not None:
                self._engine.dispose()
            self._engine = None

    # -- reading ------------------------------------------------------------------------------------------------

    def get(self, track_id: str) -> Track | None:
        """The track as it was last written; None if there is none."""
        with self.reading() as connection:
            row = connection.execute(select_tracks().where(tracks.c.id == track_id)).mappings().first()
        return None if row is None else track_of(row)

    def get_all(self, track_ids: Collection[str]) -> dict[str, Track]:
        """Tracks as they were last written, by id; those that there are."""
        with self.reading() as connection:
            rows = connection.execute(select_tracks().where(tracks.c.id.in_(list(track_ids)))).mappings()
            return {row["id"]: track_of(row) for row in rows}

    def group(self, group_id: str) -> Group | None:
        """A group with those of its tracks that are still there; None if there is none."""
        with self.reading() as connection:
            return read_group(connection, group_id)

    def comparison(self, comparison_id: str) -> Comparison | None:
        """A comparison as it was last written; None if there is none."""
        with self.reading() as connection:
            return read_comparison(connection, comparison_id)

    def standings(self) -> dict[str, Standing]:
        """By model, how often it was preferred to others; models nobody compared are left out."""
        with self.reading() as connection:
            return read_standings(connection)

    def speeds(self) -> dict[str, float]:
        """By model, the seconds of music that its latest completed tracks made in a second; those that have any."""
        with self.reading() as connection:
            return read_speeds(connection)

    def finetune(self, finetune_id: str) -> Finetune | None:
        """A fine-tune as it was last written; None if there is none."""
        with self.reading() as connection:
            return read_finetune(connection, finetune_id)

    def finetune_named(self, base: str, name: str) -> Finetune | None:
        """The fine-tune of a base that has a name and did not fail; None if there is none."""
        with self.reading() as connection:
            return read_named(connection, base, name)

    def unfinished_finetunes(self) -> list[Finetune]:
        """Fine-tunes still to be made, the oldest first."""
        with self.reading() as connection:
            return read_unfinished(connection)

    def finetune_page(
        self, *, status: Status | None = None, cursor: str | None = None, limit: int = 20, owner: str | None = None
    ) -> tuple[tuple[Finetune, ...], str | None]:
        """Fine-tunes, an owner's where one is named, newest first, and where the next page begins.

        `InvalidField` for a strange cursor.
        """
        with self.reading() as connection:
            found = read_finetunes(connection, status=status, cursor=cursor, limit=limit + 1, owner=owner)
        shown = tuple(found[:limit])
        return shown, write_cursor(shown[-1].created_at, shown[-1].id) if len(found) > limit else None

    def clip(self, clip_id: str) -> Clip | None:
        """A clip; None if there is none."""
        with self.reading() as connection:
            return read_clip(connection, clip_id)

    def clips_longest_unused(self) -> list[Clip]:
        """All clips, the one that nobody used for the longest first."""
        with self.reading() as connection:
            return read_longest_unused(connection)

    def page(
        self, *, status: Status | None = None, cursor: str | None = None, limit: int = 20, owner: str | None = None
    ) -> TrackPage:
        """Up to `limit` tracks, an owner's where one is named, newest first, from where the last page ended.

        `InvalidField` for a strange cursor.
        """
        wanted = select_tracks().order_by(tracks.c.created_at.desc(), tracks.c.id.desc()).limit(limit + 1)
        if status is not None:
            wanted = wanted.where(tracks.c.status == status)
        if owner is not None:
            wanted = wanted.where(tracks.c.owner == owner)
        if cursor is not None:
            wanted = wanted.where(tuple_(tracks.c.created_at, tracks.c.id) < tuple_(*read_cursor(cursor)))
        with self.reading() as connection:
            found = [track_of(row) for row in connection.execute(wanted).mappings()]
        shown = found[:limit]
        more = len(found) > limit
        return TrackPage(
            tracks=tuple(shown), next_cursor=write_cursor(shown[-1].created_at, shown[-1].id) if more else None
        )

    def ping(self) -> None:
        """Ask the database for nothing. `StorageFailed` where it does not answer."""
        with self.reading() as connection:
            connection.execute(text("SELECT 1"))

    def lines(self) -> list[LineFigures]:
        """How many jobs wait and run, by engine."""
        with self.reading() as connection:
            return read_lines(connection)

    def stored_bytes(self) -> int:
        """Size of all files of all tracks, by their records."""
        with self.reading() as connection:
            return int(connection.execute(select(func.coalesce(func.sum(tracks.c.stored_bytes), 0))).scalar_one())

    def oldest_finished(
        self, *, before: datetime | None = None, spared: Collection[str] = (), limit: int = 200
    ) -> list[tuple[str, int]]:
        """Finished tracks that hold files or were finished `before` a moment, oldest first: (id, bytes)."""
        wanted = select(tracks.c.id, tracks.c.stored_bytes).where(tracks.c.finished_at.is_not(None))
        wanted = wanted.where(tracks.c.stored_bytes > 0 if before is None else tracks.c.finished_at < before)
        if spared:
            wanted = wanted.where(tracks.c.id.not_in(list(spared)))
        with self.reading() as connection:
            rows = connection.execute(wanted.order_by(tracks.c.finished_at, tracks.c.id).limit(limit))
            return [(str(row.id), int(row.stored_bytes)) for row in rows]

    def ended_since(self, moment: datetime, limit: int, *, owner: str | None = None) -> list[Track]:
        """The newest of the tracks, an owner's where one is named, that ended since a moment; the earliest first."""
        wanted = (
            select_tracks().where(tracks.c.finished_at >= moment).order_by(tracks.c.finished_at.desc()).limit(limit)
        )
        if owner is not None:
            wanted = wanted.where(tracks.c.owner == owner)
        with self.reading() as connection:
            return [track_of(row) for row in connection.execute(wanted).mappings()][::-1]

    # -- writing ------------------------------------------------------------------------------------------------

    @contextmanager
    def transaction(self, *, durable: bool = True) -> Iterator[Changes]:
        """Write several things at once. On leaving, a durable one has reached the disk.

        One that isn't survives the end of this process, but perhaps not of the machine.
        """
        if self._url.get_backend_name() != "sqlite":
            with _said(), self._opened().begin() as connection:
                if not durable:  # the server's disk may be behind by a moment
                    connection.execute(text("SET LOCAL synchronous_commit TO off"))
                yield Changes(connection)
            return
        with self._lock, _said():
            writer = self._open_writer(durable)
            try:
                with writer.begin():
                    yield Changes(writer)
            except SQLAlchemyError:
                self._drop_writer()
                raise

    def recover(self, now: datetime) -> Unfinished:
        """Put what was running back into the queue, without charging it an attempt, and tell what there is to do."""
        with self.transaction() as changes:
            return changes.recover(now)

    def _open_writer(self, durable: bool) -> Connection:
        self.open()
        assert self._engine is not None  # noqa: S101 - just opened
        if self._writer is None:
            self._writer = self._engine.connect().execution_options(**{BEGIN_WITH: "BEGIN IMMEDIATE"})
            self._durable = True
        if durable != self._durable and self._engine.dialect.name == "sqlite":
            # A journal mode of WAL with NORMAL leaves the writing to the operating system; FULL waits for the disk.
            driver = self._writer.connection.driver_connection
            assert driver is not None  # noqa: S101 - it is open
            driver.execute(f"PRAGMA synchronous = {'FULL' if durable else 'NORMAL'}")
            self._durable = durable
        return self._writer

    def _drop_writer(self) -> None:
        writer, self._writer = self._writer, None
        if writer is not None:
            writer.invalidate()
            writer.close()

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """A connection to read through. `StorageFailed`."""
        with _said(), self._opened().connect() as connection:
            yield connection

    def _opened(self) -> Engine:
        self.open()
        engine = self._engine
        assert engine is not None  # noqa: S101 - just opened
        return engine


@contextmanager
def _said() -> Iterator[None]:
    try:
        yield
    except SQLAlchemyError as error:
        if is_away(error):
            raise DatabaseAway("The database does not answer", because=reason(error)) from error
        raise StorageFailed(f"The database cannot be used: {reason(error)}{advice(error)}") from error
