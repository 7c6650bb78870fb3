"""What every request passes through."""

import json
import logging

import pytest
import structlog
from fastapi.testclient import TestClient

from app.config import Settings
from app.errors import DataFolderInUse, StorageFailed
from app.main import create_app
from app.routers.problems import UNEXPECTED

ORIGIN = {"Origin": "http://localhost:4200"}
JSON = {"Content-Type": "application/json"}


def app_with(service, tmp_path, **settings):
    return create_app(Settings(data_dir=tmp_path / "data", **settings), service)


def logged(capfd):
    """Log lines written as JSON so far."""
    return [json.loads(line) for line in capfd.readouterr().err.splitlines() if line.startswith("{")]


# -- request ids --------------------------------------------------------------------------------------------------


def test_every_answer_carries_a_request_id_of_its_own(client):
    ids = {client.get(path).headers["x-request-id"] for path in ("/", "/health", "/nowhere", "/music/status/x")}

    assert len(ids) == 4


def test_a_clients_request_id_is_kept(client):
    assert client.get("/health", headers={"X-Request-ID": "abc-1.2_3"}).headers["x-request-id"] == "abc-1.2_3"


@pytest.mark.parametrize("strange", ["", "a b", "x" * 65, "a;b", "<script>", "a\tb", "é".encode()])
def test_a_strange_request_id_is_replaced(client, strange):
    header = strange if isinstance(strange, bytes) else strange.encode()

    assert client.get("/health", headers={"X-Request-ID": header}).headers["x-request-id"] != header.decode("latin-1")


def test_a_preflight_carries_a_request_id_too(client):
    answer = client.options("/health", headers={**ORIGIN, "Access-Control-Request-Method": "GET"})

    assert answer.headers["x-request-id"]


# -- logs ---------------------------------------------------------------------------------------------------------


def test_an_accepted_track_is_logged_with_request_and_track(service, tmp_path, capfd):
    client = TestClient(app_with(service, tmp_path, log_format="json"))

    answer = client.post("/music/generate", json={"prompt": "piano"}, headers={"X-Request-ID": "mine"})

    (line,) = [line for line in logged(capfd) if line["event"] == "request"]
    assert line["request_id"] == "mine"
    assert line["track_id"] == answer.json()["track_id"]
    assert (line["method"], line["path"], line["status"]) == ("POST", "/music/generate", 200)
    assert line["milliseconds"] >= 0


def test_one_requests_ids_do_not_stick_to_the_next(service, tmp_path, capfd):
    client = TestClient(app_with(service, tmp_path, log_format="json"))

    client.post("/music/generate", json={"prompt": "piano"}, headers={"X-Request-ID": "first"})
    client.post("/music/generate", json={}, headers={"X-Request-ID": "second"})

    lines = logged(capfd)
    assert [line["request_id"] for line in lines] == ["first", "second"]
    assert "track_id" not in lines[1]


async def test_a_request_leaves_nothing_behind_in_its_context(app):
    sent = []

    async def receive():
        return {"type": "http.request", "body": b'{"prompt": "piano"}', "more_body": False}

    async def send(message):
        sent.append(message)

    with structlog.contextvars.bound_contextvars(request_id="of the caller"):
        await app(post_scope([(b"content-type", b"application/json")]), receive, send)

        assert sent[0]["status"] == 200
        assert structlog.contextvars.get_contextvars() == {"request_id": "of the caller"}


def test_polls_are_logged_at_debug_only(service, tmp_path, capfd):
    quiet = TestClient(app_with(service, tmp_path, log_format="json"))
    track_id = quiet.post("/music/generate", json={"prompt": "piano"}).json()["track_id"]
    capfd.readouterr()

    quiet.get(f"/music/status/{track_id}")
    assert logged(capfd) == []

    loud = TestClient(app_with(service, tmp_path, log_format="json", log_level="debug"))
    loud.get(f"/music/status/{track_id}")
    (line,) = [line for line in logged(capfd) if line["event"] == "request"]
    assert (line["level"], line["status"]) == ("debug", 200)


def test_a_refusal_is_logged_with_the_id_that_was_asked_for(service, tmp_path, capfd):
    client = TestClient(app_with(service, tmp_path, log_format="json"))

    client.get("/music/tracks/track_00")

    (line,) = logged(capfd)
    assert (line["status"], line["track_id"]) == (404, "track_00")


def test_nobody_can_forge_a_log_line(service, tmp_path, capfd):
    client = TestClient(app_with(service, tmp_path))

    client.get("/music/status/x%0A2026-01-01%20[error]%20forged%1b[31m%00")

    written = capfd.readouterr().err
    assert len([line for line in written.splitlines() if line]) == 1
    assert "\x1b[31m" not in written
    assert "\x00" not in written


# -- the error net ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "path", ["/music/status/track_00", "/music/tracks/track_00", "/music/tracks", "/downloads/track_00.mp3"]
)
def test_the_unforeseen_is_one_calm_line_that_browsers_may_read(client, queue, path):
    client.post("/music/generate", json={"prompt": "piano"})
    queue.trouble = ZeroDivisionError("secret of the house")

    answer = client.get(path, headers=ORIGIN)

    assert answer.status_code == 500
    assert answer.json() == {"detail": UNEXPECTED}
    assert "secret" not in answer.text
    assert answer.headers["access-control-allow-origin"] == "*"
    assert answer.headers["x-request-id"]


def test_the_unforeseen_is_logged_whole(service, tmp_path, capfd):
    client = TestClient(app_with(service, tmp_path, log_format="json"))
    client.post("/music/generate", json={"prompt": "piano"})
    capfd.readouterr()
    service.queue.trouble = ZeroDivisionError("secret of the house")

    client.get("/music/status/track_00", headers={"X-Request-ID": "mine"})

    lines = logged(capfd)
    assert [line["event"] for line in lines] == ["unexpected error", "request"]
    assert lines[0]["request_id"] == lines[1]["request_id"] == "mine"
    assert "ZeroDivisionError: secret of the house" in lines[0]["exception"]
    assert "Traceback" in lines[0]["exception"]
    assert lines[1]["status"] == 500


def test_half_an_answer_is_not_followed_by_another(service, tmp_path):
    app = app_with(service, tmp_path)

    async def breaks_off(scope, receive, send):
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"10")]})
        raise ZeroDivisionError

    app.router.add_route("/breaks-off", lambda request: breaks_off)

    with pytest.raises(ZeroDivisionError):
        TestClient(app).get("/breaks-off")


@pytest.mark.parametrize(
    ("trouble", "status"),
    [(StorageFailed("The disk is full"), 503), (DataFolderInUse("Another server uses this folder"), 503)],
)
def test_what_the_owner_must_mend_is_said_and_logged(service, tmp_path, capfd, trouble, status):
    client = TestClient(app_with(service, tmp_path, log_format="json"))
    service.queue.trouble = trouble

    answer = client.post("/music/generate", json={"prompt": "piano"}, headers=ORIGIN)

    assert answer.status_code == status
    assert answer.json() == {"detail": str(trouble)}
    assert answer.headers["access-control-allow-origin"] == "*"
    assert [line["event"] for line in logged(capfd)] == ["answered with an error", "request"]


# -- the body limit -----------------------------------------------------------------------------------------------


def test_a_body_sent_in_pieces_is_counted(client, queue):
    answer = client.post("/music/generate", content=(b"x" * 10_000 for _ in range(7)), headers=JSON)

    assert answer.status_code == 413
    assert answer.headers["connection"] == "close"
    assert queue.tracks == {}


async def test_no_more_is_read_than_needed_to_refuse(app):
    read = []

    async def receive():
        read.append(10_000)
        return {"type": "http.request", "body": b"x" * 10_000, "more_body": True}

    async def send(message):
        sent.append(message)

    for headers, pieces in (([(b"content-length", b"100000000")], 0), ([(b"transfer-encoding", b"chunked")], 7)):
        sent, read[:] = [], []
        await app(post_scope([*headers, (b"content-type", b"application/json")]), receive, send)

        assert sent[0]["status"] == 413
        assert len(read) == pieces


def post_scope(headers):
    return {
        "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": "POST", "scheme": "http",
        "path": "/music/generate", "raw_path": b"/music/generate", "query_string": b"", "root_path": "",
        "headers": headers, "client": ("127.0.0.1", 1), "server": ("127.0.0.1", 80),
    }  # fmt: skip


@pytest.mark.parametrize("length", [b"-1", b"abc", b"1e9", b"9" * 5_000, b""])
async def test_a_strange_content_length_is_not_believed(app, length):
    sent = []

    async def receive():
        return {"type": "http.request", "body": b"{}", "more_body": False}

    async def send(message):
        sent.append(message)

    await app(post_scope([(b"content-length", length), (b"content-type", b"application/json")]), receive, send)

    assert sent[0]["status"] == 422


# -- proxies ------------------------------------------------------------------------------------------------------

FORWARDED = {"X-Forwarded-Proto": "https", "X-Forwarded-Host": "evil.example.org, music.example.org"}


def location(app, headers, peer="10.0.0.5"):
    client = TestClient(app, client=(peer, 50_000))
    return client.post("/music/generate", json={"prompt": "piano"}, headers=headers).headers["location"]


@pytest.mark.parametrize("trusted", ["10.0.0.5", "10.0.0.0/8, 192.168.0.1", "*"])
def test_a_trusted_proxy_tells_the_address_that_clients_see(service, tmp_path, trusted):
    app = app_with(service, tmp_path, trusted_proxies=trusted)

    assert location(app, FORWARDED).startswith("https://music.example.org/music/status/")


@pytest.mark.parametrize("trusted", ["", "10.0.0.6", "192.168.0.0/16"])
def test_nobody_else_is_believed(service, tmp_path, trusted):
    app = app_with(service, tmp_path, trusted_proxies=trusted)

    assert location(app, FORWARDED).startswith("http://testserver/music/status/")


def test_a_proxy_that_forwards_nothing_changes_nothing(service, tmp_path):
    app = app_with(service, tmp_path, trusted_proxies="10.0.0.5")

    assert location(app, {}).startswith("http://testserver/music/status/")


def test_the_address_holds_the_path_that_the_app_is_mounted_at(service, tmp_path):
    app = app_with(service, tmp_path)
    client = TestClient(app, root_path="/api")

    assert (
        client.post("/music/generate", json={"prompt": "piano"})
        .headers["location"]
        .startswith("http://testserver/api/music/status/")
    )


def test_libraries_are_logged_when_they_warn(service, tmp_path, capfd):
    client = TestClient(app_with(service, tmp_path, log_format="json"))
    client.get("/health")

    logging.getLogger("some.library").info("chatter")
    logging.getLogger("some.library").warning("worth\nknowing")

    (line,) = logged(capfd)
    assert (line["event"], line["level"]) == ("worth knowing", "warning")
