"""Several scores are written from a plan, and the one that is played is the best of them by stated criteria."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from app.models.score import Note
from app.services.composing import choose, compose
from app.services.composing.choosing import total_of
from app.services.composing.composer import write
from app.services.composing.judging import CRITERIA, Hearing, judged
from app.services.composing.judging.pulse import pulse
from app.services.composing.judging.together import parallels
from app.services.planning import make_plan, read
from app.services.theory.drum_keys import DRUM_KEYS
from tests.composing.plans import plan_for

PROMPTS = (
    "upbeat pop song for a summer vlog", "sad solo piano", "smooth jazz trio at night", "celtic jig with fiddle",
    "epic trailer", "reggae in the sun", "waltz for a ballroom", "driving techno", "lullaby with music box",
)  # fmt: skip


def planned(prompt, seed=5, seconds=45):
    return make_plan(read(prompt), duration_s=seconds, seed=seed, soundfont_sha256=None)


@pytest.fixture(scope="module")
def choices():
    return [choose(planned(prompt, seed=seed)).composition for prompt in PROMPTS for seed in (5, 6, 7)]


def melody_changed(plan, change):
    """What the judges say of a piece, and of the same piece with each note of its melody changed."""
    setting, score = write(plan)
    leads = {voice.name for voice in plan.ensemble if voice.role == "lead"}
    parts = tuple(
        replace(part, notes=tuple(map(change, part.notes))) if part.voice in leads else part for part in score.parts
    )
    return judged(Hearing(setting, score)), judged(Hearing(setting, replace(score, parts=parts)))


def test_the_best_candidate_is_played_and_the_others_are_worth_less(choices):
    for composition in choices:
        totals = {candidate.number: candidate.total for candidate in composition.candidates}

        assert len(totals) == 3
        assert totals[composition.chosen] == max(totals.values())
    assert len({composition.chosen for composition in choices}) > 1


def test_choosing_raises_what_is_heard_by_more_than_the_dice_would(choices):
    first = [composition.candidates[0].total for composition in choices]
    best = [composition.candidates[composition.chosen].total for composition in choices]

    assert np.mean(best) > np.mean(first) + 0.01


def test_the_same_plan_makes_the_same_choice():
    plan = planned("bossa nova in a beach café", seconds=20)

    assert choose(plan) == choose(plan)
    assert compose(plan) == choose(plan).score


def test_a_plan_that_names_its_candidate_keeps_its_music_whatever_is_edited():
    plan = planned("smooth jazz trio at night")
    choice = choose(plan)
    kept = plan.model_copy(update={"candidate": choice.composition.chosen})
    melody = next(part for part in choice.score.parts if part.voice == "lead")

    assert compose(kept) == choice.score
    for voices in ([v for v in plan.ensemble if v.role != "drums"], [v for v in plan.ensemble if v.role == "lead"]):
        edited = kept.model_copy(update={"ensemble": tuple(voices)})
        names = {voice.name for voice in voices}
        form = tuple(s.model_copy(update={"voices": tuple(v for v in s.voices if v in names)}) for s in plan.form)
        score = compose(edited.model_copy(update={"form": form}))
        # The first note may come in sooner, where nobody else is left to begin.
        assert next(part for part in score.parts if part.voice == "lead").notes[1:] == melody.notes[1:]


def test_one_candidate_is_the_first_and_candidates_are_not_alike():
    plan = plan_for("pop", seconds=30)
    scores = [compose(plan.model_copy(update={"candidate": number})) for number in range(4)]

    assert compose(plan) == scores[0]
    for one, other in pairwise(scores):
        assert one.parts != other.parts


def test_every_criterion_explains_itself_and_stays_between_nothing_and_one(choices):
    names = [judge.criterion.name for judge in CRITERIA]

    assert len(set(names)) == len(names)
    for judge in CRITERIA:
        quantities = [quantity for quantity, _ in judge.taste]
        assert judge.criterion.meaning.endswith(".")
        assert quantities == sorted(quantities)
    heard = {name for composition in choices for candidate in composition.candidates for name in candidate.scores}
    assert heard == set(names)
    for composition in choices:
        for candidate in composition.candidates:
            assert all(0 <= score <= 1 for score in candidate.scores.values())
            assert candidate.total == total_of(candidate.scores)


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_a_melody_of_dice_is_worth_less_than_a_composed_one(seed):
    dice = np.random.default_rng(seed)
    plan = plan_for("pop", seconds=60, seed=seed)
    composed, diced = melody_changed(plan, lambda note: replace(note, pitch=int(dice.integers(60, 84))))

    for name in ("steps", "strong_beats", "clashes", "cadences", "motif_returns"):
        assert diced[name] < composed[name], name
    assert total_of(diced) < total_of(composed) - 0.1


def test_a_melody_that_doubles_the_bass_is_heard_to():
    plan = plan_for("rock", seconds=60)
    setting, score = write(plan)
    bass = next(part for part in score.parts if part.voice == "bass")
    doubled = tuple(replace(note, pitch=note.pitch + 24) for note in bass.notes)
    parts = tuple(replace(part, notes=doubled) if part.voice == "lead" else part for part in score.parts)

    assert judged(Hearing(setting, replace(score, parts=parts)))["parallels"] == 0
    assert parallels(Hearing(setting, replace(score, parts=parts))) == 1
    assert parallels(Hearing(setting, score)) < 0.5


def test_a_melody_without_a_breath_and_on_one_note_is_heard_to():
    plan = plan_for("folk", seconds=60)

    def held(note):
        return Note(pitch=72, start_beat=note.start_beat, length_beats=note.length_beats, velocity=note.velocity)

    composed, flat = melody_changed(plan, held)

    assert flat["compass"] == 0 < composed["compass"]
    assert total_of(flat) < total_of(composed) - 0.1


def with_drums(score, strokes):
    """The same piece with these strokes in place of its drums, each a key and how many beats lie between two."""
    drums = tuple(
        Note(pitch=key, start_beat=float(beat), length_beats=0.25, velocity=110)
        for key, distance in strokes
        for beat in np.arange(0.0, score.length_beats, distance)
    )
    parts = tuple(replace(part, notes=drums) if part.voice == "drums" else part for part in score.parts)
    return replace(score, parts=parts)


def test_strokes_a_dotted_quarter_apart_hide_the_beat():
    plan = plan_for("rock", seconds=60)
    setting, score = write(plan)
    kick, snare = DRUM_KEYS["kick"], DRUM_KEYS["snare"]
    straight, dotted = (
        Hearing(setting, with_drums(score, ((kick, distance), (snare, distance)))) for distance in (1.0, 1.5)
    )

    assert pulse(straight) > 1.3 > 0.9 > pulse(dotted)
    assert judged(straight)["pulse"] == 1 > judged(dotted)["pulse"] == 0


@pytest.mark.parametrize("metre", ["6/8", "7/8"])
def test_a_beat_that_is_no_quarter_is_not_judged(metre):
    plan = planned(f"folk song in {metre}")

    assert plan.time_signature == metre
    assert "pulse" not in choose(plan).composition.candidates[0].scores


def test_music_without_melody_is_judged_by_the_rest():
    plan = plan_for("drum_and_bass", roles=("bass", "pad", "drums"), seconds=30)
    scores = choose(plan).composition.candidates[0].scores

    assert "chord_variety" in scores
    assert not {"steps", "climax", "rests"} & set(scores)
