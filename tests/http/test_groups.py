"""Many tracks at once: all or nothing, followed as one, stopped as one, removed as one."""

import json

import pytest

from app.errors import Busy, MusicError, StorageFailed
from app.services.engines import CATALOGUE
from app.services.generator import LIVE_PATHS
from app.utils.seeds import MAX_SEED, variation_seed
from tests.fakes import FakeService

TO_THE_ROUTE = {"Content-Type": "application/json; charset=utf-8"}


def generate(client, **fields):
    return client.post("/music/generate", json={"prompt": "calm piano", **fields})


def batch(client, *requests):
    return client.post("/music/batch", json={"requests": list(requests)})


@pytest.fixture
def three(client):
    """A group of three tracks."""
    return batch(client, *({"prompt": f"piano {number}"} for number in range(3))).json()


# -- variations ---------------------------------------------------------------------------------------------------


def test_variations_are_tracks_with_seeds_that_follow_from_the_first(client, queue):
    answer = generate(client, variations=8, seed=7, duration=12)

    body = answer.json()
    assert answer.status_code == 200
    assert len(set(body["track_ids"])) == 8
    assert (body["track_id"], body["seed"], body["duration"]) == (body["track_ids"][0], 7, 12)
    assert body["seeds"] == [variation_seed(7, number) for number in range(8)]
    assert len(set(body["seeds"])) == 8
    assert [queue.tracks[track_id].seed for track_id in body["track_ids"]] == body["seeds"]
    assert answer.headers["location"].endswith(f"/music/status/{body['track_id']}")
    assert generate(client, variations=8, seed=7).json()["seeds"] == body["seeds"]


def test_variations_of_a_drawn_seed_have_seeds_in_range(client):
    seeds = generate(client, variations=8).json()["seeds"]

    assert len(set(seeds)) == 8
    assert all(0 <= seed <= MAX_SEED for seed in seeds)


def test_the_contract_holds_beside_variations(client):
    plain, several = generate(client, seed=7).json(), generate(client, seed=7, variations=3).json()

    assert list(several)[: len(plain)] == list(plain)
    for name in set(plain) - {"track_id", *LIVE_PATHS}:
        assert (name, several[name]) == (name, plain[name])


@pytest.mark.parametrize("variations", [1, None, "1", 1.0])
def test_one_variation_is_answered_as_none_is(client, queue, variations):
    plain, one = generate(client, seed=7).content, generate(client, seed=7, variations=variations).content

    name = json.loads(plain)["track_id"].encode()
    assert one == plain.replace(name, json.loads(one)["track_id"].encode())
    assert queue.groups == {}


def test_variations_of_a_plan_begin_with_the_plan_itself(client, queue):
    plan = client.post("/music/plan", json={"prompt": "calm piano", "seed": 5, "duration": 20}).json()["plan"]

    body = generate(client, plan=plan, variations=2).json()

    assert body["seeds"] == [5, variation_seed(5, 1)]
    assert body["duration"] == 20
    assert [queue.tracks[name].asked["plan"] for name in body["track_ids"]] == [plan, plan]


@pytest.mark.parametrize("body", [
    {"variations": 3, "seed": 7}, {"variations": 2, "prompt": " "}, {"variations": 2, "model": "gramophone"},
    {"variations": 2, "key": "H sharp"}, {"variations": 2, "plan": {"tempo_bpm": True}}, {"variations": 9},
])  # fmt: skip
def test_the_shortcut_and_the_route_say_the_same_of_variations(client, body):
    short = generate(client, **body)
    routed = client.post("/music/generate", content=json.dumps({"prompt": "calm piano", **body}), headers=TO_THE_ROUTE)

    assert short.status_code == routed.status_code
    said, again = short.json(), routed.json()
    for name in ("track_id", "track_ids", "group_id", *LIVE_PATHS):
        assert (name in said) == (name in again)
        said.pop(name, None)
        again.pop(name, None)
    assert said == again


@pytest.mark.parametrize("variations", [0, 9, -1, True, "many", 1.5, [2], {}, 10**400])
def test_a_number_of_variations_that_cannot_be_is_refused(client, queue, variations):
    answer = generate(client, variations=variations)

    assert answer.status_code == 422
    assert answer.json()["detail"][0]["loc"] == ["body", "variations"]
    assert not queue.tracks


# -- batches ------------------------------------------------------------------------------------------------------


def test_a_hundred_requests_are_a_hundred_tracks_in_order(client, queue):
    answer = batch(client, *({"prompt": f"piano {n}", "seed": n, "duration": 5 + n} for n in range(100)))

    body = answer.json()
    assert answer.status_code == 200
    assert answer.headers["location"].endswith(f"/music/groups/{body['group_id']}")
    assert [queue.tracks[name].prompt for name in body["track_ids"]] == [f"piano {n}" for n in range(100)]
    assert [track["track_id"] for track in body["tracks"]] == body["track_ids"]
    assert [(track["seed"], track["duration"]) for track in body["tracks"]] == [(n, 5 + n) for n in range(100)]
    created = [queue.tracks[name].created_at for name in body["track_ids"]]
    assert created == sorted(set(created))
    assert body["estimated_processing_time"] == max(track["estimated_processing_time"] for track in body["tracks"])


def test_those_behind_in_a_batch_are_told_to_wait_longer(client):
    tracks = batch(client, *({"prompt": "piano", "duration": 300} for _ in range(20))).json()["tracks"]

    waits = [track["estimated_processing_time"] for track in tracks]
    assert waits == sorted(waits)
    # Two workers share nineteen tracks before the last.
    row = CATALOGUE["composer"]
    assert waits[-1] == pytest.approx(10.5 * row.estimate_s(300, "piano", 1), abs=1.5)


def test_a_batch_may_hold_variations(client, queue):
    body = batch(client, {"prompt": "piano", "seed": 3, "variations": 2}, {"prompt": "organ", "seed": 4}).json()

    found = [(queue.tracks[name].prompt, queue.tracks[name].seed) for name in body["track_ids"]]
    assert found == [("piano", 3), ("piano", variation_seed(3, 1)), ("organ", 4)]


BAD = {
    "too short": ({"prompt": "piano", "duration": 4}, ["duration"]),
    "no prompt": ({}, ["prompt"]),
    "blank": ({"prompt": "  "}, ["prompt"]),
    "unknown model": ({"prompt": "piano", "model": "gramophone"}, ["model"]),
    "no key": ({"prompt": "piano", "key": "H sharp"}, ["key"]),
    "no plan": ({"prompt": "piano", "plan": {"tempo_bpm": "fast"}}, ["plan"]),
    "nine variations": ({"prompt": "piano", "variations": 9}, ["variations"]),
    "no object": ("piano", []),
}


@pytest.mark.parametrize(("bad", "place"), BAD.values(), ids=BAD)
def test_one_bad_request_of_a_hundred_is_named_and_nothing_is_made(client, queue, bad, place):
    requests = [{"prompt": "piano"} for _ in range(100)]
    requests[42] = bad

    answer = batch(client, *requests)

    assert answer.status_code == 422
    faults = answer.json()["detail"]
    assert {tuple(fault["loc"][: 3 + len(place)]) for fault in faults} == {("body", "requests", 42, *place)}
    assert not queue.tracks
    assert not queue.groups


def test_every_bad_request_is_named(client, queue):
    requests = [{"prompt": "piano", "key": "H sharp" if number % 10 == 0 else "C"} for number in range(100)]

    faults = batch(client, *requests).json()["detail"]

    assert [fault["loc"][2] for fault in faults] == list(range(0, 100, 10))
    assert not queue.tracks


@pytest.mark.parametrize("body", [
    b"", b"[]", b"{}", b'{"requests": []}', b'{"requests": {}}', b'{"requests": null}', b'{"requests": [[]]}',
    json.dumps({"requests": [{"prompt": "piano"}] * 101}).encode(), b'{"requests": ' + b"[" * 9_000,
])  # fmt: skip
def test_what_is_no_batch_is_refused(client, queue, body):
    answer = client.post("/music/batch", content=body, headers=TO_THE_ROUTE)

    assert answer.status_code == 422
    assert not queue.tracks


def test_a_batch_holds_a_hundred_tracks_with_all_variations(client, queue):
    answer = batch(client, *({"prompt": "piano", "variations": 8} for _ in range(13)))

    assert answer.status_code == 422
    (fault,) = answer.json()["detail"]
    assert fault["loc"] == ["body", "requests", 12, "variations"]
    assert "at most 100 tracks" in fault["msg"]
    assert not queue.tracks


def test_a_queue_without_room_for_all_leaves_nothing(tmp_path, settings):
    from fastapi.testclient import TestClient

    from app.main import create_app

    service = FakeService(tmp_path, max_queue=5)
    client = TestClient(create_app(settings, service))
    generate(client)

    refused = [batch(client, *({"prompt": "piano"} for _ in range(5))), generate(client, variations=5)]

    for answer in refused:
        assert answer.status_code == 503
        assert "room for 4 of the 5" in answer.json()["detail"]
        assert answer.headers["retry-after"] == "7"
    assert len(service.queue.tracks) == 1
    assert batch(client, *({"prompt": "piano"} for _ in range(4))).status_code == 200


@pytest.mark.parametrize("trouble", [Busy("later", 5), StorageFailed("disk full")])
def test_trouble_of_the_queue_leaves_nothing(client, queue, trouble):
    for ask in (lambda: batch(client, {"prompt": "piano"}), lambda: generate(client, variations=2)):
        queue.trouble = trouble

        assert ask().status_code == 503
        assert not queue.tracks
        assert not queue.groups


def test_a_batch_may_be_larger_than_other_bodies_but_not_without_end(client, queue):
    plan = client.post("/music/plan", json={"prompt": "piano", "duration": 30}).json()["plan"]
    large = json.dumps({"requests": [{"prompt": "piano", "plan": plan}] * 60}).encode()
    assert 65_536 < len(large) < 2_000_000

    assert client.post("/music/batch", content=large, headers=TO_THE_ROUTE).status_code == 200
    assert len(queue.tracks) == 60
    assert client.post("/music/generate", content=large, headers=TO_THE_ROUTE).status_code == 413
    huge = client.post("/music/batch", content=b" " * 2_100_000, headers=TO_THE_ROUTE)
    assert (huge.status_code, huge.json()["detail"]) == (413, "The body is too large: at most 2097152 bytes")


class NotReady(MusicError):
    status = 409


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (NotReady("Model musicgen-small is not installed"), "requests.1: Model musicgen-small is not installed"),
        (Busy("Too many plans are being made", 1), "Too many plans are being made"),
    ],
)
def test_what_a_request_meets_beside_its_fields_is_said_with_its_number(
    client, queue, service, monkeypatch, error, said
):
    prepare = service.prepare

    async def prepare_one(prompt, *args, **options):
        if prompt == "organ":
            raise error
        return await prepare(prompt, *args, **options)

    monkeypatch.setattr(service, "prepare", prepare_one)
    answer = batch(client, {"prompt": "piano"}, {"prompt": "organ"})

    assert (answer.status_code, answer.json()["detail"]) == (error.status, said)
    assert not queue.tracks


# -- groups -------------------------------------------------------------------------------------------------------


def test_a_group_follows_all_of_its_tracks(client, queue, three):
    first, second, third = three["track_ids"]
    queue.complete(first)
    queue.work(second, "rendering", 61)
    queue.work(third, "planning", 0)

    record = client.get(f"/music/groups/{three['group_id']}").json()

    assert record["counts"] == {"processing": 2, "completed": 1, "failed": 0}
    assert (record["status"], record["progress"], record["kind"]) == ("processing", 53, "batch")
    assert (record["size"], record["removed"], record["track_ids"]) == (3, 0, three["track_ids"])
    listed = {track["track_id"]: track for track in client.get("/music/tracks").json()["tracks"]}
    assert record["tracks"] == [listed[name] for name in three["track_ids"]]
    assert record["tracks"][0]["download_url"].endswith(f"/downloads/{first}.mp3")


def test_a_group_is_at_its_end_when_all_of_its_tracks_are(client, queue, three):
    first, second, third = three["track_ids"]
    path = f"/music/groups/{three['group_id']}"
    queue.complete(first)
    queue.fail(second, "no strings")
    queue.work(third, "encoding", 99)
    assert (client.get(path).json()["status"], client.get(path).json()["progress"]) == ("processing", 99)

    queue.fail(third, "no strings")
    record = client.get(path).json()
    assert (record["status"], record["progress"], record["counts"]["failed"]) == ("completed", 100, 2)

    queue.fail(first, "lost")
    assert client.get(path).json()["status"] == "failed"


def test_tracks_that_only_the_store_knows_are_followed_too(client, queue, three):
    queue.complete(three["track_ids"][1])
    for track_id in three["track_ids"]:
        queue.forget(track_id)

    assert client.get(f"/music/groups/{three['group_id']}").json()["counts"]["completed"] == 1


def test_cancelling_stops_what_is_in_work_and_leaves_what_is_finished(client, queue, three):
    queue.complete(three["track_ids"][0])
    path = f"/music/groups/{three['group_id']}"

    record = client.post(f"{path}/cancel").json()

    assert record["counts"] == {"processing": 0, "completed": 1, "failed": 2}
    assert [track["stage"] for track in record["tracks"]] == ["completed", "cancelled", "cancelled"]
    assert client.post(f"{path}/cancel").json() == record


def test_a_finished_group_cannot_be_cancelled(client, queue, three):
    for track_id in three["track_ids"]:
        queue.complete(track_id)

    answer = client.post(f"/music/groups/{three['group_id']}/cancel")

    assert answer.status_code == 409
    assert "already finished" in answer.json()["detail"]


def test_removing_a_group_removes_its_tracks_and_no_other(client, queue, three, track_id):
    path = f"/music/groups/{three['group_id']}"

    assert client.delete(path).status_code == 204

    assert list(queue.tracks) == [track_id]
    for answer in (client.get(path), client.delete(path), client.post(f"{path}/cancel")):
        assert answer.status_code == 404
        assert answer.json()["detail"].startswith("Group not found")


def test_a_group_shrinks_with_its_tracks(client, three):
    client.delete(f"/music/tracks/{three['track_ids'][1]}")

    record = client.get(f"/music/groups/{three['group_id']}").json()

    assert (record["size"], record["removed"], len(record["tracks"])) == (3, 1, 2)


def test_a_group_whose_tracks_go_while_it_is_read_is_gone(client, queue, three):
    queue.tracks.clear()

    assert client.get(f"/music/groups/{three['group_id']}").status_code == 404


@pytest.mark.parametrize("name", ["group_0", "group_", "track_0123456789abcdef", "group_0%0a", "group_é", "%00"])
def test_unknown_groups_are_not_found(client, name):
    for answer in (
        client.get(f"/music/groups/{name}"),
        client.post(f"/music/groups/{name}/cancel"),
        client.delete(f"/music/groups/{name}"),
    ):
        assert answer.status_code == 404
        assert isinstance(answer.json()["detail"], str)
