"""The wire contract, point by point."""

import re
from datetime import datetime, timedelta

import pytest
from fastapi.testclient import TestClient

from app.config import Settings
from app.main import create_app

PROMPT = "relaxing piano melody for meditation"
GENRES = {
    "pop", "rock", "jazz", "classical", "electronic", "hip-hop", "country", "reggae", "blues", "folk", "ambient",
    "instrumental",
}  # fmt: skip
MOODS = {
    "happy", "sad", "energetic", "relaxing", "dramatic", "peaceful", "mysterious", "uplifting", "melancholic",
    "triumphant", "romantic",
}  # fmt: skip


def generate(client, **body):
    return client.post("/music/generate", json={"prompt": PROMPT, **body})


def status(client, track_id):
    return client.get(f"/music/status/{track_id}").json()


def is_whole(value):
    return type(value) is int


# -- the pages ----------------------------------------------------------------------------------------------------


def test_the_front_door_welcomes(client):
    answer = client.get("/")

    assert answer.status_code == 200
    assert (
        answer.json()
        | {
            "message": "Welcome to Music AI Generator Backend",
            "status": "running",
            "version": "1.0.0",
            "created_by": "Sergie Code",
        }
        == answer.json()
    )


def test_the_health_check_is_healthy(client, queue):
    answer = client.get("/health")

    assert answer.status_code == 200
    assert answer.json() | {"status": "healthy", "service": "music-ai-generator-backend"} == answer.json()
    assert queue.started == 0  # it asks nobody


def test_the_music_page_tells_limits_and_forms(client):
    card = client.get("/music/").json()

    assert card["service"] == "Music AI Generator"
    assert card["version"] == "1.0.0"
    assert {"mp3", "wav"} <= set(card["supported_formats"])
    assert (card["min_duration"], card["max_duration"]) == (5, 300)
    assert card["status"] == "active"


def test_a_missing_slash_is_added(client):
    assert client.get("/music").json() == client.get("/music/").json()


def test_every_promised_genre_is_offered(client):
    assert set(client.get("/music/genres").json()["genres"]) >= GENRES


def test_every_promised_mood_is_offered(client):
    assert set(client.get("/music/moods").json()["moods"]) >= MOODS


def test_every_engine_is_listed_and_one_is_the_default(client):
    models = client.get("/music/models").json()["models"]

    assert {"composer", "simulator"} <= {model["name"] for model in models}
    assert [model["name"] for model in models if model["default"]] == ["composer"]


# -- POST /music/generate -----------------------------------------------------------------------------------------


def test_generate_answers_200_with_the_body_of_the_contract(client):
    answer = generate(client, duration=60)

    assert answer.status_code == 200
    body = answer.json()
    assert body["success"] is True
    assert body["message"] == f"Music generation started for prompt: '{PROMPT}'"
    assert body["prompt"] == PROMPT
    assert body["duration"] == 60
    assert body["status"] == "processing"
    assert body["download_url"] is None
    assert is_whole(body["duration"])
    assert is_whole(body["estimated_processing_time"])
    assert body["estimated_processing_time"] >= 1


def test_a_track_id_is_opaque_but_of_one_shape(client):
    assert re.fullmatch(r"track_[0-9a-f]{16}", generate(client).json()["track_id"])


def test_location_says_where_to_follow_the_track(client):
    answer = generate(client)

    assert answer.headers["location"] == f"http://testserver/music/status/{answer.json()['track_id']}"
    assert client.get(answer.headers["location"]).status_code == 200


def test_the_prompt_is_trimmed(client, queue):
    body = generate(client, prompt=f"  {PROMPT}\n").json()

    assert body["prompt"] == PROMPT
    assert queue.get(body["track_id"]).prompt == PROMPT


@pytest.mark.parametrize("length", [1, 500])
def test_prompts_of_1_to_500_characters_are_taken(client, length):
    assert generate(client, prompt="♪" * length).json()["prompt"] == "♪" * length


@pytest.mark.parametrize("duration", [5, 30, 300])
def test_durations_of_5_to_300_seconds_are_taken(client, queue, duration):
    body = generate(client, duration=duration).json()

    assert body["duration"] == duration
    assert queue.get(body["track_id"]).duration == duration


@pytest.mark.parametrize("body", [{}, {"duration": None}])
def test_30_seconds_is_the_default(client, body):
    assert generate(client, **body).json()["duration"] == 30


@pytest.mark.parametrize("sent", ["30", 30.0, "30.0"])
def test_durations_may_come_as_httpie_sends_them(client, sent):
    duration = generate(client, duration=sent).json()["duration"]

    assert duration == 30
    assert is_whole(duration)


@pytest.mark.parametrize("sent", [7, "7", 7.0])
def test_a_seed_is_used_and_reported(client, queue, sent):
    body = generate(client, seed=sent).json()

    assert body["seed"] == 7
    assert queue.get(body["track_id"]).seed == 7


@pytest.mark.parametrize(("sent", "kept"), [(-10, -10), ("10", 10), (3.0, 3), (None, 0)])
def test_a_priority_is_kept(client, queue, sent, kept):
    assert queue.get(generate(client, priority=sent).json()["track_id"]).priority == kept


@pytest.mark.parametrize("priority", [11, -11, True, 1.5, "high"])
def test_a_priority_out_of_range_is_refused(client, queue, priority):
    answer = generate(client, priority=priority)

    assert answer.status_code == 422
    assert answer.json()["detail"][0]["loc"] == ["body", "priority"]
    assert queue.tracks == {}


@pytest.mark.parametrize("seed", [0, 2**53 - 1])
def test_seeds_reach_from_0_to_what_javascript_can_count(client, seed):
    assert generate(client, seed=seed).json()["seed"] == seed


@pytest.mark.parametrize("body", [{}, {"seed": None}])
def test_without_a_seed_one_is_drawn_and_reported(client, body):
    seeds = {generate(client, **body).json()["seed"] for _ in range(3)}

    assert len(seeds) == 3
    assert all(0 <= seed < 2**53 for seed in seeds)


def test_a_model_can_be_chosen(client, queue):
    body = generate(client, model="simulator").json()

    assert body["model"] == "simulator"
    assert queue.get(body["track_id"]).model == "simulator"


def test_unknown_fields_are_ignored(client):
    assert generate(client, tempo="fast", model_config="x", schema={"deep": [1]}).status_code == 200


def test_every_accepted_track_is_another(client):
    ids = {generate(client).json()["track_id"] for _ in range(20)}

    assert len(ids) == 20


# -- GET /music/status --------------------------------------------------------------------------------------------


def test_status_has_the_body_of_the_contract(client, queue, track_id):
    queue.work(track_id, "rendering", 75)

    answer = client.get(f"/music/status/{track_id}")

    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/json"
    body = answer.json()
    assert body["track_id"] == track_id
    assert body["status"] == "processing"
    assert body["progress"] == 75
    assert body["prompt"] == PROMPT
    assert body["duration"] == 30
    assert body["download_url"] is None
    assert is_whole(body["progress"])
    assert is_whole(body["duration"])


def test_status_answers_at_once_after_generate(client):
    track_id = generate(client).json()["track_id"]

    assert status(client, track_id)["status"] == "processing"


@pytest.mark.parametrize("stage", ["queued", "planning", "composing", "rendering", "mastering", "encoding"])
def test_every_stage_of_the_work_is_processing(client, queue, track_id, stage):
    queue.work(track_id, stage, 10)

    assert status(client, track_id)["status"] == "processing"
    assert status(client, track_id)["stage"] == stage


@pytest.mark.parametrize(
    ("ending", "expected"),
    [
        (lambda queue, track_id: queue.complete(track_id), "completed"),
        (lambda queue, track_id: queue.fail(track_id, "The disk is full"), "failed"),
        (lambda queue, track_id: queue.cancel(track_id), "failed"),
    ],
    ids=["completed", "failed", "cancelled"],
)
def test_a_track_ends_completed_or_failed(client, queue, track_id, ending, expected):
    ending(queue, track_id)

    assert status(client, track_id)["status"] == expected


def test_a_failed_track_says_why(client, queue, track_id):
    queue.fail(track_id, "The disk is full")

    assert status(client, track_id)["error"] == "The disk is full"
    assert status(client, track_id)["download_url"] is None


def test_progress_is_100_once_completed(client, queue, track_id):
    queue.complete(track_id)

    assert status(client, track_id)["progress"] == 100


def test_moments_are_never_null_and_have_a_time_zone(client, queue, track_id):
    seen = [status(client, track_id)]
    queue.work(track_id, "rendering", 50)
    seen.append(status(client, track_id))
    queue.complete(track_id)
    seen.append(status(client, track_id))

    for body in seen:
        for field in ("created_at", "estimated_completion"):
            moment = datetime.fromisoformat(body[field].replace("Z", "+00:00"))
            assert moment.utcoffset() == timedelta(0)


def test_download_url_is_absolute_and_an_mp3(client, queue, track_id):
    queue.complete(track_id)

    url = status(client, track_id)["download_url"]

    assert url == f"http://testserver/downloads/{track_id}.mp3"
    answer = client.get(url)
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "audio/mpeg"
    assert answer.headers["content-disposition"].startswith("attachment; filename")


def test_an_unknown_track_is_not_found(client):
    answer = client.get("/music/status/track_0000000000000000")

    assert answer.status_code == 404
    assert answer.json()["detail"].startswith("Track not found")


def test_a_track_that_only_the_store_remembers_is_found(client, queue, track_id):
    queue.complete(track_id)
    from_memory = client.get(f"/music/status/{track_id}")
    queue.forget(track_id)

    from_store = client.get(f"/music/status/{track_id}")

    assert from_store.status_code == 200
    assert from_store.json() == from_memory.json()
    assert from_store.headers["content-type"] == from_memory.headers["content-type"]


# -- the same everywhere ------------------------------------------------------------------------------------------


def test_the_app_behaves_the_same_within_its_lifespan(app, queue):
    with TestClient(app) as client:
        assert queue.started == 1
        assert status(client, generate(client).json()["track_id"])["status"] == "processing"
    assert queue.stopped == 1


def test_the_service_starts_with_the_first_track_where_no_lifespan_did_it(client, queue):
    client.get("/health")
    assert queue.started == 0

    generate(client)
    generate(client)

    assert queue.started == 1


def test_any_origin_may_call_by_default(client):
    preflight = client.options(
        "/music/generate",
        headers={
            "Origin": "http://localhost:4200",
            "Access-Control-Request-Method": "POST",
            "Access-Control-Request-Headers": "content-type",
        },
    )
    answer = client.post("/music/generate", json={"prompt": PROMPT}, headers={"Origin": "http://localhost:4200"})

    assert preflight.status_code == 200
    assert preflight.headers["access-control-allow-origin"] == "*"
    assert "content-type" in preflight.headers["access-control-allow-headers"].lower()
    assert answer.headers["access-control-allow-origin"] == "*"


def test_an_owner_can_restrict_who_may_call(tmp_path, service):
    settings = Settings(data_dir=tmp_path, cors_origins="https://music.example.org, https://app.example.org")
    client = TestClient(create_app(settings, service))

    allowed = client.get("/health", headers={"Origin": "https://app.example.org"})
    refused = client.get("/health", headers={"Origin": "https://elsewhere.example.org"})

    assert allowed.headers["access-control-allow-origin"] == "https://app.example.org"
    assert "access-control-allow-origin" not in refused.headers


def test_scripts_of_other_origins_may_read_what_downloads_say(client):
    exposed = client.get("/health", headers={"Origin": "http://a"}).headers["access-control-expose-headers"]

    assert {"ETag", "Location", "Content-Disposition", "Content-Range", "Accept-Ranges", "Retry-After"} <= set(
        exposed.split(", ")
    )


def test_the_owner_can_name_the_address_that_clients_see(tmp_path, service):
    settings = Settings(data_dir=tmp_path, public_url="https://music.example.org/api/")
    client = TestClient(create_app(settings, service))

    answer = generate(client)
    track_id = answer.json()["track_id"]
    service.queue.complete(track_id)

    assert answer.headers["location"] == f"https://music.example.org/api/music/status/{track_id}"
    assert status(client, track_id)["download_url"] == f"https://music.example.org/api/downloads/{track_id}.mp3"


def test_a_full_queue_answers_503_and_when_to_return(settings, tmp_path):
    from tests.fakes import FakeService

    service = FakeService(tmp_path, max_queue=2)
    client = TestClient(create_app(settings, service))
    answers = [generate(client) for _ in range(3)]

    assert [answer.status_code for answer in answers] == [200, 200, 503]
    assert answers[-1].headers["retry-after"] == "7"
    assert isinstance(answers[-1].json()["detail"], str)
    assert len(service.queue.tracks) == 2
