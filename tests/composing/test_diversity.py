"""Two takes on one prompt are two pieces, and two prompts never give one."""

from functools import cache
from itertools import combinations, pairwise

import numpy as np
import pytest

from app.models.score import DRUM_ROLES
from app.services.composing import compose
from app.services.planning import make_plan, read

pytestmark = pytest.mark.uncounted

#: Prompts that leave key, players and groove open.
OPEN = (
    "upbeat pop song", "lo-fi hip hop to study to", "epic trailer", "driving techno", "bossa nova", "rock anthem",
    "the last bus home after we lost the final", "funk groove", "synthwave night drive", "wedding",
)  # fmt: skip
#: Prompts that lie near to each other, and some that do not.
NEIGHBOURS = (
    *OPEN, "happy pop song", "indie pop", "chill lo-fi beat", "cinematic adventure", "deep house", "hard rock",
    "slow soul", "samba", "corporate video", "sad piano", "jazz trio", "country road song",
)  # fmt: skip
#: Above this likeness of pitch classes, onsets and drum strokes together, two pieces would pass for one.
TWINS = 0.985


@cache
def piece(prompt, seed):
    plan = make_plan(read(prompt), duration_s=24, seed=seed, soundfont_sha256=None)
    return plan, compose(plan)


def drums_of(plan, score):
    return [note for part in score.parts if plan.voice(part.voice).role in DRUM_ROLES for note in part.notes]


def motif(plan, score):
    """The first moves of the melody, each with the time it takes."""
    notes = [note for part in score.parts if plan.voice(part.voice).role == "lead" for note in part.notes][:9]
    return [(b.pitch - a.pitch, round(b.start_beat - a.start_beat, 3)) for a, b in pairwise(notes)]


def groove(plan, score):
    """Which drum sounds where in its bar."""
    return {(note.pitch, round(note.start_beat % plan.beats_per_bar, 2)) for note in drums_of(plan, score)}


def portrait(plan, score):
    """How long pitch classes sound, and how often notes and drums begin at each sixteenth of a bar; unit vectors."""
    classes, onsets, strokes = np.zeros(12), np.zeros(16), np.zeros(16)
    for part in score.parts:
        drums = plan.voice(part.voice).role in DRUM_ROLES
        for note in part.notes:
            place = int((note.start_beat % plan.beats_per_bar) / plan.beats_per_bar * 16) % 16
            (strokes if drums else onsets)[place] += 1
            if not drums:
                classes[note.pitch % 12] += note.length_beats
    return np.concatenate([vector / max(np.linalg.norm(vector), 1e-9) for vector in (classes, onsets, strokes)])


@pytest.mark.parametrize("prompt", OPEN)
def test_seeds_differ_in_key_motif_groove_and_instruments(prompt):
    pieces = [piece(prompt, seed) for seed in range(1, 5)]
    keys = {(plan.tonic, plan.mode) for plan, _ in pieces}
    bands = {frozenset((voice.role, voice.instrument) for voice in plan.ensemble) for plan, _ in pieces}
    melodies = [motif(plan, score) for plan, score in pieces]
    drummed = [frozenset(groove(plan, score)) for plan, score in pieces if drums_of(plan, score)]

    assert len(keys) >= 3
    assert len(bands) >= 3
    assert all(one != other for one, other in combinations([line for line in melodies if line], 2))
    # A style has few grooves; what drummers make of them differs, with a coincidence among four.
    assert len(set(drummed)) >= len(drummed) - 1


def test_a_word_about_the_key_leaves_the_rest_to_the_dice():
    pieces = [piece("upbeat pop song in D major at 120 bpm", seed) for seed in range(1, 4)]

    assert {(plan.tonic, plan.mode, plan.tempo_bpm) for plan, _ in pieces} == {("D", "major", 120)}
    assert all(motif(*one) != motif(*other) for one, other in combinations(pieces, 2))


def test_no_two_prompts_are_near_twins():
    portraits = {prompt: portrait(*piece(prompt, seed)) for seed, prompt in enumerate(NEIGHBOURS)}
    likeness = {pair: float(portraits[pair[0]] @ portraits[pair[1]]) / 3 for pair in combinations(portraits, 2)}
    twins = {pair: value for pair, value in likeness.items() if value > TWINS}

    assert not twins
    assert np.mean(list(likeness.values())) < 0.8
    # A piece is its own twin: the measure can tell.
    assert float(portraits["samba"] @ portraits["samba"]) / 3 > TWINS


def test_one_seed_gives_other_prompts_other_keys_and_other_tunes():
    pieces = [piece(prompt, 7) for prompt in ("happy pop song", "sad pop song", "pop anthem", "angry pop song")]

    assert len({plan.tonic for plan, _ in pieces}) >= 2
    assert all(motif(*one) != motif(*other) for one, other in combinations(pieces, 2))
    assert len({piece(prompt, 7)[0].tonic for prompt in NEIGHBOURS}) >= 5


def test_a_word_about_one_thing_leaves_the_key_and_the_tune_as_they_were():
    plain, bare = (piece(prompt, 7) for prompt in ("happy pop song with piano", "happy pop song with piano, no drums"))

    assert (plain[0].tonic, plain[0].mode) == (bare[0].tonic, bare[0].mode)
    assert not drums_of(*bare)
