"""How lines are led: approaches, slides, breath, the climax, imitation, answers."""

from itertools import pairwise
from statistics import mean

import pytest

from app.models.plan import Plan, Section, Voice
from app.models.score import Note
from app.services.composing import compose, perform
from app.services.composing.bass import HIGH_FIFTH, HOME
from app.services.composing.contrapuntal import Sounding
from app.services.composing.imitating import delay_beats, imitated
from app.services.composing.limits import reach
from app.services.composing.motif import Cell, motif_for, reshaped
from app.services.composing.ornamenting import approached, slid
from app.services.composing.performing import PEDALLED_ROLES
from app.services.composing.setting import Setting
from app.services.styles import load_style, style_names
from app.services.theory.metre import metre_of
from app.services.theory.rhythm import read_rhythm
from app.utils.seeds import rng_for
from tests.composing.listening import bar_at, chord_at, in_chord, in_scale, parts_of, share
from tests.composing.plans import composed, plan_for

every_style = pytest.mark.parametrize("style", style_names())


def one_section(style: str, *, kind: str = "theme", bars: int = 16, roles: tuple[str, ...], **wishes) -> Plan:
    plan = plan_for(style, roles=roles, seconds=60, **wishes)
    names = tuple(voice.name for voice in plan.ensemble)
    form = (
        Section(kind=kind, material="A", bars=bars, energy=0.7, voices=names),
        Section(kind="outro", material="A", bars=4, energy=0.4, voices=names),
    )
    return plan.model_copy(update={"form": form})


def with_manner(monkeypatch: pytest.MonkeyPatch, **fields) -> None:
    """All styles lead their melody and their second voice in the given manner."""
    import app.services.composing.setting as setting

    def bent(name: str):
        style = load_style(name)
        counter = style.counter.model_copy(update={"manner": fields["counter"]} if "counter" in fields else {})
        own = {key: value for key, value in fields.items() if key != "counter"}
        return style.model_copy(update={"counter": counter, "melody": style.melody.model_copy(update=own)})

    monkeypatch.setattr(setting, "load_style", bent)


# Approaches and slides.


def chromatic(setting: Setting, notes: tuple[Note, ...]) -> list[tuple[Note, Note]]:
    """Notes outside the scale with the note that follows each."""
    return [(note, after) for note, after in pairwise(notes) if not in_scale(setting, note)]


def test_jazz_lines_lead_into_chord_tones_by_semitones():
    found = []
    for seed in range(1, 7):
        plan = one_section("jazz", roles=("lead", "chords", "bass"), seed=seed)
        setting, notes = Setting(plan), parts_of(compose(plan), plan, "lead")[0].notes
        leading = [pair for pair in chromatic(setting, notes) if pair[0].length_beats > 0.3]
        found += [
            abs(note.pitch - after.pitch) == 1
            and in_chord(setting, after)
            and setting.metre.strength(after.start_beat % setting.metre.beats) >= 0.6
            for note, after in leading
        ]

    assert len(found) >= 12
    assert share(found) >= 0.9


def test_a_style_that_likes_none_gets_no_approach_notes():
    setting = Setting(one_section("techno", roles=("lead", "chords"), seed=1))
    notes = [Note(pitch=60 + step, start_beat=2.0 * step, length_beats=2.0, velocity=80) for step in range(4)]

    assert approached(notes, setting.bars[:4], setting, (40, 90), rng_for(1, "a")) == notes
    assert slid(notes, setting, (40, 90), 0.0, rng_for(1, "s")) == notes


def test_an_enclosure_comes_from_both_sides(monkeypatch):
    with_manner(monkeypatch, approaches=1.0)
    setting = Setting(one_section("pop", roles=("lead", "chords"), seed=1, time_signature="4/4"))
    bars = setting.bars[:8]
    goals = [next(p for p in range(66, 78) if p % 12 in chord_at(setting, 2.0 * i).classes) for i in range(16)]
    notes = [Note(pitch=p, start_beat=2.0 * i, length_beats=1.9, velocity=80) for i, p in enumerate(goals)]

    made = approached(notes, bars, setting, (40, 90), rng_for(3, "a"))

    kept = [note for note in made if (note.start_beat, note.pitch) in {(n.start_beat, n.pitch) for n in notes}]
    enclosures = [
        (first.pitch, second.pitch, third.pitch)
        for first, second, third in zip(made, made[1:], made[2:], strict=False)
        if first.start_beat % 2 == 1.0 and second.start_beat % 2 == 1.5
    ]
    assert len(kept) == len(notes)
    assert enclosures
    assert all(low == goal - 1 and goal < high <= goal + 2 for high, low, goal in enclosures)


def test_slides_come_from_a_semitone_below_just_before_the_beat():
    plan = one_section("blues", roles=("lead", "chords"), seed=2)
    slides = [
        (grace, note)
        for grace, note in pairwise(parts_of(compose(plan), plan, "lead")[0].notes)
        if grace.length_beats < 0.22 and note.length_beats >= 0.8
    ]

    assert len(slides) >= 3
    for grace, note in slides:
        assert note.pitch - grace.pitch == 1
        assert grace.start_beat + grace.length_beats == pytest.approx(note.start_beat)
        assert grace.velocity < note.velocity


# Breath and climax.


@every_style
def test_phrases_end_before_the_next_begins(style):
    plan, score = composed(style, 60, 4)
    for part in parts_of(score, plan, "lead"):
        long = [(a, b) for a, b in pairwise(part.notes) if a.length_beats >= 1.0]
        if len(part.notes) > 40 and len(long) > 6:
            assert any(b.start_beat - a.start_beat - a.length_beats >= 0.24 for a, b in pairwise(part.notes))


def test_the_melody_climbs_to_its_highest_note_in_the_strongest_section():
    hits = []
    for style in ("pop", "classical", "cinematic", "folk", "rock"):
        for seed in (1, 2, 3):
            plan = plan_for(style, roles=("lead", "chords", "bass"), seconds=60, seed=seed)
            names = tuple(voice.name for voice in plan.ensemble)
            form = tuple(
                Section(kind=kind, material=material, bars=8, energy=energy, voices=names)
                for kind, material, energy in (
                    ("verse", "A", 0.5),
                    ("chorus", "B", 0.7),
                    ("verse", "A", 0.5),
                    ("chorus", "B", 0.9),
                    ("outro", "A", 0.4),
                )
            )
            plan = plan.model_copy(update={"form": form})
            notes = parts_of(compose(plan), plan, "lead")[0].notes
            beats = 8 * plan.beats_per_bar
            highest = dict.fromkeys(range(5), 0)
            for note in notes:
                section = min(int((note.start_beat + 0.2) // beats), 4)
                highest[section] = max(highest[section], note.pitch)
            hits.append(highest[3] == max(highest.values()))

    assert share(hits) >= 0.85


# Imitation.


def turns(pitches: list[int]) -> list[int]:
    return [(b > a) - (b < a) for a, b in pairwise(pitches)]


@pytest.mark.parametrize("seed", [1, 2, 3, 4])
def test_a_canon_repeats_the_melody_after_its_delay(monkeypatch, seed):
    with_manner(monkeypatch, counter={"canon": 1.0})
    plan = one_section("classical", roles=("lead", "counter", "chords"), seed=seed)
    setting, score = Setting(plan), compose(plan)
    lead, second = (parts_of(score, plan, role)[0].notes for role in ("lead", "counter"))
    delay, end = delay_beats(setting), 16 * plan.beats_per_bar
    leader = [note for note in lead if note.start_beat < end - delay]
    follower = [note for note in second if note.start_beat < end]

    assert follower[0].start_beat == pytest.approx(leader[0].start_beat + delay)
    assert [n.start_beat for n in follower] == pytest.approx([n.start_beat + delay for n in leader])
    same = [a == b for a, b in zip(turns([n.pitch for n in leader]), turns([n.pitch for n in follower]), strict=True)]
    assert share(same) >= 0.85
    assert share([in_scale(setting, note) for note in follower]) == 1.0
    weighty = [n for n in follower if setting.metre.strength(n.start_beat % setting.metre.beats) >= 0.8]
    assert share([in_chord(setting, note) for note in weighty]) >= 0.6


def test_each_follower_of_a_canon_enters_later(monkeypatch):
    with_manner(monkeypatch, counter={"canon": 1.0})
    plan = one_section("classical", roles=("lead", "counter", "chords", "bass"), seed=2)
    third = Voice(name="counter_2", role="counter", instrument="cello", low_pitch=40, high_pitch=67)
    names = (*plan.form[0].voices, "counter_2")
    form = tuple(section.model_copy(update={"voices": names}) for section in plan.form)
    plan = plan.model_copy(update={"ensemble": (*plan.ensemble, third), "form": form})
    score, delay = compose(plan), delay_beats(Setting(plan))

    entries = [
        next(part.notes[0].start_beat for part in score.parts if part.voice == name)
        for name in ("lead", "counter", "counter_2")
    ]

    assert entries == pytest.approx([entries[0], entries[0] + delay, entries[0] + 2 * delay])


def test_a_follower_keeps_to_its_register():
    setting = Setting(one_section("classical", roles=("lead", "counter", "chords"), seed=5))
    lead = [Note(pitch=72 + step % 5, start_beat=float(step), length_beats=1.0, velocity=80) for step in range(40)]
    for register in ((36, 55), (48, 67), (60, 79)):
        followed = imitated(setting, setting.bars[:12], lead, register)
        assert followed
        assert all(register[0] <= pitch <= register[1] for _, _, _, pitch in followed)


# Answers, pairs of second voices, rhythms.


def test_an_augmented_motif_is_its_head_at_half_the_speed():
    (bar,) = read_rhythm("x-x-x---x-----x-", "4/4", "4/4")
    cell = Cell(bar, (1, 2, -1, 1))

    slow = cell.augmented(4.0)

    assert [stroke.position for stroke in slow.strokes] == [0.0, 1.0, 2.0]
    assert [stroke.length for stroke in slow.strokes] == [1.0, 1.0, 2.0]
    assert slow.steps == (1, 2)
    assert Cell(bar[3:], (1,)).augmented(4.0).strokes == bar[3:]


def test_a_bridge_recalls_its_motif_more_slowly_than_the_theme_states_it():
    counts = {"theme": 0, "bridge": 0}
    for kind in counts:
        for seed in range(1, 9):
            plan = one_section("folk", kind=kind, roles=("lead", "chords"), seed=seed)
            setting, notes = Setting(plan), parts_of(compose(plan), plan, "lead")[0].notes
            first = {int(n.start_beat // setting.metre.beats) for n in notes}
            counts[kind] += sum(n.start_beat < setting.metre.beats - 0.1 for n in notes) if 0 in first else 0

    assert counts["bridge"] < counts["theme"]


def test_an_answer_begins_where_the_melody_rests_or_holds(monkeypatch):
    with_manner(monkeypatch, counter={"answer": 1.0})
    plan = one_section("folk", roles=("lead", "counter", "chords"), seed=2)
    score = compose(plan)
    lead, second = (parts_of(score, plan, role)[0].notes for role in ("lead", "counter"))
    body = [n for n in second if n.start_beat < Setting(plan).final_bar.start_beat]
    starts = {round(note.start_beat, 3) for note in lead}

    assert body
    assert share([round(note.start_beat, 3) not in starts for note in body]) >= 0.9


def test_a_second_voice_that_finds_no_rest_to_answer_in_plays_a_line(monkeypatch):
    with_manner(monkeypatch, counter={"answer": 1.0})
    monkeypatch.setattr("app.services.composing.countering.ANSWER_BEATS", 100.0)
    plan = one_section("folk", roles=("lead", "counter", "chords"), seed=2)
    notes = parts_of(compose(plan), plan, "counter")[0].notes
    beats = Setting(plan).metre.beats

    assert {int(note.start_beat // beats) for note in notes} >= set(range(plan.form[0].bars - 1))


def test_two_second_voices_do_not_stand_on_the_same_note():
    shares = []
    for seed in (1, 2, 3):
        plan = one_section("orchestral", roles=("lead", "counter", "bass"), seed=seed)
        second = plan.voice("counter").model_copy(update={"name": "counter_2"})
        form = tuple(s.model_copy(update={"voices": (*s.voices, "counter_2")}) for s in plan.form)
        plan = plan.model_copy(update={"ensemble": (*plan.ensemble, second), "form": form})
        one, two = (part.notes for part in compose(plan).parts if part.voice.startswith("counter"))
        struck = {note.start_beat: note.pitch for note in one}
        shares += [struck[note.start_beat] != note.pitch for note in two if note.start_beat in struck]

    assert len(shares) > 6
    assert share(shares) >= 0.8


def doubled(style: str, seed: int) -> list[bool]:
    """Whether the second voice stands on the melody's very note, every half beat in which both sound."""
    plan = plan_for(style, seconds=60, seed=seed)
    score = compose(plan)
    lines = [[note for part in parts_of(score, plan, role) for note in part.notes] for role in ("lead", "counter")]
    if not all(lines):
        return []
    lead, second = (Sounding(notes) for notes in lines)
    moments = [(lead.at(half / 2), second.at(half / 2)) for half in range(int(2 * score.length_beats))]
    return [one == other for one, other in moments if one is not None and other is not None]


def test_a_second_voice_seldom_stands_on_the_note_of_the_melody():
    styles = ("soul", "corporate", "meditation", "pop", "rock", "horror", "lofi", "classical")
    together = [flag for style in styles for seed in range(1, 5) for flag in doubled(style, seed)]

    assert len(together) > 1000
    assert share(together) <= 0.03


@pytest.mark.parametrize("style", ["flamenco", "waltz", "country", "celtic", "march", "polka"])
def test_a_fifth_that_would_stand_among_the_chords_is_taken_below_its_root(style):
    high = []
    for seed in range(1, 7):
        plan = plan_for(style, seconds=60, seed=seed)
        setting, (low, top) = Setting(plan), reach(plan.voice("bass"))
        home = low + HOME * min(top - low, 26)
        notes = parts_of(compose(plan), plan, "bass")[0].notes
        fifths = [note.pitch for note in notes if note.pitch % 12 == chord_at(setting, note.start_beat).fifth]
        high += [pitch > home + HIGH_FIFTH for pitch in fifths]

    assert len(high) > 60
    assert share(high) <= 0.05


@every_style
def test_two_lines_do_not_end_on_one_note(style):
    for seed in range(1, 7):
        plan = plan_for(style, seconds=12, seed=seed)
        score = compose(plan)
        lines = [part.notes for role in ("lead", "counter") for part in parts_of(score, plan, role)]
        last = plan.beats - plan.beats_per_bar - 1e-6
        ends = [notes[-1].pitch for notes in lines if notes[-1].start_beat >= last]

        assert len(ends) == len(set(ends)), seed


def test_an_answer_speaks_in_the_rhythm_of_its_melody(monkeypatch):
    with_manner(monkeypatch, counter={"answer": 1.0})
    for seed in range(1, 7):
        # The same material in a quiet and in a strong section has one motif, and so has whoever answers.
        setting = Setting(one_section("folk", roles=("lead", "counter", "chords"), seed=seed))
        asked: list[float] = []
        monkeypatch.setattr(
            "app.services.composing.countering.motif_for",
            lambda setting, material, energy, asked=asked: asked.append(energy) or motif_for(setting, material, energy),
        )
        compose(setting.plan)

        assert set(asked) == {setting.energy_of("A")}


def test_a_rhythm_may_be_reshaped_but_keeps_its_bar():
    metre = metre_of("4/4")
    (bar,) = read_rhythm("x---x-x-x---x-x-", "4/4", "4/4")
    made = {reshaped(rng_for(seed, "test"), bar, metre) for seed in range(40)}

    assert bar in made
    assert len(made) >= 5
    for rhythm in made:
        assert rhythm[0].position == 0.0
        assert all(stroke.length > 0 for stroke in rhythm)
        assert all(a.position + a.length <= b.position + 1e-6 for a, b in pairwise(rhythm))
        assert rhythm[-1].position + rhythm[-1].length <= 4.0 + 1e-6


# The pedal.


def test_a_pedal_holds_a_piano_until_the_chord_changes():
    plan = one_section("solo_piano", roles=("lead", "chords", "bass"), seed=2)
    score = compose(plan)
    played = perform(score, plan)
    longer = {}
    for written, sounding in zip(score.parts, played.parts, strict=True):
        longer[plan.voice(written.voice).role] = mean(n.length_beats for n in sounding.notes) / mean(
            n.length_beats for n in written.notes
        )
        if plan.voice(written.voice).role not in PEDALLED_ROLES:
            continue
        for note in sounding.notes:
            middle = note.start_beat + 0.12  # a hand may be early
            ends = next(c.start_beat + c.length_beats for c in score.chords if middle < c.start_beat + c.length_beats)
            assert note.start_beat + note.length_beats <= ends + 0.6

    assert longer["chords"] > 1.1
    assert longer["lead"] == pytest.approx(1.0, abs=0.1)


def test_an_organ_has_no_pedal():
    plan = one_section("solo_piano", roles=("chords",), seed=2)
    organ = plan.ensemble[0].model_copy(update={"instrument": "church_organ"})
    plan = plan.model_copy(update={"ensemble": (organ,)})
    score = compose(plan)

    before, after = (mean(n.length_beats for n in one.parts[0].notes) for one in (score, perform(score, plan)))

    assert after == pytest.approx(before, rel=0.05)


def test_timpani_follow_the_key_they_stand_in():
    plan = one_section("orchestral", roles=("lead", "chords", "percussion"), seed=1, tonic="C", mode="minor")
    form = (plan.form[0], plan.form[0].model_copy(update={"transpose": 2}), plan.form[1])
    setting = Setting(plan.model_copy(update={"form": form}))

    assert bar_at(setting, 0.0).key.root == 0
    assert bar_at(setting, 17 * plan.beats_per_bar).key.root == 2
