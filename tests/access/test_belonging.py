"""What a key made is its own: to others it is not there."""

import json
import time
from dataclasses import replace
from urllib.parse import parse_qs, urlsplit

import pytest

from app.services.access import Links
from app.services.generator import LIVE_PATHS
from tests.access.conftest import PROMPT
from tests.jobs.conftest import until

pytestmark = pytest.mark.security


def calls_for(track_id, group_id, comparison_id):
    return [
        ("GET", f"/music/status/{track_id}"),
        ("GET", f"/music/tracks/{track_id}"),
        ("GET", f"/downloads/{track_id}.mp3"),
        ("POST", f"/music/tracks/{track_id}/cancel"),
        ("DELETE", f"/music/tracks/{track_id}"),
        ("GET", f"/music/groups/{group_id}"),
        ("POST", f"/music/groups/{group_id}/cancel"),
        ("DELETE", f"/music/groups/{group_id}"),
        ("GET", f"/music/compare/{comparison_id}"),
    ]


def test_what_is_another_keys_is_not_there(place):
    _, mine = place.key()
    _, yours = place.key()
    _, admin = place.key("admin")
    track_id = place.make(mine)
    group_id = place.ask("POST", "/music/batch", mine, json={"requests": [PROMPT]}).json()["group_id"]
    compared = place.ask("POST", "/music/compare", mine, json={**PROMPT, "seeds": [1, 2]}).json()
    calls = calls_for(track_id, group_id, compared["comparison_id"])

    theirs = {call: place.ask(*call, yours) for call in calls}
    unknown = {
        call: place.ask(*call, yours)
        for call in calls_for(*[f"{n}_{'0' * 16}" for n in ("track", "group", "comparison")])
    }

    assert {answer.status_code for answer in theirs.values()} == {404}
    for (_, answer), (_, nothing), name in zip(
        theirs.items(), unknown.items(), [track_id] * 5 + [group_id] * 3 + [compared["comparison_id"]], strict=True
    ):
        assert answer.json()["detail"].replace(name[-16:], "0" * 16) == nothing.json()["detail"]
    assert (
        place.ask("POST", f"/music/compare/{compared['comparison_id']}/vote", yours, json={"winner": "A"}).status_code
        == 404
    )
    assert place.ask("GET", f"/music/status/{track_id}", mine).status_code == 200
    assert place.ask("GET", f"/music/groups/{group_id}", mine).status_code == 200
    assert place.ask("GET", f"/music/compare/{compared['comparison_id']}", mine).status_code == 200
    assert place.ask("GET", f"/music/status/{track_id}", admin).status_code == 200


def test_a_recording_is_its_keys_own(place):
    import io

    import numpy as np
    import soundfile

    _, mine = place.key()
    _, yours = place.key()
    wav = io.BytesIO()
    soundfile.write(wav, np.sin(np.arange(44_100) / 20).astype("float32"), 44_100, format="WAV")
    sent = place.ask("POST", "/music/clips", mine, files={"file": ("a.wav", wav.getvalue())})
    assert sent.status_code == 200, sent.text
    path = f"/music/clips/{sent.json()['clip_id']}"

    assert place.ask("GET", path, yours).status_code == 404
    assert place.ask("DELETE", path, yours).status_code == 404
    assert place.ask("GET", path, mine).status_code == 200
    assert place.ask("DELETE", path, mine).status_code == 204


def test_a_list_holds_what_is_ones_own(place):
    _, mine = place.key()
    _, yours = place.key()
    _, admin = place.key("admin")
    made = [place.make(mine) for _ in range(3)]
    other = place.make(yours)

    def listed(key):
        found, cursor = [], None
        while True:
            page = place.ask(
                "GET", "/music/tracks", key, params={"limit": 1, **({"cursor": cursor} if cursor else {})}
            ).json()
            found += [track["track_id"] for track in page["tracks"]]
            if (cursor := page["next_cursor"]) is None:
                return found

    assert listed(mine) == made[::-1]
    assert listed(yours) == [other]
    assert set(listed(admin)) == {*made, other}


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """A server with a finished track: the place, its key, the track's id."""
    from app.config import Settings
    from tests.access.conftest import Place

    place = Place(Settings(data_dir=tmp_path_factory.mktemp("finished"), auth="keys", workers=1))
    with place.client:
        _, key = place.key()
        track_id = place.make(key, model="composer")
        until(lambda: place.ask("GET", f"/music/status/{track_id}", key).json()["status"] == "completed", within_s=120)
        yield place, key, track_id


def test_a_link_opens_its_file_without_a_key(finished):
    place, key, track_id = finished
    status = place.ask("GET", f"/music/status/{track_id}", key).json()
    record = place.ask("GET", f"/music/tracks/{track_id}", key).json()

    heard = place.client.get(status["download_url"])
    part = place.client.get(status["download_url"], headers={"Range": "bytes=0-9"})

    assert heard.status_code == 200
    assert len(heard.content) == record["files"]["mp3"]["size"]
    assert (part.status_code, len(part.content)) == (206, 10)
    assert all(place.client.head(file["url"]).status_code == 200 for file in record["files"].values() if file["ready"])
    assert place.ask("GET", f"/downloads/{track_id}.mp3", key).status_code == 200


def another_end(signature):
    """The signature with another character three before its end, whatever it was."""
    return signature[:-3] + ("b" if signature[-3] == "a" else "a") + signature[-2:]


@pytest.mark.parametrize("way", ["signature", "expires", "form", "track", "none", "empty", "deleted"])
def test_a_link_that_was_changed_opens_nothing(finished, way):
    place, key, track_id = finished
    url = place.ask("GET", f"/music/status/{track_id}", key).json()["download_url"]
    parts = urlsplit(url)
    query = {name: values[0] for name, values in parse_qs(parts.query).items()}
    changed = {
        "signature": (parts.path, {**query, "signature": another_end(query["signature"])}),
        "expires": (parts.path, {**query, "expires": str(int(query["expires"]) + 1)}),
        "form": (parts.path.replace(".mp3", ".wav"), query),
        "track": (parts.path.replace(track_id, "track_0123456789abcdef"), query),
        "none": (parts.path, {"signature": query["signature"]}),
        "empty": (parts.path, {"expires": query["expires"], "signature": ""}),
        "deleted": (f"/music/tracks/{track_id}", query),
    }[way]

    assert place.client.get(changed[0], params=changed[1]).status_code == 403


@pytest.mark.parametrize("field", LIVE_PATHS)
def test_what_follows_a_track_opens_without_a_key_by_the_address_that_record_and_answer_name(finished, field):
    place, key, track_id = finished
    path = LIVE_PATHS[field].format(track_id)
    url = place.ask("GET", f"/music/tracks/{track_id}", key).json()[field]
    made = place.ask("POST", "/music/generate", key, json=PROMPT).json()

    assert place.client.get(path).status_code == 401
    heard = place.client.get(url)
    assert heard.status_code == 200
    assert urlsplit(url).path == path
    assert urlsplit(made[field]).path == LIVE_PATHS[field].format(made["track_id"])
    assert "signature=" in made[field]
    if field == "events_url":
        told = json.loads(heard.text.rpartition("data: ")[2])
        assert place.client.get(told["download_url"]).status_code == 200


@pytest.mark.parametrize("field", LIVE_PATHS)
@pytest.mark.parametrize("way", ["signature", "expired", "another track", "another use", "a file's"])
def test_an_address_that_was_changed_expired_or_swapped_follows_nothing(finished, field, way):
    place, key, track_id = finished
    record = place.ask("GET", f"/music/tracks/{track_id}", key).json()
    path, _, query = record[field].partition("testserver")[2].partition("?")
    secret = place.app.state.service()._backend.access.links._signer.secret_key
    past = Links(secret.decode(), 60, now=lambda: time.time() - 3_600)
    changed = {
        "signature": f"{path}?{another_end(query)}",
        "expired": path + past.sign(path),
        "another track": f"{path.replace(track_id, 'track_0123456789abcdef')}?{query}",
        "another use": f"/music/tracks/{track_id}?{query}",
        "a file's": f"{path}?{record['download_url'].partition('?')[2]}",
    }[way]

    answer = place.client.get(changed)

    assert answer.status_code == 403
    assert ("expired" in answer.json()["detail"]) == (way == "expired")


def test_a_link_ends():
    moment = [1_000_000.0]
    links = Links("00" * 32, 60, now=lambda: moment[0])
    query = links.sign("/downloads/a.mp3")[1:].encode()

    links.check("/downloads/a.mp3", query)
    moment[0] += 60
    links.check("/downloads/a.mp3", query)
    moment[0] += 16

    from app.errors import LinkRefused

    with pytest.raises(LinkRefused, match="expired"):
        links.check("/downloads/a.mp3", query)
    with pytest.raises(LinkRefused, match="not made here"):
        Links("11" * 32, 60, now=lambda: moment[0]).check("/downloads/a.mp3", query)


def test_links_stay_good_after_a_restart(place_with):
    first = place_with()
    signed = first.app.state.service()._backend.access.links.sign("/downloads/a.mp3")
    first.client.__exit__(None, None, None)

    second = place_with()
    second.app.state.service()._backend.access.links.check("/downloads/a.mp3", signed[1:].encode())
    first.client.__enter__()


def test_a_link_is_for_reading_alone(finished):
    place, key, track_id = finished
    links = place.app.state.service()._backend.access.links
    path = f"/music/tracks/{track_id}"

    assert place.client.delete(path + links.sign(path)).status_code == 401
    assert place.ask("GET", path, key).status_code == 200


def test_a_model_that_another_taught_is_not_there_unless_it_is_shared(place):
    from app.models.finetune import Finetune

    mine_id, mine = place.key()
    _, yours = place.key()
    backend = place.app.state.service()._backend
    now = backend.clock.now()
    taught = Finetune(
        id="finetune_0123456789abcdef", name="band", base="composer", style=None, strength=1.0, seed=1, files=(),
        created_at=now, status="completed", stage="completed", progress=100, owner=mine_id, finished_at=now,
    )  # fmt: skip
    with backend.store.transaction() as changes:
        changes.add_finetune(taught)
    style = next((folder for folder in [backend.models.tuned] if folder), None)
    assert style is not None
    keep_style_of_folk(place, "band")
    asked = {**PROMPT, "model": "composer:band"}

    def models(key):
        return {model["name"] for model in place.ask("GET", "/music/models", key).json()["models"]}

    assert "composer:band" in models(mine)
    assert "composer:band" not in models(yours)
    assert place.ask("POST", "/music/generate", mine, json=asked).status_code == 200
    refused = place.ask("POST", "/music/generate", yours, json=asked)
    assert refused.status_code == 422
    assert (
        refused.text.replace("composer:band", "composer:none")
        == place.ask("POST", "/music/generate", yours, json={**asked, "model": "composer:none"}).text
    )
    assert place.ask("POST", "/music/plan", yours, json=asked).status_code == 422
    assert place.ask("GET", f"/music/finetunes/{taught.id}", mine).status_code == 200
    assert place.ask("GET", f"/music/finetunes/{taught.id}", yours).status_code == 404
    assert place.ask("DELETE", f"/music/finetunes/{taught.id}", yours).status_code == 404
    assert place.ask("POST", f"/music/finetunes/{taught.id}/cancel", yours).status_code == 404
    assert place.ask("GET", "/music/finetunes", yours).json()["finetunes"] == []

    with backend.store.transaction() as changes:
        changes.keep_finetune(replace(taught, shared=True))
    assert place.ask("POST", "/music/generate", yours, json=asked).status_code == 200
    assert place.ask("DELETE", f"/music/finetunes/{taught.id}", yours).status_code == 404


def test_the_name_of_anothers_model_tells_no_more_than_that_it_is_taken(place):
    _, mine = place.key()
    _, yours = place.key()
    tune = b"MThd\x00\x00\x00\x06\x00\x00\x00\x01\x00\x60MTrk\x00\x00\x00\x04\x00\xff\x2f\x00"
    sent = {"data": {"name": "band"}, "files": {"files": ("a.mid", tune)}}
    first = place.ask("POST", "/music/finetunes", mine, **sent)
    assert first.status_code == 200, first.text

    again = place.ask("POST", "/music/finetunes", mine, **sent)
    other = place.ask("POST", "/music/finetunes", yours, **sent)

    if again.status_code == 409:  # not failed yet
        assert first.json()["finetune_id"] in again.text
        assert other.status_code == 409
        assert "finetune_" not in other.text


def keep_style_of_folk(place, name):
    from app.services.storage import LessonFiles
    from app.services.styles import load_style, style_file

    LessonFiles(place.settings.data_dir / "finetunes").keep_style(
        style_file(name, "learned-0123456789abcdef"),
        load_style("folk").model_copy(update={"name": "learned-0123456789abcdef"}).model_dump_json(),
    )
