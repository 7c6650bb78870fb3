"""Weights come from a hub into its cache: only what is safe to open, whole or not at all, going on where they ended."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from app.errors import FetchFailed
from app.services.engines import CATALOGUE, Models
from app.services.engines.fetching import fetch, shipment_of
from app.services.engines.weights import folder_of, lacking_in
from app.services.storage import hub as hubs
from tests.storage.hub_server import FETCHED, RIFFUSION, serving

constants = pytest.importorskip("huggingface_hub.constants", reason="huggingface_hub (requirements/fetch.txt) fetches")

ROOT = Path(__file__).parents[2]
ROW = CATALOGUE["riffusion-model-v1"]
UNET = "unet/diffusion_pytorch_model.safetensors"
#: Downloads before that file's: equal files are fetched once.
BEFORE = len({RIFFUSION[name] for name in sorted(FETCHED) if name < UNET})


@pytest.fixture
def hub(monkeypatch):
    monkeypatch.setattr(hubs, "PAUSE_S", 0.0)
    with serving({ROW.weights.repository: dict(RIFFUSION)}) as hub:
        # The library reads HF_ENDPOINT when it is imported, which was long ago.
        monkeypatch.setattr(constants, "ENDPOINT", hub.url)
        monkeypatch.setattr(
            constants, "HUGGINGFACE_CO_URL_TEMPLATE", hub.url + "/{repo_id}/resolve/{revision}/{filename}"
        )
        yield hub


def files_in(folder):
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


def brought(cache):
    heard = []
    folder = fetch(shipment_of(ROW), cache, heard.append)
    return folder, heard


def ranges(hub):
    return [asked for path, asked in hub.asked if asked]


def test_only_what_is_safe_to_open_is_fetched(hub, tmp_path):
    folder, heard = brought(tmp_path)

    assert files_in(folder) == FETCHED
    assert (folder / UNET).read_bytes() == RIFFUSION[UNET]
    assert sum(heard) == sum(len(RIFFUSION[name]) for name in FETCHED)
    assert folder == folder_of(ROW.weights, tmp_path)
    assert lacking_in(folder, ROW.weights) is None


def test_the_cache_is_the_librarys_own(hub, tmp_path):
    from huggingface_hub import snapshot_download

    folder, _ = brought(tmp_path)

    found = snapshot_download(
        ROW.weights.repository, cache_dir=tmp_path, local_files_only=True, allow_patterns=sorted(FETCHED)
    )
    assert Path(found) == folder
    assert not list(tmp_path.rglob("*.part"))


def test_a_second_time_nothing_is_fetched(hub, tmp_path):
    brought(tmp_path)
    hub.asked.clear()

    _, heard = brought(tmp_path)

    assert hub.asked == []
    assert sum(heard) == shipment_of(ROW).size_bytes


def test_a_connection_that_breaks_is_taken_up_again(hub, tmp_path):
    hub.breaks = [*[None] * BEFORE, 1_000_000, 2_000_000]

    folder, heard = brought(tmp_path)

    assert (folder / UNET).read_bytes() == RIFFUSION[UNET]
    assert ranges(hub) == ["bytes=1000000-", "bytes=3000000-"]
    assert sum(heard) == shipment_of(ROW).size_bytes


def test_what_was_cut_short_goes_on_the_next_time(hub, tmp_path, monkeypatch):
    monkeypatch.setattr(hubs, "ATTEMPTS", 1)
    hub.breaks = [*[None] * BEFORE, 3_000_000]
    with pytest.raises(FetchFailed, match="Run the same command again: it goes on where it ended"):
        brought(tmp_path)
    assert lacking_in(folder_of(ROW.weights, tmp_path), ROW.weights) == "its weights are not on this machine"

    folder, heard = brought(tmp_path)

    assert ranges(hub) == ["bytes=3000000-"]
    assert (folder / UNET).read_bytes() == RIFFUSION[UNET]
    assert sum(heard) == shipment_of(ROW).size_bytes


def test_a_server_without_ranges_sends_it_all_again(hub, tmp_path):
    hub.ignores_ranges = True
    hub.breaks = [*[None] * BEFORE, 1_000_000]

    folder, heard = brought(tmp_path)

    assert (folder / UNET).read_bytes() == RIFFUSION[UNET]
    assert sum(heard) == shipment_of(ROW).size_bytes


def test_what_came_damaged_is_thrown_away(hub, tmp_path):
    hub.instead = b"something else"

    with pytest.raises(FetchFailed, match="damaged and was thrown away"):
        brought(tmp_path)

    assert not list(tmp_path.rglob("*.part"))
    hub.instead = None
    assert files_in(brought(tmp_path)[0]) == FETCHED


def test_pickles_alone_are_refused_before_anything_is_fetched(hub, tmp_path):
    files = hub.repositories[ROW.weights.repository]
    del files[UNET]
    del files["unet/diffusion_pytorch_model.fp16.safetensors"]

    with pytest.raises(FetchFailed, match=r"unet/diffusion_pytorch_model\.bin is a pickle, .* nothing was fetched"):
        brought(tmp_path)

    assert hub.asked == []
    assert files_in(tmp_path) == set()


def test_a_repository_without_weights_is_refused(hub, tmp_path):
    hub.repositories[ROW.weights.repository] = {"model_index.json": b"{}"}

    with pytest.raises(FetchFailed, match="holds no safetensors"):
        brought(tmp_path)


@pytest.mark.parametrize(
    ("status", "code", "said"),
    [
        (403, "GatedRepo", "accept its terms"),
        (401, "RepoNotFound", "HF_TOKEN"),
        (404, "RevisionNotFound", "has no riffusion/riffusion-model-v1 at main"),
        (500, "", "cannot be fetched"),
    ],
)
def test_what_the_hub_refuses_is_said_in_plain_words(hub, tmp_path, status, code, said):
    hub.refuses, hub.code = status, code

    with pytest.raises(FetchFailed, match=said):
        brought(tmp_path)


def test_a_hub_that_is_not_there_is_said(monkeypatch, tmp_path):
    monkeypatch.setattr(constants, "ENDPOINT", "http://127.0.0.1:9")

    with pytest.raises(FetchFailed, match=r"http://127.0.0.1:9 .* cannot be reached"):
        brought(tmp_path)


def test_what_needs_no_weights_cannot_be_fetched():
    with pytest.raises(FetchFailed, match="composer needs no weights"):
        shipment_of(CATALOGUE["composer"])


@pytest.mark.integration
def test_fetch_over_the_command_line(hub, tmp_path):
    def fetched(*words, **settings):
        environment = {**os.environ, "HF_ENDPOINT": hub.url, "HF_HOME": str(tmp_path / "hf"), **settings}
        return subprocess.run(
            [sys.executable, "-m", "app.cli", "fetch", *words],
            cwd=ROOT, env=environment, capture_output=True, text=True, check=False,
        )  # fmt: skip

    done = fetched(ROW.name)
    offline = fetched(ROW.name, HF_HUB_OFFLINE="1")

    assert done.returncode == 0, done.stderr
    assert "0.01 GB in 10 files of riffusion/riffusion-model-v1" in done.stdout
    assert "CreativeML OpenRAIL-M" in done.stdout
    assert "100%" in done.stderr
    assert Models(hub=tmp_path / "hf" / "hub").source(ROW).folder.is_dir()
    assert offline.returncode == 0, offline.stderr
