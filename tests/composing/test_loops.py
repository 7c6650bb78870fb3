"""Loops as notes: no ending, a harmony that leads back, a beat that meets itself at the seam."""

from collections import Counter

import pytest

from app.services.composing import compose, perform
from app.services.composing.bass import write_bass
from app.services.composing.performing import _drift
from app.services.composing.setting import Setting
from app.services.styles import load_style, style_names
from tests.composing.plans import plan_for


def loop_for(style, **wishes):
    return plan_for(style, **wishes).model_copy(update={"loop": True})


@pytest.mark.parametrize("style", style_names())
@pytest.mark.parametrize("seed", [1, 2])
def test_the_last_chord_of_a_loop_leads_back_to_its_first(style, seed):
    setting = Setting(loop_for(style, seed=seed))
    roots = [change.chord.root for bar in setting.bars for change in bar.changes]

    assert len(set(roots)) == 1 or roots[-1] != roots[0]


@pytest.mark.parametrize("bars", [1, 2, 3])
def test_even_the_shortest_loop_has_its_bars_filled_with_chords(bars):
    for style in ("pop", "blues", "jazz"):
        setting = Setting(loop_for(style, bars=bars))

        assert len(setting.bars) == bars
        assert all(sum(c.length for c in bar.changes) == pytest.approx(setting.metre.beats) for bar in setting.bars)


@pytest.mark.parametrize("style", ["pop", "house", "solo_piano", "orchestral", "folk"])
def test_the_last_bar_of_a_loop_is_played_like_the_others(style):
    plan = loop_for(style)
    notes = [note for part in compose(plan).parts for note in part.notes]
    bar = plan.beats_per_bar
    counts = Counter(int(note.start_beat / bar + 1e-6) for note in notes)

    assert counts[plan.bars - 1] >= 0.5 * counts[plan.bars - 2]
    late = [note for note in notes if note.start_beat > (plan.bars - 0.5) * bar]
    assert late


@pytest.mark.parametrize("style", [name for name in style_names() if not load_style(name).bass.tied_beats])
def test_the_bass_leads_on_in_the_last_beat_of_a_loop(style):
    for seed in range(1, 7):
        plan = loop_for(style, seed=seed)
        for voice in plan.ensemble:
            if voice.role == "bass" and voice.name in plan.form[-1].voices:
                notes = write_bass(Setting(plan), voice)
                assert max(note.start_beat for note in notes) >= plan.beats - 1 - 1e-6


@pytest.mark.parametrize("style", ["chiptune", "house", "rock", "techno", "solo_piano", "baroque"])
def test_a_loop_may_end_with_half_a_bar(style):
    plan = loop_for(style, bars=9, time_signature="4/4").model_copy(update={"last_bar_beats": 2})
    score = compose(plan)
    half = [note for part in score.parts for note in part.notes if note.start_beat >= 32]

    assert score.length_beats == plan.beats == 34
    assert sum(chord.length_beats for chord in score.chords) == pytest.approx(34)
    assert half
    assert all(note.start_beat + note.length_beats <= 34 + 1e-6 for part in score.parts for note in part.notes)


def test_the_fill_of_a_shorter_last_bar_leads_on_as_that_of_a_whole_one_does():
    plan = loop_for("rock", bars=9, time_signature="4/4")
    shorter = plan.model_copy(update={"last_bar_beats": 2})
    (drums,) = (voice.name for voice in plan.ensemble if voice.role == "drums")

    def ending(of):
        score = compose(of)
        struck = next(part.notes for part in score.parts if part.voice == drums)
        return sorted(
            (round(n.start_beat - score.length_beats, 3), n.pitch)
            for n in struck
            if n.start_beat >= score.length_beats - 2
        )

    assert ending(shorter) == ending(plan)


@pytest.mark.parametrize("style", ["solo_piano", "orchestral", "classical"])
def test_a_loop_does_not_slow_down_towards_its_end(style):
    plan = loop_for(style)
    plan = plan.model_copy(update={"form": (plan.form[0].model_copy(update={"bars": 8}),)})
    score = compose(plan)

    assert score.seconds_at(plan.bars * plan.beats_per_bar) == pytest.approx(
        plan.bars * plan.beats_per_bar * 60 / plan.tempo_bpm
    )
    ended = compose(plan.model_copy(update={"loop": False}))
    assert min(c.tempo_bpm for c in score.tempo_changes) > 1.02 * min(c.tempo_bpm for c in ended.tempo_changes)


def test_the_band_comes_back_to_the_beat_it_set_out_from():
    plan = loop_for("jazz")
    score = compose(plan)

    drift = _drift(score, plan, load_style("jazz"))

    assert drift[0] == 0
    assert abs(drift[round(score.length_beats)]) < 1e-9
    assert abs(drift).max() > 0.001


def test_a_loop_is_played_from_its_first_beat_on():
    plan = loop_for("ambient")

    assert min(part.notes[0].start_beat for part in perform(compose(plan), plan).parts if part.notes) == 0
