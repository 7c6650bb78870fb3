"""Models: what each lacks is said with the command that helps, in the order in which an owner meets it."""

import json
import pickle
from dataclasses import replace
from pathlib import Path

import pytest

from app.config import Settings, hub_cache, parse_model_paths
from app.errors import FetchFailed, GenerationFailed, InvalidField, LicenceRefused, ModelNotReady, SettingRefused
from app.services.engines import CATALOGUE, LocalCheckpoint, Models
from app.services.engines import readiness as readinesses
from app.services.engines.base import Capabilities, ModelSource
from app.services.engines.checkpoints import checked_folder
from app.services.engines.readiness import environment_of, is_installed, python_of
from app.services.engines.rows import ModelRow, Weights
from app.services.engines.weights import folder_of, lacking_in, wanted_files

ROOT = Path(__file__).parents[2]

#: A model that needs packages that are here, and weights of one file.
ROW = ModelRow(
    name="hums",
    engine="hummer",
    description="Hums.",
    capabilities=Capabilities(weights_licence="CC-BY-NC-4.0", commercial_use=False),
    make=lambda source: source,
    estimate_s=lambda seconds, prompt, seed: seconds,
    packages=("json", "pickle"),
    weights=Weights(repository="us/hums", layout="transformers", required=("config.json",)),
)


def write(folder, **files):
    for name, content in files.items():
        path = folder / name.replace("__", "/").replace("_json", ".json").replace("_st", ".safetensors")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content if isinstance(content, str) else json.dumps(content))
    return folder


@pytest.fixture
def hub(tmp_path):
    """A cache that holds the weights of `ROW`."""
    kept = tmp_path / "hub" / "models--us--hums"
    (kept / "refs").mkdir(parents=True)
    (kept / "refs" / "main").write_text("abc")
    write(kept / "snapshots" / "abc", config_json={}, model_st="weights")
    return tmp_path / "hub"


def state_of(row, **facts):
    readiness = Models(**facts).readiness(row)
    return readiness.state, readiness.command


def test_what_comes_with_the_service_is_ready_anywhere():
    assert [state_of(CATALOGUE[name]) for name in ("composer", "simulator")] == [("ready", None)] * 2


def test_packages_come_first(hub):
    row = replace(ROW, packages=("json", "no_such_package"))

    assert state_of(row, hub=hub) == ("needs_install", "python3 run.py install hummer")


def test_then_weights(hub, tmp_path):
    assert state_of(ROW, hub=tmp_path / "empty") == ("needs_weights", "python3 run.py fetch hums")
    assert state_of(ROW) == ("needs_weights", "python3 run.py fetch hums")
    assert state_of(ROW, hub=hub) == ("ready", None)


def test_then_a_key(hub):
    row = replace(ROW, key_setting="MUSIC_HUM_KEY")

    assert state_of(row, hub=hub) == ("needs_key", "MUSIC_HUM_KEY=YOUR_KEY python3 run.py")
    assert state_of(row, hub=hub, keys={"MUSIC_HUM_KEY": "secret"}) == ("ready", None)
    source = Models(keys={"MUSIC_HUM_KEY": "secret"}, addresses={"hummer": "http://here"}).source(row)
    assert (source.api_key, source.base_url) == ("secret", "http://here")
    assert "secret" not in repr(source)
    assert "secret" not in repr(Models(keys={"MUSIC_HUM_KEY": "secret"}))


@pytest.mark.parametrize(
    ("device", "wants_gpu", "gpus", "state"),
    [
        ("auto", True, (), "needs_gpu"),
        ("auto", True, ("cuda",), "ready"),
        ("auto", True, ("mps",), "ready"),
        ("auto", False, (), "ready"),
        ("cpu", True, (), "ready"),
        ("cuda:1", False, (), "needs_gpu"),
        ("cuda", True, ("cuda",), "ready"),
        ("mps", False, ("cuda",), "needs_gpu"),
    ],
)
def test_then_a_gpu_unless_the_owner_says_otherwise(hub, monkeypatch, device, wants_gpu, gpus, state):
    monkeypatch.setattr(readinesses, "has_gpu", lambda kind: kind in gpus)
    row = replace(ROW, capabilities=replace(ROW.capabilities, wants_gpu=wants_gpu))

    command = "MUSIC_DEVICE=cpu python3 run.py" if state == "needs_gpu" else None
    assert state_of(row, hub=hub, device=device) == (state, command)


def test_a_gpu_is_seen_without_its_libraries():
    assert isinstance(readinesses.has_gpu("cuda"), bool)
    assert isinstance(readinesses.has_gpu("mps"), bool)


def test_a_model_that_is_not_ready_is_refused_with_the_command(tmp_path):
    with pytest.raises(ModelNotReady) as refused:
        Models(hub=tmp_path).check(ROW)

    assert refused.value.status == 409
    assert refused.value.detail == (
        "hums cannot be used yet: its weights are not on this machine. Run: python3 run.py fetch hums"
    )


def test_an_owner_may_refuse_weights_that_forbid_commercial_use(hub):
    models = Models(hub=hub, licence_policy="commercial")

    with pytest.raises(LicenceRefused, match=r"MUSIC_LICENCE_POLICY is commercial: .*hums.*CC-BY-NC-4\.0"):
        models.check(ROW)
    assert models.readiness(ROW).state == "forbidden"
    assert models.readiness(replace(ROW, capabilities=Capabilities())).state == "ready"


def test_packages_may_live_in_an_environment_of_their_own(tmp_path):
    row = replace(ROW, own_environment=True, packages=("magenta",))
    venv = environment_of("hummer", tmp_path)
    assert not is_installed(row, None)
    assert not is_installed(row, tmp_path)

    python_of(venv).parent.mkdir(parents=True)
    python_of(venv).touch()
    (venv / "lib" / "python3.11" / "site-packages" / "magenta").mkdir(parents=True)
    assert is_installed(row, tmp_path)

    (venv / "unfinished").touch()
    assert not is_installed(row, tmp_path)


# -- weights -----------------------------------------------------------------------------------------------------


def test_a_commit_needs_no_branch(hub):
    assert folder_of(Weights(repository="us/hums", layout="plain", revision="abc"), hub).name == "abc"
    assert folder_of(Weights(repository="us/hums", layout="plain", revision="other"), hub) is None
    assert folder_of(Weights(repository="us/others", layout="plain"), hub) is None


def test_a_model_is_whole_with_all_the_parts_that_its_index_names(tmp_path):
    weights = Weights(repository=None, layout="transformers", required=("config.json",))
    assert lacking_in(tmp_path, weights) == "its weights are not complete: config.json is missing"
    write(tmp_path, config_json={})
    assert lacking_in(tmp_path, weights) == "its weights are not complete: *.safetensors is missing"
    write(tmp_path, **{"model_st.index_json": {"weight_map": {"a": "one.safetensors", "b": "two.safetensors"}}})
    write(tmp_path, one_st="1")
    assert lacking_in(tmp_path, weights) == "its weights are not complete: two.safetensors is missing"
    write(tmp_path, two_st="2")
    assert lacking_in(tmp_path, weights) is None


def test_a_pipeline_is_whole_with_all_the_parts_that_its_index_names(tmp_path):
    weights = Weights(repository=None, layout="diffusers")
    assert lacking_in(tmp_path, weights) == "its weights are not complete: model_index.json is missing"
    index = {
        "_class_name": "Pipeline",
        "unet": ["diffusers", "UNet"],
        "tokenizer": ["transformers", "Tokenizer"],
        "safety_checker": ["stable_diffusion", "Checker"],
        "projection": [None, None],
        "force_zeros": True,
    }
    write(tmp_path, model_index_json=index)
    assert lacking_in(tmp_path, weights) == "its weights are not complete: unet is missing"
    write(tmp_path, unet__config_json={}, tokenizer__vocab_json={})
    assert lacking_in(tmp_path, weights) == "its weights are not complete: unet/*.safetensors is missing"
    write(tmp_path, unet__model_st="weights")
    assert lacking_in(tmp_path, weights) is None


@pytest.mark.parametrize("content", ["", "[]", "not json"])
def test_a_damaged_index_is_a_missing_one(tmp_path, content):
    (tmp_path / "model_index.json").write_text(content)

    assert "model_index.json" in lacking_in(tmp_path, Weights(repository=None, layout="diffusers"))


def test_of_a_models_files_those_beside_each_other_are_wanted():
    names = [
        "config.json",
        "model.safetensors",
        "state_dict.bin",
        "onnx/model.safetensors",
        "spiece.model",
        "README.md",
    ]

    wanted = wanted_files(names, Weights(repository="us/hums", layout="transformers"))

    assert wanted == ["config.json", "model.safetensors", "spiece.model"]


def test_of_plain_folders_all_that_is_safe_is_wanted():
    names = ["a/b/one.safetensors", "a/spm.model", "a/b/run.py", ".gitattributes", "other/two.safetensors"]

    wanted = wanted_files(names, Weights(repository="us/hums", layout="plain", folders=("a",)))

    assert wanted == ["a/b/one.safetensors", "a/spm.model"]


def test_pickles_are_never_wanted():
    with pytest.raises(FetchFailed, match="pickle"):
        wanted_files(["config.json", "pytorch_model.bin"], Weights(repository="us/hums", layout="transformers"))


# -- checkpoints of the owner's ----------------------------------------------------------------------------------


def test_a_checkpoint_of_the_owners_is_a_model_like_its_family(tmp_path):
    models = Models(local=(LocalCheckpoint(name="mine", family="riffusion", folder=tmp_path),))

    row = models.row("mine")

    like = CATALOGUE["riffusion-model-v1"]
    assert (row.engine, row.capabilities, row.make) == (like.engine, like.capabilities, like.make)
    assert models.source(row).folder == tmp_path
    assert models.rows()[-1] == row
    assert models.capabilities_of("mine") == row.capabilities
    assert models.capabilities_of("gone") is None
    with pytest.raises(InvalidField, match=r"composer, simulator, .*mine"):
        models.row("yours")


def test_a_folder_that_is_not_there_is_named(tmp_path, monkeypatch):
    monkeypatch.setattr(readinesses, "is_installed", lambda row, home: True)
    models = Models(local=(LocalCheckpoint(name="mine", family="riffusion", folder=tmp_path / "gone"),))

    readiness = models.readiness(models.row("mine"))

    assert readiness.state == "needs_weights"
    assert str(tmp_path / "gone") in readiness.lacks
    assert readiness.command == "MUSIC_MODEL_PATHS=mine=riffusion:/path/to/mine python3 run.py"


@pytest.mark.parametrize(
    ("name", "family", "said"),
    [
        ("mine", "composer", "'composer' is no family of models; there are .*riffusion"),
        ("composer", "riffusion", "composer is a model already"),
    ],
)
def test_a_checkpoint_that_fits_nowhere_is_refused(name, family, said):
    with pytest.raises(SettingRefused, match=f"MUSIC_MODEL_PATHS: {said}"):
        Models(local=(LocalCheckpoint(name=name, family=family, folder=Path("x")),))


def test_two_checkpoints_need_two_names():
    one = LocalCheckpoint(name="mine", family="riffusion", folder=Path("x"))

    with pytest.raises(SettingRefused, match="mine is a model already"):
        Models(local=(one, one))


def test_paths_are_read_from_the_setting():
    found = parse_model_paths("mine=riffusion:/models/mine, b.2=musicgen-melody:C:\\models\\b,")

    assert found == {"mine": ("riffusion", Path("/models/mine")), "b.2": ("musicgen-melody", Path("C:\\models\\b"))}


@pytest.mark.parametrize("text", ["mine", "mine=riffusion", "=riffusion:/x", "Mine=riffusion:/x", "a=b:c,a=b:d"])
def test_paths_that_cannot_be_read_are_refused(text):
    with pytest.raises(ValueError, match=r"a checkpoint is NAME=FAMILY:FOLDER|is there twice"):
        Settings(model_paths=text)


def test_the_cache_is_where_the_hubs_own_variables_say(monkeypatch, tmp_path):
    for name in ("HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE", "HF_HOME", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    assert hub_cache() == Path("~/.cache/huggingface/hub").expanduser()
    monkeypatch.setenv("XDG_CACHE_HOME", "/x")
    assert hub_cache() == Path("/x/huggingface/hub")
    monkeypatch.setenv("HF_HOME", "/h")
    assert hub_cache() == Path("/h/hub")
    monkeypatch.setenv("HF_HUB_CACHE", "/c")
    assert hub_cache() == Path("/c")


# -- the catalogue -----------------------------------------------------------------------------------------------


def test_models_can_be_handed_to_a_worker(tmp_path):
    models = Models(hub=tmp_path, local=(LocalCheckpoint(name="mine", family="riffusion", folder=tmp_path),))

    assert pickle.loads(pickle.dumps(models)) == models  # noqa: S301 - our own


@pytest.mark.parametrize("row", CATALOGUE.values(), ids=lambda row: row.name)
def test_every_row_says_what_an_owner_must_know(row):
    assert row.capabilities.code_licence
    assert row.capabilities.weights_licence
    assert row.description.endswith(".")
    assert row.estimate_s(30, "piano", 1) <= row.estimate_s(60, "piano", 1)
    if row.packages:
        file = ROOT / "requirements" / f"{row.engine}.txt"
        assert file.read_text(encoding="utf-8").startswith(f"# Engine {row.engine}: ")
        assert row.resident
    if row.weights is not None:
        assert row.weights.size_bytes > 0
        assert row.memory_bytes > 0


def test_weights_that_are_there_as_pickles_only_are_refused_with_the_reason(tmp_path):
    row = replace(CATALOGUE["musicgen-small"], weights=replace(CATALOGUE["musicgen-small"].weights, folder=tmp_path))
    (tmp_path / "config.json").write_text("{}")
    (tmp_path / "pytorch_model.bin").write_bytes(b"")
    assert lacking_in(tmp_path, row.weights) == (
        "its weights are refused: pytorch_model.bin is a pickle, which could run any code"
    )
    (tmp_path / "model.safetensors").write_bytes(b"")
    assert lacking_in(tmp_path, row.weights) is None


@pytest.mark.parametrize(
    ("files", "said"),
    [
        (None, "are not on this machine: python3 run.py fetch mine"),
        ({}, "its config.json is missing or damaged"),
        ({"config.json": "[1"}, "its config.json is missing or damaged"),
        ({"config.json": "[1]"}, "holds None, not musicgen"),
        ({"config.json": '{"model_type": "bert"}'}, "holds bert, not musicgen"),
        ({"config.json": '{"model_type": "musicgen"}', "a.bin": ""}, "mine is refused: a.bin is a pickle"),
        (
            {"config.json": '{"model_type": "musicgen", "unet": []}', "a.safetensors": "", "unet/b.pt": ""},
            "mine is refused: unet/b.pt is a pickle",
        ),
        ({"config.json": '{"model_type": "musicgen"}', "a.bin": "", "a.safetensors": ""}, None),
    ],
)
def test_a_folder_is_looked_at_before_anything_of_it_is_opened(tmp_path, files, said):
    folder = tmp_path / "model"
    for name, content in (files or {}).items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(content)
    if files == {}:
        folder.mkdir()
    source = ModelSource(name="mine", folder=folder)

    if said is None:
        assert checked_folder(source, "musicgen", index="config.json", key="model_type") == folder
        return
    with pytest.raises(GenerationFailed) as refused:
        checked_folder(source, "musicgen", index="config.json", key="model_type")
    assert said in str(refused.value)
