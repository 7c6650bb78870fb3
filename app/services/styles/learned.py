"""Learned styles: JSON files beside the packaged ones, in folders of the service's data.

A file is called `NAME.learned-DIGEST.json`: the name that people gave it, and that of the style, which holds the digest
of all it says. So a style's name never comes to mean another, in whatever folder it lies.
"""

import re
from functools import lru_cache
from pathlib import Path

from pydantic import ValidationError

from app.services.styles.schema import Style

#: How the names of learned styles begin; sixteen hexadecimal digits follow.
LEARNED_PREFIX = "learned-"
_LEARNED = re.compile(r"learned-[0-9a-f]{16}")

#: What people may call one.
TUNED_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,39}")

#: Folders of this process that may hold some, the latest first.
_folders: list[Path] = []


def look_in(folder: Path) -> None:
    """Find learned styles in a folder too, from now on; it need not be there yet. Idempotent."""
    if folder not in _folders:
        _folders.insert(0, folder)


def style_file(name: str, style_name: str) -> str:
    """Name of the file of a style that people call `name`."""
    return f"{name}.{style_name}.json"


def tuned_style(folder: Path, name: str) -> str | None:
    """Name of the learned style that people call `name`; None if there is none."""
    if not TUNED_NAME.fullmatch(name):
        return None
    found = next(folder.glob(f"{name}.{LEARNED_PREFIX}*.json"), None)
    return None if found is None else found.name.split(".")[1]


def tuned_names(folder: Path) -> list[str]:
    """What people call the learned styles in a folder, sorted."""
    return sorted(path.name.split(".")[0] for path in folder.glob(f"*.{LEARNED_PREFIX}*.json"))


def learned_style(style_name: str) -> Style:
    """The learned style of that name. KeyError if its file is not there, or not any more."""
    known = _LEARNED.fullmatch(style_name) is not None
    path = next((path for folder in _folders for path in folder.glob(f"*.{style_name}.json") if known), None)
    try:
        if path is not None:
            return _read(path)
    except (OSError, ValidationError):  # it went in this moment, or is not what it was
        pass
    raise KeyError(f"the learned style {style_name!r} is not here")


@lru_cache(maxsize=16)
def _read(path: Path) -> Style:
    return Style.model_validate_json(path.read_text(encoding="utf-8"))
