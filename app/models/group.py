"""Tracks that were asked for together, and tracks that are set side by side."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

#: What the tracks were asked for as: one wish several times, several wishes at once, sides of a comparison.
GroupKind = Literal["variations", "batch", "comparison"]

#: What makes the difference between the tracks of a comparison.
Varied = Literal["models", "seeds", "plans"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Group:
    """Tracks that were accepted together. It lasts as long as one of them does."""

    #: "group_" and sixteen hexadecimal digits.
    id: str
    kind: GroupKind
    created_at: datetime
    #: Tracks that are still there, in the order they were asked for.
    track_ids: tuple[str, ...]
    #: How many tracks there were at first.
    size: int
    #: Who it belongs to; None until a server owner turns authentication on.
    owner: str | None = None
    #: Whom to tell once all of its tracks are finished.
    webhook_url: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Side:
    """One of the tracks that are compared."""

    #: "A", "B" …: its place in the blind order, and its name in a vote.
    label: str
    track_id: str
    #: What sets it apart, for people: "composer", "seed 7", "plan 2".
    name: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Comparison:
    """The same wish in several ways. It lasts as long as its group does."""

    #: "comparison_" and sixteen hexadecimal digits.
    id: str
    #: The group of its tracks.
    group_id: str
    created_at: datetime
    prompt: str
    varied: Varied
    #: Integrated loudness that every track is mastered to, in LUFS.
    loudness_lufs: float
    #: In the order they were asked for, those included whose tracks are gone.
    sides: tuple[Side, ...]
    #: Label of the side that was preferred last; None before the first vote.
    winner: str | None = None
    voted_at: datetime | None = None
    #: Votes cast; the last one counts.
    votes: int = 0
    #: Who it belongs to; None until a server owner turns authentication on.
    owner: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Standing:
    """How often a model was preferred to others."""

    #: Comparisons with other models that were voted on.
    compared: int = 0
    #: Those in which one of its tracks was preferred.
    wins: int = 0
