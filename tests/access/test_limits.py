"""How often clients may ask, and how much they may have."""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace

import pytest

from app.config import Settings
from app.errors import LimitReached
from app.services.access import Limits, Quota
from app.services.storage import TrackStore
from tests.access.conftest import PROMPT, Place

pytestmark = pytest.mark.security


def test_requests_of_a_key_are_counted_and_told(place_with):
    place = place_with(limit_requests="3/hour")
    _, mine = place.key()
    _, yours = place.key()

    answers = [place.ask("GET", "/music/tracks", mine) for _ in range(5)]

    assert [answer.status_code for answer in answers] == [200, 200, 200, 429, 429]
    assert answers[0].headers["RateLimit-Policy"] == '"requests";q=3;w=3600'
    assert answers[0].headers["RateLimit"].startswith('"requests";r=2;t=')
    refused = answers[3]
    assert 1 <= int(refused.headers["Retry-After"]) <= 3600
    assert refused.headers["RateLimit"].startswith('"requests";r=0;t=')
    assert refused.json()["detail"].startswith("At most 3 requests in 3600 s. Try again in ")
    assert "X-Request-ID" in refused.headers
    assert place.ask("GET", "/music/tracks", yours).status_code == 200


def test_without_keys_addresses_are_counted_on_the_contracts_own_calls(place_with):
    place = place_with(auth="off", limit_requests="2/hour")

    made = place.ask("POST", "/music/generate", json=PROMPT)
    polled = place.ask("GET", f"/music/status/{made.json()['track_id']}")
    refused = place.ask("POST", "/music/generate", json=PROMPT)

    assert [made.status_code, polled.status_code, refused.status_code] == [200, 200, 429]
    assert all(place.ask("GET", "/health").status_code == 200 for _ in range(5))


def test_keys_cannot_be_tried_without_end(place_with):
    place = place_with(limit_address="5/hour")

    answers = [place.ask("GET", "/music/tracks", f"mk_{'0' * 12}_{n:072x}").status_code for n in range(8)]

    assert answers == [401] * 5 + [429] * 3


def test_a_key_has_so_many_tracks_in_work_at_once(place_with):
    place = place_with(limit_tracks=2)
    _, key = place.key()
    _, other = place.key()
    long = {**PROMPT, "duration": 300}

    with ThreadPoolExecutor(6) as together:  # none slips through beside another
        answers = list(together.map(lambda _: place.ask("POST", "/music/generate", key, json=long), range(6)))

    made = [answer.json()["track_id"] for answer in answers if answer.status_code == 200]
    assert sorted(answer.status_code for answer in answers) == [200, 200, 429, 429, 429, 429]
    assert place.ask("POST", "/music/batch", other, json={"requests": [long] * 3}).status_code == 429
    assert place.ask("POST", "/music/batch", other, json={"requests": [long] * 2}).status_code == 200
    assert place.ask("POST", f"/music/tracks/{made[0]}/cancel", key).status_code == 200
    assert place.ask("POST", "/music/generate", key, json=long).status_code == 200


def test_a_client_has_so_many_seconds_of_music_a_day(place_with):
    place = place_with(limit_music=12, limit_requests="100/hour")
    _, key = place.key()
    _, other = place.key()

    answers = [place.ask("POST", "/music/generate", key, json=PROMPT) for _ in range(3)]

    assert [answer.status_code for answer in answers] == [200, 200, 429]
    assert int(answers[2].headers["Retry-After"]) <= 86_400
    assert place.ask("POST", "/music/generate", other, json=PROMPT).status_code == 200
    assert place.ask("POST", "/music/compare", other, json={**PROMPT, "seeds": [1, 2]}).status_code == 429


def test_what_was_had_is_remembered_over_a_restart(tmp_path):
    settings = Settings(data_dir=tmp_path, auth="off", workers=1, limit_music=9)
    for expected in (200, 429):
        with Place(settings).client as client:
            assert client.post("/music/generate", json=PROMPT).status_code == expected


async def test_a_request_that_fails_costs_nothing(tmp_path):
    store = TrackStore(tmp_path / "music.db")
    quota = Quota(store, music_s=10)
    track = SimpleNamespace(owner=None, duration=10)

    for _ in range(3):
        with pytest.raises(RuntimeError):
            async with quota.room("key_1", [track]):
                raise RuntimeError
    async with quota.room("key_1", [track]):
        pass
    with pytest.raises(LimitReached):
        async with quota.room("key_1", [track]):
            pass
    store.close()


def test_the_space_of_a_key_is_limited(place_with):
    place = place_with(limit_storage="1KB")
    key_id, key = place.key()
    track_id = place.make(key)
    store = place.service._backend.store
    with store.transaction() as changes:
        from sqlalchemy import update

        from app.services.storage.tables import tracks

        changes.connection.execute(update(tracks).where(tracks.c.owner == key_id).values(stored_bytes=2_000))

    refused = place.ask("POST", "/music/generate", key, json=PROMPT)
    assert place.ask("DELETE", f"/music/tracks/{track_id}", key).status_code == 204

    assert refused.status_code == 429
    assert "remove some" in refused.json()["detail"]
    assert place.ask("POST", "/music/generate", key, json=PROMPT).status_code == 200


async def test_nodes_that_share_a_database_count_together(tmp_path):
    first, second = TrackStore(tmp_path / "music.db"), TrackStore(tmp_path / "music.db")
    here, there = Limits(client="4/hour", shared=first), Limits(client="4/hour", shared=second)

    seen = [await limits.ask_client("key_1") for limits in (here, there, here, there, here)]

    assert [standing.left for standing in seen] == [3, 2, 1, 0, 0]
    assert [standing.allowed for standing in seen] == [True, True, True, True, False]
    assert await here.ask_address("::1") is None
    first.close()
    second.close()


async def test_what_is_counted_at_once_is_counted_whole(tmp_path):
    store = TrackStore(tmp_path / "music.db")
    limits = Limits(client="1000/hour", shared=store)

    await asyncio.gather(*(limits.ask_client("key_1") for _ in range(40)))

    assert (await limits.ask_client("key_1")).left == 1000 - 41
    store.close()


def test_the_document_says_that_there_are_limits(place_with):
    place = place_with(limit_requests="100/hour")

    answers = place.app.openapi()["paths"]["/music/generate"]["post"]["responses"]

    assert "Retry-After" not in place.ask("GET", "/health").headers
    assert "429" in answers
