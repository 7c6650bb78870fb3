"""Fields and plans over HTTP: planning makes nothing, generating keeps what was asked, the two agree."""

import asyncio
import json
import subprocess
import sys
import threading

import pytest

from app.errors import Busy
from app.models.asked import Asked
from app.services import generator
from app.services.planning import PlanningThread, decide
from tests.fakes import SOUNDFONT_SHA256
from tests.processes import unfollowed

PROMPT = "calm piano in C minor at 90 bpm in 4/4"

FIELDS = {
    "tempo_bpm": 120.0,
    "key": "D dorian",
    "time_signature": "3/4",
    "genre": "folk",
    "moods": ["happy", "romantic"],
    "instruments": ["flute"],
    "exclude_instruments": ["drums", "strings"],
    "loop": False,
    "loudness_lufs": -16.0,
}


def plan(client, **body):
    return client.post("/music/plan", json={"prompt": PROMPT, **body})


def generate(client, **body):
    return client.post("/music/generate", json={"prompt": PROMPT, **body})


def test_a_plan_comes_with_what_was_understood_and_makes_nothing(client, queue):
    answer = plan(client, duration=60, seed=7)

    body = answer.json()
    assert answer.status_code == 200
    assert (body["prompt"], body["duration"], body["seed"]) == (PROMPT, 60, 7)
    assert body["brief"]["tonic"] == {"value": "C", "words": ["C minor"]}
    assert (body["plan"]["duration_s"], body["plan"]["seed"], body["plan"]["tempo_bpm"]) == (60, 7, 90)
    assert body["plan"]["soundfont_sha256"] == SOUNDFONT_SHA256
    assert queue.tracks == {}


def test_lengths_and_seeds_left_out_are_as_for_generate(client):
    body = plan(client).json()

    assert body["duration"] == body["plan"]["duration_s"] == 30
    assert body["seed"] == body["plan"]["seed"]
    assert plan(client).json()["seed"] != body["seed"]


def test_the_plan_is_the_one_that_a_track_of_the_same_request_follows(client, queue):
    planned = plan(client, seed=4, **FIELDS).json()
    track = queue.tracks[generate(client, seed=4, **FIELDS).json()["track_id"]]

    brief, made = decide(
        track.prompt,
        Asked.model_validate(json.loads(json.dumps(track.asked))),
        duration_s=track.duration,
        seed=track.seed,
        soundfont_sha256=SOUNDFONT_SHA256,
    )

    assert planned["plan"] == made.model_dump(mode="json")
    assert planned["brief"] == brief.model_dump(mode="json")


def test_fields_are_kept_with_the_track_and_shown_in_its_record(client, queue):
    track_id = generate(client, **FIELDS).json()["track_id"]

    assert queue.tracks[track_id].asked == FIELDS
    assert client.get(f"/music/tracks/{track_id}").json()["asked"] == FIELDS


def test_of_a_plan_the_record_says_that_it_came(client, queue):
    sent = plan(client, seed=9).json()["plan"]

    track_id = generate(client, plan=sent, key="E").json()["track_id"]

    assert queue.tracks[track_id].asked == {"plan": sent, "key": "E"}
    assert client.get(f"/music/tracks/{track_id}").json()["asked"] == {"plan": True, "key": "E"}


@pytest.mark.parametrize("silence", [{}, dict.fromkeys((*FIELDS, "plan")), {"moods": [], "instruments": []}])
def test_a_request_without_fields_asks_for_nothing_more(client, queue, silence):
    track_id = generate(client, **silence).json()["track_id"]

    assert queue.tracks[track_id].asked is None
    assert client.get(f"/music/tracks/{track_id}").json()["asked"] is None


@pytest.mark.parametrize("call", [plan, generate])
def test_length_and_seed_are_those_of_a_plan_that_was_sent(client, call):
    sent = plan(client, duration=45, seed=3).json()["plan"]

    body = call(client, plan=sent).json()
    nulls = call(client, plan=sent, duration=None, seed=None).json()

    assert (body["duration"], body["seed"]) == (nulls["duration"], nulls["seed"]) == (45, 3)
    assert call(client, plan=sent, seed=8).json()["seed"] == 8


@pytest.mark.parametrize("call", [plan, generate])
def test_a_duration_that_the_sections_do_not_last_is_422_naming_both(client, queue, call):
    sent = plan(client, duration=45, seed=3).json()["plan"]

    answer = call(client, plan=sent, duration=30)

    (fault,) = answer.json()["detail"]
    assert answer.status_code == 422
    assert fault["loc"] == ["body", "plan", "form"]
    assert "last 45.33 s" in fault["msg"] or "last 42.67 s" in fault["msg"]
    assert "duration is 30 s" in fault["msg"]
    assert queue.tracks == {}


@pytest.mark.parametrize("call", [plan, generate])
def test_a_plan_that_cannot_be_played_is_422_by_field(client, queue, call):
    sent = plan(client).json()["plan"]
    sent["form"][0]["bars"] = "many"
    sent["tonic"] = "H"
    del sent["style"]

    answer = call(client, plan=sent)

    assert answer.status_code == 422
    places = [fault["loc"] for fault in answer.json()["detail"]]
    assert places == [
        ["body", "plan", "style"],
        ["body", "plan", "tonic"],
        ["body", "plan", "form", 0, "bars"],
    ]
    assert queue.tracks == {}


def test_a_plan_sent_back_is_answered_unchanged(client):
    sent = plan(client, duration=61).json()["plan"]

    assert plan(client, plan=sent).json()["plan"] == sent


def test_values_are_taken_as_httpie_sends_them(client, queue):
    track_id = generate(client, tempo_bpm="120", loop="true", loudness_lufs="-16").json()["track_id"]

    assert queue.tracks[track_id].asked == {"tempo_bpm": 120.0, "loop": True, "loudness_lufs": -16.0}


def test_instruments_can_be_listed(client):
    answer = client.get("/music/instruments").json()
    names = answer["instruments"]

    assert {"violin", "drums", "acoustic_grand_piano", "guitar"} <= set(names)
    assert len(names) == len(set(names))
    assert answer["playable"]["violin"] == {"low_pitch": 55, "high_pitch": 100, "drums": False}
    assert answer["playable"]["jazz_kit"]["drums"] is True
    assert "guitar" not in answer["playable"]  # a family takes no seat


@pytest.mark.parametrize("path", ["/music/plan", "/music/generate"])
def test_fields_and_plans_are_never_looked_into_on_the_event_loop(client, monkeypatch, path):
    threads = set()
    for name in ("decide", "terms_of"):
        whole = getattr(generator, name)

        def watched(*arguments, whole=whole, **named):
            threads.add(threading.current_thread().name)
            return whole(*arguments, **named)

        monkeypatch.setattr(generator, name, watched)

    assert client.post(path, json={"prompt": PROMPT, "plan": plan(client).json()["plan"]}).status_code == 200
    assert threads == {"planning_0"}


def test_planning_loads_nothing_that_renders():
    program = (
        "import sys, app.main; from app.services.planning import decide; "
        "from app.services.instruments import find_soundfont, fingerprint_of; "
        "decide('jazz', None, duration_s=30, seed=1, soundfont_sha256=fingerprint_of(find_soundfont())); "
        "assert not {'scipy', 'soundfile', 'app.services.pipeline'} & set(sys.modules)"
    )

    subprocess.run([sys.executable, "-c", program], env=unfollowed(), check=True, timeout=60)


async def test_too_many_plans_at_once_are_told_to_come_back():
    gate = threading.Event()
    narrow = PlanningThread(most_waiting=2)
    waiting = [asyncio.ensure_future(narrow.run(gate.wait)) for _ in range(2)]
    await asyncio.sleep(0)

    with pytest.raises(Busy) as caught:
        await narrow.run(gate.wait)
    gate.set()

    assert caught.value.retry_after_s == 1
    assert await asyncio.gather(*waiting) == [True, True]
    assert await narrow.run(lambda: 5) == 5
