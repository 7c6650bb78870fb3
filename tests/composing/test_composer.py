"""Every style keeps the promises that planning, playing and listeners rely on."""

import math
from itertools import accumulate, pairwise
from statistics import mean

import pytest

from app.models.plan import Section
from app.models.score import DRUM_ROLES, Score
from app.services.composing import compose, perform
from app.services.composing.limits import reach
from app.services.composing.setting import Setting
from app.services.planning import make_plan, read
from app.services.styles import load_style, style_names
from app.services.theory.scales import pitch_class
from tests.composing.listening import (
    chord_at,
    in_chord,
    in_scale,
    layouts,
    leads_on,
    mean_move,
    on_strong_beats,
    parts_of,
    pitched,
    rhythm_of,
    share,
)
from tests.composing.plans import composed, plan_for
from tests.sampling import paired

METRES = ("4/4", "3/4", "6/8", "5/4", "7/8", "2/4", "12/8")
MODES = ("major", "minor", "dorian", "phrygian", "lydian", "mixolydian", "harmonic_minor")
every_style = pytest.mark.parametrize("style", style_names())


def assert_sound(score: Score, plan) -> None:
    """Nothing that an instrument could not play or a listener would call a mistake of the machine."""
    assert {part.voice for part in score.parts} == {voice.name for voice in plan.ensemble}
    for part in score.parts:
        voice = plan.voice(part.voice)
        low, high = reach(voice)
        sounding: dict[int, float] = {}
        for note in part.notes:
            assert all(math.isfinite(x) for x in (note.start_beat, note.length_beats))
            assert note.start_beat >= 0
            assert note.length_beats > 0
            assert note.start_beat + note.length_beats <= score.length_beats + 1e-5
            assert 1 <= note.velocity <= 127
            assert low <= note.pitch <= high
            assert note.start_beat >= sounding.get(note.pitch, 0.0) - 1e-4, "a pitch is struck while it still sounds"
            sounding[note.pitch] = note.start_beat + note.length_beats
        starts = [(note.start_beat, note.pitch) for note in part.notes]
        assert starts == sorted(starts)
    assert any(part.notes and part.notes[0].start_beat == 0.0 for part in score.parts), "silence at the start"


@pytest.mark.parametrize(("style", "length"), paired(style_names(), [(5, 1), (30, 2), (60, 4)], each=2))
def test_a_score_can_be_played_and_fills_its_form(style, length):
    plan, score = composed(style, *length)

    assert_sound(score, plan)
    assert score.length_beats == pytest.approx(plan.bars * plan.beats_per_bar)
    assert_sound(perform(score, plan), plan)


@pytest.mark.parametrize("metre", METRES)
@pytest.mark.parametrize("style", ["pop", "jazz", "classical", "reggae", "waltz", "trap", "chiptune"])
def test_every_style_plays_in_every_metre(style, metre):
    plan = plan_for(style, time_signature=metre, seconds=24, seed=5)

    score = compose(plan)

    assert_sound(score, plan)
    assert_sound(perform(score, plan), plan)


@pytest.mark.parametrize(("style", "mode"), paired(style_names(), MODES, each=2))
def test_every_style_speaks_in_every_mode(style, mode):
    plan = plan_for(style, mode=mode, bars=8, seed=4)

    score = compose(plan)

    assert_sound(score, plan)
    assert len({chord.symbol for chord in score.chords}) >= 2


@pytest.mark.parametrize("bars", [1, 2, 3, 4, 5, 7, 11, 150])
@pytest.mark.parametrize("style", ["pop", "blues", "cinematic", "drum_and_bass"])
def test_a_form_of_any_length_is_filled(style, bars):
    plan = plan_for(style, bars=bars, seed=6)

    score = compose(plan)

    assert plan.bars == bars
    assert_sound(score, plan)
    assert (
        max(note.start_beat for part in score.parts for note in part.notes)
        >= score.length_beats - 2 * plan.beats_per_bar
    )


@pytest.mark.parametrize(
    "roles",
    [
        ("drums",),
        ("pad",),
        ("lead",),
        ("bass",),
        ("chords",),
        ("arpeggio", "drums"),
        ("counter",),
        ("percussion",),
        ("lead", "chords", "bass"),
    ],
)
def test_any_part_of_the_band_can_play_alone(roles):
    plan = plan_for("pop", roles=roles, seconds=20, seed=8)

    score = compose(plan)

    assert_sound(score, plan)


def test_the_same_plan_is_the_same_music():
    plan = plan_for("jazz", seconds=40, seed=9)

    assert compose(plan) == compose(plan)
    assert perform(compose(plan), plan) == perform(compose(plan), plan)


@every_style
def test_another_seed_is_other_music(style):
    first = plan_for(style, seconds=30, seed=1)
    second = first.model_copy(update={"seed": 2})

    one, two = compose(first), compose(second)

    assert [part.notes for part in one.parts] != [part.notes for part in two.parts]


def test_two_seeds_differ_in_what_is_heard_first_and_most():
    plans = [plan_for("pop", seconds=30, seed=1).model_copy(update={"seed": seed}) for seed in range(12)]
    scores = [compose(plan) for plan in plans]

    assert len({tuple(chord.symbol for chord in score.chords) for score in scores}) >= 8
    assert len({tuple(rhythm_of(parts_of(s, p, "lead")[0], 16, 32)) for s, p in zip(scores, plans, strict=True)}) >= 8


def test_new_drums_never_change_the_melody():
    plan = plan_for("pop", seconds=30, seed=3)
    without = plan.model_copy(
        update={
            "ensemble": tuple(voice for voice in plan.ensemble if voice.role != "drums"),
            "form": tuple(
                section.model_copy(update={"voices": tuple(name for name in section.voices if name != "drums")})
                for section in plan.form
            ),
        }
    )

    full, bare = compose(plan), compose(without)

    assert {part.voice: part.notes for part in bare.parts} == {
        part.voice: part.notes for part in full.parts if part.voice != "drums"
    }


@every_style
def test_a_voice_rests_where_its_section_leaves_it_out(style):
    plan, score = composed(style, 60, 4)
    bar = plan.beats_per_bar

    beat = 0.0
    for section in plan.form:
        end = beat + section.bars * bar
        for part in score.parts:
            if part.voice not in section.voices:
                assert not [note for note in part.notes if beat <= note.start_beat < end]
                # What began before may not sound on into a rest.
                assert not [
                    n for n in part.notes if n.start_beat < beat and n.start_beat + n.length_beats > beat + 1e-6
                ]
        beat = end


@every_style
@pytest.mark.parametrize("seed", [1, 2])
def test_the_piece_ends_on_its_tonic(style, seed):
    plan, score = composed(style, 30, seed)
    final_beat = score.length_beats - plan.beats_per_bar
    home = pitch_class(plan.tonic)
    tonic_chord = Setting(plan).final_bar.changes[0].chord

    assert score.chords[-1].start_beat <= final_beat
    assert tonic_chord.root == home
    for part in pitched(score, plan):
        if part.voice not in plan.form[-1].voices:
            continue
        last = [note for note in part.notes if note.start_beat + note.length_beats > final_beat]
        assert last, part.voice
        assert all(note.start_beat == final_beat for note in last), part.voice
        assert all(note.start_beat + note.length_beats == pytest.approx(score.length_beats) for note in last)
        assert {note.pitch % 12 for note in last} <= set(tonic_chord.classes)
        role = plan.voice(part.voice).role
        if role == "bass":
            assert last[0].pitch % 12 == home
        if role == "lead":
            assert last[0].pitch % 12 in (home, tonic_chord.third, tonic_chord.fifth)
    for part in parts_of(score, plan, "drums"):
        if part.voice in plan.form[-1].voices:
            assert part.notes[-1].start_beat == final_beat


@every_style
def test_the_final_chord_is_led_into_by_another(style):
    chords = composed(style, 30, 2)[1].chords

    assert chords[-1].symbol != chords[-2].symbol


@every_style
def test_the_bass_stands_on_the_chord(style):
    plan, score = composed(style, 60, 4)
    setting = Setting(plan)

    for part in parts_of(score, plan, "bass"):
        struck = {note.start_beat: note.pitch % 12 for note in part.notes}
        stood = [
            struck[chord.start_beat]
            in (chord_at(setting, chord.start_beat).root, chord_at(setting, chord.start_beat).bass)
            for chord in score.chords
            if chord.start_beat in struck
        ]
        assert share(stood) >= 0.9


@every_style
def test_the_melody_sings_in_the_key_and_leans_on_the_chords(style):
    plan, score = composed(style, 60, 4)
    setting = Setting(plan)

    for part in parts_of(score, plan, "lead"):
        led = zip(part.notes, [*part.notes[1:], None], strict=True)
        assert share([in_scale(setting, note) or leads_on(note, after) for note, after in led]) >= 0.95
        assert share([in_scale(setting, note) for note in part.notes]) >= 0.8
        strong = on_strong_beats(setting, part.notes)
        bare_fifths = share([len(chord_at(setting, note.start_beat).classes) == 2 for note in strong])
        assert share([in_chord(setting, note) for note in strong]) >= 0.68 - 0.4 * bare_fifths
        moves = [abs(after.pitch - before.pitch) for before, after in pairwise(part.notes)]
        assert share([move <= 5 for move in moves]) >= 0.6
        assert share([move <= 12 for move in moves]) >= 0.97


@every_style
def test_the_melody_breathes(style):
    plan, score = composed(style, 60, 4)

    for part in parts_of(score, plan, "lead"):
        notes = part.notes
        gaps = [after.start_beat - before.start_beat - before.length_beats for before, after in pairwise(notes)]
        longest_run = max((b.start_beat for b in notes), default=0) - notes[0].start_beat
        if longest_run > 32:
            assert any(gap >= 0.5 for gap in gaps) or any(note.length_beats >= 2 for note in notes)


@every_style
@pytest.mark.parametrize("role", ["chords", "pad"])
def test_chords_are_led_by_small_steps(style, role):
    plan, score = composed(style, 60, 4)

    for part in parts_of(score, plan, role):
        assert mean_move(layouts(part)) <= 4.0


def test_the_motif_returns_when_its_material_returns():
    voices = ("lead", "chords", "bass")
    plan = plan_for("pop", roles=voices, seconds=60, seed=10)
    form = (
        Section(kind="verse", material="A", bars=8, energy=0.6, voices=voices),
        Section(kind="chorus", material="B", bars=8, energy=0.8, voices=voices),
        Section(kind="verse", material="A", bars=8, energy=0.6, voices=voices),
        Section(kind="outro", material="A", bars=4, energy=0.4, voices=voices),
    )
    score = compose(plan.model_copy(update={"form": form}))
    lead = parts_of(score, plan, "lead")[0]

    first, other, again = (rhythm_of(lead, start, start + 16) for start in (0, 32, 64))

    # Ornaments may be added when it returns; what was there stays.
    assert set(first) <= set(again)
    assert first != other
    chords = {chord.start_beat: chord.symbol for chord in score.chords}
    assert [chords.get(beat) for beat in range(0, 24, 4)] == [chords.get(beat + 64) for beat in range(0, 24, 4)]


def test_one_melody_is_shared_out_among_several_leads():
    plan = plan_for("classical", seconds=40, seed=11)
    lead = plan.voice("lead")
    second = lead.model_copy(update={"name": "lead_2"})
    form = tuple(s.model_copy(update={"voices": (*s.voices, "lead_2"), "energy": 0.6}) for s in plan.form)
    score = compose(plan.model_copy(update={"ensemble": (*plan.ensemble, second), "form": form}))

    first, other = ({n.start_beat for n in p.notes} for p in score.parts if p.voice.startswith("lead"))

    assert min(len(first), len(other)) > 4
    assert len(first & other) <= 1


@every_style
def test_a_strong_section_is_struck_harder_than_a_weak_one(style):
    plan = plan_for(style, seconds=40, seed=12)
    names = tuple(voice.name for voice in plan.ensemble)
    form = tuple(
        Section(kind=kind, material="A", bars=4, energy=energy, voices=names)
        for kind, energy in (("verse", 0.2), ("chorus", 0.95), ("outro", 0.3))
    )
    score = compose(plan.model_copy(update={"form": form}))
    quarter = 4 * plan.beats_per_bar

    def force(start: float) -> float:
        heard = [n.velocity for p in score.parts for n in p.notes if start <= n.start_beat < start + quarter]
        return sum(heard) / len(heard)

    def count(start: float) -> int:
        return len([n for p in score.parts for n in p.notes if start <= n.start_beat < start + quarter])

    assert force(quarter) > force(0) + 8
    # Drop-outs belong to what is strong.
    assert count(quarter) >= count(0) * (0.8 if load_style(style).dropouts else 1.0)


@pytest.mark.parametrize("style", ["pop", "rock", "jazz", "classical", "electronic", "country", "funk", "folk"])
def test_density_thins_and_thickens(style):
    counts = {}
    for density in (-0.9, 0.0, 0.9):
        total = 0
        for seed in range(1, 5):
            plan = plan_for(style, seconds=40, seed=seed, density=density)
            total += sum(len(part.notes) for part in compose(plan).parts)
        counts[density] = total

    assert counts[-0.9] < 0.92 * counts[0.0]
    assert counts[0.9] > 1.02 * counts[0.0]


@every_style
def test_chords_change_at_a_human_pace(style):
    still = load_style(style).harmony.static
    paces, distinct = [], []
    for seed in range(1, 5):
        _, score = composed(style, 30, seed)
        paces.append(len(score.chords) / score.seconds_at(score.length_beats) * 60)
        distinct.append(len({chord.symbol for chord in score.chords}))

    assert (4 if still else 10) <= sum(paces) / 4 <= 40
    assert max(distinct) >= (3 if still else 4)


@every_style
def test_chord_spans_leave_no_gap(style):
    _, score = composed(style, 30, 2)

    assert score.chords[0].start_beat == 0.0
    for before, after in pairwise(score.chords):
        assert before.start_beat + before.length_beats == pytest.approx(after.start_beat)
    assert score.chords[-1].start_beat + score.chords[-1].length_beats == pytest.approx(score.length_beats)


@every_style
def test_the_tempo_breathes_without_shifting_any_section(style):
    plan, score = composed(style, 60, 4)

    assert score.tempo_changes[0].beat == 0.0
    for beat in [*(beat for beat, _ in score.markers), score.length_beats]:
        assert score.seconds_at(beat) == pytest.approx(beat * 60 / plan.tempo_bpm, abs=1e-6)


def test_a_soloist_slows_down_before_the_last_chord():
    plan = plan_for("solo_piano", seconds=60, seed=3)
    voices = tuple(voice.name for voice in plan.ensemble)
    form = tuple(Section(kind=k, material="A", bars=8, energy=0.5, voices=voices) for k in ("theme", "outro"))
    plan = plan.model_copy(update={"form": form})

    tempi = [change.tempo_bpm for change in compose(plan).tempo_changes]

    assert min(tempi) < 0.9 * plan.tempo_bpm
    assert max(tempi) < 1.12 * plan.tempo_bpm


def test_markers_name_the_sections():
    plan = plan_for("pop", seconds=30, seed=2)

    assert [name for _, name in compose(plan).markers] == [section.kind for section in plan.form]


def test_a_voice_whose_register_and_instrument_do_not_meet_still_plays():
    plan = plan_for("pop", roles=("chords", "bass"), seconds=10, seed=2)
    narrow = tuple(
        v.model_copy(update={"instrument": "glockenspiel", "low_pitch": 40, "high_pitch": 60}) for v in plan.ensemble
    )
    plan = plan.model_copy(update={"ensemble": narrow})

    assert_sound(compose(plan), plan)


@pytest.mark.parametrize(("low", "high"), [(60, 60), (60, 62), (60, 66)])
def test_a_register_of_few_notes_is_kept(low, high):
    plan = plan_for("jazz", seconds=20, seed=2)
    ensemble = tuple(
        v
        if v.role in DRUM_ROLES
        else v.model_copy(update={"instrument": "acoustic_grand_piano", "low_pitch": low, "high_pitch": high})
        for v in plan.ensemble
    )
    plan = plan.model_copy(update={"ensemble": ensemble})

    score = compose(plan)

    assert_sound(score, plan)
    assert_sound(perform(score, plan), plan)


def test_a_section_lifts_towards_a_stronger_one_and_a_break_does_not():
    plan = make_plan(read("rock with a huge finale"), duration_s=90, seed=3, soundfont_sha256=None)
    weak, strong = (section.model_copy(update={"bars": 4}) for section in (plan.form[0], plan.form[-2]))
    verse, pause = (weak.model_copy(update={"kind": kind, "energy": 0.3}) for kind in ("verse", "break"))
    setting = Setting(plan.model_copy(update={"form": (verse, strong, pause, strong)}))

    lifted, held = ([bar.energy for bar in setting.bars[first : first + 4]] for first in (0, 8))

    assert lifted == sorted(lifted)
    assert lifted[0] == pytest.approx(0.3)
    assert 0.45 < lifted[-1] < strong.energy
    assert held[-1] < 0.4


@pytest.mark.parametrize("style", [name for name in style_names() if load_style(name).feel.dynamics >= 1.5])
def test_a_style_that_breathes_plays_its_weak_sections_as_much_softer_as_it_says(style):
    plan, score = composed(style, 90, 3)
    feel = load_style(style).feel
    starts = [plan.beats_per_bar * bars for bars in accumulate((s.bars for s in plan.form), initial=0)]

    def force(index):
        heard = [n.velocity for p in score.parts for n in p.notes if starts[index] <= n.start_beat < starts[index + 1]]
        return mean(heard)

    energies = [section.energy for section in plan.form]
    weakest, strongest = energies.index(min(energies)), energies.index(max(energies))
    plain = 46.0 * (max(energies) - min(energies))

    assert force(strongest) - force(weakest) > 0.55 * feel.dynamics * plain
