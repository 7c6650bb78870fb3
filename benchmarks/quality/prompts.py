"""The prompts to be made into music, each with what its words ask for."""

import sys
from functools import cache
from pathlib import Path
from typing import Literal

from pydantic import Field

from app.models.brief import Frozen

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

#: The table of prompts; what its columns mean stands at its head.
TABLE = Path(__file__).with_name("prompts.toml")


class Prompt(Frozen):
    """Words, and what they ask for; None where they leave it open."""

    id: str = Field(pattern=r"^[a-z0-9_]+$", description="Names the prompt in every list.")
    text: str = Field(min_length=1, max_length=500, description="The words, as a user would send them.")
    duration_s: int = Field(30, ge=5, le=300, description="Seconds.")
    language: str = Field("en", description="Language of the words.")
    of: str | None = Field(None, description="The English prompt that it translates.")
    tempo_bpm: float | None = Field(None, description="The beat that the words name.")
    key: str | None = Field(None, pattern=r"^[A-G][#b]? (major|minor)$", description="Key note and third.")
    metre: Literal["2/4", "4/4", "3/4", "6/8", "5/4", "7/8"] | None = Field(None, description="Time signature.")
    drums: bool | None = Field(None, description="Whether somebody is to drum.")
    instruments: tuple[str, ...] = Field((), description="Words of the vocabulary that must play.")
    refused: tuple[str, ...] = Field((), description="Words of the vocabulary that must not.")
    styles: tuple[str, ...] = Field((), description="Names of the styles that are a right answer.")
    energy: Literal["high", "low"] | None = Field(None, description="How strong it is to be.")
    density: Literal["high", "low"] | None = Field(None, description="How much is to happen.")
    course: Literal["grows", "fades"] | None = Field(None, description="How the strength is to change.")
    loop: bool = Field(False, description="Whether the end is to join the beginning.")
    free: bool = Field(False, description="A drone, meditation or sting: its harmony and form are not counted.")


@cache
def prompts() -> tuple[Prompt, ...]:
    """All prompts, in the order of the table. ValueError where one is named twice or translates none."""
    rows = tuple(Prompt.model_validate(row) for row in tomllib.loads(TABLE.read_text(encoding="utf-8"))["prompt"])
    names = [row.id for row in rows]
    if twice := {name for name in names if names.count(name) > 1}:
        raise ValueError(f"{TABLE.name} names {sorted(twice)} more than once")
    if lost := {row.of for row in rows if row.of is not None and row.of not in names}:
        raise ValueError(f"{TABLE.name} translates {sorted(lost)}, which it does not hold")
    return rows


def some(number: int) -> tuple[Prompt, ...]:
    """So many of the prompts, spread over the table, its first among them; a translation brings its original."""
    rows = prompts()
    if number >= len(rows):
        return rows
    chosen = [rows[place * len(rows) // number] for place in range(number)]
    needed = {row.id for row in chosen} | {row.of for row in chosen if row.of is not None}
    return tuple(row for row in rows if row.id in needed)
