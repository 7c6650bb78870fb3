"""API nodes and workers as processes of their own on a real PostgreSQL."""

import os
import threading

import pytest

from app.services.storage import TrackStore
from tests.buckets import open_s3_server
from tests.durability.server import Server, _Child, _first
from tests.postgres import open_cluster

#: Seconds between the workers' signs of life here.
HEARTBEAT_S = 0.5


@pytest.fixture(scope="session")
def cluster():
    cluster = open_cluster()
    yield cluster
    cluster.end()


@pytest.fixture(scope="session")
def s3_server():
    server = open_s3_server()
    yield server
    server.end()


class Worker(_Child):
    """`python -m app.cli worker`, once it takes jobs."""

    def __init__(self, environment, *arguments, module="app.cli"):
        self._ready = threading.Event()
        super().__init__([module, "worker", *arguments], environment, measured=False)
        if not self._ready.wait(180):
            self.kill()
            raise AssertionError("the worker did not start:\n" + "".join(self.output))

    def hear(self, line):
        if "takes jobs" in line:
            self._ready.set()


class Installation:
    """A database, a shared folder, and the processes on them."""

    def __init__(self, cluster, folder):
        self.cluster = cluster
        self.folder = folder
        self.address = cluster.database()
        self.database = self.address.split("/")[3].split("?")[0]
        self.environment = {
            "MUSIC_DATABASE_URL": self.address,
            "MUSIC_DATA_DIR": str(folder),
            "MUSIC_HEARTBEAT": str(HEARTBEAT_S),
            "MUSIC_WORKERS": "1",
        }
        self._children = []
        TrackStore(self.address).migrate()
        self.store = TrackStore(self.address)

    def server(self, module="app.cli", **environment):
        """An API node; `module` runs in place of the command line."""
        own = {name: value for name, value in self.environment.items() if name != "MUSIC_DATA_DIR"}
        own |= {"MUSIC_WORKERS": "0", **environment}
        return self._kept(Server(self.folder, measured=False, module=module, **own))

    def worker(self, *arguments, module="app.cli", **environment):
        """A worker; `module` runs in place of the command line."""
        return self._kept(Worker({**self.environment, **environment}, *arguments, module=module))

    def sql(self, statement):
        return self.cluster.sql(statement, self.database)

    def runs(self, track_id):
        """Folders of the runs whose files are kept."""
        folder = self.folder / "audio" / "tracks" / track_id
        return sorted(path.name for path in folder.iterdir() if any(path.iterdir())) if folder.exists() else []

    def until(self, look, limit_s=180):
        return _first(look, bool, limit_s, pause_s=0.02)

    def _kept(self, child):
        self._children.append(child)
        return child

    def end(self):
        self.store.close()
        for child in self._children:
            if child._process.poll() is None:
                os.kill(child.pid, 18)  # SIGCONT, for one that a test stopped
                child.kill()


@pytest.fixture
def installation(cluster, tmp_path):
    installation = Installation(cluster, tmp_path / "shared")
    yield installation
    installation.end()


def ask(server, prompt="calm piano", **fields):
    answer = server.client.post("/music/generate", json={"prompt": prompt, "duration": 5, **fields})
    assert answer.status_code == 200, answer.text
    return answer.json()["track_id"]


def finished(record):
    return record.get("status") in ("completed", "failed")


def in_work(record):
    return record.get("stage") in ("planning", "composing", "rendering", "mastering", "encoding")
