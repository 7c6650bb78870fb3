"""Opening the database: its settings, and its tables brought up to date."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import URL, Connection, Engine, create_engine, event, inspect, text
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.pool import ConnectionPoolEntry

from app.errors import DatabaseAway, StorageFailed
from app.services.storage.server import as_given, is_away, open_server

#: Version of the tables that this program works with: the last file in `migrations/versions`.
HEAD = "0023"
#: Execution option that names the statement a transaction begins with.
BEGIN_WITH = "begin_with"
#: What to do about a damaged file.
RESTORE = "Put a backup back: python3 run.py restore FOLDER (docs/guides/operate.md)"
#: Seconds for which SQLite waits for another program that writes.
BUSY_S = 30
#: Advisory lock of PostgreSQL that those hold who change its tables.
MIGRATING = 0x6D757369


def open_engine(address: URL) -> Engine:
    """The database. One on this machine is made where there is none, its tables brought up to date.

    One on a server must be as this program needs it: `migrate` sees to that. `StorageFailed`.
    """
    if address.get_backend_name() != "sqlite":
        engine = open_server(address)
        try:
            with _opening(address), engine.connect() as connection:
                check_version(connection)
                check_alone(connection)
        except BaseException:
            engine.dispose()
            raise
        return engine
    engine = create_engine(address)
    _prepare_sqlite(engine)
    try:
        with _opening(address):
            if address.database:
                Path(address.database).parent.mkdir(parents=True, exist_ok=True)
            bring_up_to_date(engine)
    except BaseException:
        engine.dispose()
        raise
    return engine


def bring_server_up_to_date(address: URL) -> None:
    """Run the migrations that the tables of a server lack. `StorageFailed`, `SettingRefused`."""
    engine = open_server(address)
    try:
        with _opening(address):
            bring_up_to_date(engine)
            with engine.connect() as connection:
                check_alone(connection)
    finally:
        engine.dispose()


@contextmanager
def _opening(address: URL) -> Iterator[None]:
    try:
        yield
    except (OSError, SQLAlchemyError) as error:
        if isinstance(error, SQLAlchemyError) and is_away(error):
            raise DatabaseAway(f"The database {shown(address)} cannot be reached: {reason(error)}") from error
        raise StorageFailed(
            f"The database {shown(address)} cannot be opened: {reason(error)}{advice(error)}"
        ) from error


def bring_up_to_date(engine: Engine) -> None:
    """Run the migrations that the tables lack. Safe where two processes do it at once. `StorageFailed`."""
    with engine.connect() as connection:
        if version_of(connection) == HEAD:
            return
    with engine.execution_options(**{BEGIN_WITH: "BEGIN IMMEDIATE"}).begin() as connection:
        # SQLite lets nobody else write since the transaction began; PostgreSQL is asked to.
        if connection.dialect.name == "postgresql":
            connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": MIGRATING})
        version = version_of(connection)
        _refuse_newer(connection, version)
        if version != HEAD:
            _migrate(connection)


def check_version(connection: Connection) -> None:
    """`StorageFailed` unless the tables are those of this program."""
    version = version_of(connection)
    _refuse_newer(connection, version)
    if version != HEAD:
        stands = "has no tables yet" if version is None else f"is of an older version (tables {version}, needed {HEAD})"
        raise StorageFailed(f"The database {shown(connection.engine.url)} {stands}. Run: python3 run.py migrate")


def check_alone(connection: Connection) -> None:
    """`StorageFailed` where another schema of the database holds the same tables: what is told, all of them hear."""
    found = connection.execute(
        text(
            "SELECT n.nspname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace "
            "WHERE c.relname = 'procrastinate_jobs' AND c.relkind = 'r' ORDER BY 1"
        )
    ).scalars()
    schemas = list(found)
    if len(schemas) > 1:
        raise StorageFailed(
            f"The database {shown(connection.engine.url)} holds these tables in several schemas "
            f"({', '.join(schemas)}), which would hear each other's messages: give each a database of its own"
        )


def shown(address: URL) -> str:
    """The address without its password."""
    if address.get_backend_name() == "sqlite":
        return str(address.database)
    return as_given(address).set(drivername="postgresql").render_as_string(hide_password=True)


def _refuse_newer(connection: Connection, version: str | None) -> None:
    if version is not None and version > HEAD:
        raise StorageFailed(
            f"The database {shown(connection.engine.url)} was written by a newer version of this program "
            f"(tables {version}, known up to {HEAD}): update the program or use another "
            f"{'data folder' if connection.dialect.name == 'sqlite' else 'database'}"
        )


def reason(error: BaseException) -> str:
    """What the database or the file system said, in one line.

    >>> reason(OSError(28, "No space left on device"))
    'No space left on device'
    """
    inner = getattr(error, "orig", None) or error
    said = getattr(inner, "strerror", None) or str(inner) or type(inner).__name__
    return str(said).splitlines()[0]


def advice(error: BaseException) -> str:
    """What to do about it, where SQLite says that its file is damaged or held by somebody else.

    >>> advice(OSError(28, "No space left on device"))
    ''
    """
    said = reason(error)
    if "malformed" in said or "not a database" in said:
        return f". {RESTORE}"
    if "database is locked" in said:
        return ": another program holds it. End that program, and this one goes on"
    return ""


def version_of(connection: Connection) -> str | None:
    """The tables' version, read by hand: importing Alembic takes longer than all else together."""
    if not inspect(connection).has_table("alembic_version"):
        return None
    return connection.execute(text("SELECT version_num FROM alembic_version")).scalar()


def _migrate(connection: Connection) -> None:
    logging.getLogger("alembic").setLevel(logging.WARNING)  # it tells of every plugin it finds
    from alembic.config import Config
    from alembic.runtime.environment import EnvironmentContext
    from alembic.script import ScriptDirectory

    scripts = ScriptDirectory(str(Path(__file__).parent / "migrations"))
    steps = EnvironmentContext(Config(), scripts, fn=lambda version, _: scripts._upgrade_revs("head", version))
    with steps:
        steps.configure(connection=connection, transactional_ddl=True)
        steps.run_migrations()


def _prepare_sqlite(engine: Engine) -> None:
    """Settings of every connection; and transactions begin where SQLAlchemy says, not where the driver guesses."""

    @event.listens_for(engine, "connect")
    def connect(connection: DBAPIConnection, _: ConnectionPoolEntry) -> None:
        connection.isolation_level = None
        cursor = connection.cursor()
        cursor.execute(f"PRAGMA busy_timeout = {int(1000 * BUSY_S)}")
        cursor.execute("PRAGMA journal_mode = WAL")
        cursor.execute("PRAGMA synchronous = FULL")
        cursor.execute("PRAGMA foreign_keys = ON")
        cursor.close()

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        connection.exec_driver_sql(connection.get_execution_options().get(BEGIN_WITH, "BEGIN"))
