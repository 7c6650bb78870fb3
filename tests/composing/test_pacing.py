"""Chords change about as often as people can follow, however fast or slow the tempo is."""

import pytest

from app.services.composing import compose
from app.services.composing.changes import spread
from app.services.composing.harmony import taken_up
from app.services.composing.pacing import LEAST_PER_MINUTE, MOST_PER_MINUTE, calmed, livened, pace
from app.services.composing.setting import Setting
from app.services.planning import make_plan, read
from app.services.styles import load_style, style_names
from app.services.theory.chords import Chord
from app.services.theory.metre import metre_of

pytestmark = pytest.mark.uncounted

METRE = metre_of("4/4")
C, F, G, A = Chord(0, "maj", 0), Chord(5, "maj", 5), Chord(7, "maj", 7), Chord(9, "min", 9)
C_OVER_E = Chord(0, "maj", 4)

FAST = ("fast country at 180 bpm", "pop at 150 bpm", "gospel at 140 bpm", "big band at 200 bpm", "bluegrass at 150 bpm")
SLOW = ("very slow ballad at 55 bpm", "slow soul at 60 bpm", "sad piano at 50 bpm", "slow reggae at 60 bpm")


@pytest.mark.parametrize("prompt", [*FAST, *SLOW])
def test_chords_neither_hurry_nor_stand_still_at_any_tempo(prompt):
    for seed, seconds in ((1, 30), (2, 60), (3, 90)):
        plan = make_plan(read(prompt), duration_s=seconds, seed=seed, soundfont_sha256=None)
        score = compose(plan)
        changes = (len(score.chords) - 1) * 60 / score.seconds_at(score.length_beats)

        assert 11 <= changes <= 38, (prompt, seed)


def test_hurrying_chords_lose_what_colours_first_and_what_leads_on_last():
    bars = spread([(C, 0.5), (C_OVER_E, 0.5), (F, 0.5), (A, 0.5), (C, 1), (F, 0.5), (G, 0.5)], 4, METRE)
    calm = calmed(bars, METRE, 1.5)
    left = [change.chord for bar in calm for change in bar]

    assert pace(bars, 1.5) > MOST_PER_MINUTE >= pace(calm, 1.5)
    assert C_OVER_E not in left
    assert left[-2:] == [F, G]
    assert all(sum(change.length for change in bar) == 4 and bar[0].position == 0 for bar in calm)


def test_a_cadence_that_hurries_keeps_its_dominant():
    bars = spread([(F, 0.5), (A, 0.5), (C, 0.5), (A, 0.5), (F, 1), (C, 0.5), (G, 0.5), (C, 1)], 5, METRE)

    calm = calmed(bars, METRE, 0.9)

    assert pace(calm, 0.9) < pace(bars, 0.9)
    assert [change.chord for change in calm[-2]] == [G]
    assert calm[-2][0].position == 0
    assert calm[-2][0].length == 4


@pytest.mark.parametrize("name", [name for name in style_names() if not load_style(name).harmony.static])
def test_every_piece_comes_to_its_last_chord_from_another(name):
    style = load_style(name)
    for seed in range(1, 5):
        plan = make_plan(
            read(style.title), duration_s=45, seed=seed, soundfont_sha256=None, styles={name: style}
        ).model_copy(update={"loop": False})
        before = Setting(plan).bars[-2].changes[-1].chord

        assert before.root != Setting(plan).bars[-1].key.root, seed


def test_calm_chords_stay_as_they_are():
    bars = spread([(C, 1), (A, 1), (F, 1), (G, 1)], 8, METRE)

    assert calmed(bars, METRE, 2.0) == bars


def test_chords_that_stand_too_long_go_round_sooner_but_keep_their_order():
    lively = livened([(C, 4.0), (F, 4.0)], 2.0)

    assert [chord for chord, _ in lively] == [C, F]
    assert 60 / (lively[0][1] * 2.0) >= LEAST_PER_MINUTE
    assert livened([(C, 1.0), (F, 1.0)], 2.0) == [(C, 1.0), (F, 1.0)]


def test_a_section_takes_a_progression_up_where_the_one_before_left_it():
    held = [(C, 1.0), (A, 1.0), (F, 1.0), (G, 1.0)]

    assert taken_up(held, 0) == taken_up(held, 4) == held
    assert [chord for chord, _ in taken_up(held, 2)] == [F, G, C, A]
    assert sum(bars for _, bars in taken_up(held, 2.5)) == 4
