"""What every style file promises, heard in the pieces that the planner makes of it."""

from functools import cache
from itertools import pairwise, product

import pytest

from app.models.plan import Plan
from app.models.score import DRUM_ROLES, Score
from app.services.composing import compose, perform
from app.services.composing.setting import Setting
from app.services.planning import make_plan, read
from app.services.styles import load_style, style_names
from app.services.theory.instruments import INSTRUMENTS, UNPITCHED
from app.services.theory.scales import pitch_class

every_style = pytest.mark.parametrize("name", style_names())

#: A sting and a spot of every style; the longest piece there is of every third.
LENGTHS = [*product(style_names(), (5, 30)), *((name, 300) for name in style_names()[::3])]
every_length = pytest.mark.parametrize(("name", "duration_s"), LENGTHS)

#: Distinct chords that thirty seconds have at least, and have on average over the seeds, where a style is not static.
LEAST_CHORDS, USUAL_CHORDS = 3, 4.5
SEEDS = (1, 2)


@cache
def piece(
    name: str, duration_s: int, seed: int, prompt: str = "music", candidate: int | None = 0
) -> tuple[Plan, Score]:
    """A plan in that style and no other, and its score: one of its candidates, or the best of them."""
    style = load_style(name)
    plan = make_plan(read(prompt), duration_s=duration_s, seed=seed, soundfont_sha256=None, styles={name: style})
    return plan, compose(plan.model_copy(update={"candidate": candidate}))


@every_length
def test_it_fills_the_time_it_is_given(name, duration_s):
    plan, score = piece(name, duration_s, 1)
    bar_s = plan.beats_per_bar * 60.0 / plan.tempo_bpm
    starts = sorted(note.start_beat for part in score.parts for note in part.notes)
    longest_rest = max(after - before for before, after in pairwise(starts))

    assert plan.style == name
    assert starts[0] == 0.0
    assert starts[-1] >= (plan.bars - 1) * plan.beats_per_bar - 1e-6
    # The last chord begins inside the piece and has time to ring.
    assert bar_s * (plan.bars - 1) + 1.0 <= duration_s <= bar_s * plan.bars + 10.0
    assert longest_rest <= 2 * plan.beats_per_bar + 1e-6


@every_length
def test_nobody_plays_outside_the_instruments_range(name, duration_s):
    plan, score = piece(name, duration_s, 1)

    for performed in (score, perform(score, plan)):
        for part in performed.parts:
            row = INSTRUMENTS[plan.voice(part.voice).instrument]
            outside = [note.pitch for note in part.notes if not row.low_pitch <= note.pitch <= row.high_pitch]
            assert not outside, f"{part.voice} on {row.key} ({row.low_pitch}…{row.high_pitch})"


@every_style
def test_thirty_seconds_have_harmony_unless_the_file_says_that_it_stands_still(name):
    distinct = [len({chord.symbol for chord in piece(name, 30, seed, candidate=None)[1].chords}) for seed in SEEDS]

    if load_style(name).harmony.static:
        assert min(distinct) >= 2
    else:
        assert min(distinct) >= LEAST_CHORDS
        assert sum(distinct) / len(distinct) >= USUAL_CHORDS


@every_style
def test_drums_play_where_the_file_has_them_and_nowhere_when_refused(name):
    written = set(load_style(name).ensemble) & DRUM_ROLES
    plan, score = piece(name, 30, 2)
    heard = {plan.voice(part.voice).role for part in score.parts if part.notes} & DRUM_ROLES
    refused, silent = piece(name, 30, 2, "music without drums or percussion")

    assert heard <= written
    assert not {voice.role for voice in refused.ensemble} & DRUM_ROLES
    assert any(part.notes for part in silent.parts)


@every_length
def test_it_comes_home(name, duration_s):
    plan, score = piece(name, duration_s, 1)
    home = pitch_class(plan.tonic)
    chord = Setting(plan).final_bar.changes[0].chord
    final_beat = score.length_beats - plan.beats_per_bar

    assert chord.root == home
    struck = [
        (plan.voice(part.voice).role, note.pitch % 12)
        for part in score.parts
        if plan.voice(part.voice).role not in DRUM_ROLES and plan.voice(part.voice).instrument not in UNPITCHED
        for note in part.notes
        if note.start_beat + note.length_beats > final_beat + 1e-6
    ]
    assert {tone for _, tone in struck} <= set(chord.classes)
    assert home in {tone for _, tone in struck}
    assert {tone for role, tone in struck if role == "bass"} <= {home}
