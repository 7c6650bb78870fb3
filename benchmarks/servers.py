"""Real servers in processes of their own, for measurements and for tests: started, found, ended."""

import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]

#: The service on any free port, as `python3 run.py --port 0` starts it once set up.
SERVE = (sys.executable, "-m", "app.cli", "serve", "--port", "0")

#: Seconds that a server may take until it says where it listens.
PATIENCE_S = 60.0


@dataclass(frozen=True, kw_only=True, slots=True)
class Server:
    """A server that listens."""

    process: "subprocess.Popen[bytes]"
    port: int
    #: Seconds from its start until it said so.
    started_s: float

    @property
    def url(self) -> str:
        """Its address, without a slash at the end."""
        return f"http://127.0.0.1:{self.port}"


@contextmanager
def serving(command: Sequence[str] = SERVE, environment: Mapping[str, str] | None = None) -> Iterator[Server]:
    """A server for as long as the block lasts, with a data folder of its own unless the environment names one.

    RuntimeError with its output where it ends, or stays silent, instead of listening.
    """
    with tempfile.TemporaryDirectory(prefix="music-server-") as folder:
        log = Path(folder, "log")
        own = {"MUSIC_DATA_DIR": str(Path(folder, "data")), "MUSIC_LOG_LEVEL": "warning"}
        began = time.perf_counter()
        with log.open("wb") as output:
            process = subprocess.Popen(
                command, cwd=ROOT, env={**os.environ, **own, **(environment or {})}, stdout=output, stderr=output
            )
        try:
            port = _port_of(process, log)
            yield Server(process=process, port=port, started_s=time.perf_counter() - began)
        finally:
            _end(process)


def _port_of(process: "subprocess.Popen[bytes]", log: Path) -> int:
    patience = time.monotonic() + PATIENCE_S
    while time.monotonic() < patience:
        announced = re.search(rb"http://[^\s/:]+:(\d+)", log.read_bytes())
        if announced:
            return int(announced[1])
        if process.poll() is not None:
            break
        time.sleep(0.005)
    raise RuntimeError(f"the server did not start:\n{log.read_text(errors='replace')}")


def _end(process: "subprocess.Popen[bytes]") -> None:
    process.terminate()
    try:
        process.wait(timeout=15)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
