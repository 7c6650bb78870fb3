"""What many melodies have in common: their intervals, how phrases end, how motifs return."""

from collections.abc import Iterator
from functools import cache
from itertools import pairwise

import pytest

from app.models.plan import Plan, Section
from app.models.score import Note
from app.services.composing import compose
from app.services.composing.motif import LEAP_STEPS, Cell, motif_for, shaped
from app.services.composing.phrasing import Phrase, letters_of, phrases_of
from app.services.composing.setting import Setting
from app.services.composing.singing import LEAP_SEMITONES
from app.services.styles import load_style, style_names
from app.services.theory.rhythm import read_rhythm
from app.utils.seeds import rng_for
from tests.composing.listening import chord_at, parts_of, rhythm_of, share
from tests.composing.plans import plan_for

#: Styles that sing; techno and drones hardly do.
SINGING = ("pop", "folk", "classical", "country", "rock", "soul", "jazz", "celtic", "orchestral", "waltz", "lullaby")

SEEDS = range(1, 7)

#: Letters of a phrase's bars that bring its motif's head, plain or developed.
HEADS = "adef"


@cache
def sung(style: str, seed: int) -> tuple[Setting, tuple[Note, ...]]:
    """Three sections of a melody, of eight, four and eight bars; the line without its grace notes."""
    plan = plan_for(style, roles=("lead", "chords", "bass"), seed=seed, bars=22)
    names = tuple(voice.name for voice in plan.ensemble)
    form = tuple(
        Section(kind=kind, material=material, bars=bars, energy=energy, voices=names)
        for kind, material, bars, energy in (
            ("theme", "A", 8, 0.6), ("bridge", "B", 4, 0.5), ("variation", "A", 8, 0.8), ("outro", "A", 2, 0.5),
        )
    )  # fmt: skip
    plan = Plan.model_validate({**plan.model_dump(), "form": form})
    lead = next(part for part in compose(plan).parts if plan.voice(part.voice).role == "lead")
    return Setting(plan), tuple(note for note in lead.notes if note.length_beats > 0.22)


@cache
def lines(*styles: str) -> tuple[tuple[Setting, tuple[Note, ...]], ...]:
    return tuple(sung(style, seed) for style in styles for seed in SEEDS)


def moves(notes: tuple[Note, ...]) -> list[int]:
    """Semitones from note to note where no rest divides them."""
    return [b.pitch - a.pitch for a, b in pairwise(notes) if b.start_beat - a.start_beat - a.length_beats <= 1.0]


def phrases(setting: Setting, notes: tuple[Note, ...]) -> Iterator[tuple[Phrase, list[Note]]]:
    """The phrases that are sung, with their notes."""
    for stretch in setting.stretches:
        for phrase in phrases_of(setting, stretch):
            begin, end = phrase.bars[0].start_beat, phrase.bars[-1].start_beat + setting.metre.beats
            inside = [note for note in notes if begin - 1e-6 <= note.start_beat < end - 1e-6]
            if len(inside) > 1:
                yield phrase, inside


# Intervals.


def test_melodies_step_more_than_they_leap_and_repeat_now_and_then():
    sizes = [abs(move) for _, notes in lines(*SINGING) for move in moves(notes)]
    steps, repeats, leaps = (share([low <= size <= high for size in sizes]) for low, high in ((1, 2), (0, 0), (3, 12)))

    assert len(sizes) > 2000
    assert 0.45 <= steps <= 0.65
    assert 0.08 <= repeats <= 0.25
    assert 0.2 <= leaps <= 0.4
    assert share([size >= LEAP_SEMITONES for size in sizes]) >= 0.07
    assert share([size <= 12 for size in sizes]) >= 0.99


def test_a_leap_is_turned_back_from():
    pairs = [
        (leap, after)
        for _, notes in lines(*SINGING)
        for leap, after in pairwise(moves(notes))
        if abs(leap) >= LEAP_SEMITONES
    ]

    assert len(pairs) > 150
    assert share([leap * after < 0 for leap, after in pairs]) >= 0.68
    assert share([leap * after < 0 and abs(after) <= 4 for leap, after in pairs]) >= 0.5
    assert share([leap * after > 0 and abs(after) >= LEAP_SEMITONES for leap, after in pairs]) <= 0.05


def test_a_style_that_likes_leaps_leaps_more():
    (rhythm,) = read_rhythm("x-x-x-x-x-x-x-x-", "4/4", "4/4")

    def leaps(liking: float) -> float:
        cells = [shaped(rng_for(seed, "cell"), rhythm, 12, liking, 0.2) for seed in range(120)]
        return share([abs(step) >= LEAP_STEPS for cell in cells for step in cell.steps])

    assert leaps(0.0) < 0.02 < leaps(0.3) < leaps(0.9)


def test_a_style_that_likes_repeats_repeats_more():
    (rhythm,) = read_rhythm("x-x-x-x-x-x-x-x-", "4/4", "4/4")

    def repeats(liking: float) -> float:
        cells = [shaped(rng_for(seed, "cell"), rhythm, 12, 0.3, liking) for seed in range(120)]
        return share([step == 0 for cell in cells for step in cell.steps])

    assert repeats(0.0) < 0.12
    assert repeats(0.8) > 2 * repeats(0.1)


# Phrases.


@pytest.mark.parametrize("style", style_names())
def test_every_section_that_has_room_asks_and_answers(style):
    setting = Setting(plan_for(style, roles=("lead", "chords", "bass"), seconds=60, seed=3))
    for stretch in setting.stretches:
        cut = phrases_of(setting, stretch)
        bars = [bar for phrase in cut for bar in phrase.bars]

        assert bars == [bar for bar in setting.bars_in(stretch) if not bar.final]
        assert len({phrase.answer for phrase in cut}) == 2 or len(bars) < 4
        assert all(len(letters_of(stretch.section.kind, phrase)) == len(phrase.bars) for phrase in cut)


def test_answers_end_more_closed_than_questions():
    home = {True: [], False: []}
    for setting, notes in lines(*SINGING):
        for phrase, inside in phrases(setting, notes):
            tonic = phrase.bars[0].key.root
            chord = phrase.bars[-1].change_at(inside[-1].start_beat - phrase.bars[-1].start_beat).chord
            if tonic in chord.classes:
                home[phrase.answer].append(inside[-1].pitch % 12 == tonic)

    assert min(len(heard) for heard in home.values()) > 30
    assert share(home[True]) >= 0.75
    assert share(home[False]) <= 0.1


def test_phrases_end_on_a_long_note():
    long = []
    for setting, notes in lines(*SINGING):
        for phrase, inside in phrases(setting, notes):
            end = phrase.bars[-1].start_beat + setting.metre.beats
            usual = sorted(b.start_beat - a.start_beat for a, b in pairwise(inside))[(len(inside) - 1) // 2]
            long.append(end - inside[-1].start_beat >= 1.5 * usual)

    assert share(long) >= 0.8


#: Styles whose phrases end on long notes over chords that move on.
HOLDING = ("solo_piano", "acoustic_guitar", "lullaby", "pop", "choral", "synthwave", "samba", "soul")


def test_a_note_that_leads_nowhere_is_not_held_into_a_chord_it_is_foreign_to():
    kept = []
    for setting, notes in lines(*HOLDING):
        for note, after in pairwise(notes):
            resolves = 0 < abs(after.pitch - note.pitch) <= 2
            end = note.start_beat + note.length_beats
            if note.length_beats >= 1.5 and not resolves:
                kept.append(note.pitch % 12 in chord_at(setting, end - 0.3).classes)

    assert len(kept) > 300
    assert share(kept) >= 0.95


def test_the_melody_seldom_goes_with_the_bass_from_fifth_to_fifth_or_octave_to_octave():
    parallel = []
    for style in ("choral", "classical", "cinematic", "waltz", "lullaby", "orchestral"):
        for seed in SEEDS:
            plan = plan_for(style, seconds=60, seed=seed)
            setting = Setting(plan)
            for before, after in pairwise(parts_of(compose(plan), plan, "lead")[0].notes):
                if after.start_beat - before.start_beat - before.length_beats > 0.4:
                    continue  # across a breath nobody hears it
                first, second = chord_at(setting, before.start_beat).bass, chord_at(setting, after.start_beat).bass
                if first != second and before.pitch != after.pitch:
                    was, becomes = (before.pitch - first) % 12, (after.pitch - second) % 12
                    parallel.append(was == becomes and was in (0, 7))

    assert len(parallel) > 300
    assert share(parallel) <= 0.06


# Motifs.


def test_what_is_no_theme_recalls_how_the_piece_began():
    recalled = []
    for style in ("pop", "corporate", "synthwave", "country", "folk", "rock"):
        for seed in SEEDS:
            names = tuple(voice.name for voice in plan_for(style, roles=("lead", "chords"), seed=seed).ensemble)
            form = tuple(
                Section(kind=kind, material=material, bars=8, energy=energy, voices=names)
                for kind, material, energy in (("verse", "A", 0.5), ("chorus", "B", 0.8))
            )
            plan = plan_for(style, roles=("lead", "chords"), seed=seed, bars=16).model_copy(update={"form": form})
            setting = Setting(plan)
            (lead,) = parts_of(compose(plan), plan, "lead")
            beats = setting.metre.beats
            bars = [set(rhythm_of(lead, bar.start_beat, bar.start_beat + beats)) for bar in setting.bars]
            head = set(rhythm_of(lead, 0.0, beats))
            recalled.append(any(head <= bar for bar in bars[8:15]))

    assert share(recalled) >= 0.7


@pytest.mark.parametrize("kind", ["chorus", "bridge", "theme", "verse"])
def test_short_phrases_say_more_than_one_thing_between_their_endings(kind):
    setting = Setting(plan_for("lullaby", bars=9, seed=1))
    bars = setting.bars[:2]

    heads = {letters_of(kind, Phrase(bars, number, number % 2 == 1, 4))[0] for number in range(4)}

    assert len(heads) == 2


def test_the_head_of_a_motif_is_heard_at_least_three_times_and_developed():
    for style in SINGING:
        for seed in SEEDS:
            setting, _ = sung(style, seed)
            letters = [
                letter
                for stretch in setting.stretches
                if stretch.section.material == "A"
                for phrase in phrases_of(setting, stretch)
                for letter in letters_of(stretch.section.kind, phrase)
            ]
            assert letters.count("a") >= 3
            assert sum(letter in HEADS for letter in letters) >= 5
            assert set(letters) & set("def")


def test_the_rhythm_of_the_first_bar_comes_back_in_what_is_sung():
    returns = []
    for setting, notes in lines(*SINGING):
        beats = setting.metre.beats
        bars = [
            tuple(
                round(note.start_beat - bar.start_beat, 3)
                for note in notes
                if 0 <= note.start_beat - bar.start_beat < beats
            )
            for bar in setting.bars[:20]
        ]
        head = next(bar for bar in bars if bar)
        returns.append(sum(bar == head for bar in bars))

    assert share([count >= 3 for count in returns]) >= 0.85


def test_a_fragmented_motif_says_its_first_half_twice_a_step_higher():
    (bar,) = read_rhythm("x-x-x---x-----x-", "4/4", "4/4")
    cell = Cell(bar, (1, 2, -1, 1))

    pieces = cell.fragmented(4.0)

    assert [stroke.position for stroke in pieces.strokes] == [0.0, 0.5, 1.0, 2.0, 2.5, 3.0]
    assert pieces.steps == (1, 2, -2, 1, 2)
    assert Cell(bar[3:], (1,)).fragmented(4.0).strokes == bar[3:]


def test_an_elaborated_motif_fills_its_long_notes_and_strikes_none_twice():
    (bar,) = read_rhythm("x-------x---x---", "4/4", "4/4")

    assert Cell(bar, (1, 3)).elaborated().steps == (2, -1, 3)
    assert Cell(bar, (4, 1)).elaborated().steps == (2, 2, 1)
    assert Cell(bar, (0, 1)).elaborated().steps == (1, -1, 1)


@pytest.mark.parametrize("style", style_names())
def test_a_motif_has_a_cell_for_every_letter_that_phrases_use(style):
    setting = Setting(plan_for(style, seconds=30, seed=2))
    motif = motif_for(setting, "A", 0.6)
    used = {
        letter
        for stretch in setting.stretches
        for phrase in phrases_of(setting, stretch)
        for letter in letters_of(stretch.section.kind, phrase)
    }

    assert used <= set(motif.cells) | {"-"}
    assert all(len(cell.steps) == max(len(cell.strokes) - 1, 0) for cell in motif.cells.values())
    assert load_style(style).melody.span >= 3
