"""Connections of strangers end: those that say too much, too slowly or nothing, and those that take nothing."""

import json
import select
import socket

import httpx
import pytest

psutil = pytest.importorskip("psutil", reason="psutil (requirements/dev.txt) watches the processes")

from app.routers.connections import HEAD_BYTES  # noqa: E402 - the line above decides whether it is there
from tests.durability.server import Server  # noqa: E402
from tests.jobs.conftest import until  # noqa: E402

pytestmark = pytest.mark.security

#: Seconds that anything may take before it counts as not happening.
PATIENCE_S = 60
HEALTH = b"GET /health HTTP/1.1\r\nHost: a.test\r\n"


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    server = Server(
        tmp_path_factory.mktemp("connections"), measured=False,
        MUSIC_HEADER_TIMEOUT="0.5", MUSIC_READER_TIMEOUT="0.5", MUSIC_MAX_CONNECTIONS="5",
    )  # fmt: skip
    server.client.close()  # it would count
    yield server
    server.terminate()


@pytest.fixture
def connect(server):
    """Connections of a client, closed with the test."""
    there = httpx.URL(server.url)
    opened = []

    def connect(received_bytes=None):
        connection = socket.socket()
        opened.append(connection)
        if received_bytes:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, received_bytes)
        connection.settimeout(PATIENCE_S)
        connection.connect((there.host, there.port))
        return connection

    yield connect
    for connection in opened:
        connection.close()


def all_of(connection):
    """Whatever still comes, to the end."""
    pieces = []
    try:
        while piece := connection.recv(65_536):
            pieces.append(piece)
    except ConnectionResetError:
        pass
    return b"".join(pieces)


def test_headers_without_end_are_refused(connect):
    connection = connect()
    connection.sendall(HEALTH)
    sent = 0
    try:
        while sent < 100 * HEAD_BYTES:
            connection.sendall(b"x-more: " + b"a" * 8_000 + b"\r\n")
            sent += 8_000
    except (ConnectionResetError, BrokenPipeError):
        pass

    assert sent < 100 * HEAD_BYTES


def test_who_sent_too_many_headers_is_told(connect):
    connection = connect()
    connection.sendall(HEALTH)
    connection.sendall(b"x-more: " + b"a" * HEAD_BYTES)

    assert all_of(connection).startswith(b"HTTP/1.1 431 ")


@pytest.mark.parametrize("said", [b"", b"GET /hea", HEALTH])
def test_who_never_comes_to_the_end_of_his_headers_is_not_waited_for(connect, said):
    connection = connect()
    connection.sendall(said)

    assert all_of(connection) == b""


def test_nor_is_it_with_a_second_request(connect):
    connection = connect()
    connection.sendall(HEALTH + b"\r\n" + HEALTH)

    assert all_of(connection).count(b"HTTP/1.1 200 OK") == 1


def test_time_for_headers_is_none_for_what_follows_them(connect):
    reader, silent = connect(), connect()
    reader.sendall(b"GET /music/events HTTP/1.1\r\nHost: a.test\r\n\r\n")
    assert reader.recv(15) == b"HTTP/1.1 200 OK"
    assert all_of(connect()) == all_of(silent) == b""  # the later one was waited for in vain too

    poll = select.poll()
    poll.register(reader, 0)
    assert poll.poll(0) == []  # it has not been hung up


def test_who_takes_nothing_is_cut_off(connect, server):
    """He asks for much, one time after the other, and reads none of it."""
    connection = connect(received_bytes=4_096)
    connection.sendall(b"GET /openapi.json HTTP/1.1\r\nHost: a.test\r\n\r\n" * 200)
    name = connection.getsockname()

    def held():
        """What the kernel still has to tell him is no connection of the server's any more."""
        return [one for one in psutil.Process(server.pid).net_connections() if one.raddr and tuple(one.raddr) == name]

    until(held, every_s=0.05)
    until(lambda: not held(), every_s=0.05)


@pytest.mark.parametrize("said", [HEALTH + b"connection: close\r\n\r\n", b"nonsense\r\n\r\n", HEALTH + b"a" * 70_000])
def test_no_answer_names_the_software(connect, said):
    connection = connect()
    connection.sendall(said)
    head = all_of(connection).partition(b"\r\n\r\n")[0].lower()

    assert head.startswith(b"http/1.1 ")
    assert b"\r\nserver:" not in head
    assert not any(name in head for name in (b"uvicorn", b"starlette", b"fastapi", b"python"))


def test_there_are_only_so_many_connections(connect):
    held = [connect() for _ in range(5)]
    for one in held:
        one.sendall(b"GET /music/events HTTP/1.1\r\nHost: a.test\r\n\r\n")
        assert one.recv(15) == b"HTTP/1.1 200 OK"
    more = connect()
    more.sendall(HEALTH + b"\r\n")

    head, _, body = all_of(more).partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 503 ")
    assert b"\r\nretry-after: 1" in head
    assert isinstance(json.loads(body)["detail"], str)
    held.pop().close()

    def answered():
        again = connect()
        again.sendall(HEALTH + b"connection: close\r\n\r\n")
        return all_of(again).startswith(b"HTTP/1.1 200 OK")

    until(answered, every_s=0.05)
