"""Half-time and double-time: the backbeat goes at another pace, the tempo and the hats do not."""

from collections import Counter

import pytest

from app.services.composing import compose
from app.services.composing.time_feel import felt
from app.services.planning import make_plan, read
from app.services.theory.drum_keys import DRUM_KEYS
from app.services.theory.metre import metre_of
from app.services.theory.rhythm import read_rhythm

BACKBEATS = {DRUM_KEYS["snare"], DRUM_KEYS["clap"]}
HATS = {DRUM_KEYS["hat"], DRUM_KEYS["ride"], DRUM_KEYS["open_hat"]}


def plan_of(prompt, seed=3):
    return make_plan(read(prompt), duration_s=40, seed=seed, soundfont_sha256=None)


def hits(plan, keys):
    """How often drums of the kit sound on each beat of the bar, on the beat, weighty strokes only."""
    drums = next(part for part in compose(plan).parts if part.voice == "drums")
    struck = [note for note in drums.notes if note.pitch in keys]
    weighty = 0.8 * max(note.velocity for note in struck)
    return Counter(round(note.start_beat % plan.beats_per_bar, 3) for note in struck if note.velocity >= weighty)


@pytest.mark.parametrize("prompt", ["rock", "pop", "drum and bass", "metal", "funk", "trap"])
def test_in_half_time_the_backbeat_falls_on_the_third_beat_and_the_tempo_stays(prompt):
    half = plan_of(f"half-time {prompt} beat with drums at 140 bpm")
    found = hits(half, BACKBEATS)
    on_beats = {beat: found[beat] for beat in (0.0, 1.0, 2.0, 3.0)}

    assert half.time_feel == "half"
    assert half.tempo_bpm == 140
    assert on_beats[2.0] > on_beats[1.0] + on_beats[3.0], on_beats


def test_the_hats_keep_the_time_of_the_metre():
    half = plan_of("half-time rock beat with drums at 140 bpm")
    plain = half.model_copy(update={"time_feel": "plain", "candidate": 0})
    slow = half.model_copy(update={"candidate": 0})

    assert sum(hits(slow, HATS).values()) == pytest.approx(sum(hits(plain, HATS).values()), rel=0.15)
    assert sum(hits(slow, BACKBEATS).values()) < 0.75 * sum(hits(plain, BACKBEATS).values())


def test_in_double_time_the_backbeat_falls_on_the_off_beats():
    double = plan_of("double-time rock beat with drums at 100 bpm")
    found = hits(double, BACKBEATS)

    assert double.time_feel == "double"
    assert double.tempo_bpm == 100
    assert sum(found[beat + 0.5] for beat in range(4)) > 2 * sum(found[float(beat)] for beat in range(4))


def test_chords_change_half_as_often_in_half_time_but_never_stand_still():
    fewer = 0
    for seed in range(6):
        half = plan_of("half-time rock at 150 bpm", seed).model_copy(update={"candidate": 0})
        changes, plain = len(compose(half).chords), len(compose(half.model_copy(update={"time_feel": "plain"})).chords)
        fewer += changes < 0.8 * plain
        assert changes * 60 / 40 >= 11
    assert fewer >= 4


def test_half_time_without_a_number_leaves_the_tempo_to_the_style():
    slow, plain = plan_of("half-time drum and bass with drums"), plan_of("drum and bass with drums")

    assert slow.time_feel == "half"
    assert slow.tempo_bpm == pytest.approx(plain.tempo_bpm, rel=0.05)


def test_music_that_says_nothing_of_it_is_in_plain_time():
    assert plan_of("rock").time_feel == "plain"


def test_a_skank_beat_is_double_time_as_it_stands_and_four_times_slower_in_half_time():
    lanes = {
        "snare": read_rhythm("..X...X...X...X.", "4/4", "4/4"),
        "ride": read_rhythm("X...X...X...X...", "4/4", "4/4"),
    }
    metre = metre_of("4/4")

    def places(feel, drum="snare"):
        return [stroke.position for stroke in felt(lanes, 0, feel, metre)[drum]]

    assert places("double") == places("plain") == [0.5, 1.5, 2.5, 3.5]
    assert places("half") == [2.0]
    assert places("half", "ride") == [0.0, 1.0, 2.0, 3.0]
