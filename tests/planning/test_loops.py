"""Loops: whole bars that fill the duration exactly, at the tempo asked for or the nearest there is."""

import pytest

from app.models.brief import Heard
from app.services.planning import make_plan, read, settled
from app.services.planning.looping import fit_loop
from app.utils.units import beats_to_seconds


def looping(prompt):
    return read(prompt).model_copy(update={"loop": Heard(value=True, words=("loop",))})


def plan_of(prompt, duration_s=30, seed=5):
    return make_plan(looping(prompt), duration_s=duration_s, seed=seed, soundfont_sha256=None)


@pytest.mark.parametrize("duration_s", [5, 7, 13, 30, 61, 120, 299])
@pytest.mark.parametrize("prompt", ["house at 124 bpm", "waltz", "a calm lullaby in 6/8", "jazz in 5/4 at 150 bpm"])
def test_whole_bars_fill_a_loop_exactly(prompt, duration_s):
    plan = plan_of(prompt, duration_s)

    assert plan.loop
    assert beats_to_seconds(plan.beats, plan.tempo_bpm) == pytest.approx(duration_s, abs=1e-9)
    assert plan.last_bar_beats in (None, 2)


@pytest.mark.parametrize("asked", [62, 90, 101.5, 124, 174])
@pytest.mark.parametrize("duration_s", [30, 47, 90])
def test_a_loop_keeps_the_tempo_asked_for_within_four_per_cent(asked, duration_s):
    brief = looping(f"pop at {asked} bpm")
    plan = make_plan(brief, duration_s=duration_s, seed=1, soundfont_sha256=None)

    assert plan.tempo_bpm == pytest.approx(asked, rel=0.04)
    assert bool(settled(brief, plan).conflicts) == (
        plan.last_bar_beats is not None or abs(plan.tempo_bpm / asked - 1) > 0.005
    )


def test_a_tempo_that_whole_bars_have_needs_no_word():
    brief = looping("pop at 120 bpm")

    assert settled(brief, make_plan(brief, duration_s=30, seed=1, soundfont_sha256=None)) == brief


def test_a_tempo_that_no_whole_bars_have_is_said_to_be_left():
    brief = looping("pop at 100 bpm")
    plan = make_plan(brief, duration_s=5, seed=1, soundfont_sha256=None)

    told = settled(brief, plan).conflicts

    assert plan.tempo_bpm == pytest.approx(96)
    assert "100" in told[-1]
    assert "96.00" in told[-1]
    assert settled(settled(brief, plan), plan).conflicts == told


def test_a_tempo_that_was_not_asked_for_gives_way_to_whole_phrases():
    fit = fit_loop(118, asked=False, duration_s=32, time_signature="4/4", phrase_bars=8)

    assert fit == (120.0, 16, None)


def test_a_loop_ends_with_half_a_bar_where_only_that_keeps_the_tempo_asked_for():
    brief = looping("chiptune at 150 bpm")
    plan = make_plan(brief, duration_s=20, seed=1, soundfont_sha256=None)

    assert (plan.tempo_bpm, plan.bars, plan.last_bar_beats, plan.beats) == (150.0, 13, 2, 50.0)
    assert "half a bar" in settled(brief, plan).conflicts[-1]
    assert settled(settled(brief, plan), plan) == settled(brief, plan)


@pytest.mark.parametrize(
    ("tempo_bpm", "asked", "duration_s", "metre"),
    [(100, True, 5, "4/4"), (150, False, 20, "4/4"), (98, True, 30, "4/4"), (150, True, 17, "3/4")],
)
def test_a_loop_of_few_bars_or_near_its_tempo_or_in_three_has_equal_bars(tempo_bpm, asked, duration_s, metre):
    fit = fit_loop(tempo_bpm, asked=asked, duration_s=duration_s, time_signature=metre, phrase_bars=4)

    assert fit.last_bar_beats is None


@pytest.mark.parametrize("prompt", ["house", "rock", "orchestral", "ambient", "waltz", "trap", "folk"])
@pytest.mark.parametrize("duration_s", [6, 30, 200])
def test_a_loop_has_no_way_in_no_close_and_no_fade(prompt, duration_s):
    plan = plan_of(prompt, duration_s)

    assert not {"intro", "outro"} & {section.kind for section in plan.form}
    assert plan.mastering.fade_out_s == 0
    assert abs(plan.form[0].energy - plan.form[-1].energy) < 0.5


def test_what_is_no_loop_keeps_its_close():
    plan = make_plan(read("house"), duration_s=60, seed=5, soundfont_sha256=None)

    assert not plan.loop
    assert plan.form[-1].kind == "outro"
    assert plan.mastering.fade_out_s > 0


@pytest.mark.parametrize("prompt", ["house loop", "seamless dubstep loop", "techno, looping", "trance loop"])
def test_a_short_loop_is_no_build_that_begins_over_and_over(prompt):
    for seed in range(4):
        plan = make_plan(read(prompt), duration_s=20, seed=seed, soundfont_sha256=None)

        assert plan.loop
        assert "build" not in {section.kind for section in plan.form}
