"""The whole road of every family of models, over HTTP, on a tiny checkpoint: what works for one must work for all."""

import io
import os
import shutil
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import soundfile
from fastapi.testclient import TestClient

from app import wiring
from app.config import Settings
from app.main import create_app
from app.services.engines import CATALOGUE
from app.services.engines.base import ModelSource
from tests.neural.asking import Asked, samples_of, takes
from tests.neural.families import FAMILIES, builder_of, open_tiny, ready, skip_unless_installed

pytestmark = [pytest.mark.integration, pytest.mark.slow]

#: Seconds in which a tiny model must be done with anything that it is asked here.
PATIENCE_S = 900.0
RATE = 44_100


@pytest.mark.parametrize("engine", FAMILIES)
def test_every_family_brings_a_tiny_checkpoint(engine):
    builder = builder_of(engine)

    assert hasattr(builder, "ready") or hasattr(builder, f"save_tiny_{engine.replace('-', '_')}")


@pytest.mark.parametrize("engine", FAMILIES)
def test_no_family_that_makes_several_at_once_hears_who_is_beside_it(engine, tmp_path):
    skip_unless_installed(engine)
    row = FAMILIES[engine]
    if row.capabilities.batch == 1 or not row.capabilities.seed:
        pytest.skip(f"{engine} makes one piece at a time, or never the same twice")
    with ready(engine, tmp_path) as (_model, values):
        folder = Path(values["model_paths"].rpartition(":")[2])
        made_by = row.make(ModelSource(name=row.name, folder=folder))
        made_by.load(device="cpu")
        company = [Asked("techno, 140 bpm", seconds=8, seed=1), Asked("sad strings", seconds=5, seed=2), Asked(seed=7)]
        together, apart = takes(made_by, *company), takes(made_by, Asked(seed=7))
        made_by.unload()

    assert len({made_by.batch_key(asked.request) for asked in company}) == 1
    np.testing.assert_allclose(samples_of(together[-1]), samples_of(apart[0]), rtol=0, atol=1e-6)


class Studio:
    """A service with one tiny model."""

    def __init__(self, engine, folder, model, values):
        self.engine, self.model, self.values, self.folder = engine, model, values, folder
        self.row = FAMILIES[engine]
        self._first = None
        self.open()

    def open(self):
        settings = Settings(
            **{"data_dir": self.folder / "data", "workers": 1, "device": "cpu", "drain": 0.0, "retry_bad_takes": False}
            | self.values
        )
        self.client = TestClient(create_app(settings, wiring.make_service(settings)))
        self.client.__enter__()

    def close(self):
        self.client.__exit__(None, None, None)

    def ask(self, prompt="calm piano, 90 bpm", duration=5, **fields):
        body = {"prompt": prompt, "duration": duration, "model": self.model, **fields}
        answer = self.client.post("/music/generate", json=body)
        assert answer.status_code == 200, answer.text
        return answer.json()["track_id"]

    def status(self, track_id):
        return self.client.get(f"/music/status/{track_id}").json()

    def record(self, track_id):
        return self.client.get(f"/music/tracks/{track_id}").json()

    def until(self, read, reached):
        """All that was read, each value once, until one will do."""
        seen = []
        by = time.monotonic() + PATIENCE_S
        while time.monotonic() < by:
            now = read()
            if not seen or now != seen[-1]:
                seen.append(now)
            if reached(now):
                return seen
            time.sleep(0.02)
        raise AssertionError(f"not in {PATIENCE_S:g} s; last seen: {seen[-1]}")

    def finish(self, track_id):
        return self.until(lambda: self.status(track_id), lambda status: status["status"] != "processing")

    def first(self):
        """A track, and what was seen of it on its way; made once."""
        if self._first is None:
            track_id = self.ask(seed=11)
            self._first = track_id, self.finish(track_id)
        return self._first

    def samples(self, track_id):
        answer = self.client.get(f"/downloads/{track_id}.wav")
        assert answer.status_code == 200
        samples, rate = soundfile.read(io.BytesIO(answer.content), dtype="float32")
        assert rate == RATE
        return samples

    def stream(self, track_id):
        """What is heard of a track while it is made; asked for again where it takes long to begin."""
        while (answer := self.client.get(f"/music/tracks/{track_id}/stream?format=wav")).status_code == 503:
            pass
        return answer

    def listed(self):
        return next(one for one in self.client.get("/music/models").json()["models"] if one["name"] == self.model)


@pytest.fixture(scope="module", params=list(FAMILIES))
def studio(request, tmp_path_factory):
    engine = request.param
    skip_unless_installed(engine)
    folder = tmp_path_factory.mktemp(engine)
    with pytest.MonkeyPatch.context() as patches, ready(engine, folder) as (model, values):
        for name in [name for name in os.environ if name.startswith("MUSIC_")]:
            patches.delenv(name)
        patches.setattr(wiring, "open_resident", open_tiny)
        studio = Studio(engine, folder, model, values)
        yield studio
        studio.close()


def test_a_track_is_finished_as_long_as_asked_and_mastered(studio):
    assert studio.listed()["state"] in ("ready", "loaded")

    track_id, seen = studio.first()

    assert seen[-1]["status"] == "completed", studio.record(track_id)["error"]
    shown = [status["progress"] for status in seen]
    assert shown == sorted(shown)
    assert len({progress for progress in shown if 0 < progress < 100}) >= 3, shown
    samples = studio.samples(track_id)
    assert samples.shape == (5 * RATE, 2)
    assert np.sqrt(np.mean(samples**2)) > 1e-3
    record = studio.record(track_id)
    assert record["seed"] == 11
    assert any("takes no seed" in warning for warning in record["warnings"]) is not studio.row.capabilities.seed
    assert record["measured"]["true_peak_dbtp"] <= -0.9
    assert abs(record["measured"]["loudness_lufs"] + 14) <= 1.5 or record["measured"]["true_peak_dbtp"] >= -1.5
    assert {"mp3", "wav", "plan.json", "brief.json"} <= set(record["files"])


def test_what_streams_is_heard_while_it_is_made(studio):
    streams = studio.row.capabilities.streams
    assert studio.listed()["streams"] is streams
    if not streams:
        return
    track_id = studio.ask(seed=3)
    with ThreadPoolExecutor(1) as pool:
        answer = pool.submit(studio.stream, track_id)
        seen = studio.until(lambda: studio.record(track_id), lambda record: record["audible"])
        assert seen[-1]["status"] == "processing"
        heard, _ = soundfile.read(io.BytesIO(answer.result(PATIENCE_S).content), dtype="float32")
    studio.finish(track_id)
    file = studio.samples(track_id)

    assert heard.shape == file.shape == (5 * RATE, 2)
    assert np.vdot(heard, file) > 0.9 * np.linalg.norm(heard) * np.linalg.norm(file)


def test_then_it_is_listed_as_loaded_with_what_was_measured(studio):
    studio.first()

    listed = studio.listed()

    assert listed["state"] == "loaded"
    assert listed["speed"] > 0
    assert studio.row.capabilities.remote or listed["memory_bytes"] > 0


def test_the_same_seed_gives_the_same_music(studio):
    if not studio.row.capabilities.seed:
        pytest.skip(f"{studio.engine} takes no seed")
    first, _ = studio.first()
    again, other = studio.ask(seed=11), studio.ask(seed=12)
    for track_id in (again, other):
        assert studio.finish(track_id)[-1]["status"] == "completed"

    np.testing.assert_array_equal(studio.samples(first), studio.samples(again))
    assert not np.array_equal(studio.samples(first), studio.samples(other))


def test_a_track_can_be_cancelled_midway_and_the_model_lives_on(studio):
    track_id = studio.ask(duration=60)
    studio.until(lambda: studio.record(track_id), lambda record: record["stage"] == "rendering")

    assert studio.client.post(f"/music/tracks/{track_id}/cancel").status_code == 200

    assert studio.status(track_id)["status"] == "failed"
    assert studio.record(track_id)["stage"] == "cancelled"
    assert studio.client.get(f"/downloads/{track_id}.wav").status_code == 404
    assert studio.finish(studio.ask())[-1]["status"] == "completed"


def test_a_batch_is_finished_each_track_its_own(studio):
    wishes = [
        {"prompt": prompt, "duration": duration, "model": studio.model}
        for prompt, duration in (("calm piano", 5), ("fast techno, 140 bpm", 6), ("sad strings", 5))
    ]
    answer = studio.client.post("/music/batch", json={"requests": wishes})
    assert answer.status_code == 200, answer.text
    body = answer.json()

    group = f"/music/groups/{body['group_id']}"
    studio.until(lambda: studio.client.get(group).json()["status"], lambda status: status != "processing")

    made = [studio.samples(track_id) for track_id in body["track_ids"]]
    assert [len(samples) for samples in made] == [wish["duration"] * RATE for wish in wishes]
    assert not np.array_equal(made[0], made[2])


def test_what_a_restart_interrupts_is_finished_after_it_and_the_speed_is_still_known(studio):
    studio.first()
    track_id = studio.ask(duration=10)
    studio.until(lambda: studio.record(track_id), lambda record: record["stage"] == "rendering")
    before = studio.status(track_id)["progress"]

    studio.close()
    studio.open()

    assert studio.listed()["speed"] > 0
    seen = studio.finish(track_id)
    assert seen[0]["progress"] >= before
    assert seen[-1]["status"] == "completed", studio.record(track_id)["error"]
    assert len(studio.samples(track_id)) == 10 * RATE


@pytest.mark.parametrize("damage", ["truncated", "pickled"])
def test_a_damaged_checkpoint_fails_its_track_with_the_reason_and_the_service_lives_on(studio, damage):
    if "model_paths" not in studio.values:
        pytest.skip(f"{studio.engine} opens no checkpoint here")
    name, _, rest = studio.values["model_paths"].partition("=")
    checkpoint = Path(rest.partition(":")[2])
    broken = studio.folder / damage
    shutil.copytree(checkpoint, broken)
    for path in broken.rglob("*.safetensors"):
        if damage == "truncated":
            path.write_bytes(path.read_bytes()[:100])
        else:
            path.rename(path.with_suffix(".bin"))
    values, model = studio.values, studio.model
    studio.close()
    studio.model, studio.values = name, {**values, "model_paths": f"{name}={studio.engine}:{broken}"}
    studio.open()
    try:
        answer = studio.client.post("/music/generate", json={"prompt": "calm", "duration": 5, "model": name})
        if damage == "truncated":
            track_id = answer.json()["track_id"]
            assert studio.finish(track_id)[-1]["status"] == "failed"
            error = studio.record(track_id)["error"]
            assert name in error
            assert "went wrong on our side" not in error
        else:
            assert answer.status_code == 409
            assert "is a pickle, which could run any code" in answer.json()["detail"]
        composed = studio.client.post("/music/generate", json={"prompt": "calm", "duration": 5}).json()["track_id"]
        assert studio.finish(composed)[-1]["status"] == "completed"
    finally:
        studio.close()
        studio.model, studio.values = model, values
        studio.open()


def test_every_model_that_needs_something_belongs_to_a_family():
    assert {row.engine for row in CATALOGUE.values() if row.needs_something} == set(FAMILIES)
