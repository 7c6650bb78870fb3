"""The sound of a track while it is made, as clients get it."""

import asyncio
import shutil
import threading

import httpx
import pytest

from app.errors import Busy, StorageFailed
from app.models.audio import SAMPLE_RATE
from app.models.track import STREAM_GAIN
from app.services.following import BrokenOff, Following, Seen, Streaming, events_since, streaming
from app.services.storage import AudioFiles
from app.services.storage.segments import Segments, segments_of
from tests.fakes import FakeService
from tests.http.test_live import serving, until

COUNT = segments_of(30 * SAMPLE_RATE)


@pytest.fixture
def base(app):
    with serving(app) as address:
        yield address


def lay_down(queue, track_id, *numbers, form="mp3"):
    for number in numbers:
        Segments(queue.files, track_id, form).write(number, f"segment {number};".encode())


def audible(queue, track_id):
    queue.work(track_id, "rendering", 8)
    queue.change(track_id, measured={STREAM_GAIN: -1.5})


def whole(first=0):
    return "".join(f"segment {number};" for number in range(first, COUNT)).encode()


def test_segments_are_sent_as_they_come_from_the_first_on(base, queue, track_id):
    asked = Segments(queue.files, track_id, "mp3")
    heard = []
    with httpx.Client(timeout=60) as client:

        def work():
            until(asked.asked)
            audible(queue, track_id)
            lay_down(queue, track_id, 0)
            until(lambda: heard)  # it was sent before there was more
            lay_down(queue, track_id, *range(1, COUNT))

        worker = threading.Thread(target=work)
        worker.start()
        with client.stream("GET", f"{base}/music/tracks/{track_id}/stream") as answer:
            heard.extend(answer.iter_raw())
        worker.join()

    assert answer.status_code == 200
    assert answer.headers["content-type"] == "audio/mpeg"
    assert answer.headers["transfer-encoding"] == "chunked"
    assert answer.headers["cache-control"] == "no-store"
    assert heard[0] == b"segment 0;"
    assert b"".join(heard) == whole()


def test_who_comes_late_hears_all_of_it_and_wav_on_request(client, queue, track_id):
    audible(queue, track_id)
    lay_down(queue, track_id, *range(COUNT), form="wav")

    answer = client.get(f"/music/tracks/{track_id}/stream?format=wav")

    assert answer.headers["content-type"] == "audio/wav"
    assert answer.content == whole()


@pytest.mark.parametrize("form", ["mp3", "wav"])
def test_of_a_finished_track_the_file_is_sent_from_its_beginning(client, queue, track_id, form):
    queue.complete(track_id)

    answer = client.get(f"/music/tracks/{track_id}/stream", params={"format": form}, headers={"Range": "bytes=5-"})

    assert answer.status_code == 200
    assert answer.content == f"{form} of {track_id}".encode()
    assert answer.headers["content-length"] == str(len(answer.content))
    assert answer.headers["accept-ranges"] == "none"
    assert not Segments(queue.files, track_id, form).asked()


def test_who_waits_for_an_engine_that_gives_nothing_early_gets_the_file(base, queue, track_id):
    threading.Timer(0.2, queue.complete, [track_id]).start()

    assert httpx.get(f"{base}/music/tracks/{track_id}/stream", timeout=60).content == f"mp3 of {track_id}".encode()


@pytest.mark.parametrize("how", ["fail", "cancel"])
def test_a_track_that_came_to_nothing_is_a_conflict(client, queue, track_id, how):
    queue.fail(track_id, "No luck") if how == "fail" else queue.cancel(track_id)

    answer = client.get(f"/music/tracks/{track_id}/stream")

    assert answer.status_code == 409
    assert answer.json()["detail"].startswith(f"Track {track_id} {'failed: No luck' if how == 'fail' else 'cancelled'}")


def test_a_track_that_fails_while_it_is_heard_cuts_the_connection(base, queue, track_id):
    audible(queue, track_id)
    lay_down(queue, track_id, 0, 1)

    with httpx.stream("GET", f"{base}/music/tracks/{track_id}/stream", timeout=60) as answer:
        pieces = answer.iter_raw()
        assert next(pieces).startswith(b"segment 0")
        queue.fail(track_id, "No luck")
        with pytest.raises(httpx.RemoteProtocolError):
            list(pieces)


@pytest.mark.parametrize(("path", "status"), [("track_00/stream", 404), ("nonsense/stream", 404)])
def test_an_unknown_track_is_not_found(client, path, status):
    assert client.get(f"/music/tracks/{path}").status_code == status


def test_other_formats_are_refused_by_name(client, track_id):
    answer = client.get(f"/music/tracks/{track_id}/stream?format=ogg")

    assert answer.status_code == 422
    assert "'mp3' or 'wav'" in answer.json()["detail"][0]["msg"]


def test_who_goes_away_while_he_waits_leaves_nothing_behind(app, base, queue, track_id):
    with pytest.raises(httpx.ReadTimeout):
        httpx.get(f"{base}/music/tracks/{track_id}/stream", timeout=0.3)

    fanouts = app.state.following._fanouts.values()
    until(lambda: not any(fanout._of_track for _, fanout in fanouts))


def test_a_store_that_is_away_is_said_before_anything_is_sent(client, queue, track_id, monkeypatch):
    def refuse(_self, _key, _content):
        raise StorageFailed("no room")

    monkeypatch.setattr(type(queue.files), "write", refuse)

    assert client.get(f"/music/tracks/{track_id}/stream").status_code == 503


def test_the_preview_is_told_once_with_the_address_of_the_stream(base, queue, track_id):
    track = queue.work(track_id, "rendering", 8)
    _, seen = events_since(Seen(), track, {}, "record", "stream")
    audible(queue, track_id)

    events, seen = events_since(seen, queue.tracks[track_id], {}, "record", "stream")

    assert [(event.name, event.data["stream_url"], event.id) for event in events] == [
        ("preview", "stream", "rendering.8.preview")
    ]
    assert Seen.read(events[0].id) == seen
    assert events_since(seen, queue.tracks[track_id], {}, "record", "stream")[0] == []
    with httpx.stream("GET", f"{base}/music/tracks/{track_id}/events", timeout=60) as heard:
        text = ""
        for part in heard.iter_text():
            text += part
            if "event: preview" in text:
                break
    assert f'"stream_url":"{base}/music/tracks/{track_id}/stream"' in text


def test_the_record_says_when_a_track_can_be_heard(client, queue, track_id):
    queue.work(track_id, "rendering", 8)
    assert client.get(f"/music/tracks/{track_id}").json()["audible"] is False

    audible(queue, track_id)

    assert client.get(f"/music/tracks/{track_id}").json()["audible"] is True


def test_a_finished_track_has_no_preview(queue, track_id):
    audible(queue, track_id)
    queue.complete(track_id)
    track = queue.change(track_id, measured={STREAM_GAIN: 1.0})

    assert [event.name for event in events_since(Seen(), track, {}, "r", "s")[0]] == ["plan", "completed"]


@pytest.fixture
async def made(tmp_path):
    service = FakeService(tmp_path)
    return service, (await service.generate_music("piano"))["track_id"], Streaming(Following(lambda: service))


async def test_a_track_that_waits_too_long_is_asked_for_again_later(made, monkeypatch):
    service, track_id, streams = made
    monkeypatch.setattr(streaming, "PATIENCE_S", 0.05)

    with pytest.raises(Busy, match="preview"):
        await streams.open(service, track_id, "mp3")


async def test_a_stream_whose_worker_is_gone_breaks_off(made, monkeypatch):
    service, track_id, streams = made
    audible(service.queue, track_id)
    lay_down(service.queue, track_id, 0)
    sound = await streams.open(service, track_id, "mp3")
    monkeypatch.setattr(streaming, "BROKEN_S", 0.05)

    with pytest.raises(BrokenOff):
        [piece async for piece in sound.pieces]


async def test_a_slow_model_is_waited_for_while_it_makes_progress(made, monkeypatch):
    service, track_id, streams = made
    audible(service.queue, track_id)
    lay_down(service.queue, track_id, 0)
    sound = await streams.open(service, track_id, "mp3")
    monkeypatch.setattr(streaming, "BROKEN_S", 0.2)
    pieces = []

    async def listen():
        async for piece in sound.pieces:
            pieces.append(piece)  # noqa: PERF401 - what came before it breaks off counts

    listening = asyncio.create_task(listen())
    for progress in range(30, 36):
        service.queue.change(track_id, progress=progress)
        await asyncio.sleep(0.1)
    lay_down(service.queue, track_id, 1)
    while len(pieces) < 2:
        await asyncio.sleep(0.01)
        assert not listening.done()
    with pytest.raises(BrokenOff):
        await listening


async def test_a_stream_whose_store_refuses_breaks_off_with_the_reason(made, monkeypatch):
    service, track_id, streams = made
    audible(service.queue, track_id)
    lay_down(service.queue, track_id, 0)
    sound = await streams.open(service, track_id, "mp3")

    async def refuse(_files, _key):
        raise StorageFailed("it could not be read: the bucket is not there")

    monkeypatch.setattr(AudioFiles, "read", refuse)

    with pytest.raises(BrokenOff, match="the bucket is not there"):
        [piece async for piece in sound.pieces]


def test_a_finished_file_that_cannot_be_read_is_an_error_and_no_empty_stream(client, queue, track_id):
    queue.complete(track_id)
    shutil.rmtree(queue.folder / "audio")

    answer = client.get(f"/music/tracks/{track_id}/stream")

    assert answer.status_code == 503
    assert "could not be read" in answer.json()["detail"]


async def test_a_track_that_is_removed_while_it_is_heard_breaks_off(made):
    service, track_id, streams = made
    audible(service.queue, track_id)
    lay_down(service.queue, track_id, 0)
    sound = await streams.open(service, track_id, "mp3")
    service.queue.delete(track_id)

    with pytest.raises(BrokenOff):
        [piece async for piece in sound.pieces]


async def test_a_slow_listener_is_served_after_the_end(made):
    service, track_id, streams = made
    audible(service.queue, track_id)
    lay_down(service.queue, track_id, 0)
    sound = await streams.open(service, track_id, "mp3")
    first = await anext(sound.pieces)
    lay_down(service.queue, track_id, *range(1, COUNT))
    service.queue.complete(track_id)

    rest = [piece async for piece in sound.pieces]

    assert first + b"".join(rest) == whole()
