"""Who plays the harmony: what a rhythm loses where little is to happen, and that it does not go on unchanged."""

import numpy as np
import pytest

from app.services.composing.comping import thinned
from app.services.composing.composer import write
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
