"""Players keep to the manner they were asked for."""

from statistics import mean

import pytest

from app.models.plan import Manner, Plan
from app.models.score import Part
from app.services.composing import compose, perform
from tests.composing.plans import plan_for


def mannered(plan: Plan, role: str, *manners: Manner) -> Plan:
    voices = [v.model_copy(update={"manner": manners if v.role == role else ()}) for v in plan.ensemble]
    return plan.model_copy(update={"ensemble": tuple(voices)})


def played(plan: Plan, role: str) -> Part:
    score = perform(compose(plan), plan)
    name = next(voice.name for voice in plan.ensemble if voice.role == role)
    return next(part for part in score.parts if part.voice == name)


def lengths(part: Part) -> float:
    return mean(note.length_beats for note in part.notes)


@pytest.fixture(scope="module")
def plan() -> Plan:
    return plan_for("classical", seconds=20, seed=2)


def test_staccato_notes_are_short_and_legato_ones_reach_the_next(plan: Plan):
    plain, short, tied = (
        played(mannered(plan, "lead", *manners), "lead") for manners in ((), ("staccato",), ("legato",))
    )

    assert lengths(short) < 0.6 * lengths(plain)
    assert lengths(tied) >= lengths(plain)
    gaps = [
        after.start_beat - before.start_beat - before.length_beats
        for before, after in zip(tied.notes, tied.notes[1:], strict=False)
        if after.start_beat - before.start_beat - before.length_beats < 1.0
    ]
    # What is left open are breaths.
    assert sum(gap < 0.05 for gap in gaps) > 0.85 * len(gaps)


def test_one_players_manner_is_not_anothers(plan: Plan):
    others = [voice.role for voice in plan.ensemble if voice.role != "lead"]

    for role in others[:2]:
        assert played(mannered(plan, "lead", "staccato"), role) == played(plan, role)


def test_asked_rubato_makes_the_tempo_breathe():
    steady = plan_for("house", seconds=20, seed=2)

    assert len(compose(steady).tempo_changes) == 1
    assert len(compose(mannered(steady, "lead", "rubato")).tempo_changes) > 4
