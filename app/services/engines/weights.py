"""Where weights lie, and whether they are whole. Reads folders only: no package of a model's is needed for it."""

import json
from collections.abc import Iterable
from pathlib import Path, PurePosixPath
from typing import Any

from app.errors import FetchFailed
from app.services.engines.checkpoints import REFUSED, only_pickle
from app.services.engines.rows import Weights

#: Endings of files that models are opened from.
OPENED = (".safetensors", ".json", ".txt", ".model", ".spm", ".tflite")

#: Words in the names of the same weights in another precision.
_OTHER_FORMS = (".fp16.", ".non_ema.", ".bf16.")


def folder_of(weights: Weights, hub: Path | None) -> Path | None:
    """The folder that holds a model's files; None if none of them was ever fetched.

    The hub's cache keeps `models--OWNER--NAME`, in it `refs/BRANCH` with a commit and `snapshots/COMMIT` with files.
    """
    if weights.repository is None:
        return weights.folder
    if hub is None:
        return None
    kept = hub / f"models--{weights.repository.replace('/', '--')}"
    try:
        commit = (kept / "refs" / weights.revision).read_text(encoding="utf-8").strip()
    except (OSError, ValueError):
        commit = weights.revision
    snapshot = kept / "snapshots" / commit
    return snapshot if snapshot.is_dir() else None


def wanted_files(names: Iterable[str], weights: Weights) -> list[str]:
    """Those of a repository's files that a model is opened from: safetensors and what describes them, never a pickle.

    `FetchFailed` where weights are there as pickles only, which could run any code.
    """
    listed = sorted(names)
    wanted = [name for name in listed if _is_wanted(PurePosixPath(name), weights)]
    for folder in dict.fromkeys(str(PurePosixPath(name).parent) for name in wanted if name.endswith("config.json")):
        inside = [name for name in listed if str(PurePosixPath(name).parent) == folder]
        pickled = only_pickle(inside)
        if pickled is not None:
            raise FetchFailed(
                f"{weights.repository} at {weights.revision}: {pickled} {REFUSED}, and there are no safetensors in its "
                "place; nothing was fetched"
            )
    if not any(name.endswith(".safetensors") for name in wanted):
        raise FetchFailed(f"{weights.repository} at {weights.revision} holds no safetensors; nothing was fetched")
    return wanted


def _is_wanted(path: PurePosixPath, weights: Weights) -> bool:
    if path.suffix not in OPENED or path.name.startswith(".") or any(word in path.name for word in _OTHER_FORMS):
        return False
    if weights.layout == "transformers":
        return len(path.parts) == 1
    if weights.layout == "diffusers" and len(path.parts) == 1:
        return path.name == "model_index.json"
    return not weights.folders or any(path.is_relative_to(wanted) for wanted in weights.folders)


def lacking_in(folder: Path | None, weights: Weights) -> str | None:
    """What is missing of a checkpoint, in a few words; None if it is whole."""
    if folder is None or not folder.is_dir():
        return "its weights are not on this machine"
    for name in weights.required:
        if not (folder / name).is_file():
            return _told(folder, name)
    missing = _lacking_of_pipeline(folder) if weights.layout == "diffusers" else _lacking_of_model(folder, folder)
    return None if missing is None else _told(folder, missing)


def _told(folder: Path, missing: str) -> str:
    """That a file is missing, or which pickle stands in its place."""
    inside = (folder / missing).parent
    pickled = only_pickle(path.name for path in inside.iterdir()) if inside.is_dir() else None
    if pickled is not None:
        return f"its weights are refused: {(inside / pickled).relative_to(folder).as_posix()} {REFUSED}"
    return f"its weights are not complete: {missing} is missing"


def _lacking_of_pipeline(folder: Path) -> str | None:
    """The first file that a diffusers pipeline lacks: each part that its index names has a folder."""
    index = _read(folder / "model_index.json")
    if index is None:
        return "model_index.json"
    for part, made_by in index.items():
        if part.startswith("_") or not isinstance(made_by, list) or None in made_by or part in _LEFT_OUT:
            continue
        inside = folder / part
        if not inside.is_dir():
            return part
        # Only what has weights has a config.json: tokenizers and schedulers name theirs otherwise.
        if (inside / "config.json").is_file() and (missing := _lacking_of_model(inside, folder)) is not None:
            return missing
    return None


def _lacking_of_model(folder: Path, top: Path) -> str | None:
    """The first file that a model's folder lacks: its weights, all parts that their index names."""
    for path in sorted(folder.glob("*.safetensors.index.json")):
        index = _read(path) or {}
        for name in sorted(set(index.get("weight_map", {}).values())):
            if not (folder / str(name)).is_file():
                return (folder / str(name)).relative_to(top).as_posix()
    if not any(folder.rglob("*.safetensors")):
        return (folder / "*.safetensors").relative_to(top).as_posix()
    return None


#: Parts of pipelines that are neither fetched nor opened: they look for nakedness in photographs.
_LEFT_OUT = frozenset({"safety_checker", "feature_extractor"})


def _read(path: Path) -> dict[str, Any] | None:
    try:
        read = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return read if isinstance(read, dict) else None
