"""What is offered to clients by name: the contract's names first, in its order, then all others.

Read from the tables when first asked for: that takes a tenth of a second, which a starting server need not wait for.
"""

from functools import cache

from app.services.planning.lexicon import lexicon
from app.services.theory.instruments import INSTRUMENTS


@cache
def genres() -> tuple[str, ...]:
    """Every genre and sub-genre that `read` knows by name; places are understood too, but are no genres."""
    return tuple(key for key, row in lexicon().genres.items() if not row.place)


@cache
def moods() -> tuple[str, ...]:
    """Every mood that `read` knows by name; scenes are understood too, but are no moods."""
    return tuple(key for key, row in lexicon().moods.items() if not row.scene)


@cache
def instrument_names() -> tuple[str, ...]:
    """Every instrument, group and ensemble that a field may name."""
    offered = (key for key, row in lexicon().instruments.items() if (row.drums or not row.weak) and not row.part)
    return tuple(dict.fromkeys([*offered, *INSTRUMENTS]))
