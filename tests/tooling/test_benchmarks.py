"""The load generator counts what it sees, no more and no less."""

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from benchmarks.load import generate


class Moody(BaseHTTPRequestHandler):
    """Answers GET with 200, and every second POST with 503."""

    protocol_version = "HTTP/1.1"
    bodies: list

    def do_GET(self):
        self.answer(200)

    def do_POST(self):
        self.bodies.append(self.rfile.read(int(self.headers["Content-Length"])).decode())
        self.answer(503 if len(self.bodies) % 2 == 0 else 200)

    def answer(self, status):
        self.send_response(status)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"{}")

    def log_message(self, *_):
        pass


@pytest.fixture
def moody():
    Moody.bodies = []
    with ThreadingHTTPServer(("127.0.0.1", 0), Moody) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/music/generate"
        server.shutdown()
        thread.join()


async def test_a_refusal_counts_as_a_failure(moody):
    load = await generate(moody, clients=1, requests=20, seconds=0.0, body='{"prompt": "piano #"}')

    assert (load.answers, load.failures) == (10, 10)
    assert Moody.bodies == [f'{{"prompt": "piano {number}"}}' for number in range(20)]


async def test_many_clients_send_exactly_what_was_asked(moody):
    load = await generate(moody, clients=7, requests=90, seconds=0.0, body=None)

    assert (load.answers, load.failures) == (90, 0)
    assert 0 < load.p50_ms <= load.p99_ms


async def test_a_server_that_hangs_up_is_a_failure(moody, monkeypatch):
    monkeypatch.setattr(Moody, "do_GET", lambda self: setattr(self, "close_connection", True))

    load = await generate(moody, clients=3, requests=3, seconds=0.0, body=None)

    assert (load.answers, load.failures) == (0, 3)
