"""Held notes grow and fade where a bow or a breath holds them, and nowhere else."""

import pytest

from app.models.plan import Plan
from app.services.composing import compose, perform
from app.services.composing.swelling import STRUCK, SUSTAINED
from app.services.styles import style_names
from app.services.theory.instruments import INSTRUMENTS
from tests.composing.plans import plan_for


def test_what_strings_hold_swells_and_dies_away_at_the_close() -> None:
    plan = plan_for("orchestral", seed=2)
    score = compose(plan)
    shaped = [part for part in score.parts if part.strength]

    assert shaped
    for part in shaped:
        levels = [point.level for point in part.strength]
        assert min(levels) < 0.7
        assert max(levels) == 1.0
    assert any(part.strength[-1].level < 0.5 for part in shaped)
    assert {part.voice for part in shaped} <= {part.voice for part in perform(score, plan).parts if part.strength}


def test_a_bowed_bass_swells_with_those_above_it() -> None:
    plan = plan_for("orchestral", seed=2)
    basses = [part for part in compose(plan).parts if plan.voice(part.voice).role == "bass"]

    assert plan.voice(basses[0].voice).instrument in ("contrabass", "cello", "tuba")
    assert any(part.strength for part in basses)


@pytest.mark.parametrize("style", sorted(style_names()))
def test_a_course_of_strength_is_in_order_and_only_for_those_who_can(style: str) -> None:
    plan = plan_for(style)
    for part in compose(plan).parts:
        instrument = plan.voice(part.voice).instrument
        beats = [point.beat for point in part.strength]

        assert beats == sorted(beats)
        assert all(0.0 < point.level <= 1.0 for point in part.strength)
        if part.strength:
            assert INSTRUMENTS[instrument].family in SUSTAINED
            assert instrument not in STRUCK


def test_a_loop_does_not_die_away() -> None:
    plan: Plan = plan_for("orchestral", seed=2).model_copy(update={"loop": True})
    shaped = [part for part in compose(plan).parts if part.strength]

    assert shaped
    assert all(point.level > 0.49 for part in shaped for point in part.strength)
