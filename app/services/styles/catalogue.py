"""Style files by name: each `*.toml` beside this module is one style, validated when it is first asked for."""

from functools import cache, lru_cache
from pathlib import Path
from typing import Any

import tomli
from pydantic import ValidationError

from app.services.styles.learned import LEARNED_PREFIX, learned_style
from app.services.styles.schema import Style

#: Where the packaged style files live.
STYLE_FOLDER = Path(__file__).parent


class StyleInvalid(ValueError):
    """A style file cannot be used; the message names the file and each field that is wrong."""


@lru_cache(maxsize=1)
def style_names() -> tuple[str, ...]:
    """Names of all packaged styles, sorted.

    >>> "jazz" in style_names()
    True
    """
    return tuple(sorted(path.stem for path in STYLE_FOLDER.glob("*.toml")))


def load_style(name: str) -> Style:
    """The style of that name, packaged or learned.

    Raises KeyError if there is no such style, StyleInvalid if its file breaks the schema.

    >>> load_style("jazz").title
    'Jazz'
    """
    if name.startswith(LEARNED_PREFIX):
        return learned_style(name)
    if name not in style_names():
        raise KeyError(f"unknown style {name!r}; there are: {', '.join(style_names())}")
    return _packaged(name)


@cache
def _packaged(name: str) -> Style:
    return read_style(STYLE_FOLDER / f"{name}.toml")


def is_style(name: str) -> bool:
    """Whether `load_style` knows the name.

    >>> is_style("jazz"), is_style("learned-nobodys")
    (True, False)
    """
    if not name.startswith(LEARNED_PREFIX):
        return name in style_names()
    try:
        learned_style(name)
    except KeyError:
        return False
    return True


def read_style(path: Path) -> Style:
    """The style written in a TOML file; its name is the file's stem.

    Raises StyleInvalid naming the file and the fields, OSError if the file cannot be read.
    """
    try:
        fields: dict[str, Any] = tomli.loads(path.read_text(encoding="utf-8"))
    except tomli.TOMLDecodeError as error:
        raise StyleInvalid(f"{path.name}: not TOML: {error}") from error
    try:
        return Style.model_validate({"name": path.stem, **fields})
    except ValidationError as error:
        raise StyleInvalid("\n".join(_complaints(path, error))) from error


def _complaints(path: Path, error: ValidationError) -> list[str]:
    """One line for each wrong field: file, field, what is wrong with it."""
    return [
        f"{path.name}: {'.'.join(str(step) for step in problem['loc']) or '(whole file)'}: {problem['msg']}"
        for problem in error.errors(include_url=False)
    ]
