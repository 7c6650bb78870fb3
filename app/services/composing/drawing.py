"""Drawing by weight from what suits."""

from collections.abc import Mapping, Sequence
from typing import TypeVar

import numpy as np

from app.services.styles.idioms import Fitting

Choice = TypeVar("Choice")
Suiting = TypeVar("Suiting", bound=Fitting)


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
    """An option for this energy, metre and instrument family.

    What is written for the very metre goes before what must be fitted, what is written for the family before what is
    for all; if no option is meant for the energy, the nearest ones are.
    """
    pool = [option for option in options if option.metre == metre] or list(options)
    pool = [option for option in pool if family in option.families] or [o for o in pool if not o.families] or pool
    reach = min(_distance(option, energy) for option in pool)
    pool = [option for option in pool if _distance(option, energy) <= reach + 1e-9]
    return drawn(rng, pool, [option.weight for option in pool])


def _distance(option: Fitting, energy: float) -> float:
    low, high = option.energy
    return max(low - energy, energy - high, 0.0)
