"""Two styles made one: tables of weights and lists of choices are drawn from in the shares, numbers lie between."""

from collections.abc import Mapping
from typing import Any

from app.models.brief import Frozen
from app.services.styles import Style
from app.services.styles.idioms import Fitting, Progression

#: Lists whose members are drawn by weight.
_DRAWN = (Fitting, Progression)


def mixed(base: Style, learned: Style, strength: float) -> Style:
    """The base with a share of `strength` of what was learned: 0 is the base, 1 what was learned.

    What both say alike stays; words, forms and flags are those of the greater share.
    """
    if strength <= 0:
        return base
    return learned if strength >= 1 else _between(base, learned, strength)


def _between(base: Any, learned: Any, share: float) -> Any:
    """What lies between two values of the same kind."""
    if base == learned:
        return learned
    if isinstance(learned, Frozen):
        fields = type(learned).model_fields
        return learned.model_copy(
            update={name: _between(getattr(base, name), getattr(learned, name), share) for name in fields}
        )
    if isinstance(learned, Mapping):
        return _tables(base, learned, share)
    if isinstance(learned, frozenset):
        return base | learned
    if isinstance(learned, tuple) and any(isinstance(member, _DRAWN) for member in (*base, *learned)):
        return (*_weighing(base, 1 - share), *_weighing(learned, share))
    if isinstance(learned, float) or (isinstance(learned, int) and not isinstance(learned, bool)):
        value = base + share * (learned - base)
        return round(value) if isinstance(learned, int) else round(value, 6)
    return learned if share >= 0.5 else base


def _tables(base: Mapping[Any, Any], learned: Mapping[Any, Any], share: float) -> dict[Any, Any]:
    """Weights by share, each table made to sum to 1 first; rows of other things where either has them."""
    if all(isinstance(value, float | int) for value in (*base.values(), *learned.values())):
        sums = [sum(table.values()) or 1.0 for table in (base, learned)]
        return {
            key: round((1 - share) * base.get(key, 0) / sums[0] + share * learned.get(key, 0) / sums[1], 6)
            for key in sorted({*base, *learned})
        }
    return {
        key: _between(base[key], learned[key], share) if key in base and key in learned else table[key]
        for table in (learned, base)
        for key in table
    }


def _weighing(members: tuple[Any, ...], share: float) -> tuple[Any, ...]:
    """Members whose weights sum to a share."""
    total = sum(member.weight for member in members)
    return tuple(member.model_copy(update={"weight": share * member.weight / total}) for member in members)
