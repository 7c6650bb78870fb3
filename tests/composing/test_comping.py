"""Who plays the harmony: what a rhythm loses where little is to happen, and that it does not go on unchanged."""

import numpy as np
import pytest

from app.services.composing.comping import thinned, write_chords
from app.services.composing.composer import write
from app.services.composing.drawing import suited_pattern
from app.services.composing.dynamics import velocity
from app.services.composing.setting import Setting
from app.services.styles.idioms import Pattern
from app.services.theory.metre import metre_of
from app.services.theory.rhythm import read_rhythm
from tests.composing.plans import plan_for

METRE = metre_of("4/4")
QUAVERS = read_rhythm("xxxxxxxx", "4/4", "4/4")


def test_a_sparse_rhythm_loses_weak_strokes_and_holds_those_before() -> None:
    first, second = thinned([*QUAVERS, *QUAVERS], -0.9, METRE, np.random.default_rng(1))

    assert len(first) < 0.7 * len(QUAVERS[0])
    assert first == second
    assert first[0].position == 0.0
    assert sum(stroke.length for stroke in first) == pytest.approx(4.0)


@pytest.mark.parametrize("density", [-0.2, 0.0, 0.8])
def test_any_other_rhythm_is_played_as_written(density: float) -> None:
    assert list(thinned(QUAVERS, density, METRE, np.random.default_rng(1))) == list(QUAVERS)


@pytest.mark.parametrize("style", ["house", "soul", "reggae", "gospel"])
def test_comping_turns_in_a_fourth_bar(style: str) -> None:
    turned = 0
    for seed in range(6):
        plan = plan_for(style, seed=seed, seconds=40)
        setting, score = write(plan)
        chords = {voice.name for voice in plan.ensemble if voice.role == "chords"}
        notes = [note for part in score.parts if part.voice in chords for note in part.notes]
        for stretch in setting.stretches:
            bars = [
                frozenset(
                    round(note.start_beat - bar.start_beat, 3)
                    for note in notes
                    if bar.start_beat - 1e-6 <= note.start_beat < bar.start_beat + setting.metre.beats - 1e-6
                )
                for bar in setting.bars_in(stretch)[:4]
            ]
            turned += len(bars) == 4 and bars[0] == bars[1] == bars[2] != bars[3]
    assert turned


@pytest.mark.parametrize("seed", range(5))
def test_a_broken_chord_keeps_the_tones_that_tell_it(seed: int) -> None:
    (broken,) = read_rhythm("13243232", "4/4", "4/4")
    (kept,) = thinned([broken], -1.0, METRE, np.random.default_rng(seed))

    assert {"1", "3", "2"} <= {stroke.sign for stroke in kept}
    assert len(kept) < len(broken)


def test_strokes_between_slow_beats_are_lighter() -> None:
    def lightness(tempo_bpm: float) -> float:
        plan = plan_for("solo_piano", tempo_bpm=tempo_bpm, time_signature="4/4", seconds=60)
        (voice,) = (voice for voice in plan.ensemble if voice.role == "chords")
        notes = write_chords(Setting(plan), voice)
        on, between = ([n.velocity for n in notes if (n.start_beat % 1 < 1e-6) is beat] for beat in (True, False))
        return float(np.mean(on) - np.mean(between))

    assert lightness(60) > lightness(110) + 8


def test_a_stroke_that_has_no_beat_beside_it_is_not_lightened() -> None:
    slow, quick = (plan_for("reggae", tempo_bpm=tempo_bpm, seconds=30) for tempo_bpm in (70, 101))
    skanks = [
        {
            note.velocity
            for voice in plan.ensemble
            if voice.role == "chords"
            for note in write_chords(Setting(plan), voice)
        }
        for plan in (slow, quick)
    ]

    assert min(skanks[0]) >= min(skanks[1]) - 2


def test_busy_pieces_draw_busy_patterns_and_sparse_ones_sparse_patterns() -> None:
    patterns = tuple(Pattern(rhythm=rhythm) for rhythm in ("x---------------", "x---x---x---x---", "xxxxxxxxxxxxxxxx"))

    def strokes(density: float) -> float:
        drawn = [
            suited_pattern(np.random.default_rng(dice), patterns, energy=0.5, metre="4/4", density=density)
            for dice in range(200)
        ]
        return float(np.mean([pattern.strokes_a_bar for pattern in drawn]))

    assert strokes(-0.9) < 3 < strokes(0.0) < 9 < 14 < strokes(0.9)


def test_accompaniment_comes_forward_in_a_busy_piece() -> None:
    plan = plan_for("solo_piano")
    bar = Setting(plan).bars[0]
    busy = plan.model_copy(update={"density": 0.9})

    assert velocity(busy, bar, "chords") > velocity(plan, bar, "chords") + 5
    assert velocity(busy, bar, "lead") == velocity(plan, bar, "lead")
