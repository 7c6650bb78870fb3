"""A groove as this piece's drummer plays it: two small things of its own, the same whenever the groove returns.

Rule: what is added falls where the groove's own time-keeper strikes, so that no grid is broken, and downbeats stay.
"""

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from app.services.theory.metre import Metre
from app.services.theory.rhythm import Bar, Stroke

#: Drums that keep time, first the one that is asked where there is room.
TIME_KEEPERS = ("hat", "ride", "shaker", "ride_2", "tambourine")

#: Small things that a groove is given.
HABITS = 2

#: Pulses at least this strong keep their kick.
_STRONG = 0.8

Lanes = dict[str, list[Bar]]


def personal(lanes: Mapping[str, Sequence[Bar]], metre: Metre, rng: np.random.Generator) -> Lanes:
    """The groove with two habits by the dice: a kick more or less, a hat opened, a ghost note."""
    played: Lanes = {drum: list(bars) for drum, bars in lanes.items()}
    keeper = next((drum for drum in TIME_KEEPERS if drum in played), None)
    if keeper is None or "kick" not in played:
        return played
    places = sorted({stroke.position for bar in played[keeper] for stroke in bar} - set(metre.pulses))
    for index in rng.permutation(len(_HABITS))[:HABITS]:
        if places:
            played = _HABITS[index](played, places[int(rng.integers(len(places)))], metre)
    return played


def _kick_more(lanes: Lanes, place: float, metre: Metre) -> Lanes:  # noqa: ARG001 - habits are called alike
    backbeats = [stroke for drum in ("snare", "clap") for bar in lanes.get(drum, ()) for stroke in bar]
    if any(abs(stroke.position - place) < 0.2 for stroke in backbeats):
        return lanes
    return {**lanes, "kick": [_with(bar, place, "x") for bar in lanes["kick"]]}


def _kick_less(lanes: Lanes, place: float, metre: Metre) -> Lanes:
    """Without the weak kick nearest to a place; a kick on every pulse is the style's own and stays."""
    if any(set(metre.pulses) <= {stroke.position for stroke in bar} for bar in lanes["kick"]):
        return lanes
    thinned: list[Bar] = []
    for bar in lanes["kick"]:
        weak = [stroke for stroke in bar if metre.strength(stroke.position) < _STRONG]
        gone = min(weak, key=lambda stroke: abs(stroke.position - place), default=None) if len(bar) > 2 else None
        thinned.append(tuple(stroke for stroke in bar if stroke is not gone))
    return {**lanes, "kick": thinned}


def _hat_opened(lanes: Lanes, place: float, metre: Metre) -> Lanes:  # noqa: ARG001 - habits are called alike
    if "hat" not in lanes or "open_hat" in lanes:
        return lanes
    closed = [tuple(stroke for stroke in bar if stroke.position != place) for bar in lanes["hat"]]
    return {**lanes, "hat": closed, "open_hat": [(Stroke(place, 0.5, "x"),)]}


def _ghost(lanes: Lanes, place: float, metre: Metre) -> Lanes:  # noqa: ARG001 - habits are called alike
    return {**lanes, "snare": [_with(bar, place, "g") for bar in lanes["snare"]]} if "snare" in lanes else lanes


def _with(bar: Bar, place: float, sign: str) -> Bar:
    """A bar with a stroke more, where there is none yet."""
    if any(abs(stroke.position - place) < 1e-6 for stroke in bar):
        return bar
    return tuple(sorted((*bar, Stroke(place, 0.25, sign)), key=lambda stroke: stroke.position))


_HABITS: tuple[Callable[[Lanes, float, Metre], Lanes], ...] = (_kick_more, _kick_less, _hat_opened, _ghost)
