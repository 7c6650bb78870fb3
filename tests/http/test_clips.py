"""Clips over HTTP: a recording in, a name out; what names a clip is checked before anything is made."""

import hashlib
from dataclasses import replace

import pytest

from app.services.engines.catalogue import CATALOGUE
from tests.recordings import BAD, RATE, recording
from tests.tones import rows

URL = "/music/clips"
UNKNOWN = "clip_0123456789abcdef"


def send(client, content=None, name="verse.wav"):
    return client.post(URL, files={"file": (name, recording() if content is None else content)})


def generate(client, **audio_prompt):
    return client.post("/music/generate", json={"prompt": "calm", "model": "tone", "audio_prompt": audio_prompt})


@pytest.fixture
def tone(tmp_path, monkeypatch):
    """A model that can go on from a clip, and cannot follow one."""
    row = rows(tmp_path)[0]
    can = replace(row.capabilities, audio_prompt=frozenset({"continue"}))
    monkeypatch.setitem(CATALOGUE, row.name, replace(row, capabilities=can))
    return row.name


@pytest.fixture
def clip_id(client):
    return send(client).json()["clip_id"]


def test_a_recording_gets_a_record_and_an_address(client):
    content = recording()

    answer = send(client, content)

    body = answer.json()
    assert answer.status_code == 200
    assert answer.headers["location"].endswith(f"{URL}/{body['clip_id']}")
    assert (body["name"], body["format"], body["seconds"]) == ("verse.wav", "wav", 2.0)
    assert (body["sample_rate"], body["channels"], body["size"]) == (RATE, 1, len(content))
    assert body["sha256"] == hashlib.sha256(content).hexdigest()
    assert client.get(answer.headers["location"]).json() == body


def test_it_can_be_removed_once(client, clip_id):
    assert client.delete(f"{URL}/{clip_id}").status_code == 204

    for answer in (client.delete(f"{URL}/{clip_id}"), client.get(f"{URL}/{clip_id}")):
        assert (answer.status_code, answer.json()) == (404, {"detail": f"Clip not found: {clip_id}"})


@pytest.mark.parametrize("name", ["x", "clip_", "clip_XYZ", "../../etc/passwd", "track_0123456789abcdef"])
def test_what_can_be_no_clip_is_none(client, name):
    assert client.get(f"{URL}/{name}").status_code == 404


@pytest.mark.parametrize("name", BAD)
def test_a_bad_file_is_named_with_its_reason(client, service, name):
    answer = send(client, BAD[name][0])

    assert answer.status_code == 422
    (fault,) = answer.json()["detail"]
    assert fault["loc"] == ["body", "file"]
    assert fault["msg"]
    assert service.clips.clips == {}


def test_a_call_without_a_file_is_refused(client):
    assert client.post(URL).status_code == 422
    assert client.post(URL, data={"file": "not a file"}).status_code == 422
    assert client.post(URL, json={"file": "x"}).status_code == 422


def test_what_is_too_large_is_not_read(client):
    headers = {"Content-Length": str(10**10), "Content-Type": "multipart/form-data; boundary=x"}

    answer = client.post(URL, content=b"", headers=headers)

    assert answer.status_code == 413
    assert "at most 100000000 bytes" in answer.json()["detail"]


def test_a_wish_with_a_clip_is_accepted_and_kept_with_the_track(client, queue, tone, clip_id):
    answer = generate(client, clip=clip_id)

    assert answer.status_code == 200, answer.text
    wanted = {"clip": clip_id, "use": "continue"}
    assert queue.tracks[answer.json()["track_id"]].asked == {"audio_prompt": wanted}
    record = client.get(f"/music/tracks/{answer.json()['track_id']}").json()
    assert record["asked"] == {"audio_prompt": wanted}


def test_a_model_that_cannot_names_those_that_can(client, queue, tone, clip_id):
    def fault(model, use):
        answer = client.post(
            "/music/generate",
            json={"prompt": "calm", "model": model, "audio_prompt": {"clip": clip_id, "use": use}},
        )
        assert answer.status_code == 422
        (one,) = answer.json()["detail"]
        assert one["loc"] == ["body", "audio_prompt", "use"]
        return one["msg"]

    assert "composer cannot go on from a clip; models that can: musicgen-small" in fault("composer", "continue")
    assert "tone cannot follow the melody of a clip; models that can:" in fault(tone, "melody")
    assert queue.tracks == {}


def test_a_clip_that_is_not_there_is_told(client, queue, tone):
    answer = generate(client, clip=UNKNOWN)

    (fault,) = answer.json()["detail"]
    assert (answer.status_code, fault["loc"]) == (422, ["body", "audio_prompt", "clip"])
    assert "POST /music/clips" in fault["msg"]
    assert queue.tracks == {}


@pytest.mark.parametrize(
    ("wanted", "place"),
    [
        ({}, "clip"),
        ({"clip": "../../etc/passwd"}, "clip"),
        ({"clip": 7}, "clip"),
        ({"clip": None}, "clip"),
        ({"clip": UNKNOWN, "use": "sing"}, "use"),
        ({"clip": UNKNOWN, "use": None}, "use"),
        ({"clip": UNKNOWN, "speed": 2}, "speed"),
    ],
)
def test_a_wrong_field_is_named(client, queue, tone, wanted, place):
    answer = generate(client, **wanted)

    assert answer.status_code == 422
    assert answer.json()["detail"][0]["loc"] == ["body", "audio_prompt", place]
    assert queue.tracks == {}


def test_batches_and_comparisons_take_it_too_or_say_whose_it_is(client, queue, tone, clip_id):
    wish = {"prompt": "calm", "model": tone, "audio_prompt": {"clip": clip_id}}
    batch = client.post("/music/batch", json={"requests": [wish, {**wish, "variations": 2}]})
    assert batch.status_code == 200
    assert all(queue.tracks[name].asked["audio_prompt"]["clip"] == clip_id for name in batch.json()["track_ids"])

    seeds = client.post("/music/compare", json={**wish, "seeds": [1, 2]})
    assert seeds.status_code == 200
    refused = client.post("/music/batch", json={"requests": [wish, {**wish, "model": "composer"}]})
    assert refused.json()["detail"][0]["loc"] == ["body", "requests", 1, "audio_prompt", "use"]
    mixed = client.post("/music/compare", json={**wish, "models": [tone, "composer"]})
    assert mixed.status_code == 422


def test_a_plan_is_the_same_with_a_clip_as_without(client, clip_id):
    def planned(**fields):
        return client.post("/music/plan", json={"prompt": "calm piano", "seed": 7, **fields}).json()

    assert planned(audio_prompt={"clip": clip_id}) == planned()
