"""Requests with an Idempotency-Key are carried out once."""

import asyncio
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import timedelta
from threading import Event

import pytest
from sqlalchemy import update

from app.config import Settings
from app.errors import QueueFull
from app.main import create_app
from app.services.access import Access
from app.services.storage.tables import api_keys, replays
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


SHOP = {"name": "shop", "scopes": ["read"]}


def make_key(place, admin, body=SHOP, **more):
    return place.ask("POST", "/admin/keys", admin, json=body, **keyed(), **more)


def shops(place, admin):
    listed = place.ask("GET", "/admin/keys", admin).json()["keys"]
    told = [event["subject"] for event in place.ask("GET", "/admin/audit", admin).json()["events"]]
    made = [one["key_id"] for one in listed if one["name"] == "shop"]
    assert sorted(told) == sorted(made)
    return made


def test_a_key_is_made_once_and_told_again_though_it_is_kept_nowhere(place):
    _, admin = place.key("admin")

    first = make_key(place, admin)
    key = first.json()["key"]
    assert place.ask("GET", "/music/tracks", key).status_code == 200
    again = make_key(place, admin)
    other = make_key(place, admin, {**SHOP, "name": "stall"})

    assert first.status_code == again.status_code == 200
    assert again.content == first.content
    assert "Idempotency-Replayed" not in first.headers
    assert again.headers["Idempotency-Replayed"] == "true"
    assert other.status_code == 422
    assert len(shops(place, admin)) == 1
    kept = b"".join(path.read_bytes() for path in place.settings.data_dir.glob("music.db*"))
    for secret in (key, key[16:], admin, admin[16:]):
        assert secret.encode() not in kept


def test_a_revoked_key_that_is_told_again_stays_revoked(place):
    _, admin = place.key("admin")
    first = make_key(place, admin)
    place.ask("DELETE", f"/admin/keys/{first.json()['key_id']}", admin)

    again = make_key(place, admin)

    assert again.content == first.content
    assert place.ask("GET", "/music/tracks", again.json()["key"]).status_code == 401


def test_keys_made_by_different_owners_are_different(place):
    made = [make_key(place, place.key("admin")[1]).json()["key"] for _ in range(2)]
    made.append(place.ask("POST", "/admin/keys", place.key("admin")[1], json=SHOP).json()["key"])

    assert len({key[16:80] for key in made}) == 3


def test_a_server_that_ended_before_it_told_the_key_made_one(place):
    _, admin = place.key("admin")
    first = make_key(place, admin)
    with place.service._backend.store.transaction() as changes:
        earlier = place.service._backend.clock.now() - timedelta(minutes=5)
        unanswered = {"status": None, "headers": None, "body": None, "maker": "another", "created_at": earlier}
        changes.connection.execute(update(replays).values(unanswered))

    again = make_key(place, admin)

    assert again.content == first.content
    assert len(shops(place, admin)) == 1


def test_a_day_later_the_same_request_makes_another_key(place):
    _, admin = place.key("admin")
    first = make_key(place, admin).json()
    with place.service._backend.store.transaction() as changes:
        for table in (replays, api_keys):
            earlier = place.service._backend.clock.now() - timedelta(hours=25)
            changes.connection.execute(update(table).values(created_at=earlier))

    second = make_key(place, admin).json()
    again = make_key(place, admin).json()

    assert second["key_id"] != first["key_id"]
    assert second == again
    assert len(shops(place, admin)) == 2


def test_a_key_that_is_still_being_made_is_a_conflict(place, monkeypatch):
    _, admin = place.key("admin")
    make, asked, go_on = Access.make_key, Event(), Event()

    def held(*arguments, **more):
        asked.set()
        assert go_on.wait(60)
        return make(*arguments, **more)

    monkeypatch.setattr(Access, "make_key", held)
    with ThreadPoolExecutor(1) as beside:
        first = beside.submit(make_key, place, admin)
        assert asked.wait(60)
        meanwhile = make_key(place, admin)
        go_on.set()

    assert meanwhile.status_code == 409
    assert first.result().content == make_key(place, admin).content


#: POSTs that make nothing: twice is once anyway.
MAKES_NOTHING = {
    "/music/plan",
    "/music/tracks/{track_id}/cancel",
    "/music/groups/{group_id}/cancel",
    "/music/compare/{comparison_id}/vote",
    "/music/finetunes/{finetune_id}/cancel",
}


def test_the_document_names_the_header_wherever_something_is_made():
    document = create_app(Settings(auth="keys", webhooks=True, metrics="on")).openapi()

    posts = {path: known["post"] for path, known in document["paths"].items() if "post" in known}
    named = {
        path
        for path, said in posts.items()
        if any(one["name"] == "Idempotency-Key" and not one["required"] for one in said.get("parameters", ()))
    }

    assert set(posts) > MAKES_NOTHING
    assert named == set(posts) - MAKES_NOTHING
    for path in named:
        assert {"409", "422", "503"} <= set(posts[path]["responses"])
        assert "Idempotency-Replayed" in posts[path]["responses"]["200"]["headers"]
    for known in document["paths"].values():
        for method in set(known) - {"post"}:
            assert "Idempotency-Key" not in str(known[method])


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
