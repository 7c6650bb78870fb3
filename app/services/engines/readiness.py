"""Whether a model can work on this machine, and the command that helps where it can't. Imports nothing of a model's."""

import importlib
import os
import shutil
import sys
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Literal

from app.services.engines.rows import ModelRow
from app.services.engines.weights import folder_of, lacking_in

#: What can be said of a model. "loaded" is a ready one that is in memory now.
State = Literal["ready", "loaded", "needs_install", "needs_weights", "needs_key", "needs_gpu", "forbidden"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Readiness:
    """How a model stands."""

    state: State
    #: What it lacks, in a few words; empty if nothing.
    lacks: str = ""
    #: What its owner can run to change that; None if nothing is to be done.
    command: str | None = None


def readiness_of(row: ModelRow, *, hub: Path | None, home: Path | None, device: str, key: str) -> Readiness:
    """What a model lacks first: packages, then weights, a key, a GPU."""
    if not is_installed(row, home):
        return Readiness(
            state="needs_install",
            lacks=f"the packages of {row.engine} are not installed",
            command=f"python3 run.py install {row.engine}",
        )
    if row.weights is not None:
        lacks = lacking_in(folder_of(row.weights, hub), row.weights)
        if lacks is not None and row.weights.repository is None:
            given = f"{row.name}={row.engine}:/path/to/{row.name}"
            return Readiness(
                state="needs_weights",
                lacks=f"{lacks}; MUSIC_MODEL_PATHS says that they are in {row.weights.folder}",
                command=f"MUSIC_MODEL_PATHS={given} python3 run.py",
            )
        if lacks is not None:
            return Readiness(state="needs_weights", lacks=lacks, command=f"python3 run.py fetch {row.name}")
    if row.key_setting is not None and not key:
        return Readiness(
            state="needs_key",
            lacks=f"{row.key_setting} is not set",
            command=f"{row.key_setting}=YOUR_KEY python3 run.py",
        )
    return _of_device(row, device)


def _of_device(row: ModelRow, device: str) -> Readiness:
    if row.capabilities.remote or not row.packages or device == "cpu":
        return Readiness(state="ready")
    on_cpu = "MUSIC_DEVICE=cpu python3 run.py"
    kind = device.partition(":")[0]
    if kind in ("cuda", "mps") and not has_gpu(kind):
        return Readiness(
            state="needs_gpu", lacks=f"MUSIC_DEVICE is {device}, and this machine shows none", command=on_cpu
        )
    if kind == "auto" and row.capabilities.wants_gpu and not (has_gpu("cuda") or has_gpu("mps")):
        return Readiness(
            state="needs_gpu",
            lacks="it wants a GPU, and this machine shows none; without one a minute of music can take hours",
            command=on_cpu,
        )
    return Readiness(state="ready")


def is_installed(row: ModelRow, home: Path | None) -> bool:
    """Whether all packages of a model are there, in this environment or its engine's own."""
    if row.own_environment:
        if home is None:
            return False
        venv = environment_of(row.engine, home)
        return all(_is_in(venv, package) for package in row.packages)
    importlib.invalidate_caches()  # they may have been installed since the service started
    return all(_is_here(package) for package in row.packages)


def environment_of(engine: str, home: Path) -> Path:
    """The environment of an engine that has one of its own."""
    return home / f".venv-{engine}"


def python_of(venv: Path) -> Path:
    """Where an environment keeps its Python."""
    return venv / "Scripts" / "python.exe" if os.name == "nt" else venv / "bin" / "python"


def has_gpu(kind: str) -> bool:
    """Whether this machine shows a GPU of a kind, "cuda" or "mps", as far as can be seen without its libraries."""
    if kind == "mps":
        return sys.platform == "darwin" and os.uname().machine == "arm64"
    return any(Path(place).exists() for place in ("/dev/nvidia0", "/dev/kfd")) or shutil.which("nvidia-smi") is not None


def _is_here(package: str) -> bool:
    try:
        return find_spec(package) is not None
    except ModuleNotFoundError:  # of "google.genai", not even "google"
        return False


def _is_in(venv: Path, package: str) -> bool:
    if not python_of(venv).exists() or (venv / "unfinished").exists():
        return False
    libraries = [venv / "Lib" / "site-packages", *(venv / "lib").glob("python3*/site-packages")]
    return any((library / package).is_dir() for library in libraries)
