"""The quality benchmark's ears for rhythm, harmony, likeness and seams, on sounds that are known."""

from itertools import pairwise

import numpy as np
import pytest

from tests.quality.sounds import LISTENING_RATE, RATE, both_sides, cadence, chords, listened, strokes, tone

pytest.importorskip("librosa", reason="librosa (requirements/quality.txt) listens")

from benchmarks.quality import activity, rhythm, tonality
from benchmarks.quality.audible import Voices
from benchmarks.quality.figures import auc
from benchmarks.quality.likeness import TWINS, likeness, portrait
from benchmarks.quality.seam import seam

ACCENTS = {
    2: (1.0, 0.4, 0.6, 0.4), 3: (1.0, 0.4, 0.4), 5: (1.0, 0.4, 0.4, 0.8, 0.4), 7: (1.0, 0.3, 0.7, 0.3, 0.7, 0.3, 0.3),
}  # fmt: skip


@pytest.mark.parametrize("tempo", [76, 97, 123, 141])
def test_the_tempo_of_strokes_is_found(tempo):
    assert rhythm.beat_of(listened(strokes(tempo))).tempo_bpm == pytest.approx(tempo, rel=0.005)


def test_four_per_cent_is_the_same_tempo_and_the_double_is_not():
    assert rhythm.tempo_found(103.9, 100)
    assert not rhythm.tempo_found(104.1, 100)
    assert not rhythm.tempo_found(200, 100)
    assert rhythm.tempo_found(200, 100, multiples=(0.5, 1.0, 2.0))


@pytest.mark.parametrize("count", ACCENTS)
def test_bars_are_counted(count):
    sound = listened(strokes(130, ACCENTS[count], seconds=28.0))

    assert rhythm.metre_count(sound, rhythm.beat_of(sound)) == count


def test_two_beats_of_three_are_six_eight():
    six = listened(strokes(3 * 100, (1.0, 0.25, 0.25, 0.7, 0.25, 0.25)))
    two = listened(strokes(4 * 100, (1.0, 0.25, 0.4, 0.25, 0.7, 0.25, 0.4, 0.25)))

    assert "6/8" in rhythm.metres_of(six, rhythm.beat_of(six))
    assert rhythm.metres_of(two, rhythm.beat_of(two)) == ("2/4", "4/4")


def test_a_waltz_whose_bars_are_taken_for_beats_is_one_all_the_same():
    waltz = listened(strokes(147, (1.0, 0.3, 0.4)))
    march = listened(strokes(4 * 49, (1.0, 0.3, 0.5, 0.3)))

    def in_one(sound, tempo_bpm):
        return rhythm.metres_of(sound, rhythm.Beat(tempo_bpm=tempo_bpm, times_s=np.arange(0, 19, 60 / tempo_bpm)))

    assert "3/4" in in_one(waltz, 49.0)
    assert "3/4" not in in_one(march, 49.0)


@pytest.mark.parametrize("tonic", [0, 3, 7, 10])
@pytest.mark.parametrize("third", ["major", "minor"])
def test_the_key_of_a_cadence_is_found(tonic, third):
    chroma = tonality.chroma_of(listened(chords(cadence(tonic, third))))

    assert tonality.key_of(chroma) == f"{tonality.TONICS[tonic]} {third}"


def test_strokes_are_told_from_struck_and_from_held_notes():
    harmony = chords(cadence(0, "major"), decay_s=0.4)
    drummed = [rhythm.strokes(listened(harmony + level * strokes(110, seconds=16.0))) for level in (0.3, 0.6, 1.0)]
    others = [
        rhythm.strokes(listened(harmony)),
        rhythm.strokes(listened(chords(cadence(5, "minor")))),
        rhythm.strokes(listened(np.tile(chords(cadence(0, "minor"), 0.25, decay_s=0.1), 4))),
    ]

    assert auc(drummed, others) == 1.0


def test_busy_strong_music_scores_higher_than_sparse_soft_music():
    busy = activity.activity(listened(strokes(180) + np.tile(chords(cadence(0, "major"), 0.25, decay_s=0.2), 5)))
    sparse = activity.activity(listened(np.concatenate([tone(pitch, 4.0, decay_s=1.0) for pitch in (60, 64, 67, 72)])))

    for figure in (*activity.ENERGY, *activity.DENSITY):
        assert busy[figure] > sparse[figure], figure


def test_held_chords_are_sparser_than_plucked_ones_however_they_swell():
    plucked = activity.activity(listened(np.tile(chords(cadence(0, "major"), 0.5, decay_s=0.4), 4)))
    held = chords(cadence(0, "major"), 8.0)
    swelling = (0.6 + 0.4 * np.sin(np.linspace(0, 25, len(held)))).astype(held.dtype)
    swelled = activity.activity(listened(held * swelling))

    for figure in activity.DENSITY:
        assert swelled[figure] <= plucked[figure] * 1.05, figure


def test_growing_and_fading_are_heard():
    sound = listened(strokes(120, seconds=24.0))
    slope = np.linspace(0.2, 1.0, len(sound)).astype(np.float32)

    assert activity.course_db(sound * slope) > 3.0
    assert activity.course_db(sound * slope[::-1]) < -3.0
    assert abs(activity.course_db(sound)) < 1.0


def seen(sound):
    mono = listened(sound)
    return portrait(mono, tonality.chroma_of(mono))


def test_the_same_music_in_another_master_is_a_twin_and_in_another_key_too():
    music = strokes(100, seconds=16.0) + chords(cadence(0, "major"), decay_s=0.5)
    moved = strokes(100, seconds=16.0) + chords(cadence(2, "major"), decay_s=0.5)
    dulled = np.convolve(music, np.ones(4) / 4, "same") * 0.5

    assert likeness(seen(music), seen(dulled)) >= TWINS
    assert likeness(seen(music), seen(moved)) >= TWINS


def test_other_music_is_no_twin():
    takes = [
        strokes(100, seconds=16.0) + chords(cadence(0, "major"), decay_s=0.5),
        strokes(137, (1.0, 0.3, 0.3), seconds=16.0, seed=2) + chords(cadence(4, "minor")[::-1]),
        chords(cadence(9, "minor")[3:] + cadence(9, "minor")[:3], decay_s=0.3),
    ]

    assert all(likeness(seen(one), seen(other)) < TWINS for one, other in pairwise(takes))


def test_music_that_comes_round_joins_and_music_that_ends_does_not():
    bars = both_sides(np.tile(strokes(120, seconds=4.0) + chords([(60, 64, 67)] * 4, decay_s=0.5), 2))
    ending = bars * np.linspace(1.0, 0.0, len(bars))[:, None] ** 2

    assert seam(bars, RATE, 120.0)[0]
    assert not seam(ending, RATE, 120.0)[0]
    assert not seam(bars[: -RATE // 6], RATE, 120.0)[0]


def test_a_held_tone_that_breaks_at_the_seam_does_not_join():
    time_s = np.arange(4 * RATE) / RATE
    whole = both_sides(0.3 * np.sin(2 * np.pi * 100 * time_s))
    broken = whole[: -RATE // 400]

    assert seam(whole, RATE)[1]["step"] <= 1.5
    assert not seam(broken, RATE)[0]


def test_a_voice_is_heard_where_nothing_masks_it():
    frames = 8 * RATE
    noise = np.random.default_rng(1).normal(0.0, 0.2, (frames, 2)).astype(np.float32)
    high = both_sides(np.tile(tone(96, 4.0), 2)).astype(np.float32)
    voices = Voices(["noise", "loud", "drowned", "silent"], RATE)
    voices.add({"noise": noise, "loud": high, "drowned": high * np.float32(0.001), "silent": noise * 0})
    hearings = voices.hearings()

    assert hearings["noise"].audible
    assert hearings["loud"].audible
    assert not hearings["drowned"].audible
    assert not hearings["silent"].audible


def test_the_listening_rate_is_the_detectors():
    assert LISTENING_RATE == rhythm.RATE
