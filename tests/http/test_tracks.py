"""Following a track: its record, the list, stopping and removing."""

import pytest

from app.models.track import FORMS
from tests.fakes import ON_DEMAND


def record(client, track_id):
    return client.get(f"/music/tracks/{track_id}").json()


def generate(client, count):
    return [client.post("/music/generate", json={"prompt": f"piano {n}"}).json()["track_id"] for n in range(count)]


def listed(client, **query):
    return [track["track_id"] for track in client.get("/music/tracks", params=query).json()["tracks"]]


def test_a_waiting_track_tells_its_place_in_the_queue(client):
    ids = generate(client, 3)

    assert [record(client, track_id)["queue_position"] for track_id in ids] == [1, 2, 3]
    assert record(client, ids[0])["stage"] == "queued"


def test_a_track_in_work_has_no_place_in_the_queue(client, queue, track_id):
    queue.work(track_id, "rendering", 40)

    body = record(client, track_id)

    assert body["queue_position"] is None
    assert (body["status"], body["stage"], body["progress"]) == ("processing", "rendering", 40)
    assert body["started_at"] is not None
    assert body["files"] == {}


def test_the_record_of_a_finished_track_is_whole(client, queue, track_id):
    queue.complete(track_id)

    body = record(client, track_id)

    assert body["brief"] == {"prompt": "relaxing piano melody for meditation"}
    assert body["plan"]["tempo_bpm"] == 62.0
    assert body["timings"] == {"rendering": 0.5}
    assert body["measured"] == {"loudness_lufs": -14.0}
    assert body["wav_sha256"] == body["files"]["wav"]["sha256"]
    assert body["finished_at"] is not None
    assert body["error"] is None
    assert body["estimated_processing_time"] >= 1


def test_the_record_holds_the_report_on_what_sounds(client, queue, track_id):
    row = {
        "what": "tempo", "asked": 90.0, "planned": 90.0, "measured": 60.2, "agrees": False, "tolerance": "4 %",
        "note": None,
    }  # fmt: skip
    assert record(client, track_id)["report"] is None

    queue.complete(track_id)
    queue.change(track_id, report=[row])

    assert record(client, track_id)["report"] == [row]


def test_every_form_of_a_finished_track_is_in_its_record_and_can_be_fetched(client, queue, track_id):
    queue.complete(track_id)

    files = record(client, track_id)["files"]

    assert set(files) == set(FORMS)
    assert {form for form, file in files.items() if not file["ready"]} == set(ON_DEMAND)
    for form, file in files.items():
        answer = client.get(file["url"])
        assert answer.status_code == 200
        assert answer.headers["content-type"] == file["media_type"] == FORMS[form]
        if file["ready"]:
            assert len(answer.content) == file["size"]
            assert answer.headers["etag"] == f'"{file["sha256"]}"'


def test_a_form_made_on_demand_is_ready_from_then_on(client, queue, track_id):
    queue.complete(track_id)
    assert record(client, track_id)["files"]["flac"] == {
        "url": f"http://testserver/downloads/{track_id}.flac",
        "media_type": "audio/flac",
        "ready": False,
        "size": None,
        "sha256": None,
    }

    size = len(client.get(f"/downloads/{track_id}.flac").content)

    assert record(client, track_id)["files"]["flac"]["ready"] is True
    assert record(client, track_id)["files"]["flac"]["size"] == size


def test_files_that_are_there_before_completion_are_not_shown(client, queue, track_id):
    queue.complete(track_id)
    queue.change(track_id, status="processing", stage="rendering", progress=60)  # as the simulator's pace wants it

    assert record(client, track_id)["files"] == {}
    assert record(client, track_id)["download_url"] is None


def test_a_failed_track_has_a_reason_and_no_files(client, queue, track_id):
    queue.fail(track_id, "The disk is full")

    body = record(client, track_id)

    assert (body["status"], body["stage"], body["error"]) == ("failed", "failed", "The disk is full")
    assert body["files"] == {}
    assert body["download_url"] is None


def test_a_track_that_only_the_store_remembers_has_its_record(client, queue, track_id):
    queue.complete(track_id)
    before = record(client, track_id)
    queue.forget(track_id)

    assert record(client, track_id) == before


# -- the list -----------------------------------------------------------------------------------------------------


def test_the_list_begins_with_the_newest(client):
    ids = generate(client, 4)

    assert listed(client) == ids[::-1]


def test_an_empty_list_is_a_list(client):
    assert client.get("/music/tracks").json() == {"tracks": [], "next_cursor": None}


@pytest.mark.parametrize("limit", [1, 2, 3, 7, 100])
def test_page_by_page_every_track_comes_once(client, limit):
    ids = generate(client, 7)

    seen, cursor = [], None
    while True:
        page = client.get("/music/tracks", params={"limit": limit} | ({"cursor": cursor} if cursor else {})).json()
        assert len(page["tracks"]) <= limit
        seen += [track["track_id"] for track in page["tracks"]]
        cursor = page["next_cursor"]
        if cursor is None:
            break

    assert seen == ids[::-1]


def test_a_page_holds_20_tracks_unless_told_otherwise(client):
    generate(client, 21)

    page = client.get("/music/tracks").json()

    assert len(page["tracks"]) == 20
    assert page["next_cursor"]


def test_the_list_can_be_filtered_by_status(client, queue):
    first, second, third = generate(client, 3)
    queue.complete(first)
    queue.fail(second, "no reason")

    assert listed(client, status="completed") == [first]
    assert listed(client, status="failed") == [second]
    assert listed(client, status="processing") == [third]


def test_the_list_shows_what_a_page_needs_but_no_plans(client, queue, track_id):
    queue.complete(track_id)

    (track,) = client.get("/music/tracks").json()["tracks"]

    assert track["download_url"] == f"http://testserver/downloads/{track_id}.mp3"
    assert track["status"] == "completed"
    assert not {"plan", "brief"} & set(track)


# -- stopping and removing ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("stage", ["queued", "rendering"])
def test_cancelling_fails_a_track_with_a_reason(client, queue, track_id, stage):
    queue.work(track_id, stage, 0)

    answer = client.post(f"/music/tracks/{track_id}/cancel")

    assert answer.status_code == 200
    assert (answer.json()["status"], answer.json()["stage"]) == ("failed", "cancelled")
    assert answer.json()["error"]
    assert client.get(f"/music/status/{track_id}").json()["status"] == "failed"


def test_cancelling_twice_is_cancelling_once(client, track_id):
    first = client.post(f"/music/tracks/{track_id}/cancel")
    second = client.post(f"/music/tracks/{track_id}/cancel")

    assert (first.status_code, second.status_code) == (200, 200)
    assert first.json() == second.json()


@pytest.mark.parametrize("ending", ["complete", "fail"])
def test_a_finished_track_cannot_be_cancelled(client, queue, track_id, ending):
    queue.complete(track_id) if ending == "complete" else queue.fail(track_id, "no reason")
    before = record(client, track_id)

    answer = client.post(f"/music/tracks/{track_id}/cancel")

    assert answer.status_code == 409
    assert isinstance(answer.json()["detail"], str)
    assert record(client, track_id) == before


@pytest.mark.parametrize("state", ["queued", "in work", "completed", "stored"])
def test_deleting_removes_a_track(client, queue, track_id, state):
    if state == "in work":
        queue.work(track_id, "rendering", 40)
    elif state != "queued":
        queue.complete(track_id)
    if state == "stored":
        queue.forget(track_id)

    answer = client.delete(f"/music/tracks/{track_id}")

    assert (answer.status_code, answer.content) == (204, b"")
    assert client.get(f"/music/tracks/{track_id}").status_code == 404
    assert client.get(f"/music/status/{track_id}").status_code == 404
    assert client.get(f"/downloads/{track_id}.mp3").status_code == 404
    assert client.delete(f"/music/tracks/{track_id}").status_code == 404
    assert listed(client) == []
