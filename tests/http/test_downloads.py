"""Downloads as clients meet them; ranges and the like are test_ranged.py's."""

from concurrent.futures import Future

import pytest

from app.errors import Busy
from app.models.track import FORMS


def test_a_node_that_has_not_heard_of_the_end_yet_looks_for_it(client, queue, track_id):
    queue.elsewhere = True
    before = queue.tracks[track_id]
    queue.stored[track_id] = queue.complete(track_id, {"mp3": b"0123456789"})
    queue.tracks[track_id] = before

    answer = client.get(f"/downloads/{track_id}.mp3")

    assert (answer.status_code, answer.content) == (200, b"0123456789")


def test_a_track_in_work_on_other_machines_is_not_finished(client, queue, track_id):
    queue.elsewhere = True
    queue.stored[track_id] = queue.work(track_id, "rendering", 40)

    answer = client.get(f"/downloads/{track_id}.mp3")

    assert answer.status_code == 409
    assert "not finished yet (40 %)" in answer.json()["detail"]


@pytest.mark.parametrize("form", FORMS)
def test_every_form_has_its_media_type_and_a_readable_name(client, queue, track_id, form):
    queue.complete(track_id)

    answer = client.get(f"/downloads/{track_id}.{form}")

    assert answer.status_code == 200
    assert answer.headers["content-type"] == FORMS[form]
    assert f"A quiet morning.{form}" in answer.headers["content-disposition"]


def test_head_tells_what_get_would(client, queue, track_id):
    queue.complete(track_id, {"mp3": b"0123456789"})

    head = client.head(f"/downloads/{track_id}.mp3")
    get = client.get(f"/downloads/{track_id}.mp3")

    assert (head.status_code, head.content) == (200, b"")
    assert get.content == b"0123456789"
    named = ("content-length", "content-type", "etag", "accept-ranges", "content-disposition")
    assert [head.headers[name] for name in named] == [get.headers[name] for name in named]


def test_parts_and_copies_work_through_the_whole_application(client, queue, track_id):
    queue.complete(track_id, {"mp3": b"0123456789"})
    url = f"/downloads/{track_id}.mp3"

    part = client.get(url, headers={"Range": "bytes=2-4", "Origin": "http://a"})
    again = client.get(url, headers={"If-None-Match": part.headers["etag"]})
    beyond = client.get(url, headers={"Range": "bytes=10-"})

    assert (part.status_code, part.content) == (206, b"234")
    assert part.headers["access-control-allow-origin"] == "*"
    assert (again.status_code, again.content) == (304, b"")
    assert beyond.status_code == 416


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_a_track_in_work_answers_409(client, queue, track_id, method):
    queue.work(track_id, "rendering", 40)

    answer = client.request(method, f"/downloads/{track_id}.mp3")

    assert answer.status_code == 409
    if method == "GET":
        assert "not finished" in answer.json()["detail"]


def test_a_failed_track_has_no_files(client, queue, track_id):
    queue.fail(track_id, "no reason")

    assert client.get(f"/downloads/{track_id}.mp3").status_code == 404


def test_a_form_that_takes_too_long_answers_503_and_when_to_return(client, queue, track_id):
    queue.complete(track_id)

    def too_slow(track_id, form):
        making = Future()
        making.set_exception(Busy(f"{form} is still being made", retry_after_s=5))
        return making

    queue.make_file = too_slow

    answer = client.get(f"/downloads/{track_id}.stems.zip")

    assert answer.status_code == 503
    assert answer.headers["retry-after"] == "5"
    assert answer.json() == {"detail": "stems.zip is still being made"}
