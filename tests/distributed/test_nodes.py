"""API nodes are alike: whichever is asked, the answer is the same."""

import time

import pytest

from tests.distributed.conftest import ask, finished, in_work

pytestmark = [pytest.mark.distributed, pytest.mark.essential]

LONG = {"duration": 60}


def test_another_node_tells_the_same_and_cancels_at_once(installation):
    one, other = installation.server(), installation.server()
    worker = installation.worker()
    track_id = ask(one, **LONG)
    other.wait_for(track_id, in_work)
    busy = installation.until(lambda: [child for child in worker.workers() if child.cpu_times().user > 0])

    begun = time.monotonic()
    answer = cancel(other, track_id)
    said_s = time.monotonic() - begun

    assert answer.status_code == 200
    assert answer.json()["stage"] == "cancelled"
    seen = one.wait_for(track_id, finished, limit_s=5)
    assert seen["stage"] == "cancelled"
    assert said_s < 1
    installation.until(lambda: not installation.runs(track_id))
    installation.until(lambda: installation.sql("SELECT count(*) FROM jobs") == [(0,)])
    assert busy
    next_id = ask(one)  # the worker is free again
    assert other.wait_for(next_id, finished)["status"] == "completed"


def test_what_is_cancelled_stays_as_far_as_any_node_showed_it(installation):
    one, other = installation.server(), installation.server()
    installation.worker()
    track_id = ask(one, model="simulator", duration=30)
    seen = other.wait_for(track_id, lambda record: record["progress"] > 0)["progress"]

    assert cancel(one, track_id).json()["progress"] >= seen
    assert other.wait_for(track_id, finished)["progress"] >= seen


def cancel(server, track_id):
    return server.client.post(f"/music/tracks/{track_id}/cancel")


def test_a_form_on_demand_is_made_once_for_both(installation):
    one, other = installation.server(), installation.server()
    installation.worker()
    track_id = ask(one)
    one.wait_for(track_id, finished)

    files = [node.client.get(f"/downloads/{track_id}.ogg") for node in (one, other)]

    assert [file.status_code for file in files] == [200, 200]
    assert files[0].content == files[1].content
    assert len([file for file in installation.store.get(track_id).files if file.form == "ogg"]) == 1


def test_a_deleted_track_is_gone_everywhere(installation):
    one, other = installation.server(), installation.server()
    installation.worker()
    track_id = ask(one)
    other.wait_for(track_id, finished)
    one.wait_for(track_id, finished)

    assert other.client.delete(f"/music/tracks/{track_id}").status_code == 204

    installation.until(lambda: one.client.get(f"/music/tracks/{track_id}").status_code == 404)
    installation.until(lambda: not installation.runs(track_id))
