"""Events are the same on every node, whoever took the track on and whoever makes it."""

import io

import httpx
import numpy as np
import pytest
import soundfile

from tests.distributed.conftest import ask, finished

pytestmark = [pytest.mark.distributed, pytest.mark.essential]


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


def test_another_node_plays_what_a_third_machine_is_making(installation):
    one, other = installation.server(), installation.server()
    installation.worker()
    warm = ask(one)
    installation.until(lambda: finished(one.client.get(f"/music/tracks/{warm}").json()))
    track_id = ask(one, duration=20)

    early = httpx.get(f"{other.url}/music/tracks/{track_id}/stream", timeout=120)
    installation.until(lambda: finished(one.client.get(f"/music/tracks/{track_id}").json()))
    late = httpx.get(f"{other.url}/music/tracks/{track_id}/stream", timeout=120)

    assert early.status_code == late.status_code == 200
    heard, made = (soundfile.read(io.BytesIO(one.content))[0] for one in (early, late))
    assert heard.shape == made.shape == (20 * 44_100, 2)
    assert np.corrcoef(heard[:, 0], made[:, 0])[0, 1] > 0.98
    assert early.headers["transfer-encoding"] == "chunked", "it was heard while it was made"
    assert late.content == httpx.get(f"{one.url}/downloads/{track_id}.mp3").content
