"""What an owner turns on for strangers: names, headers, slow senders."""

import asyncio

import pytest

from app.routers.hardening import AllowedHosts, SlowSenders
from tests.access.conftest import PROMPT

pytestmark = pytest.mark.security


def test_answers_tell_browsers_what_they_must_not_do(place_with):
    place = place_with(auth="off", security_headers=True)

    answer = place.ask("GET", "/music/tracks")
    page = place.ask("GET", "/docs")

    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Content-Security-Policy"] == "default-src 'none'; frame-ancestors 'none'; sandbox"
    assert answer.headers["Referrer-Policy"] == "no-referrer"
    assert "Strict-Transport-Security" not in answer.headers
    assert "script-src" in page.headers["Content-Security-Policy"]
    assert page.headers["X-Frame-Options"] == "SAMEORIGIN"


def test_a_secure_connection_stays_one(place_with):
    place = place_with(auth="off", security_headers=True, trusted_proxies="*")

    answer = place.ask("GET", "/health", headers={"X-Forwarded-Proto": "https"})

    assert answer.headers["Strict-Transport-Security"] == "max-age=31536000"


def test_without_them_answers_are_as_ever(client):
    assert "Content-Security-Policy" not in client.get("/music/tracks").headers


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("music.example.org", 200),
        ("MUSIC.example.org:8000", 200),
        ("a.music.test", 200),
        ("music.test", 400),
        ("example.org", 400),
        ("music.example.org.evil.test", 400),
        ("evilmusic.example.org", 400),
        ("", 400),
    ],
)
def test_a_server_answers_to_its_own_names(place_with, host, status):
    place = place_with(auth="off", allowed_hosts="music.example.org, *.music.test")

    answer = place.ask("GET", "/music/tracks", headers={"Host": host})

    assert answer.status_code == status
    assert place.ask("GET", "/health", headers={"Host": host}).status_code == 200


def test_two_names_are_none():
    knows = AllowedHosts(None, "a.test")._knows

    assert knows({"headers": [(b"host", b"a.test")]})
    assert not knows({"headers": [(b"host", b"a.test"), (b"host", b"a.test")]})
    assert not knows({"headers": []})


def test_one_who_sends_slowly_is_cut_off(place_with):
    place = place_with(auth="off", body_timeout=0.2)
    sent = []

    async def never():
        await asyncio.Event().wait()

    async def send(message):
        sent.append(message)

    scope = {
        "type": "http", "method": "POST", "path": "/music/generate", "raw_path": b"/music/generate",
        "query_string": b"", "root_path": "", "scheme": "http", "http_version": "1.1", "server": ("test", 80),
        "client": ("127.0.0.1", 1), "headers": [(b"content-type", b"application/json"), (b"content-length", b"9")],
    }  # fmt: skip
    asyncio.run(place.app(scope, never, send))

    assert sent[0]["status"] == 408
    assert b"took longer than 0.2 s" in sent[1]["body"]
    assert place.ask("POST", "/music/generate", json=PROMPT).status_code == 200


async def test_time_is_counted_for_the_body_alone():
    messages = [{"type": "http.request", "body": b"{}"}, {"type": "http.disconnect"}]

    async def receive():
        if len(messages) == 1:
            await asyncio.sleep(0.3)
        return messages.pop(0)

    heard = []

    async def app(scope, receive, send):
        heard.extend([await receive(), await receive()])

    await SlowSenders(app, 0.1)({"type": "http", "method": "POST"}, receive, None)

    assert [message["type"] for message in heard] == ["http.request", "http.disconnect"]
