"""Requests with an Idempotency-Key are carried out once."""

import asyncio
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import timedelta
from threading import Event

import pytest
from sqlalchemy import update

from app.config import Settings
from app.errors import QueueFull
from app.services.storage.tables import replays
from tests.access.conftest import PROMPT, Place

pytestmark = pytest.mark.security


def keyed(key="4f5c-one"):
    return {"headers": {"Idempotency-Key": key}}


@pytest.fixture
def open_place(place_with):
    return place_with(auth="off")


def count(place, **more):
    return len(place.ask("GET", "/music/tracks", params={"limit": 100}, **more).json()["tracks"])


def test_the_same_request_is_answered_as_before(open_place):
    first = open_place.ask("POST", "/music/generate", json=PROMPT, **keyed())
    again = open_place.ask("POST", "/music/generate", json=PROMPT, **keyed())

    assert first.status_code == again.status_code == 200
    assert first.content == again.content
    assert again.headers["Location"] == first.headers["Location"]
    assert "Idempotency-Replayed" not in first.headers
    assert again.headers["Idempotency-Replayed"] == "true"
    assert count(open_place) == 1


def test_another_body_under_the_same_key_is_refused(open_place):
    open_place.ask("POST", "/music/generate", json=PROMPT, **keyed())

    other = open_place.ask("POST", "/music/generate", json={**PROMPT, "duration": 6}, **keyed())
    elsewhere = open_place.ask("POST", "/music/batch", json={"requests": [PROMPT]}, **keyed())

    for refused in (other, elsewhere):
        assert refused.status_code == 422
        assert refused.json()["detail"][0]["loc"] == ["header", "Idempotency-Key"]
    assert count(open_place) == 1


def test_many_at_once_make_one(open_place):
    with ThreadPoolExecutor(8) as together:
        answers = list(
            together.map(lambda _: open_place.ask("POST", "/music/generate", json=PROMPT, **keyed()), range(8))
        )

    assert {answer.status_code for answer in answers} <= {200, 409}
    made = {answer.json()["track_id"] for answer in answers if answer.status_code == 200}
    assert len(made) == 1
    assert count(open_place) == 1


def test_one_that_is_still_being_answered_is_a_conflict(open_place, monkeypatch):
    queue = open_place.service._backend.queue
    submit = queue.submit
    asked, answer = Event(), Future()
    accepted = []

    def held(track):
        accepted.append(submit(track))
        asked.set()
        return answer

    monkeypatch.setattr(queue, "submit", held)
    with ThreadPoolExecutor(1) as beside:
        first = beside.submit(open_place.ask, "POST", "/music/generate", json=PROMPT, **keyed())
        assert asked.wait(60)
        meanwhile = open_place.ask("POST", "/music/generate", json=PROMPT, **keyed())
        answer.set_result(accepted[0].result(60))
    again = open_place.ask("POST", "/music/generate", json=PROMPT, **keyed())

    assert meanwhile.status_code == 409
    assert "still being answered" in meanwhile.json()["detail"]
    assert first.result().status_code == again.status_code == 200
    assert again.content == first.result().content
    assert count(open_place) == 1


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/music/generate", {**PROMPT, "variations": 3}),
        ("/music/batch", {"requests": [PROMPT, PROMPT]}),
        ("/music/compare", {**PROMPT, "seeds": [1, 2]}),
    ],
)
def test_every_call_that_makes_something_can_be_repeated(open_place, path, body):
    first = open_place.ask("POST", path, json=body, **keyed())
    made = count(open_place)
    again = open_place.ask("POST", path, json=body, **keyed())

    assert first.status_code == 200
    assert again.json() == first.json()
    assert count(open_place) == made


def test_files_can_be_sent_again_though_forms_are_drawn_anew(open_place):
    tune = b"MThd\x00\x00\x00\x06\x00\x00\x00\x01\x00\x60MTrk\x00\x00\x00\x04\x00\xff\x2f\x00" * 40_000

    def teach(content):
        files = {"files": ("a.mid", content)}
        return open_place.ask("POST", "/music/finetunes", data={"name": "band"}, files=files, **keyed())

    first, again, other = teach(tune), teach(tune), teach(tune + b"x")

    assert first.status_code == 200
    assert again.content == first.content
    assert other.status_code == 422


def test_what_was_refused_can_be_tried_again(open_place, monkeypatch):
    queue = open_place.service._backend.queue
    submit = queue.submit

    def full(track):
        raise QueueFull(1, 7)

    monkeypatch.setattr(queue, "submit", full)
    assert open_place.ask("POST", "/music/generate", json=PROMPT, **keyed()).status_code == 503
    assert open_place.ask("POST", "/music/generate", json={}, **keyed("two")).status_code == 422
    monkeypatch.setattr(queue, "submit", submit)

    assert open_place.ask("POST", "/music/generate", json=PROMPT, **keyed()).status_code == 200
    assert open_place.ask("POST", "/music/generate", json=PROMPT, **keyed("two")).status_code == 200


@pytest.mark.parametrize("key", [b"", b"\xff", b"a b", b"x" * 256])
def test_a_key_that_cannot_be_is_said_to_be(open_place, key):
    answer = open_place.ask("POST", "/music/generate", json=PROMPT, headers={"Idempotency-Key": key})

    assert answer.status_code == 422
    assert count(open_place) == 0


def test_too_large_a_body_is_refused_as_ever(open_place):
    answer = open_place.ask("POST", "/music/generate", content=b" " * 3_000_000, **keyed())

    assert answer.status_code == 413


def test_the_answer_outlives_the_server(tmp_path):
    settings = Settings(data_dir=tmp_path, workers=1)
    with Place(settings).client as client:
        first = client.post("/music/generate", json=PROMPT, **keyed())
    with Place(settings).client as client:
        again = client.post("/music/generate", json=PROMPT, **keyed())

    assert again.content == first.content
    assert again.headers["Idempotency-Replayed"] == "true"


@pytest.mark.parametrize(("path", "body"), [("/music/generate", PROMPT), ("/music/batch", {"requests": [PROMPT]})])
def test_a_server_that_ended_before_it_answered_made_the_music_once(tmp_path, path, body):
    settings = Settings(data_dir=tmp_path, workers=1)
    place = Place(settings)
    with place.client as client:
        first = client.post(path, json=body, **keyed()).json()
        store = place.service._backend.store
        with store.transaction() as changes:  # as if it had ended after accepting, long ago
            earlier = place.service._backend.clock.now() - timedelta(minutes=5)
            changes.connection.execute(update(replays).values(status=None, headers=None, body=None, created_at=earlier))
    place = Place(settings)
    with place.client as client:
        again = client.post(path, json=body, **keyed())
        made = client.get("/music/tracks").json()["tracks"]

    assert len(made) == 1
    if path == "/music/generate":
        assert again.status_code == 200
        assert again.json()["track_id"] == first["track_id"]
        assert again.headers["Location"].endswith(first["track_id"])
    else:
        assert again.status_code == 409
        assert first["group_id"] in again.json()["detail"]


def test_keys_of_different_owners_are_different(place):
    _, mine = place.key()
    _, yours = place.key()

    first = place.ask("POST", "/music/generate", mine, json=PROMPT, **keyed())
    other = place.ask("POST", "/music/generate", yours, json={**PROMPT, "prompt": "loud drums"}, **keyed())

    assert first.status_code == other.status_code == 200
    assert other.json()["track_id"] != first.json()["track_id"]
    assert "Idempotency-Replayed" not in other.headers


async def test_a_body_that_comes_in_pieces_is_the_same_body():
    from app.routers.repeating import Repeatable

    layer = Repeatable(None, None, None, 1_000_000)
    kind = b"multipart/form-data; boundary=%s"
    body = b'--%s\r\nContent-Disposition: form-data; name="a"\r\n\r\nb--%s--\r\n'

    async def digest(boundary, size):
        import io

        whole = body.replace(b"%s", boundary)
        pieces = [whole[start : start + size] for start in range(0, len(whole), size)]

        async def receive():
            piece = pieces.pop(0)
            return {"type": "http.request", "body": piece, "more_body": bool(pieces)}

        scope = {
            "method": "POST", "path": "/music/finetunes", "headers": [(b"content-type", kind.replace(b"%s", boundary))]
        }  # fmt: skip
        return await layer._read(scope, receive, io.BytesIO())

    digests = await asyncio.gather(*(digest(b, n) for b in (b"one", b"another") for n in (1, 2, 5, 7, 1000)))

    assert len(set(digests)) == 1
