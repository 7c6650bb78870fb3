"""The contract's two calls without routing: the same answers, in less time."""

import asyncio
import json

import pytest
from fastapi.testclient import TestClient

from app.errors import Busy, QueueFull, StorageFailed

#: A body → whether the shortcut can answer it.
BODIES = {
    "words": (b'{"prompt": "piano", "seed": 7}', True),
    "every field": (b'{"prompt": "piano", "seed": 7, "duration": 12, "model": "composer", "key": "Dm"}', True),
    "not Latin": ('{"prompt": "calma en Málaga 静か 🎹", "seed": 7}'.encode(), True),
    "numbers as text": (b'{"prompt": "piano", "seed": "7", "duration": "30"}', True),
    "whole decimals": (b'{"prompt": "piano", "seed": 7.0, "duration": 30.0}', True),
    "unknown fields": (b'{"prompt": "piano", "seed": 7, "colour": "blue"}', True),
    "blank": (b'{"prompt": " "}', True),
    "unknown model": (b'{"prompt": "piano", "model": "gramophone"}', True),
    "a key there is not": (b'{"prompt": "piano", "key": "H sharp"}', True),
    "a plan that is none": (b'{"prompt": "piano", "plan": {"tempo_bpm": NaN}}', True),
    "in another encoding": ('{"prompt": "piano", "seed": 7}'.encode("utf-16"), False),
    "too short": (b'{"prompt": "piano", "duration": 4}', False),
    "too long": (json.dumps({"prompt": "p" * 501}).encode(), False),
    "no JSON": (b"{", False),
    "nothing": (b"", False),
    "a lone surrogate": (b'{"prompt": "\\ud800"}', False),
}
TO_THE_SHORTCUT = {"Content-Type": "application/json"}
TO_THE_ROUTE = {"Content-Type": "application/json; charset=utf-8"}


def said(answer):
    """An answer without what differs from track to track."""
    body, headers = answer.json(), dict(answer.headers)
    for name in ("x-request-id", "content-length"):
        del headers[name]
    name = body.get("track_id", "no track")
    location = headers.pop("location", "").replace(name, "…")
    body = {field: value.replace(name, "…") if isinstance(value, str) else value for field, value in body.items()}
    return answer.status_code, body, list(body), headers, location


@pytest.mark.parametrize(("body", "_"), BODIES.values(), ids=BODIES)
def test_a_request_is_answered_as_its_route_answers_it(client, body, _):
    short = client.post("/music/generate", content=body, headers=TO_THE_SHORTCUT)
    routed = client.post("/music/generate", content=body, headers=TO_THE_ROUTE)

    assert said(short) == said(routed)


@pytest.mark.parametrize(("body", "short"), BODIES.values(), ids=BODIES)
def test_what_can_be_read_needs_no_routing(client, app, monkeypatch, body, short):
    expected = client.post("/music/generate", content=body, headers=TO_THE_ROUTE).status_code
    monkeypatch.setattr(app.router, "routes", [])

    answer = client.post("/music/generate", content=body, headers=TO_THE_SHORTCUT)

    assert answer.status_code == (expected if short else 404)


@pytest.mark.parametrize("trouble", [QueueFull(3, 7), Busy("later", 5), StorageFailed("disk full")])
def test_trouble_is_met_once_and_said_as_the_route_says_it(client, queue, trouble):
    queue.trouble = trouble
    short = client.post("/music/generate", json={"prompt": "piano"}, headers=TO_THE_SHORTCUT)
    queue.trouble = trouble
    routed = client.post("/music/generate", json={"prompt": "piano"}, headers=TO_THE_ROUTE)

    assert said(short) == said(routed)
    assert short.status_code == 503
    assert not queue.tracks


def test_a_body_in_pieces_is_read_whole(app, queue):
    heard = speak(app, [b'{"prompt": "pi', b'ano", "duration": 7}'])

    assert heard[0]["status"] == 200
    assert [(track.prompt, track.duration) for track in queue.tracks.values()] == [("piano", 7)]


def test_a_body_in_pieces_that_the_route_has_to_refuse_reaches_it_whole(app, queue):
    heard = speak(app, [b'{"prompt": "pi', b'ano", "duration": 4}'])

    assert heard[0]["status"] == 422
    assert json.loads(heard[1]["body"])["detail"][0]["loc"] == ["body", "duration"]
    assert not queue.tracks


def test_a_body_longer_than_announced_is_not_read_to_its_end(app, queue):
    pieces = iter([b" " * 40_000] * 100)

    heard = speak(app, pieces)

    assert heard[0]["status"] == 413
    assert len(list(pieces)) > 90


@pytest.mark.parametrize("begun", [b'{"prompt": "pi', b'{"prompt": "piano"}'])
def test_a_client_that_goes_away_before_its_body_is_whole_leaves_nothing(app, queue, begun):
    speak(app, [begun], goes_away=True)

    assert not queue.tracks


def test_a_poll_is_answered_from_memory_without_routing(client, app, track_id, monkeypatch):
    answer = client.get(f"/music/status/{track_id}")
    monkeypatch.setattr(app.router, "routes", [])

    assert client.get(f"/music/status/{track_id}").json() == answer.json()
    assert client.get("/health").status_code == 404


def test_under_a_mount_both_calls_find_their_way(app):
    mounted = TestClient(app, root_path="/api")

    asked = mounted.post("/api/music/generate", json={"prompt": "piano"})
    answer = mounted.get(f"/api/music/status/{asked.json()['track_id']}")

    assert answer.status_code == 200
    assert answer.json()["track_id"] == asked.json()["track_id"]


def speak(app, pieces, *, goes_away=False):
    """Send a body in pieces, announced as 30 bytes; the messages that come back."""
    sent = []
    scope = {
        "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": "POST", "scheme": "http",
        "path": "/music/generate", "raw_path": b"/music/generate", "query_string": b"", "root_path": "",
        "headers": [(b"content-type", b"application/json"), (b"content-length", b"30")],
        "client": ("127.0.0.1", 1), "server": ("127.0.0.1", 80),
    }  # fmt: skip
    coming = iter(pieces)

    async def receive():
        piece = next(coming, None)
        if piece is None:
            return {"type": "http.disconnect" if goes_away else "http.request"}
        return {"type": "http.request", "body": piece, "more_body": True}

    async def send(message):
        sent.append(message)

    asyncio.run(app(scope, receive, send))
    return sent
