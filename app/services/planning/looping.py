"""Loops: duration and tempo go in, a tempo comes out at which whole bars fill the duration exactly."""

import math

from app.models.brief import Brief
from app.models.plan import Plan
from app.services.planning.form import bar_seconds

#: How far the tempo of a loop may lie from the one asked for before it has to be said.
GIVE = 0.005

#: What a tempo away from the wanted one costs against bars that make no whole phrases: hardly anything is gained by
#: leaving a number that was asked for, much by leaving one that was drawn.
_ASKED_COST, _DRAWN_COST = 400.0, 25.0


def fit_loop(
    tempo_bpm: float, *, asked: bool, duration_s: float, time_signature: str, phrase_bars: int
) -> tuple[float, int]:
    """Tempo and whole bars that fill the duration exactly, as near to the wanted tempo as they come.

    >>> fit_loop(100, asked=True, duration_s=30, time_signature="4/4", phrase_bars=4)
    (96.0, 12)
    """
    wanted = duration_s / bar_seconds(time_signature, tempo_bpm)
    cost_of_tempo = _ASKED_COST if asked else _DRAWN_COST
    fewest = 1 if asked else 2
    candidates = range(max(fewest, math.floor(wanted * 0.8)), max(fewest, math.ceil(wanted * 1.25)) + 1)
    bars = min(candidates, key=lambda n: (cost_of_tempo * abs(math.log(n / wanted)) + _uneven(n, phrase_bars), n))
    return bars * bar_seconds(time_signature, 60.0) * 60.0 / duration_s, bars


def _uneven(bars: int, phrase_bars: int) -> float:
    return 0.0 if bars % phrase_bars == 0 else 0.2 if bars % 4 == 0 else 0.5 if bars % 2 == 0 else 1.0


def settled(brief: Brief, plan: Plan) -> Brief:
    """The brief with a sentence on what the plan could not grant it: a tempo that no whole bars of a loop have."""
    asked = brief.tempo_bpm
    if not plan.loop or asked is None or abs(plan.tempo_bpm / asked.value - 1) <= GIVE:
        return brief
    told = (
        f"At {asked.value:g} beats a minute no whole number of bars lasts {plan.duration_s} s; "
        f"the loop plays at {plan.tempo_bpm:.2f}, the nearest tempo at which {plan.bars} do."
    )
    return brief if told in brief.conflicts else brief.model_copy(update={"conflicts": (*brief.conflicts, told)})
