"""Events are the same on every node, whoever took the track on and whoever makes it."""

import httpx
import pytest

from tests.distributed.conftest import ask

pytestmark = pytest.mark.distributed


def test_another_node_tells_what_happens_up_to_the_end(installation):
    one, other = installation.server(), installation.server()
    track_id = ask(one)
    with httpx.stream("GET", f"{other.url}/music/tracks/{track_id}/events", timeout=120) as heard:
        installation.worker()
        text = "".join(heard.iter_text())

    names = [line.removeprefix("event: ") for line in text.splitlines() if line.startswith("event: ")]
    last = [line.removeprefix("id: ") for line in text.splitlines() if line.startswith("id: ")][-1]
    again = one.client.get(f"/music/tracks/{track_id}/events", headers={"Last-Event-ID": last})
    assert names[0] == "stage"
    assert "plan" in names
    assert names[-1] == "completed"
    assert again.status_code == 204
