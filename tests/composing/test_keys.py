"""Sections in other keys: lifts and visits are heard in chords and lines, and told to who reads the score."""

from itertools import pairwise

import pytest

from app.models.plan import Mode, Plan, Section
from app.services.composing import compose
from app.services.composing.setting import Setting
from app.services.styles import style_names
from app.services.theory.scales import pitch_class, scale
from tests.composing.listening import parts_of, share
from tests.composing.plans import plan_for
from tests.composing.test_composer import assert_sound
from tests.sampling import paired

BAND = ("lead", "chords", "bass")


def moved(name: str, kinds: str, transpose: int, into: Mode | None = None, *, last: bool = True, **wishes) -> Plan:
    """Eight bars each of the kinds; the last two sections, or only the last but one, are in another key."""
    plan = plan_for(name, roles=BAND, seconds=60, seed=3, **wishes)
    names = tuple(voice.name for voice in plan.ensemble)
    steps = [pair.split(":") for pair in kinds.split()]
    form = []
    for index, (kind, material) in enumerate(steps):
        away = index >= len(steps) - 2 if last else index == len(steps) - 2
        form.append(
            Section(
                kind=kind,
                material=material,
                bars=8,
                energy=0.7,
                voices=names,
                transpose=transpose if away else 0,
                mode=into if away else None,
            )
        )
    return plan.model_copy(update={"form": tuple(form)})


LIFTED = "verse:A chorus:B verse:A chorus:B outro:A"


def bars_of(plan: Plan, section: int):
    return [bar for bar in Setting(plan).bars if bar.stretch.index == section]


@pytest.mark.parametrize("semitones", [1, 2, 3])
def test_the_last_chorus_sounds_higher_and_its_chords_too(semitones):
    plan = moved("pop", LIFTED, semitones)
    score = compose(plan)
    lead = parts_of(score, plan, "lead")[0]
    beats = 8 * plan.beats_per_bar

    def sung(start: float) -> dict[float, int]:
        # Ornaments may be added when it returns, and the bar before the next key goes its own way.
        notes = [n for n in lead.notes if start <= n.start_beat < start + beats - plan.beats_per_bar]
        return {round(n.start_beat - start, 4): n.pitch for n in notes}

    first, lifted = sung(beats), sung(3 * beats)
    rises = [lifted[beat] - first[beat] for beat in first if beat in lifted]
    roots = [[change.chord.root for bar in bars_of(plan, section)[:6] for change in bar.changes] for section in (1, 3)]

    assert len(rises) > 8
    assert share([rise == semitones for rise in rises]) >= 0.75
    assert roots[1] == [(root + semitones) % 12 for root in roots[0]]


def test_the_next_key_is_led_into_by_its_dominant():
    plan = moved("pop", LIFTED, 2)
    new_tonic = (pitch_class(plan.tonic) + 2) % 12

    before = bars_of(plan, 2)[-1].changes[-1].chord

    assert before.root == (new_tonic + 7) % 12
    assert {0, 4, 7} <= set(before.intervals)


def test_a_lifted_piece_ends_in_its_new_key_and_a_visit_comes_home():
    home = pitch_class(plan_for("pop", seconds=60, seed=3).tonic)
    lifted, visited = moved("pop", LIFTED, 2), moved("pop", LIFTED, 3, last=False)

    assert Setting(lifted).final_bar.changes[0].chord.root == (home + 2) % 12
    assert Setting(visited).final_bar.changes[0].chord.root == home


def test_a_visit_to_the_relative_key_is_made_of_its_notes():
    plan = moved("classical", "theme:A bridge:B theme:A", -3, "minor", last=False, mode="major")
    score = compose(plan)
    tonic = (pitch_class(plan.tonic) - 3) % 12
    start, end = (8 * n * plan.beats_per_bar for n in (1, 2))
    chords = [change.chord for bar in bars_of(plan, 1) for change in bar.changes]
    sung = [n.pitch % 12 for n in parts_of(score, plan, "lead")[0].notes if start <= n.start_beat < end]

    assert any(chord.root == tonic and 3 in chord.intervals for chord in chords)
    assert share([tone in {*scale(tonic, "minor"), (tonic + 11) % 12} for tone in sung]) >= 0.9


def test_the_score_tells_its_keys():
    plan = moved("pop", LIFTED, 2, tonic="A", mode="major")
    score = compose(plan)
    stays = plan.model_copy(
        update={"form": tuple(section.model_copy(update={"transpose": 0}) for section in plan.form)}
    )

    assert [(key.beat, key.tonic, key.mode) for key in score.keys] == [(0.0, "A", "major"), (96.0, "B", "major")]
    assert compose(stays).keys == ()
    assert score.chords[-1].symbol.startswith("B")


@pytest.mark.parametrize(("style", "semitones"), paired(style_names(), [-5, 1, 2, 6]))
def test_every_style_can_be_played_in_a_key_that_changes(style, semitones):
    plan = plan_for(style, seconds=40, seed=5)
    middle = len(plan.form) // 2
    form = tuple(
        section.model_copy(update={"transpose": semitones if index >= middle else 0})
        for index, section in enumerate(plan.form)
    )
    plan = plan.model_copy(update={"form": form})

    assert_sound(compose(plan), plan)


def test_chords_are_spelt_in_the_key_they_stand_in():
    plan = moved("pop", LIFTED, 3, tonic="C", mode="major")
    score = compose(plan)
    lifted = [chord.symbol for chord in score.chords if chord.start_beat >= 96]

    assert not any("#" in symbol.replace("#11", "").replace("#9", "") for symbol in lifted)  # E flat has flats
    assert any(after != before for before, after in pairwise(lifted))
