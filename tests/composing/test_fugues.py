"""Fugues: entries in imitation, in tonic and fifth in turn, against lines that go with them."""

from itertools import pairwise

import pytest

from app.models.plan import Plan, Section, Voice
from app.models.score import Note, Score
from app.services.composing import compose, perform
from app.services.composing.contrapuntal import Beat, Sounding, led_against
from app.services.composing.entries import LINES, exposed_bar
from app.services.composing.setting import Setting
from app.services.planning import make_plan, read
from app.services.theory.chords import read_numeral
from tests.composing.listening import chord_at, share
from tests.composing.plans import plan_for

SEEDS = (1, 2, 3, 4, 5)
METRES = ("4/4", "3/4", "6/8")


def fugue(
    seed: int = 1,
    *,
    bars: int = 20,
    metre: str = "4/4",
    roles: tuple[str, ...] = ("lead", "counter", "chords", "bass"),
    **wishes,
) -> Plan:
    """A fugue of two sections in which everybody plays."""
    plan = plan_for("baroque", seed=seed, roles=roles, time_signature=metre, bars=bars, **wishes)
    names = tuple(voice.name for voice in plan.ensemble)
    form = (
        Section(kind="theme", material="A", bars=bars - bars // 2, energy=0.6, voices=names),
        Section(kind="outro", material="A", bars=bars // 2, energy=0.6, voices=names),
    )
    return plan.model_copy(update={"counterpoint": "fugue", "form": form})


def lines(plan: Plan, score: Score) -> list[tuple[Note, ...]]:
    """The lines, highest first."""
    return [part.notes for role in LINES for part in score.parts if plan.voice(part.voice).role == role]


def within(notes: tuple[Note, ...], begin: float, end: float) -> list[Note]:
    return [note for note in notes if begin - 1e-6 <= note.start_beat < end - 1e-6]


def entry(plan: Plan, notes: tuple[Note, ...], number: int) -> list[tuple[float, int]]:
    """Place and pitch of the notes of an entry."""
    setting = Setting(plan)
    one = setting.entries[number]
    begin = one.first_bar * setting.metre.beats
    inside = within(notes, begin, begin + one.bars * setting.metre.beats)
    return [(round(note.start_beat - begin, 3), note.pitch) for note in inside]


@pytest.mark.parametrize("metre", METRES)
@pytest.mark.parametrize("seed", SEEDS)
def test_the_subject_begins_alone_and_the_lines_come_in_one_by_one(seed, metre):
    plan = fugue(seed, metre=metre)
    score, setting = compose(plan), Setting(plan)
    length = setting.entries[0].bars * setting.metre.beats
    first, second, third = lines(plan, score)

    assert {part.voice for part in score.parts for note in part.notes if note.start_beat < length} == {"lead"}
    assert length <= second[0].start_beat < 2 * length
    assert 2 * length <= third[0].start_beat < 3 * length
    assert first[0].start_beat < second[0].start_beat < third[0].start_beat


@pytest.mark.parametrize("metre", METRES)
@pytest.mark.parametrize("seed", SEEDS)
def test_the_answer_is_the_subject_a_fifth_away_and_the_third_entry_is_home(seed, metre):
    plan = fugue(seed, metre=metre)
    first, second, third = lines(plan, compose(plan))
    subject, answer, again = (entry(plan, notes, number) for number, notes in enumerate((first, second, third)))

    assert len(subject) >= 4
    assert [place for place, _ in subject] == [place for place, _ in answer] == [place for place, _ in again]
    fifths = {reply - pitch for (_, pitch), (_, reply) in zip(subject, answer, strict=True)}
    octaves = {reply - pitch for (_, pitch), (_, reply) in zip(subject, again, strict=True)}
    assert len(fifths) == len(octaves) == 1
    assert fifths.pop() % 12 == 7
    assert octaves.pop() % 12 == 0


@pytest.mark.parametrize("seed", SEEDS)
def test_the_countersubject_goes_with_the_subject_again(seed):
    plan = fugue(seed)
    first, second, _ = lines(plan, compose(plan))
    against_answer, against_third = entry(plan, first, 1), entry(plan, second, 2)

    assert [place for place, _ in against_answer] == [place for place, _ in against_third]
    moved = [other - pitch for (_, pitch), (_, other) in zip(against_answer, against_third, strict=True)]
    assert share([(move - moved[0]) % 12 == 0 for move in moved]) >= 0.9
    answer = {place for place, _ in entry(plan, second, 1)}
    assert [place for place, _ in against_answer if place not in answer]


@pytest.mark.parametrize("seed", SEEDS)
def test_the_last_entry_brings_the_subject_home_in_the_lowest_line(seed):
    plan = fugue(seed)
    setting, written = Setting(plan), lines(plan, compose(plan))
    subject, last = entry(plan, written[0], 0), entry(plan, written[-1], len(setting.entries) - 1)

    assert [place for place, _ in last] == [place for place, _ in subject]
    assert {(low - high) % 12 for (_, high), (_, low) in zip(subject, last, strict=True)} == {0}
    assert setting.entries[-1].first_bar + setting.entries[-1].bars <= plan.bars - 1


def test_the_middle_entries_stand_in_other_keys():
    setting = Setting(fugue(2, bars=32))
    middle = [one for one in setting.entries if not one.exposition][:-1]

    assert len(middle) >= 3
    assert len({(one.key.tonic, one.key.mode) for one in middle}) >= 3
    assert all(later.first_bar - one.first_bar > one.bars for one, later in pairwise(middle))


@pytest.mark.parametrize("metre", METRES)
def test_lines_move_apart_and_agree_with_the_harmony(metre):
    parallel, chordal = [], []
    for seed in SEEDS:
        plan = fugue(seed, metre=metre)
        setting, written = Setting(plan), lines(plan, compose(plan))
        for notes in written:
            strong = [n for n in notes if setting.metre.strength(n.start_beat % setting.metre.beats) >= 0.8]
            chordal += [note.pitch % 12 in chord_at(setting, note.start_beat).classes for note in strong]
        for upper, lower in ((0, 1), (0, 2), (1, 2)):
            below = Sounding(written[lower])
            pairs = [(note.pitch, below.at(note.start_beat)) for note in written[upper]]
            parallel += [
                (a - b) % 12 == (c - d) % 12 in (0, 7)
                for (a, b), (c, d) in pairwise(pairs)
                if b is not None and d is not None and a != c and b != d
            ]

    assert len(parallel) > 200
    assert share(parallel) <= 0.05
    assert share(chordal) >= 0.85


def test_a_line_avoids_parallel_octaves_and_takes_a_third():
    chord = read_numeral("I", "C", "major")
    scale = (0, 2, 4, 5, 7, 9, 11)
    upper = [
        Note(pitch=pitch, start_beat=float(i), length_beats=1.0, velocity=80) for i, pitch in enumerate((72, 76, 79))
    ]
    beats = [Beat(float(i), 1.0, 1.0, chord, scale) for i in range(3)]

    lower = led_against(beats, [(Sounding(upper), 1)], reach=(48, 71), coming_from=(0.0, 60))

    assert all(pitch % 12 in chord.classes for pitch in lower)
    assert all((note.pitch - pitch) % 12 not in (0, 1, 2) for note, pitch in zip(upper, lower, strict=True))


@pytest.mark.parametrize(("tempo_bpm", "changes"), [(74, 4), (100, 3)])
def test_chords_under_the_subject_change_no_faster_than_an_ear_follows(tempo_bpm, changes):
    plan = fugue(tempo_bpm=tempo_bpm)
    spans = compose(plan).chords

    entry = Setting(plan).entries[0]
    begun = [span for span in spans if span.start_beat < entry.bars * 4]
    assert len(begun) == changes
    pace = len(spans) * 60 / (plan.bars * 4 * 60 / tempo_bpm)
    assert pace <= 40


def test_a_quartet_has_four_entries():
    plan = fugue(3, roles=("lead", "counter", "bass"), bars=24)
    viola = Voice(name="counter_2", role="counter", instrument="viola", low_pitch=50, high_pitch=76)
    form = tuple(section.model_copy(update={"voices": (*section.voices, "counter_2")}) for section in plan.form)
    plan = plan.model_copy(update={"ensemble": (*plan.ensemble, viola), "form": form})
    starts = [notes[0].start_beat for notes in lines(plan, compose(plan))]

    assert len(starts) == 4
    assert starts == sorted(starts)
    assert len(set(starts)) == 4


def test_the_continuo_waits_until_all_lines_have_entered():
    plan = fugue(2)
    setting = Setting(plan)
    chords = next(part for part in compose(plan).parts if part.voice == "chords")

    assert chords.notes
    assert chords.notes[0].start_beat >= exposed_bar(setting.entries) * setting.metre.beats


@pytest.mark.parametrize("bars", [1, 3, 5, 8, 60])
@pytest.mark.parametrize("loop", [False, True])
def test_a_fugue_of_any_length_can_be_played(bars, loop):
    plan = fugue(4, bars=max(bars, 2)).model_copy(update={"loop": loop})
    score = compose(plan)
    played = perform(score, plan)

    assert any(part.notes and part.notes[0].start_beat == 0 for part in score.parts)
    assert len(Setting(plan).entries) >= (4 if bars >= 8 else 0)
    for part in played.parts:
        voice = plan.voice(part.voice)
        assert all(voice.low_pitch <= note.pitch <= voice.high_pitch for note in part.notes)
        assert all(note.start_beat + note.length_beats <= score.length_beats + 1e-5 for note in part.notes)


# What asks for a fugue.


def planned(prompt: str, seed: int = 1) -> Plan:
    return make_plan(read(prompt), duration_s=40, seed=seed, soundfont_sha256=None)


@pytest.mark.parametrize(
    "prompt",
    [
        "baroque fugue",
        "a fugue for organ",
        "counterpoint for strings",
        "eine Fuge für Cembalo",
        "two-part invention for harpsichord",
        "fugue for string quartet",
    ],
)
def test_the_words_ask_for_a_fugue(prompt):
    plan = planned(prompt)
    sung = [voice.name for voice in plan.ensemble if voice.role in LINES]

    assert plan.counterpoint == "fugue"
    assert len(sung) >= 2
    assert all(set(sung) <= set(section.voices) for section in plan.form)
    assert len(Setting(plan).entries) > len(sung)


def test_baroque_pieces_are_fugues_now_and_then_and_others_never():
    assert 1 <= sum(planned("baroque", seed).counterpoint == "fugue" for seed in range(12)) <= 8
    assert {
        planned(prompt, 3).counterpoint for prompt in ("rock", "folk song", "string quartet", "no fugue, jazz")
    } == {"free"}


def test_a_keyboard_asked_for_alone_plays_all_lines():
    assert {voice.instrument for voice in planned("harpsichord fugue in D minor").ensemble} == {"harpsichord"}
