"""Risers and impacts: what announces a section and marks its first beat."""

import pytest

from app.models.plan import Plan
from app.models.score import Note, Score
from app.services.composing import compose
from app.services.composing.setting import Setting
from app.services.composing.transitions import write_transitions
from app.services.theory.instruments import IMPACT_PITCH, RISER_PITCH
from tests.composing.plans import plan_for

STYLES = ("electronic", "house", "techno", "drum_and_bass", "trailer")


def with_risers(style: str, seed: int, **wishes: object) -> Plan:
    plan = plan_for(style, seed=seed, **wishes)
    ensemble = tuple(
        voice.model_copy(update={"instrument": "risers", "low_pitch": RISER_PITCH, "high_pitch": IMPACT_PITCH})
        if voice.role == "texture"
        else voice
        for voice in plan.ensemble
    )
    everywhere = tuple(
        section.model_copy(update={"voices": (*dict.fromkeys((*section.voices, "texture")),)}) for section in plan.form
    )
    return plan.model_copy(update={"ensemble": ensemble, "form": everywhere})


def notes_of(score: Score) -> tuple[Note, ...]:
    return next(part.notes for part in score.parts if part.voice == "texture")


@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize("seed", range(2))
def test_every_riser_ends_where_an_impact_begins_and_a_section_does(style: str, seed: int) -> None:
    plan = with_risers(style, seed, seconds=90.0)
    score = compose(plan)
    begins = {beat for beat, _ in score.markers}
    impacts = {note.start_beat for note in notes_of(score) if note.pitch == IMPACT_PITCH}
    risers = [note for note in notes_of(score) if note.pitch == RISER_PITCH]

    assert impacts
    assert impacts <= begins
    assert {round(note.start_beat + note.length_beats, 6) for note in risers} <= impacts


@pytest.mark.parametrize("style", STYLES)
def test_what_comes_after_a_build_is_announced_and_nothing_weaker_is(style: str) -> None:
    plan = with_risers(style, 1, seconds=120.0)
    setting = Setting(plan)
    voice = plan.voice("texture")
    struck = {note.start_beat for note in write_transitions(setting, voice) if note.pitch == IMPACT_PITCH}
    announced = {after.index for after in setting.stretches[1:] if setting.bars[after.first_bar].start_beat in struck}

    for before, after in zip(setting.stretches, setting.stretches[1:], strict=False):
        stronger = after.section.energy > before.section.energy
        if before.section.kind == "build" and stronger:
            assert after.index in announced
        if not stronger:
            assert after.index not in announced


def test_a_piece_of_one_section_has_its_impact_all_the_same() -> None:
    plan = with_risers("techno", 1, seconds=5.0)

    assert [note.pitch for note in notes_of(compose(plan))].count(IMPACT_PITCH) == 1
