"""MusicGeneratorService as Python users call it, on a real queue with real workers."""

import asyncio
import json
from datetime import datetime, timedelta, timezone

import pytest

from app.config import Settings
from app.errors import EmptyPrompt, FormNotFound, InvalidField, TrackAlreadyFinished, TrackNotFinished, TrackNotFound
from app.models.track import FORMS, Track
from app.services.engines import CATALOGUE
from app.services.generator import (
    MusicGeneratorService,
    estimated_completion,
    file_name,
    iso,
    new_track,
)
from app.services.jobs.base import QueueLoad
from app.wiring import make_service
from tests.fakes import FakeService

NOW = datetime(2026, 8, 27, 10, 30, tzinfo=timezone.utc)


@pytest.fixture(scope="module")
def service(tmp_path_factory):
    service = make_service(Settings(data_dir=tmp_path_factory.mktemp("data"), workers=1))
    yield service
    asyncio.run(service.close())


async def finished(service, track_id):
    """The track once nothing more happens to it."""
    for _ in range(1_200):
        track = await service.get_track(track_id)
        if track.finished:
            return track
        await asyncio.sleep(0.05)
    raise AssertionError(f"still {track.stage} at {track.progress} %")


def a_track(**changes):
    return Track(**{
        "id": "track_0123456789abcdef", "prompt": "piano", "duration": 30, "model": "composer", "seed": 1,
        "created_at": NOW, "estimated_s": 2, **changes,
    })  # fmt: skip


async def test_the_answer_to_generate_is_the_contract(service):
    body = await service.generate_music("  relaxing piano melody for meditation ", 5, seed=3)

    assert body["success"] is True
    assert body["message"] == "Music generation started for prompt: 'relaxing piano melody for meditation'"
    assert body["prompt"] == "relaxing piano melody for meditation"
    assert body["duration"] == 5
    assert body["status"] == "processing"
    assert body["download_url"] is None
    assert body["estimated_processing_time"] >= 1
    assert body["seed"] == 3
    json.dumps(body)


async def test_a_track_goes_from_processing_to_a_file(service):
    body = await service.generate_music("short drum groove", 5, seed=4)

    track = await finished(service, body["track_id"])
    status = await service.get_generation_status(body["track_id"], base_url="https://music.example/")

    assert track.status == "completed"
    assert status["progress"] == 100
    assert status["download_url"] == f"https://music.example/downloads/{track.id}.mp3"
    assert set(track.timings) == {"planning", "composing", "rendering", "mastering", "encoding"}
    assert track.plan["duration_s"] == 5
    assert track.measured["loudness_lufs"] == pytest.approx(-14, abs=0.5)


async def test_every_form_of_a_composed_track_can_be_had(service):
    body = await service.generate_music("jazz trio", 5, seed=5)
    track = await finished(service, body["track_id"])

    for form in set(FORMS) - {"mel.png"}:  # which only models paint
        stored = await service.open_file(track.id, form)
        read = b"".join([bytes(chunk) async for chunk in stored.stream(0, stored.size)])
        assert len(read) == stored.size > 0
        assert stored.media_type == FORMS[form]


async def test_status_from_memory_is_the_status(service):
    body = await service.generate_music("techno", 5)
    track = await finished(service, body["track_id"])

    from_memory = json.loads(service.status_body(track.id, "http://a"))

    assert from_memory == await service.get_generation_status(track.id, base_url="http://a")
    assert service.status_body(track.id, "http://a") is service.status_body(track.id, "http://a")
    assert json.loads(service.status_body(track.id, "http://b"))["download_url"].startswith("http://b/")
    with pytest.raises(LookupError):
        service.status_body("track_0000000000000000")


async def test_unknown_tracks_are_also_key_errors(service):
    for call in (service.get_generation_status, service.cancel_track, service.delete_track, service.get_track):
        with pytest.raises(TrackNotFound, match="Track not found"):
            await call("track_0000000000000000")
    with pytest.raises(KeyError):
        await service.get_generation_status("nonsense")


@pytest.mark.parametrize(
    ("prompt", "duration", "seed", "field"),
    [
        ("", 30, None, "prompt"),
        ("x" * 501, 30, None, "prompt"),
        ("\ud800", 30, None, "prompt"),
        (7, 30, None, "prompt"),
        ("x", 4, None, "duration"),
        ("x", 301, None, "duration"),
        ("x", 30.5, None, "duration"),
        ("x", True, None, "duration"),
        ("x", 30, -1, "seed"),
        ("x", 30, 2**53, "seed"),
        ("x", 30, "7", "seed"),
    ],
)
async def test_wrong_fields_are_named(service, prompt, duration, seed, field):
    with pytest.raises(InvalidField) as caught:
        await service.generate_music(prompt, duration, seed=seed)

    assert caught.value.field == field


async def test_a_blank_prompt_and_an_unknown_model_are_refused(service):
    with pytest.raises(EmptyPrompt):
        await service.generate_music(" \n\t")
    with pytest.raises(InvalidField, match="composer, simulator"):
        await service.generate_music("x", model="nonsense")


async def test_no_duration_means_the_default(service):
    body = await service.generate_music("x", None, model="simulator")
    await service.cancel_track(body["track_id"])

    assert body["duration"] == 30


async def test_files_come_only_from_finished_tracks_and_known_forms(service):
    body = await service.generate_music("ambient", 300)

    with pytest.raises(TrackNotFinished):
        await service.open_file(body["track_id"], "mp3")
    with pytest.raises(FormNotFound, match="mp3, wav"):
        await service.open_file(body["track_id"], "aiff")

    await service.cancel_track(body["track_id"])
    with pytest.raises(FormNotFound):
        await service.open_file(body["track_id"], "mp3")


async def test_cancelling_twice_is_the_same_as_once_but_a_finished_track_stays(service):
    body = await service.generate_music("ambient", 300)

    first = await service.cancel_track(body["track_id"])
    second = await service.cancel_track(body["track_id"])

    assert first.status == second.status == "failed"
    assert first.stage == second.stage == "cancelled"
    done = await finished(service, (await service.generate_music("bell", 5))["track_id"])
    with pytest.raises(TrackAlreadyFinished):
        await service.cancel_track(done.id)


async def test_a_deleted_track_is_gone(service):
    body = await service.generate_music("bell", 5)
    await finished(service, body["track_id"])
    service.status_body(body["track_id"])

    await service.delete_track(body["track_id"])

    with pytest.raises(TrackNotFound):
        await service.get_generation_status(body["track_id"])
    with pytest.raises(LookupError):
        service.status_body(body["track_id"])


async def test_tracks_are_listed_newest_first_in_pages(service):
    ids = [(await service.generate_music(f"bell {n}", 5))["track_id"] for n in range(3)]
    for track_id in ids:
        await finished(service, track_id)

    first = await service.list_tracks(limit=2)
    second = await service.list_tracks(limit=1, cursor=first.next_cursor)

    assert [track.id for track in first.tracks + second.tracks] == ids[::-1]
    with pytest.raises(InvalidField):
        await service.list_tracks(cursor="nonsense")


async def test_a_service_of_one_folder_shares_the_dispatcher_with_its_neighbour(tmp_path):
    one, two = (make_service(Settings(data_dir=tmp_path, workers=1)) for _ in range(2))
    await one.start()
    await two.start()
    body = await one.generate_music("bell", 5, model="simulator")

    await one.close()

    assert (await two.get_track(body["track_id"])).prompt == "bell"
    await two.close()


async def test_a_service_without_arguments_has_a_folder_of_its_own():
    one, two = MusicGeneratorService(), MusicGeneratorService()
    body = await one.generate_music("bell", 5)

    with pytest.raises(TrackNotFound):
        await two.get_track(body["track_id"])
    assert (await finished(one, body["track_id"])).status == "completed"
    await one.close()
    await two.close()


def test_a_service_outlives_the_loop_it_was_first_used_on(tmp_path):
    service = make_service(Settings(data_dir=tmp_path, workers=1))

    body = asyncio.run(service.generate_music("bell", 5))
    track = asyncio.run(finished(service, body["track_id"]))
    asyncio.run(service.close())

    assert track.status == "completed"


def test_genres_and_moods_of_the_contract_are_offered():
    service = MusicGeneratorService()

    assert {
        "pop", "rock", "jazz", "classical", "electronic", "hip-hop", "country", "reggae", "blues", "folk", "ambient",
        "instrumental",
    } <= set(service.get_supported_genres())  # fmt: skip
    assert {
        "happy", "sad", "energetic", "relaxing", "dramatic", "peaceful", "mysterious", "uplifting", "melancholic",
        "triumphant", "romantic",
    } <= set(service.get_supported_moods())  # fmt: skip


def test_an_estimate_counts_the_queue_before_it():
    row = CATALOGUE["composer"]
    empty = QueueLoad(queued=0, running=0, workers=2, backlog_s=0.0)
    full = QueueLoad(queued=9, running=2, workers=2, backlog_s=40.0)

    alone = new_track(row, "piano", 30, 1, NOW, empty)
    behind = new_track(row, "piano", 30, 1, NOW, full)

    assert behind.estimated_s == alone.estimated_s + 20


def test_a_simulated_track_takes_exactly_what_is_told():
    track = new_track(CATALOGUE["simulator"], "jazz", 60, 1, NOW)

    assert track.paced_until == NOW + timedelta(seconds=track.estimated_s)
    assert 10 <= track.estimated_s <= 120


def test_the_estimated_completion_is_never_a_past_promise():
    track = a_track()

    assert estimated_completion(track, NOW) == NOW + timedelta(seconds=2)
    assert estimated_completion(track, NOW + timedelta(seconds=9)) > NOW + timedelta(seconds=9)
    done = a_track(status="completed", finished_at=NOW + timedelta(seconds=4))
    assert estimated_completion(done, NOW + timedelta(hours=1)) == NOW + timedelta(seconds=4)


def test_moments_are_written_in_utc_with_a_zone():
    assert iso(NOW) == "2026-08-27T10:30:00.000Z"


@pytest.mark.parametrize(
    ("prompt", "name"),
    [
        ("relaxing piano", "relaxing piano.mp3"),
        ("../../etc/passwd", "etc passwd.mp3"),
        ("夜のピアノ – été", "夜のピアノ été.mp3"),
        ("\x00\x1b[31m", "31m.mp3"),
        ("🎵🎵", "track.mp3"),
        ('a/b\\c:d*e?f"g<h>i|j', "a b c d e f g h i j.mp3"),
    ],
)
def test_file_names_are_readable_and_safe(prompt, name):
    assert file_name(a_track(prompt=prompt), "mp3") == name


async def test_a_file_that_is_being_read_is_kept_from_the_sweep(tmp_path):
    fake = FakeService(tmp_path)
    body = await fake.generate_music("bell", 5)
    fake.queue.complete(body["track_id"])
    stored = await fake.open_file(body["track_id"], "mp3")

    pieces = stored.stream(0, stored.size)
    await anext(pieces)
    reading = list(fake.queue.kept)
    await pieces.aclose()

    assert reading == [body["track_id"]]
    assert fake.queue.kept == []


def test_a_models_estimate_follows_its_measured_pace():
    def estimated_s(**known):
        load = QueueLoad(queued=0, running=0, workers=1, **{"backlog_s": 0.0, **known})
        return new_track(CATALOGUE["composer"], "piano", 60, 1, NOW, load).estimated_s

    assert estimated_s(pace_s=2.0) == 121
    assert estimated_s(pace_s=2.0, loading_s=30.0) == 151
    assert estimated_s(pace_s=2.0, loading_s=30.0, backlog_s=100.0) == 251
