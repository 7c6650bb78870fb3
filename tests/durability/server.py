"""Real services in processes of their own, for tests that kill them."""

import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

psutil = pytest.importorskip("psutil", reason="psutil (requirements/dev.txt) watches the processes")

ROOT = Path(__file__).resolve().parents[2]

Record = dict[str, Any]

#: Stages in which a worker is at a track.
WORKING = {"composing", "rendering", "mastering", "encoding"}


class _Child:
    """A program of ours; its output is kept for the test's message."""

    #: Words of another program that starts it.
    before: "tuple[str, ...]" = ()

    def __init__(self, arguments: list[str], environment: dict[str, str], *, measured: bool) -> None:
        self.output: list[str] = []
        inherited = {name: value for name, value in os.environ.items() if measured or "COVERAGE" not in name}
        self._process = subprocess.Popen(
            [*self.before, sys.executable, "-m", *arguments],
            cwd=ROOT,
            env={**inherited, **environment},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self.output.append(line)
            self.hear(line)

    def hear(self, line: str) -> None:
        """Take in a line of its output."""

    @property
    def pid(self) -> int:
        return self._process.pid

    def workers(self) -> "list[psutil.Process]":
        """Processes that it started."""
        return psutil.Process(self.pid).children(recursive=True)

    def kill(self) -> None:
        """`kill -9`, as a crash or the kernel would."""
        self._process.send_signal(signal.SIGKILL)
        self._end()

    def terminate(self) -> None:
        """SIGTERM, as an operator would."""
        self._process.send_signal(signal.SIGTERM)
        self._end()

    def _end(self) -> None:
        self._process.wait(30)
        self._reader.join(10)
        assert self._process.stdout is not None
        self._process.stdout.close()


class Server(_Child):
    """`python -m app.cli serve` on a free port. One that will be killed needs no coverage: it could not tell it."""

    #: What is run in place of `app.cli`, with the same arguments.
    module = "app.cli"

    def __init__(self, data_dir: Path, *, measured: bool = True, module: str | None = None, **environment: str) -> None:
        self._address = threading.Event()
        own = {"MUSIC_DATA_DIR": str(data_dir), "MUSIC_WORKERS": "1", **environment}
        super().__init__([module or self.module, "serve", "--port", "0"], own, measured=measured)
        if not self._address.wait(180):
            self.kill()
            raise AssertionError("the server did not start:\n" + "".join(self.output))
        self.client = httpx.Client(base_url=self.url, timeout=60)

    def hear(self, line: str) -> None:
        found = re.search(r"API\s+(http://\S+)", line)
        if found:
            self.url = found[1].replace("localhost", "127.0.0.1")
            self._address.set()

    def _end(self) -> None:
        super()._end()
        if hasattr(self, "client"):
            self.client.close()

    def record(self, track_id: str) -> Record:
        """The whole record of a track."""
        return self.client.get(f"/music/tracks/{track_id}").json()

    def wait_for(self, track_id: str, reached: Callable[[Record], bool], limit_s: float = 120) -> Record:
        """The first record that `reached` says yes to; polled, since that is what clients do."""
        return _first(lambda: self.record(track_id), reached, limit_s, pause_s=0.02)


class Service(_Child):
    """The service without HTTP, which starts sooner (`tests/durability/service.py`); it will be killed."""

    def __init__(self, data_dir: Path, track_id: str) -> None:
        self._records: list[Record] = []
        super().__init__(["tests.durability.service", str(data_dir), track_id], {}, measured=False)

    def hear(self, line: str) -> None:
        if line.startswith("{"):
            self._records.append(json.loads(line))

    def record(self, track_id: str) -> Record:
        """How the track stood at first."""
        return _first(lambda: self._records[:1], bool, 60, pause_s=0.002)[0]

    def wait_for(self, track_id: str, reached: Callable[[Record], bool], limit_s: float = 120) -> Record:
        """The newest record, once `reached` says yes to it."""
        self.record(track_id)
        return _first(lambda: self._records[-1], reached, limit_s, pause_s=0.002)


def _first(look: Callable[[], Any], reached: Callable[[Any], bool], limit_s: float, pause_s: float) -> Any:
    end = time.monotonic() + limit_s
    while not reached(seen := look()):
        assert time.monotonic() < end, f"never reached; last seen {seen}"
        time.sleep(pause_s)
    return seen


def gone(processes: "list[psutil.Process]", limit_s: float = 10) -> bool:
    """Whether all processes end within a time."""
    end = time.monotonic() + limit_s
    # One that ended stays a zombie until somebody asks for it, which may take init a while.
    while not all(map(_ended, processes)):
        if time.monotonic() > end:
            return False
        time.sleep(0.005)
    return True


def _ended(process: "psutil.Process") -> bool:
    try:
        return not process.is_running() or process.status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True
