"""Whether a folder holds the checkpoint that an engine is about to open. Opens no weights, imports no framework.

Rule: the only place that refuses a pickle, so that no engine can forget to.
"""

import json
from collections.abc import Iterable
from pathlib import Path

from app.errors import GenerationFailed, printable
from app.services.engines.base import ModelSource

#: Endings of files that may run whatever they like when they are opened.
PICKLES = (".bin", ".ckpt", ".pt", ".pth", ".pkl")
#: Why they are refused, after a name.
REFUSED = "is a pickle, which could run any code"


def only_pickle(names: Iterable[str]) -> str | None:
    """The pickle that weights would have to come from, by a folder's files; None where there are safetensors.

    >>> only_pickle(["config.json", "pytorch_model.bin"])
    'pytorch_model.bin'
    """
    listed = sorted(names)
    pickled = [name for name in listed if name.endswith(PICKLES)]
    return pickled[0] if pickled and not any(name.endswith(".safetensors") for name in listed) else None


def checked_folder(source: ModelSource, family: str, *, index: str, key: str) -> Path:
    """The folder of a model, whose file `index` says under `key` that it is of `family`. `GenerationFailed`."""
    fetch = f"python3 run.py fetch {source.name}"
    if source.folder is None or not source.folder.is_dir():
        raise GenerationFailed(f"The weights of {source.name} are not on this machine: {fetch}")
    try:
        says = json.loads((source.folder / index).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise GenerationFailed(
            f"The folder of {source.name} holds no checkpoint: its {index} is missing or damaged; {fetch}"
        ) from error
    found = says.get(key) if isinstance(says, dict) else None
    if found != family:
        raise GenerationFailed(f"The folder of {source.name} holds {printable(str(found))}, not {family}")
    for folder in [source.folder, *(source.folder / part for part in says if (source.folder / part).is_dir())]:
        pickled = only_pickle(file.name for file in folder.iterdir())
        if pickled is not None:
            where = (folder / pickled).relative_to(source.folder).as_posix()
            raise GenerationFailed(f"{source.name} is refused: {where} {REFUSED}; only safetensors are opened")
    return source.folder
