"""The damper pedal, as those who play from the notes read it."""

import pytest

from app.services.composing import compose, perform
from app.services.composing.performing import PEDALLED, PEDALLED_ROLES
from tests.composing.plans import plan_for


@pytest.mark.parametrize("seed", range(3))
def test_the_pedal_of_a_piano_changes_with_the_harmony_and_never_holds_over_it(seed: int) -> None:
    plan = plan_for("solo_piano", seed=seed)
    score = compose(plan)
    pedalled = [part for part in score.parts if part.pedal]
    borders = [chord.start_beat for chord in score.chords[1:]]

    assert pedalled
    for part in pedalled:
        voice = plan.voice(part.voice)
        assert voice.instrument in PEDALLED
        assert voice.role in PEDALLED_ROLES
        ends = [0.0, *(span.end_beat for span in part.pedal)]
        for span, before in zip(part.pedal, ends, strict=False):
            assert before <= span.start_beat < span.end_beat <= score.length_beats
            assert not any(span.start_beat < border < span.end_beat for border in borders)


def test_with_its_pedal_the_written_music_rings_about_as_long_as_it_is_played() -> None:
    plan = plan_for("solo_piano", seed=4)
    score = compose(plan)
    played = {part.voice: part.notes for part in perform(score, plan).parts}

    for part in score.parts:
        if not part.pedal:
            continue
        written, ringing = 0.0, 0.0
        for note in part.notes:
            end = note.start_beat + note.length_beats
            lifted = [span.end_beat for span in part.pedal if span.start_beat <= end < span.end_beat]
            written += note.length_beats
            ringing += max([end, *lifted]) - note.start_beat
        heard = sum(note.length_beats for note in played[part.voice])
        assert abs(ringing - heard) < 0.5 * heard
        assert ringing > written


def test_a_style_without_pedal_has_none_written() -> None:
    assert not any(part.pedal for part in compose(plan_for("lofi")).parts)
