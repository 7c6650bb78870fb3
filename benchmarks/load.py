"""A load generator in a process of its own: many clients, kept connections, as few steps a request as can be.

Rule: nothing here knows the service. What it sends is handed in; what it counts is answers.
"""

import argparse
import asyncio
import itertools
import json
import subprocess
import sys
import time
from dataclasses import asdict, dataclass, field
from functools import partial
from typing import cast
from urllib.parse import urlsplit

from benchmarks.servers import ROOT


@dataclass(frozen=True, kw_only=True, slots=True)
class Load:
    """What many clients at once saw."""

    #: Answers with status 200.
    answers: int
    #: Any other answer, and requests that were not answered.
    failures: int
    #: Answers a second.
    per_second: float
    #: Half of the answers came within this time.
    p50_ms: float
    #: 99 of 100 answers came within this time.
    p99_ms: float


def send(url: str, *, clients: int, requests: int | None = None, seconds: float = 0.0, body: str | None = None) -> Load:
    """Send requests from another process: so many of them, or for so long. `#` in the body becomes a number."""
    command = [sys.executable, "-m", "benchmarks.load", url, "--clients", str(clients), "--seconds", str(seconds)]
    command += [] if requests is None else ["--requests", str(requests)]
    command += [] if body is None else ["--body", body]
    done = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, check=True)
    return Load(**json.loads(done.stdout))


@dataclass
class _Work:
    """What the clients share: the requests left to send and the answers seen."""

    host: str
    path: str
    body: str | None
    #: Requests left; None where the clock decides.
    left: int | None
    ends_at: float = 0.0
    waits_s: list[float] = field(default_factory=list)
    failures: int = 0
    numbers: "itertools.count[int]" = field(default_factory=itertools.count)

    def next_request(self) -> bytes | None:
        """The bytes to send; None when enough was sent."""
        if self.left is None:
            if time.perf_counter() >= self.ends_at:
                return None
        elif self.left == 0:
            return None
        else:
            self.left -= 1
        head = f"{self.path} HTTP/1.1\r\nHost: {self.host}\r\n"
        if self.body is None:
            return f"GET {head}\r\n".encode()
        body = self.body.replace("#", str(next(self.numbers))).encode()
        return f"POST {head}Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body


class _Client(asyncio.Protocol):
    """One connection: sends, waits for the whole answer, sends again."""

    def __init__(self, work: _Work, done: "asyncio.Future[None]") -> None:
        self.work = work
        self.done = done
        self.received = b""
        self.sent_at = 0.0
        self.waiting = False
        self.transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)  # what a TCP connection has

    def begin(self) -> None:
        """Send the first request."""
        self._send()

    def data_received(self, received: bytes) -> None:
        self.received += received
        head, gap, body = self.received.partition(b"\r\n\r\n")
        if not gap:
            return
        length = head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0]
        if len(body) < int(length):
            return
        self.received = b""
        self.waiting = False
        if head.startswith(b"HTTP/1.1 200 "):
            self.work.waits_s.append(time.perf_counter() - self.sent_at)
        else:
            self.work.failures += 1
        self._send()

    def connection_lost(self, _: Exception | None) -> None:
        self.work.failures += self.waiting
        if not self.done.done():
            self.done.set_result(None)

    def _send(self) -> None:
        assert self.transport is not None  # noqa: S101  # set before anything is sent
        request = self.work.next_request()
        if request is None:
            self.transport.close()
            return
        self.waiting = True
        self.sent_at = time.perf_counter()
        self.transport.write(request)


async def generate(url: str, *, clients: int, requests: int | None, seconds: float, body: str | None) -> Load:
    """Run the clients in this process until their work is done."""
    parts = urlsplit(url)
    host, port = parts.hostname or "127.0.0.1", parts.port or 80
    loop = asyncio.get_running_loop()
    work = _Work(host=parts.netloc, path=parts.path, body=body, left=requests)
    ends: list[asyncio.Future[None]] = [loop.create_future() for _ in range(clients)]
    connected = [await loop.create_connection(partial(_Client, work, end), host, port) for end in ends]
    # All begin at once: a client that begins while others still connect would be served before them, again and again.
    began = time.perf_counter()
    work.ends_at = began + seconds
    for _, client in connected:
        client.begin()
    await asyncio.gather(*ends)
    took_s = time.perf_counter() - began
    waits = sorted(work.waits_s) or [float("inf")]
    return Load(
        answers=len(work.waits_s),
        failures=work.failures,
        per_second=len(work.waits_s) / took_s,
        p50_ms=waits[len(waits) // 2] * 1000,
        p99_ms=waits[min(len(waits) - 1, int(len(waits) * 0.99))] * 1000,
    )


def main() -> None:
    """Send what the arguments say and print what was seen as JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("url")
    parser.add_argument("--clients", type=int, default=50)
    parser.add_argument("--requests", type=int)
    parser.add_argument("--seconds", type=float, default=0.0)
    parser.add_argument("--body")
    options = parser.parse_args()
    if sys.platform != "win32":
        import uvloop

        asyncio.set_event_loop_policy(uvloop.EventLoopPolicy())
    print(json.dumps(asdict(asyncio.run(generate(**vars(options))))))


if __name__ == "__main__":
    main()
