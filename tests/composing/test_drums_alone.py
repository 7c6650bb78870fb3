"""A plan that is edited down to its drums or its percussion is a piece of drums or percussion, and no silence."""

import pytest

from app.models.plan import Voice
from app.services.composing import compose
from app.services.planning.catalogue import packaged_styles
from app.services.theory.instruments import INSTRUMENTS
from tests.composing.plans import plan_for

KIT = INSTRUMENTS["standard_kit"]


@pytest.mark.parametrize("style", sorted(packaged_styles()))
@pytest.mark.parametrize("role", ["drums", "percussion"])
def test_drums_and_percussion_alone_are_a_piece(style, role):
    voice = Voice(
        name="alone", role=role, instrument=KIT.key, low_pitch=KIT.low_pitch, high_pitch=KIT.high_pitch
    )  # fmt: skip
    plan = plan_for(style, seconds=30, density=-1.0)
    form = tuple(section.model_copy(update={"voices": ("alone",)}) for section in plan.form)
    (part,) = compose(plan.model_copy(update={"ensemble": (voice,), "form": form})).parts
    bars = {int(note.start_beat / plan.beats_per_bar + 1e-6) for note in part.notes}

    assert len(part.notes) >= 4 * plan.bars
    assert len(bars) == plan.bars
    assert max(note.velocity for note in part.notes) >= 45


def test_beside_others_percussion_stays_as_sparse_as_its_style_wants_it():
    plan = plan_for("drone", seconds=60, seed=2)
    voice = Voice(
        name="percussion", role="percussion", instrument=KIT.key, low_pitch=KIT.low_pitch, high_pitch=KIT.high_pitch
    )  # fmt: skip
    form = tuple(section.model_copy(update={"voices": (*section.voices, "percussion")}) for section in plan.form)
    others = tuple(voice for voice in plan.ensemble if voice.name != "percussion")
    score = compose(plan.model_copy(update={"ensemble": (*others, voice), "form": form}))
    notes = next(part.notes for part in score.parts if part.voice == "percussion")

    assert len(notes) < 3 * plan.bars
