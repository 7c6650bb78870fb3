"""Following tracks live: Server-Sent Events as standard clients read them."""

import asyncio
import itertools
import json
import threading
import time
from contextlib import contextmanager
from dataclasses import replace

import httpx
import pytest
import uvicorn
from sse_starlette.sse import AppStatus

from app.errors import TrackNotFound
from app.routers import live
from app.services.access import Caller, acting_as
from app.services.following import Event, Following, Seen, events_since
from app.services.following.fanout import MOST_TRACKS, MOST_WAITING
from tests.fakes import FakeService


@contextmanager
def serving(app):
    """The application on a port of its own, in a thread."""
    server = uvicorn.Server(uvicorn.Config(app, host="127.0.0.1", port=0, log_config=None, lifespan="off"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    until(lambda: server.started)
    try:
        yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    finally:
        # Uvicorn's own signal handlers, by which readers are let go, belong to the main thread only.
        AppStatus.should_exit = server.should_exit = True
        thread.join(60)
        AppStatus.should_exit = False
        assert not thread.is_alive()


def until(condition, within_s=60.0):
    end = time.monotonic() + within_s
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.01)


def parsed(block):
    fields = dict(line.split(": ", 1) for line in block.splitlines() if not line.startswith(":"))
    return (fields["event"], fields["id"], json.loads(fields["data"])) if fields else None


class Client:
    """Reads events one by one."""

    def __init__(self, response):
        assert response.status_code == 200
        assert response.headers["content-type"].startswith("text/event-stream")
        self._text = response.iter_text()
        self._rest = ""

    def __next__(self):
        while True:
            block, end, rest = self._rest.partition("\n\n")
            if end:
                self._rest = rest
                if (event := parsed(block)) is not None:
                    return event
            else:
                self._rest += next(self._text)

    def __iter__(self):
        return self


@contextmanager
def listening(url, last=None):
    with httpx.stream("GET", url, headers={"Last-Event-ID": last} if last else {}, timeout=60) as response:
        yield Client(response)


@pytest.fixture
def base(app):
    with serving(app) as address:
        yield address


def test_a_reader_hears_a_track_from_the_queue_to_its_end(base, client, queue, track_id):
    with listening(f"{base}/music/tracks/{track_id}/events") as heard:
        assert next(heard)[2] == {"track_id": track_id, "stage": "queued", "progress": 0, "status": "processing"}
        queue.work(track_id, "planning", 0)
        assert next(heard)[:2] == ("stage", "planning.0")
        queue.change(track_id, plan={"title": "A"}, stage="rendering", progress=40)
        assert [next(heard)[:2] for _ in range(3)] == [
            ("stage", "rendering.0"),
            ("plan", "rendering.0.plan"),
            ("progress", "rendering.40.plan"),
        ]
        queue.complete(track_id)
        name, last, data = next(heard)
        assert next(heard, None) is None

    status = client.get(f"/music/status/{track_id}", headers={"Host": base.removeprefix("http://")}).json()
    assert (name, last) == ("completed", "completed.100.plan")
    assert data == status
    assert data["download_url"].startswith(base)


def test_who_has_seen_the_end_at_another_node_is_told_to_stop(client, queue, track_id):
    queue.elsewhere = True
    before = queue.tracks[track_id]
    queue.stored[track_id] = queue.complete(track_id)
    queue.tracks[track_id] = before  # this node has not heard of it yet

    answer = client.get(f"/music/tracks/{track_id}/events", headers={"Last-Event-ID": "completed.100.plan"})

    assert answer.status_code == 204


def test_a_connection_that_is_silent_is_kept_open_by_pings(base, track_id, monkeypatch):
    assert live.PING_S == 15
    monkeypatch.setattr(live, "PING_S", 1)
    with httpx.stream("GET", f"{base}/music/tracks/{track_id}/events", timeout=60) as response:
        pings = (line for line in response.iter_lines() if line.startswith(": ping"))

        assert [next(pings), next(pings)]


def test_who_has_seen_the_end_is_told_to_stop(client, queue, track_id):
    queue.fail(track_id, "No luck")
    url = f"/music/tracks/{track_id}/events"

    name, last, data = parsed(client.get(url).text.strip())

    assert (name, data["error"]) == ("failed", "No luck")
    again = client.get(url, headers={"Last-Event-ID": last})
    assert (again.status_code, again.content) == (204, b"")


def test_who_comes_back_is_told_only_what_is_new(base, queue, track_id):
    queue.work(track_id, "rendering", 40)
    queue.change(track_id, plan={"title": "A"})
    url = f"{base}/music/tracks/{track_id}/events"
    with listening(url, "rendering.30.plan") as heard:
        assert next(heard)[:2] == ("progress", "rendering.40.plan")
        queue.change(track_id, progress=41)
        assert next(heard)[:2] == ("progress", "rendering.41.plan")


@pytest.mark.parametrize(
    "strange", ["x", "rendering", "rendering.9999", "a.1.plan.more", "\u00e9".encode().decode("latin-1")]
)
def test_a_strange_last_id_is_nothing_seen(client, queue, track_id, strange):
    queue.complete(track_id)

    events = client.get(f"/music/tracks/{track_id}/events", headers={"Last-Event-ID": strange.encode("latin-1")})

    assert "event: completed" in events.text


def test_a_cancelled_track_says_so(base, client, track_id):
    with listening(f"{base}/music/tracks/{track_id}/events") as heard:
        next(heard)
        client.post(f"/music/tracks/{track_id}/cancel")
        name, _, data = next(heard)
        assert (name, data["status"], data["stage"]) == ("cancelled", "failed", "cancelled")
        assert next(heard, None) is None


def test_a_removed_track_says_so_and_ends(base, client, track_id):
    with listening(f"{base}/music/tracks/{track_id}/events") as heard:
        next(heard)
        client.delete(f"/music/tracks/{track_id}")
        assert next(heard)[0] == "removed"
        assert next(heard, None) is None


def test_an_unknown_track_is_404(client):
    assert client.get("/music/tracks/track_00/events").status_code == 404
    assert client.get("/music/tracks/nonsense/events").status_code == 404


def test_a_paced_track_moves_with_the_clock(base, client, queue):
    made = client.post("/music/generate", json={"prompt": "piano", "model": "simulator"}).json()
    plain, looks = queue.get, itertools.count()
    stages = ("queued", "planning", "composing", "rendering")

    def by_the_clock(track_id):
        look = next(looks)
        return replace(plain(track_id), stage=stages[min(look, 3)], progress=min(look, 3))

    queue.get = by_the_clock
    with listening(f"{base}/music/tracks/{made['track_id']}/events") as heard:
        stages_heard = {next(heard)[2]["stage"] for _ in range(4)}

    assert len(stages_heard) >= 2


def test_the_feed_tells_of_every_track(base, client, queue, track_id):
    with listening(f"{base}/music/events") as heard:
        assert next(heard)[2]["track_id"] == track_id
        other = client.post("/music/generate", json={"prompt": "drums"}).json()["track_id"]
        assert next(heard)[2]["track_id"] == other
        queue.complete(other)
        assert next(heard)[0] == "plan"
        name, last, data = next(heard)
        assert (name, data["track_id"], data["status"]) == ("completed", other, "completed")
        client.delete(f"/music/tracks/{track_id}")
        assert next(heard)[0] == "removed"
    assert last.isdigit()


def test_who_comes_back_to_the_feed_is_told_what_ended_meanwhile(base, client, queue, track_id):
    ended = int(queue.complete(track_id).finished_at.timestamp() * 1000)
    with listening(f"{base}/music/events", str(ended - 60_000)) as heard:
        assert [next(heard)[0] for _ in range(2)] == ["plan", "completed"]
    waiting = client.post("/music/generate", json={"prompt": "drums"}).json()["track_id"]
    with listening(f"{base}/music/events", str(ended + 60_000)) as heard:
        assert next(heard)[2]["track_id"] == waiting


def test_a_server_that_stops_lets_its_readers_go(app, track_id):
    with serving(app) as base, httpx.stream("GET", f"{base}/music/tracks/{track_id}/events", timeout=60) as response:
        assert next(response.iter_text())  # leaving `serving` checks that the server ended


def test_events_tell_every_state_in_order_and_never_go_back(queue, track_id):
    track = queue.work(track_id, "rendering", 40)

    events, seen = events_since(Seen(), track, {}, "record", "stream")

    assert [event.name for event in events] == ["stage", "progress"]
    assert events_since(seen, track, {}, "record", "stream") == ([], seen)
    older = queue.work(track_id, "composing", 8)
    assert events_since(seen, older, {}, "record", "stream") == ([], seen)
    assert all(Seen.read(event.id) != Seen() for event in events)


async def test_a_reader_who_takes_nothing_holds_little(tmp_path):
    service = FakeService(tmp_path)
    made = [(await service.generate_music("piano"))["track_id"] for _ in range(3)]
    following = Following(lambda: service)
    one = await following.open(made[0], Seen(), "http://here")
    assert one is not None
    feed = following.feed(None, "http://here")
    await anext(one)
    await anext(feed)

    for round_ in range(2_000):
        service.queue.work(made[0], "rendering", 1 + round_ // 25)
        service.queue.audience.tell(f"track_{round_:x}", service.queue.tracks[made[1]])
        if round_ % 100 == 0:
            await asyncio.sleep(0)
    service.queue.complete(made[0])
    rest = [event async for events in one for event in events]
    first = await anext(feed)

    assert len(rest) <= MOST_WAITING * 3
    assert rest[-1].name == "completed"
    assert isinstance(first[0], Event)
    assert first[0].name == "missed"
    assert first[0].data["tracks"] >= 2_000 - MOST_TRACKS
    await feed.aclose()


async def test_a_thousand_readers_hear_the_end(tmp_path):
    service = FakeService(tmp_path)
    track_id = (await service.generate_music("piano"))["track_id"]
    following = Following(lambda: service)

    async def read():
        opened = await following.open(track_id, Seen(), "http://here")
        assert opened is not None
        return [event.name async for events in opened for event in events]

    readers = [asyncio.create_task(read()) for _ in range(1_000)]
    await asyncio.sleep(0.05)
    service.queue.work(track_id, "rendering", 10)
    await asyncio.sleep(0.05)
    service.queue.complete(track_id)

    heard = await asyncio.wait_for(asyncio.gather(*readers), 60)

    assert {names[-1] for names in heard} == {"completed"}


async def next_of(feed):
    return [(event.name, event.data["track_id"]) for event in await asyncio.wait_for(anext(feed), 60)]


async def test_a_key_hears_of_its_own_tracks_only(tmp_path):
    service = FakeService(tmp_path)
    mine, theirs = Caller(key_id="mine", scopes=frozenset()), Caller(key_id="theirs", scopes=frozenset())
    ids = {}
    for who in (theirs, mine):
        with acting_as(who):
            ids[who.key_id] = (await service.generate_music("piano"))["track_id"]
            ids[f"ended of {who.key_id}"] = (await service.generate_music("piano"))["track_id"]
    ended_ms = 0
    for name in ("ended of mine", "ended of theirs"):
        ended_ms = int(service.queue.complete(ids[name]).finished_at.timestamp() * 1000)
    following = Following(lambda: service)

    with acting_as(mine):
        with pytest.raises(TrackNotFound):
            await following.open(ids["theirs"], Seen(), "http://here")
        feed = following.feed(str(ended_ms - 60_000), "http://here")
        assert await next_of(feed) == [("plan", ids["ended of mine"]), ("completed", ids["ended of mine"])]
        assert await next_of(feed) == [("stage", ids["mine"])]
        service.queue.work(ids["theirs"], "rendering", 5)
        service.queue.delete(ids["theirs"])
        service.queue.delete(ids["mine"])
        assert await next_of(feed) == [("removed", ids["mine"])]
        await feed.aclose()


async def test_links_in_events_are_signed_for_who_reads_them(tmp_path):
    service = FakeService(tmp_path)
    track_id = (await service.generate_music("piano"))["track_id"]
    following = Following(lambda: service)

    async def link(name):
        admin = Caller(key_id=name, scopes=frozenset({"admin"}), sign=lambda path: f"?for={name}")
        with acting_as(admin):
            opened = await following.open(track_id, Seen(), "http://here")
            assert opened is not None
            return [event.data async for events in opened for event in events][-1]["download_url"]

    readers = [asyncio.create_task(link(name)) for name in ("one", "two")]
    await asyncio.sleep(0.05)
    service.queue.complete(track_id)

    assert [found.rpartition("=")[2] for found in await asyncio.gather(*readers)] == ["one", "two"]
