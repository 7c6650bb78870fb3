"""Drawing by weight from what suits."""

from collections.abc import Mapping, Sequence
from typing import TypeVar

import numpy as np

from app.models.plan import Mode
from app.services.styles.idioms import Fitting, Pattern

Choice = TypeVar("Choice")
Suiting = TypeVar("Suiting", bound=Fitting)
Rhythmic = TypeVar("Rhythmic", bound=Pattern)

#: How much a piece that is to be as busy as can be prefers patterns with more strokes: their share against the mean,
#: to this power.
_BUSY_POWER = 3.0


def drawn(rng: np.random.Generator, choices: Sequence[Choice], weights: Sequence[float]) -> Choice:
    """One choice, by weight."""
    total = sum(weights)
    mark = rng.random() * total
    for choice, weight in zip(choices, weights, strict=True):
        mark -= weight
        if mark < 0:
            return choice
    return choices[-1]


def drawn_key(rng: np.random.Generator, weights: Mapping[Choice, float]) -> Choice:
    """One key of a table of weights."""
    return drawn(rng, list(weights), list(weights.values()))


def suited(
    rng: np.random.Generator, options: Sequence[Suiting], *, energy: float, metre: str, family: str = ""
) -> Suiting:
    """An option for this energy, metre and instrument family, by weight."""
    pool = fitting(options, energy=energy, metre=metre, family=family)
    return drawn(rng, pool, [option.weight for option in pool])


def in_mode(options: Sequence[Suiting], mode: Mode) -> tuple[Suiting, ...]:
    """Options written for a mode; where there is none, those written for any."""
    own = tuple(option for option in options if mode in option.modes)
    return own or tuple(option for option in options if not option.modes) or tuple(options)


def fitting(options: Sequence[Suiting], *, energy: float, metre: str, family: str = "") -> list[Suiting]:
    """Options for this energy, metre and instrument family.

    What is written for the very metre goes before what must be fitted, what is written for the family before what is
    for all; if no option is meant for the energy, the nearest ones are.
    """
    pool = [option for option in options if option.metre == metre] or list(options)
    pool = [option for option in pool if family in option.families] or [o for o in pool if not o.families] or pool
    reach = min(_distance(option, energy) for option in pool)
    return [option for option in pool if _distance(option, energy) <= reach + 1e-9]


def suited_pattern(
    rng: np.random.Generator,
    patterns: Sequence[Rhythmic],
    *,
    energy: float,
    metre: str,
    density: float,
    family: str = "",
) -> Rhythmic:
    """The same of patterns, by weight and by what the plan's density (−1…1) prefers: many strokes or few."""
    pool = fitting(patterns, energy=energy, metre=metre, family=family)
    mean = sum(pattern.strokes_a_bar for pattern in pool) / len(pool)
    shares = (max(pattern.strokes_a_bar, 1.0) / max(mean, 1.0) for pattern in pool)
    weights = [pattern.weight * share ** (_BUSY_POWER * density) for pattern, share in zip(pool, shares, strict=True)]
    return drawn(rng, pool, weights)


def _distance(option: Fitting, energy: float) -> float:
    low, high = option.energy
    return max(low - energy, energy - high, 0.0)
