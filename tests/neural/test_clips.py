"""The whole road of a clip: sent over HTTP, gone on from by a tiny MusicGen, a finished file at the end."""

import os

import numpy as np
import pytest

from app import wiring
from tests.neural.families import open_tiny, ready, skip_unless_installed
from tests.neural.test_every_family import RATE, Studio
from tests.recordings import recording, tone

pytestmark = [pytest.mark.integration, pytest.mark.slow]


@pytest.fixture(scope="module")
def studio(tmp_path_factory):
    skip_unless_installed("musicgen")
    folder = tmp_path_factory.mktemp("clips")
    with pytest.MonkeyPatch.context() as patches, ready("musicgen", folder) as (model, values):
        for name in [name for name in os.environ if name.startswith("MUSIC_")]:
            patches.delenv(name)
        patches.setattr(wiring, "open_resident", open_tiny)
        studio = Studio("musicgen", folder, model, values)
        yield studio
        studio.close()


def send(studio, samples):
    answer = studio.client.post("/music/clips", files={"file": ("verse.flac", recording(samples, kind="flac"))})
    assert answer.status_code == 200, answer.text
    return answer.json()["clip_id"]


def made(studio, **fields):
    track_id = studio.ask(seed=11, **fields)
    assert studio.finish(track_id)[-1]["status"] == "completed", studio.record(track_id)["error"]
    return track_id, studio.samples(track_id)


def test_a_clip_is_gone_on_from_and_the_track_is_as_long_as_asked(studio):
    clip_id = send(studio, tone(14.0, channels=2))
    other_id = send(studio, tone(3.0, hz=311.0))

    track_id, gone_on = made(studio, audio_prompt={"clip": clip_id, "use": "continue"})
    _, again = made(studio, audio_prompt={"clip": clip_id})
    _, other = made(studio, audio_prompt={"clip": other_id})
    _, plain = made(studio)

    assert {len(samples) for samples in (gone_on, other, plain)} == {5 * RATE}
    np.testing.assert_array_equal(gone_on, again)
    assert not np.allclose(gone_on, plain, atol=1e-3)
    assert not np.allclose(gone_on, other, atol=1e-3)
    assert studio.record(track_id)["asked"] == {"audio_prompt": {"clip": clip_id, "use": "continue"}}
    assert studio.listed()["audio_prompt"] == ["continue"]


def test_a_clip_outlives_a_restart(studio):
    clip_id = send(studio, tone(2.0))
    studio.close()
    studio.open()

    assert studio.client.get(f"/music/clips/{clip_id}").json()["seconds"] == 2.0
    assert len(made(studio, audio_prompt={"clip": clip_id})[1]) == 5 * RATE


def test_a_clip_that_goes_while_its_track_waits_is_the_reason_why_that_fails(studio):
    clip_id = send(studio, tone(2.0))
    # As many as the model takes in hand at once, and one after the other, for their seeds are named.
    before = [studio.ask(duration=60, seed=seed) for seed in range(4)]
    track_id = studio.ask(seed=4, audio_prompt={"clip": clip_id})

    assert studio.client.delete(f"/music/clips/{clip_id}").status_code == 204

    for one in before:
        studio.client.post(f"/music/tracks/{one}/cancel")
    assert studio.finish(track_id)[-1]["status"] == "failed"
    error = studio.record(track_id)["error"]
    assert clip_id in error
    assert "removed before this track was made" in error
    wish = {"prompt": "calm", "model": studio.model, "audio_prompt": {"clip": clip_id}}
    assert studio.client.post("/music/generate", json=wish).status_code == 422
