"""Opening the database: its settings, and its tables brought up to date."""

import logging
from pathlib import Path

from sqlalchemy import URL, Connection, Engine, create_engine, event, inspect, text
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.pool import ConnectionPoolEntry

from app.errors import StorageFailed

#: Version of the tables that this program works with: the last file in `migrations/versions`.
HEAD = "0008"
#: Execution option that names the statement a transaction begins with.
BEGIN_WITH = "begin_with"


def open_engine(address: URL) -> Engine:
    """The database, its folder made and its tables up to date. `StorageFailed`."""
    engine = create_engine(address)
    if engine.dialect.name == "sqlite":
        _prepare_sqlite(engine)
    try:
        if engine.dialect.name == "sqlite" and address.database:
            Path(address.database).parent.mkdir(parents=True, exist_ok=True)
        bring_up_to_date(engine)
    except BaseException as error:
        engine.dispose()
        if isinstance(error, (OSError, SQLAlchemyError)):
            raise StorageFailed(f"The database {address.database} cannot be opened: {reason(error)}") from error
        raise
    return engine


def bring_up_to_date(engine: Engine) -> None:
    """Run the migrations that the tables lack. Safe where two processes do it at once. `StorageFailed`."""
    with engine.connect() as connection:
        if _version(connection) == HEAD:
            return
    with engine.execution_options(**{BEGIN_WITH: "BEGIN IMMEDIATE"}).begin() as connection:
        # SQLite let nobody else write since the transaction began: what is seen now is what the migrations find.
        version = _version(connection)
        if version is not None and version > HEAD:
            raise StorageFailed(
                f"The database {engine.url.database} was written by a newer version of this program "
                f"(tables {version}, known up to {HEAD}): update the program or use another data folder"
            )
        if version != HEAD:
            _migrate(connection)


def reason(error: BaseException) -> str:
    """What the database or the file system said, in one line.

    >>> reason(OSError(28, "No space left on device"))
    'No space left on device'
    """
    inner = getattr(error, "orig", None) or error
    said = getattr(inner, "strerror", None) or str(inner) or type(inner).__name__
    return str(said).splitlines()[0]


def _version(connection: Connection) -> str | None:
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
        cursor.execute("PRAGMA busy_timeout = 30000")
        cursor.execute("PRAGMA journal_mode = WAL")
        cursor.execute("PRAGMA synchronous = FULL")
        cursor.execute("PRAGMA foreign_keys = ON")
        cursor.close()

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        connection.exec_driver_sql(connection.get_execution_options().get(BEGIN_WITH, "BEGIN"))
