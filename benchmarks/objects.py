"""A real S3 server that pip brings (`requirements/distributed.txt`), for measurements and for tests.

Its objects do not outlive it: it is frozen to be away, never killed.
"""

import os
import signal
import socket
import subprocess
import sys
import time
from itertools import count

import httpx
import obstore
from obstore.store import S3Store

#: Bytes of an object that it keeps in memory; larger ones lie in files of its own.
IN_MEMORY_BYTES = 4_096

_numbers = count()


def free_port() -> int:
    """A port of this machine that nobody listens on."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


def wait_until_it_answers(url: str, process: "subprocess.Popen[bytes]") -> None:
    """Wait for a server that was just started; `AssertionError`, and it is ended, if it never answers."""
    until = time.monotonic() + 60
    while time.monotonic() < until:
        try:
            httpx.get(url, timeout=5)
            return
        except httpx.HTTPError:  # noqa: PERF203 - that is the point
            time.sleep(0.05)
    process.kill()
    raise AssertionError(f"the server at {url} did not start")


class S3Server:
    """`moto_server` in a process of its own."""

    def __init__(self) -> None:
        port = free_port()
        self.url = f"http://127.0.0.1:{port}"
        code = f"from moto.server import main; main(['-H', '127.0.0.1', '-p', '{port}'])"
        environment = {**os.environ, "MOTO_S3_DEFAULT_KEY_BUFFER_SIZE": str(IN_MEMORY_BYTES)}
        self._process = subprocess.Popen(
            [sys.executable, "-c", code], env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        wait_until_it_answers(self.url, self._process)
        #: What an S3 client reads of its environment.
        self.environment = {
            "AWS_ENDPOINT_URL": self.url,
            "AWS_ACCESS_KEY_ID": "music",
            "AWS_SECRET_ACCESS_KEY": "secret",
            "AWS_REGION": "us-east-1",
        }

    def bucket(self) -> str:
        """The name of a new, empty bucket."""
        name = f"music-{next(_numbers)}"
        httpx.put(f"{self.url}/{name}").raise_for_status()
        return name

    def remove_bucket(self, name: str) -> None:
        """Take a bucket away with all that is in it."""
        obstore.delete(self.store(name), self.keys(name))
        httpx.delete(f"{self.url}/{name}").raise_for_status()

    def keys(self, name: str) -> list[str]:
        """Keys of all objects in a bucket, read without the code under test."""
        return [str(found["path"]) for page in obstore.list(self.store(name)) for found in page]

    def store(self, name: str) -> S3Store:
        """A bucket, without the code under test."""
        return S3Store(
            name,
            endpoint=self.url,
            access_key_id="music",
            secret_access_key="secret",  # noqa: S106 - it takes any
            region="us-east-1",
            client_options={"allow_http": True},
        )

    def unfinished_uploads(self, name: str) -> int:
        """Uploads in parts that were begun and not ended."""
        return httpx.get(f"{self.url}/{name}?uploads", timeout=60).text.count("<UploadId>")

    def freeze(self) -> None:
        """Let it answer nobody, though it takes connections: the worst way to be away."""
        os.kill(self._process.pid, signal.SIGSTOP)

    def thaw(self) -> None:
        """Let it answer again."""
        os.kill(self._process.pid, signal.SIGCONT)

    def end(self) -> None:
        """Stop it; its objects are gone."""
        self.thaw()
        self._process.kill()
        self._process.wait()
