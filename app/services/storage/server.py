"""A PostgreSQL server as the database: its address, its client, its settings."""

from importlib.util import find_spec

from sqlalchemy import URL, Engine, create_engine, make_url
from sqlalchemy.exc import ArgumentError, OperationalError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as NoneFree

from app.errors import SettingRefused

#: Command that installs what PostgreSQL needs.
INSTALL = "python3 run.py install postgres"
#: Seconds that a connection may take.
CONNECT_S = 5
#: What the client is told, in seconds and, the last, milliseconds; the same on the server, where each system knows it.
NOTICES = {
    "keepalives_idle": "5",
    "keepalives_interval": "2",
    "keepalives_count": "3",
    "tcp_user_timeout": "20000",
}
SERVER_NOTICES = "-ctcp_keepalives_idle=5 -ctcp_keepalives_interval=2 -cidle_in_transaction_session_timeout=60s"
#: Connections that a node keeps, and those that it may open besides for a moment.
KEPT, BESIDES = 8, 8


def address_of(text: str) -> URL:
    """A database's address. `SettingRefused` for one that is of neither database."""
    try:
        address = make_url(text)
    except ArgumentError:
        raise SettingRefused("MUSIC_DATABASE_URL must be postgresql://USER:PASSWORD@HOST:PORT/DATABASE") from None
    backend = address.drivername.partition("+")[0]
    if backend == "sqlite":
        return address
    if backend not in ("postgresql", "postgres"):
        raise SettingRefused(f"MUSIC_DATABASE_URL must begin with postgresql://, got {address.drivername}://")
    return address.set(drivername="postgresql+psycopg")


def conninfo(address: URL, *, durable: bool = True) -> str:
    """The address as PostgreSQL's own client reads it. What is written need not reach the disk if it isn't durable."""
    address = patient(address)
    if not durable:
        address = _with_options(address, "-csynchronous_commit=off")
    bare, sign, query = address.set(drivername="postgresql").render_as_string(hide_password=False).partition("?")
    return bare + sign + query.replace("+", "%20")  # the client takes a plus for what it is


def patient(address: URL) -> URL:
    """The address, with what lets both ends notice in time that the other was cut off; what it says itself stays.

    A machine that is unplugged in the middle of a transaction holds its locks until the server notices.
    """
    mine = {name: value for name, value in NOTICES.items() if name not in address.query}
    return _with_options(address.update_query_dict(mine), SERVER_NOTICES)


def as_given(address: URL) -> URL:
    """The address without what `patient` adds.

    >>> str(as_given(patient(make_url("postgresql://db/music?options=-cwork_mem%3D1MB&sslmode=require"))))
    'postgresql://db/music?options=-cwork_mem%3D1MB&sslmode=require'
    >>> str(as_given(patient(make_url("postgresql://db/music"))))
    'postgresql://db/music'
    """
    query = {name: value for name, value in address.query.items() if NOTICES.get(name) != value}
    options = str(query.pop("options", "")).removeprefix(SERVER_NOTICES).strip()
    return address.set(query={**query, "options": options} if options else query)


def _with_options(address: URL, options: str) -> URL:
    given = address.query.get("options", "")
    said = given if isinstance(given, str) else " ".join(given)
    return address.update_query_dict({"options": f"{options} {said}".strip()})


def open_server(address: URL) -> Engine:
    """The server's connections; none is opened yet. `SettingRefused` where its client is not installed."""
    for package in ("psycopg", "procrastinate"):
        if find_spec(package) is None:
            raise SettingRefused(f"MUSIC_DATABASE_URL needs {package}, which is not installed. Run: {INSTALL}")
    return create_engine(
        patient(address),
        pool_pre_ping=True,  # one that the server closed is opened anew
        pool_size=KEPT,
        max_overflow=BESIDES,
        pool_timeout=CONNECT_S,
        connect_args={"connect_timeout": CONNECT_S, "application_name": "music"},
    )


def is_away(error: SQLAlchemyError) -> bool:
    """Whether the error says that the server does not answer, or takes no more connections."""
    if isinstance(error, NoneFree):
        return True
    return isinstance(error, OperationalError) and type(error.orig).__module__.partition(".")[0] == "psycopg"
