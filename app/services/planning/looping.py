"""Loops: duration and tempo go in, a tempo comes out at which whole bars fill the duration exactly."""

import math
from typing import NamedTuple

from app.models.brief import Brief
from app.models.plan import Plan
from app.services.planning.form import bar_seconds
from app.services.theory.metre import metre_of

#: How far the tempo of a loop may lie from the one asked for before it has to be said.
GIVE = 0.005

#: What a tempo away from the wanted one costs against bars that make no whole phrases: hardly anything is gained by
#: leaving a number that was asked for, much by leaving one that was drawn.
_ASKED_COST, _DRAWN_COST = 400.0, 25.0


#: A loop of equal bars may play so far from a tempo that was asked for; one that would lie further ends with half a bar
#: if that brings it so near, and if there are so many bars that nobody stumbles over it all the time.
_BEND, _FEWEST_BARS = 0.025, 4


class Fit(NamedTuple):
    """Bars that fill a duration."""

    tempo_bpm: float
    bars: int
    #: Quarter notes of the last one where it is shorter than the others.
    last_bar_beats: int | None


def fit_loop(tempo_bpm: float, *, asked: bool, duration_s: float, time_signature: str, phrase_bars: int) -> Fit:
    """Tempo and bars that fill the duration exactly, as near to the wanted tempo as they come.

    Where no number of equal bars comes near a tempo that was asked for, the last one has half of the beats: twelve bars
    of four and one of two are what people write who have 50 beats.

    >>> fit_loop(98, asked=True, duration_s=30, time_signature="4/4", phrase_bars=4)
    Fit(tempo_bpm=96.0, bars=12, last_bar_beats=None)
    >>> fit_loop(100, asked=True, duration_s=30, time_signature="4/4", phrase_bars=4)
    Fit(tempo_bpm=100.0, bars=13, last_bar_beats=2)
    """
    wanted = duration_s / bar_seconds(time_signature, tempo_bpm)
    cost_of_tempo = _ASKED_COST if asked else _DRAWN_COST
    fewest = 1 if asked else 2
    candidates = range(max(fewest, math.floor(wanted * 0.8)), max(fewest, math.ceil(wanted * 1.25)) + 1)
    bars = min(candidates, key=lambda n: (cost_of_tempo * abs(math.log(n / wanted)) + _uneven(n, phrase_bars), n))
    beats = bar_seconds(time_signature, 60.0)  # at one beat a second
    whole, halves = bars * beats * 60.0 / duration_s, math.floor(wanted) + 0.5
    halved = halves * beats * 60.0 / duration_s
    divides = metre_of(time_signature).half() == beats / 2 and beats >= 4
    if asked and divides and halves >= _FEWEST_BARS and _bent(halved, tempo_bpm) <= _BEND < _bent(whole, tempo_bpm):
        return Fit(halved, math.ceil(halves), round(beats / 2))
    return Fit(whole, bars, None)


def _bent(played_bpm: float, wanted_bpm: float) -> float:
    """How far a tempo lies from the one wanted."""
    return abs(played_bpm / wanted_bpm - 1)


def _uneven(bars: int, phrase_bars: int) -> float:
    return 0.0 if bars % phrase_bars == 0 else 0.2 if bars % 4 == 0 else 0.5 if bars % 2 == 0 else 1.0


def settled(brief: Brief, plan: Plan) -> Brief:
    """The brief with a sentence on what the plan could not grant it: a tempo that no equal bars of a loop have."""
    asked = brief.tempo_bpm
    if not plan.loop or asked is None:
        return brief
    if plan.last_bar_beats is not None:
        told = (
            f"At {asked.value:g} beats a minute no whole number of equal bars lasts {plan.duration_s} s; the loop "
            f"plays at {plan.tempo_bpm:.2f}, and the last of its {plan.bars} bars is half a bar."
        )
        return brief if told in brief.conflicts else brief.model_copy(update={"conflicts": (*brief.conflicts, told)})
    if _bent(plan.tempo_bpm, asked.value) <= GIVE:
        return brief
    told = (
        f"At {asked.value:g} beats a minute no whole number of bars lasts {plan.duration_s} s; "
        f"the loop plays at {plan.tempo_bpm:.2f}, the nearest tempo at which {plan.bars} do."
    )
    return brief if told in brief.conflicts else brief.model_copy(update={"conflicts": (*brief.conflicts, told)})
