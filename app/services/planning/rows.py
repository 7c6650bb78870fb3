"""The rows of the vocabulary's tables, as they are checked when read; each table explains its own columns."""

from typing import Literal

from pydantic import Field

from app.models.brief import Frozen
from app.models.plan import Mode, Role


class GenreRow(Frozen):
    """A kind of music that people name; the fields are explained in genres.toml."""

    words: tuple[str, ...]
    parent: str = ""
    styles: tuple[str, ...]
    tempo: tuple[float, float, float] | None = None
    metre: str | None = None
    modes: dict[Mode, float] | None = None
    swing: float | None = None
    valence: float | None = Field(None, ge=-1, le=1)
    arousal: float | None = Field(None, ge=-1, le=1)
    band: tuple[str, ...] = ()
    drums: bool | None = None
    general: bool = False
    place: bool = False
    lends: tuple[str, ...] = ()
    fugal: tuple[str, ...] = ()
    frame: bool = False
    colour: bool = False
    build: bool = False


class MoodRow(Frozen):
    """A feeling, a scene or a purpose; the fields are explained in moods.toml and uses.toml."""

    words: tuple[str, ...]
    valence: float = Field(ge=-1, le=1)
    arousal: float = Field(ge=-1, le=1)
    kin: str = ""
    tempo: float | None = Field(None, ge=-1, le=1)
    tempo_feel: float | None = Field(None, ge=-1, le=1)
    density: float | None = Field(None, ge=-1, le=1)
    brightness: float = Field(0.0, ge=-1, le=1)
    space: float = Field(0.0, ge=-1, le=1)
    lift: int = 0
    modes: dict[Mode, float] = Field(default_factory=dict)
    curve: Literal["even", "arch", "rise", "wide"] | None = None
    drums: bool | None = None
    band: tuple[str, ...] = ()
    scene: bool = False
    event: bool = False
    era: bool = False
    dear: bool = False
    styles: dict[str, float] = Field(default_factory=dict)


class InstrumentRow(Frozen):
    """A word for an instrument, a group or an ensemble; the fields are explained in instruments.toml."""

    words: tuple[str, ...]
    members: tuple[str, ...] = ()
    all: tuple[str, ...] = ()
    refuse: tuple[str, ...] = ()
    refused: tuple[str, ...] = ()
    drums: bool = False
    weak: bool = False
    part: bool = False
    items: tuple[str, ...] = ()
    roles: tuple[Role, ...] = ()
    alone: bool = False
    styles: dict[str, float] = Field(default_factory=dict)


class CourseRow(Frozen):
    """A word for change over time; the fields are explained in course.toml."""

    words: tuple[str, ...]
    curve: tuple[tuple[float, float], ...] = ()
    late: bool = False
    last: Literal["drop"] | None = None
    styles: dict[str, float] = Field(default_factory=dict)
