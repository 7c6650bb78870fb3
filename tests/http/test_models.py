"""GET /music/models is honest, and a model that cannot work takes no requests."""

from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from app.config import Settings
from app.main import create_app
from app.services.engines import CATALOGUE
from app.services.engines import readiness as readinesses
from app.services.jobs.base import LoadedModel

NEEDS = "riffusion-model-v1"


@pytest.fixture(autouse=True)
def bare(monkeypatch):
    """An install without any engine's packages, whatever this one has."""
    monkeypatch.setattr(readinesses, "is_installed", lambda row, home: not row.packages)


def models_of(client):
    answer = client.get("/music/models")
    assert answer.status_code == 200
    return {model["name"]: model for model in answer.json()["models"]}


def test_a_bare_install_has_what_comes_with_it(client):
    models = models_of(client)

    assert list(models) == list(CATALOGUE)
    assert models["composer"]["state"] == "ready"
    assert models["composer"]["command"] is None
    assert models["composer"]["default"]
    assert models[NEEDS]["state"] == "needs_install"
    assert models[NEEDS]["command"] == "python3 run.py install riffusion"
    assert (models[NEEDS]["engine"], models[NEEDS]["window_s"], models[NEEDS]["wants_gpu"]) == ("riffusion", 5.12, True)
    assert models[NEEDS]["memory_bytes"] > 1_000_000_000


def lay_weights(row, hub):
    """What makes a model's weights whole, where `fetch` would lay it."""
    kept = hub / f"models--{row.weights.repository.replace('/', '--')}"
    (kept / "refs").mkdir(parents=True, exist_ok=True)
    (kept / "refs" / "main").write_text("abc")
    folder = kept / "snapshots" / "abc"
    parts = {Path(name).parent for name in row.weights.required}
    files = [*row.weights.required, *(part / "model.safetensors" for part in parts), "model_index.json"]
    for path in (folder / name for name in files):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("{}")


@pytest.mark.parametrize("engine", sorted({row.engine for row in CATALOGUE.values() if row.needs_something}))
def test_after_an_install_its_models_lack_one_thing_less_and_no_others(client, queue, monkeypatch, engine):
    rows = {name: row for name, row in CATALOGUE.items() if row.engine == engine}
    before = models_of(client)
    monkeypatch.setattr(readinesses, "is_installed", lambda row, home: not row.packages or row.engine == engine)
    monkeypatch.setattr(readinesses, "has_gpu", lambda kind: False)

    installed = models_of(client)

    assert {name for name in installed if installed[name] != before[name]} == set(rows)
    for name, row in rows.items():
        assert before[name]["command"] == f"python3 run.py install {engine}"
        lacks = ("needs_key", f"{row.key_setting}=YOUR_KEY python3 run.py")
        if row.weights is not None:
            lacks = ("needs_weights", f"python3 run.py fetch {name}")
        assert (installed[name]["state"], installed[name]["command"]) == lacks
        if row.weights is not None:
            lay_weights(row, queue.folder / "hub")
            assert models_of(client)[name]["state"] == ("needs_gpu" if row.capabilities.wants_gpu else "ready")
            with monkeypatch.context() as patch:
                patch.setattr(readinesses, "has_gpu", lambda kind: True)
                listed = models_of(client)[name]
                assert (listed["state"], listed["command"]) == ("ready", None)


def test_what_is_in_memory_is_loaded_with_its_figures(client, queue, monkeypatch):
    seen = LoadedModel(model="composer", state="loaded", memory_bytes=123, speed=20.5)
    monkeypatch.setattr(queue, "loaded", lambda: {"composer": seen})

    composer = models_of(client)["composer"]

    assert (composer["state"], composer["memory_bytes"], composer["speed"]) == ("loaded", 123, 20.5)


def test_speed_is_null_until_it_is_measured(client):
    assert {model["speed"] for model in models_of(client).values()} == {None}


@pytest.mark.parametrize(
    ("path", "body", "prefix"),
    [
        ("/music/generate", {"prompt": "calm", "model": NEEDS}, ""),
        ("/music/generate", {"prompt": "calm", "model": NEEDS, "variations": 2}, ""),
        ("/music/batch", {"requests": [{"prompt": "calm"}, {"prompt": "calm", "model": NEEDS}]}, "requests.1: "),
        ("/music/compare", {"prompt": "calm", "models": ["composer", NEEDS]}, ""),
    ],
)
def test_a_model_that_is_not_ready_answers_409_with_the_command_and_creates_nothing(client, queue, path, body, prefix):
    answer = client.post(path, json=body)

    assert answer.status_code == 409
    assert answer.json()["detail"] == (
        f"{prefix}{NEEDS} cannot be used yet: the packages of riffusion are not installed. "
        "Run: python3 run.py install riffusion"
    )
    assert (queue.tracks, queue.groups, queue.comparisons) == ({}, {}, {})


def test_an_unknown_model_is_named_with_those_there_are(client):
    answer = client.post("/music/generate", json={"prompt": "calm", "model": "nonsense"})

    assert answer.status_code == 422
    assert f"available: {', '.join(CATALOGUE)}" in answer.json()["detail"][0]["msg"]


@pytest.mark.parametrize("path", ["/music/generate", "/music/batch", "/music/compare"])
def test_the_documentation_names_both_refusals(client, path):
    answers = client.get("/openapi.json").json()["paths"][path]["post"]["responses"]

    assert {"403", "409"} <= set(answers)


def test_a_default_model_that_is_not_ready_says_so_at_the_start_and_to_every_request(tmp_path, caplog):
    settings = Settings(data_dir=tmp_path / "data", model=NEEDS, workers=1)
    with TestClient(create_app(settings)) as client:
        assert client.post("/music/generate", json={"prompt": "calm"}).status_code == 409
        assert models_of(client)[NEEDS]["default"]
    assert f"{NEEDS}, the default model, cannot be used yet" in caplog.text
    assert "Run: python3 run.py install riffusion" in caplog.text
