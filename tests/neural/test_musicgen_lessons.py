"""MusicGen is trained on a tiny checkpoint: its loss goes down, it goes on where it was, its adapter is heard."""

import io
import json
import shutil
import time
import zipfile

import numpy as np
import pytest
import soundfile

pytest.importorskip("torch", reason="torch is not installed: python3 run.py install musicgen")
pytest.importorskip("peft", reason="peft is not installed: python3 run.py install musicgen")

from fastapi.testclient import TestClient

from app import wiring
from app.config import Settings
from app.errors import GenerationFailed
from app.main import create_app
from app.services.engines import musicgen_lessons
from app.services.engines.base import ModelSource
from app.services.engines.musicgen import MusicGenEngine
from app.services.engines.musicgen_adapters import BASE_FILE
from app.services.engines.musicgen_lessons import Trainer
from tests.neural.asking import Asked, samples_of, takes
from tests.neural.tiny_musicgen import save_tiny_musicgen

RATE = 32_000


def tone(number, seconds=2.0):
    """Sound of shape (frames, 1)."""
    moment = np.arange(round(seconds * RATE)) / RATE
    return (0.3 * np.sin(2 * np.pi * 220 * number * moment))[:, None].astype(np.float32)


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    folder = save_tiny_musicgen(tmp_path_factory.mktemp("musicgen") / "model", None)
    return ModelSource(name="musicgen-small", folder=folder)


def trained(source, work, steps, *, strength=1.0, told=None):
    # A step size at which forty steps are heard; the tiny model is no more than noise.
    trainer = Trainer(source, work, seed=1, device="cpu", rate=5e-3)
    for number in (1, 2, 3):
        trainer.hear(tone(number), RATE, f"tone {number}")
    return trainer.train(steps, strength=strength, tell=(told if told is not None else []).append)


@pytest.fixture(scope="module")
def training(source, tmp_path_factory):
    told = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(musicgen_lessons, "KEEP_EVERY", 10)
        made = trained(source, tmp_path_factory.mktemp("work") / "whole", 30, told=told)
    assert told == [step / 30 for step in range(1, 31)]
    return made


def test_the_loss_goes_down(training):
    assert (training.pieces, training.seconds, training.resumed_at) == (3, 6.0, 0)
    assert len(training.losses) == 30
    assert np.mean(training.losses[-5:]) < np.mean(training.losses[:5]) - 0.1


def test_what_was_stopped_goes_on_from_its_checkpoint_as_if_it_never_had(source, training, tmp_path, monkeypatch):
    monkeypatch.setattr(musicgen_lessons, "KEEP_EVERY", 10)
    trained(source, tmp_path, 15)

    again = trained(source, tmp_path, 30)

    assert again.resumed_at == 10
    assert again.losses == pytest.approx(training.losses, abs=1e-3)


def test_an_adapter_is_put_on_and_off_without_opening_the_model_again(source, training):
    engine = MusicGenEngine(source)
    engine.load(device="cpu")
    model = engine._model

    def play(adapter):
        (take,) = takes(engine, Asked(seconds=5, seed=7, adapter=adapter))
        return samples_of(take)

    plain, taught, plain_again, taught_again = (play(worn) for worn in (None, training.folder) * 2)

    assert engine._model is model
    np.testing.assert_array_equal(plain, plain_again)
    np.testing.assert_array_equal(taught, taught_again)
    assert not np.allclose(plain, taught, atol=1e-3)
    engine.unload()


def test_an_adapter_of_no_strength_changes_nothing(source, tmp_path):
    made = trained(source, tmp_path, 2, strength=0.0)
    engine = MusicGenEngine(source)
    engine.load(device="cpu")

    plain, taught = (
        samples_of(takes(engine, Asked(seconds=5, seed=7, adapter=worn))[0]) for worn in (None, made.folder)
    )

    np.testing.assert_allclose(plain, taught, atol=1e-6)


@pytest.mark.parametrize("harm", ["another base", "no base", "broken"])
def test_an_adapter_that_does_not_fit_is_refused_and_the_model_plays_on(source, training, tmp_path, harm):
    adapter = tmp_path / "mine"
    shutil.copytree(training.folder, adapter)
    if harm == "another base":
        (adapter / BASE_FILE).write_text(json.dumps({"fingerprint": "0" * 64}))
    elif harm == "no base":
        (adapter / BASE_FILE).unlink()
    else:
        (adapter / "adapter_model.safetensors").write_bytes(b"\x00" * 100)
    engine = MusicGenEngine(source)
    engine.load(device="cpu")
    said = {"another base": "taught on other weights", "no base": "is not whole", "broken": "cannot be read"}[harm]

    with pytest.raises(GenerationFailed, match=said):
        takes(engine, Asked(seconds=5, adapter=adapter))
    with pytest.raises(GenerationFailed, match=said):  # and not half put on, either
        takes(engine, Asked(seconds=5, adapter=adapter))

    assert samples_of(takes(engine, Asked(seconds=5))[0]).std() > 1e-3


def zipped(files):
    written = io.BytesIO()
    with zipfile.ZipFile(written, "w") as packed:
        for name, content in files.items():
            packed.writestr(name, content)
    return written.getvalue()


def wav(samples):
    written = io.BytesIO()
    soundfile.write(written, samples, RATE, format="WAV")
    return written.getvalue()


def follow(client, url, reached=lambda seen: False):
    """What is seen there, until it is over or enough."""
    seen = []
    while not seen or (seen[-1]["status"] == "processing" and not reached(seen[-1])):
        seen.append(client.get(url).json())
        time.sleep(0.05)  # who asks without a pause takes the core from those who train
    return seen


@pytest.fixture
def open_client(source, tmp_path):
    """Opens the service on one folder, as often as asked."""
    settings = Settings(
        data_dir=tmp_path / "data", workers=1, device="cpu", drain=0.0, retry_bad_takes=False,
        model_paths=f"tiny=musicgen:{source.folder}",
    )  # fmt: skip
    return lambda: TestClient(create_app(settings, wiring.make_service(settings)))


@pytest.mark.slow
@pytest.mark.integration
def test_a_training_goes_on_after_a_restart_and_another_is_cancelled(open_client, tmp_path):
    sent = [("files", ("one.wav", wav(tone(1)))), ("files", ("one.txt", b"a tone"))]

    def begin(client, name, steps):
        fields = {"name": name, "base": "tiny", "steps": str(steps)}
        made = client.post("/music/finetunes", data=fields, files=sent).json()["finetune_id"]
        kept = tmp_path / "data" / "finetunes" / "uploads" / made / "work" / "checkpoint.safetensors"
        assert follow(client, f"/music/finetunes/{made}", lambda _: kept.exists())[-1]["status"] == "processing"
        return f"/music/finetunes/{made}"

    with open_client() as client:
        page = begin(client, "stopped", 150)
    with open_client() as client:
        record = follow(client, page)[-1]
        assert (record["status"], record["learned"]["steps"]) == ("completed", 150)
        assert record["learned"]["resumed_at"] >= 50

        page = begin(client, "unwanted", 20_000)
        assert client.post(f"{page}/cancel").json()["stage"] == "cancelled"
        assert list((tmp_path / "data" / "finetunes" / "uploads").iterdir()) == []
        assert [one["name"] for one in client.get("/music/models").json()["models"] if ":" in one["name"]] == [
            "tiny:stopped"
        ]


@pytest.mark.slow
@pytest.mark.integration
def test_from_a_zip_over_http_to_a_track_of_the_taught_model(open_client):
    rows = [{"file_name": f"clips/{number}.wav", "text": f"a tone {number}"} for number in (1, 2, 3, 9)]
    sent = zipped({
        **{f"set/clips/{number}.wav": wav(tone(number)) for number in (1, 2)},
        "set/clips/3.wav": wav(0 * tone(3)),
        "set/cover.jpg": b"JFIF",
        "set/metadata.jsonl": "\n".join([*map(json.dumps, rows), "not JSON"]),
    })  # fmt: skip
    with open_client() as client:
        fields = {"name": "tones", "base": "tiny", "steps": "60", "seed": "1"}
        taught = client.post("/music/finetunes", data=fields, files=[("files", ("set.zip", sent))])
        assert taught.status_code == 200, taught.text
        seen = follow(client, f"/music/finetunes/{taught.json()['finetune_id']}")
        record = seen[-1]
        assert record["status"] == "completed", record["error"]
        assert len({one["progress"] for one in seen if one["stage"] == "learning"}) > 3
        assert (record["learned"]["pieces"], record["learned"]["steps"]) == (2, 60)
        assert [step for step, _ in record["learned"]["loss"]] == list(range(1, 61))
        assert {file["file"]: file["reason"] for file in record["skipped"]} == {
            "set.zip/set/metadata.jsonl": 'has no "file_name" and "text" in line 5',
            "set.zip/set/clips/3.wav": "is silent",
            "set.zip/set/cover.jpg": "is not audio that can be read, or is broken",
            "set.zip/set/clips/9.wav": "has a caption, but was not sent",
        }

        model = record["model"]
        assert model == "tiny:tones"
        models = {one["name"]: one for one in client.get("/music/models").json()["models"]}
        assert (models[model]["engine"], models[model]["state"], models[model]["fine_tune"]) == (
            "musicgen",
            "ready",
            False,
        )
        made = {}
        for name in ("tiny", model, "tiny"):
            wish = {"prompt": "calm piano", "duration": 5, "seed": 3, "model": name}
            track = client.post("/music/generate", json=wish).json()["track_id"]
            assert follow(client, f"/music/status/{track}")[-1]["status"] == "completed"
            made.setdefault(name, []).append(client.get(f"/downloads/{track}.wav").content)
        assert made["tiny"][0] == made["tiny"][1] != made[model][0]
        assert model not in {name for name, one in models.items() if one["state"] == "loaded"}

        assert client.delete(f"/music/finetunes/{record['finetune_id']}").status_code == 204
        gone = client.post("/music/generate", json={"prompt": "calm piano", "duration": 5, "model": model})
        assert gone.status_code == 422
