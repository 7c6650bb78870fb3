"""An API node and a worker in one process group: one command, both roles."""

import pytest

from tests.distributed.conftest import ask, finished, in_work
from tests.durability.server import gone

pytestmark = pytest.mark.distributed


def worker_of(server):
    """The worker beside a node, once it runs."""
    return next((child for child in server.workers() if "--beside" in child.cmdline()), None)


def test_one_command_makes_music_and_starts_its_worker_again(installation):
    node = installation.server(MUSIC_WORKERS="1")
    first = installation.until(lambda: worker_of(node))
    track_id = ask(node, duration=60)
    node.wait_for(track_id, in_work)

    first.kill()

    assert node.wait_for(track_id, finished)["status"] == "completed"
    assert installation.store.get(track_id).attempt == 1
    assert worker_of(node).pid != first.pid


def test_the_worker_goes_with_its_node(installation):
    for end in ("kill", "terminate"):
        node = installation.server(MUSIC_WORKERS="1")
        installation.until(lambda node=node: node.client.get("/ready").status_code == 200)
        theirs = node.workers()

        getattr(node, end)()

        assert gone(theirs, 60), end
        installation.until(lambda: installation.sql("SELECT count(*) FROM workers") == [(0,)])


def test_a_node_can_be_told_to_make_no_music(installation):
    node = installation.server()

    assert "no worker takes composer" in node.client.get("/ready").json()["detail"]
    assert worker_of(node) is None
