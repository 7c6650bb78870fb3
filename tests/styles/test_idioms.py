"""What the signs of a style file sound like where they are more than a note on its place."""

from itertools import pairwise

import pytest

from app.models.plan import Plan, Section
from app.services.composing import compose
from app.services.composing.drawing import in_mode
from app.services.composing.setting import Setting
from app.services.styles import load_style
from app.services.styles.idioms import Pattern
from tests.composing.listening import chord_at, layouts, parts_of, rhythm_of
from tests.composing.plans import plan_for


@pytest.fixture
def salsa() -> Plan:
    """Eight bars of montuno before the end, bass and piano and horns."""
    voices = ("chords", "pad", "bass")
    plan = plan_for("salsa", roles=voices, bars=10, seed=3, mode="minor")
    form = tuple(
        Section(kind=kind, material="A", bars=bars, energy=0.9, voices=voices)
        for kind, bars in (("chorus", 8), ("outro", 2))
    )
    return plan.model_copy(update={"form": form})


def test_a_tumbao_gives_the_coming_root_early_and_holds_it_over_the_bar_line(salsa):
    setting = Setting(salsa)
    bass = parts_of(compose(salsa), salsa, "bass")[0].notes
    crossing = [note for note in bass if note.start_beat < 28 and note.start_beat % 4 == pytest.approx(3.5)]

    assert len(crossing) == 7
    for note in crossing:
        bar_line = note.start_beat + 0.5
        coming = chord_at(setting, bar_line)
        assert note.pitch % 12 in (coming.root, coming.bass)
        assert note.start_beat + note.length_beats > bar_line + 0.2
        assert not [other for other in bass if other.start_beat == pytest.approx(bar_line)]


def test_the_first_bar_of_a_tumbao_stands_on_its_root(salsa):
    bass = parts_of(compose(salsa), salsa, "bass")[0].notes

    assert bass[0].start_beat == 0.0
    assert bass[0].pitch % 12 == chord_at(Setting(salsa), 0.0).bass


def test_a_pad_with_patterns_hits_and_rests_where_others_hold(salsa):
    horns = parts_of(compose(salsa), salsa, "pad")[0]
    strings = parts_of(compose(plan_for("pop", roles=("pad",), bars=10, seed=3)), plan_for("pop", bars=10), "pad")[0]

    def sounding(part) -> float:
        spans = {(note.start_beat, note.length_beats) for note in part.notes if note.start_beat < 32}
        return sum(length for _, length in spans) / 32

    assert sounding(horns) < 0.7
    assert sounding(strings) > 0.9
    assert layouts(horns)


def test_a_banjo_roll_keeps_its_short_string_on_top():
    plan = plan_for("bluegrass", roles=("arpeggio", "chords"), bars=8, seed=2, mode="major", time_signature="4/4")
    names = ("arpeggio", "chords")
    form = (Section(kind="theme", material="A", bars=8, energy=0.7, voices=names),)
    roll = parts_of(compose(plan.model_copy(update={"form": form})), plan, "arpeggio")[0].notes[:-3]
    turns = [after.pitch - before.pitch for before, after in pairwise(roll)]

    assert max(note.pitch for note in roll) - min(note.pitch for note in roll) >= 9
    assert sum(abs(turn) >= 5 for turn in turns) / len(turns) > 0.25


def test_a_dembow_sounds_on_every_beat_and_on_three_and_three_and_two():
    plan = plan_for("reggaeton", roles=("drums",), bars=10, seed=4, mode="minor")
    form = (Section(kind="chorus", material="A", bars=10, energy=0.8, voices=("drums",)),)
    drums = parts_of(compose(plan.model_copy(update={"form": form})), plan, "drums")[0].notes
    # The second bar: fills end a period.
    bar = [note for note in drums if 4 <= note.start_beat < 8]
    struck = {
        drum: {round(4 * note.start_beat) % 16 for note in bar if note.pitch in keys}
        for drum, keys in {"kick": {36}, "snare": {37, 38, 39}}.items()
    }

    assert {0, 4, 8, 12} <= struck["kick"]
    assert {3, 6, 11, 14} <= struck["snare"]


def test_flamenco_rests_on_a_major_chord_whatever_its_scale():
    plan = plan_for("flamenco", roles=("lead", "chords"), bars=8, seed=3, mode="phrygian", time_signature="4/4")

    assert Setting(plan).bars[-1].changes[-1].chord.intervals[:2] == (0, 4)


def chords_of(style: str, seed: int) -> tuple[Setting, dict[int, float]]:
    """Beats for which the chord on each degree of the key holds, by semitones above its tonic."""
    setting = Setting(plan_for(style, seed=seed, seconds=60, mode="major"))
    beats: dict[int, float] = {}
    for bar in setting.bars:
        for change in bar.changes:
            degree = (change.chord.root - bar.key.root) % 12
            beats[degree] = beats.get(degree, 0.0) + change.length
    return setting, beats


def test_a_polka_stands_on_its_tonic_much_longer_than_on_its_dominant():
    tonic, dominant = (sum(chords_of("polka", seed)[1].get(degree, 0.0) for seed in range(1, 25)) for degree in (0, 7))

    assert tonic >= 1.9 * dominant > 0


@pytest.mark.parametrize(("style", "metre"), [("polka", "2/4"), ("mariachi", "2/4"), ("mariachi", "3/4")])
def test_oom_pah_turns_within_eight_bars(style, metre):
    turned = []
    for seed in range(1, 7):
        plan = plan_for(style, seed=seed, seconds=60, time_signature=metre)
        setting = Setting(plan)
        for part in parts_of(compose(plan), plan, "chords"):
            rhythms = [
                tuple(rhythm_of(part, bar.start_beat, bar.start_beat + setting.metre.beats))
                for bar in setting.bars[:-1]
            ]
            sections = [
                rhythms[stretch.first_bar : stretch.first_bar + stretch.bars]
                for stretch in setting.stretches
                if stretch.bars >= 8 and stretch.section.energy >= 0.25
            ]
            turned += [len(set(bars)) > 1 for bars in sections if any(bars)]

    assert len(turned) >= 6
    assert all(turned)


def test_the_middle_of_a_meditation_goes_more_slowly_and_has_chords_of_its_own():
    style = load_style("meditation")
    for form in style.forms[3:]:
        (kind,) = {step.kind for step in form if step.material == "B" and step.kind != "variation"}
        assert kind == "bridge"
    for mode in ("major", "lydian", "dorian", "mixolydian", "minor"):
        first = [p.bars[0][0] for p in style.harmony.progressions if mode in p.modes and "bridge" in p.sections]
        assert first
        assert not {"i", "I"} & set(first)


@pytest.mark.parametrize("seed", range(1, 5))
def test_chants_flow_over_held_tones_where_hymns_stand_in_four_parts(seed):
    chant, hymn = (plan_for("choral", seed=seed, seconds=60, mode=mode) for mode in ("dorian", "major"))

    def texture(plan: Plan) -> tuple[float, float]:
        """Notes of the tune a beat while it sings, notes of a struck chord."""
        score = compose(plan)
        (tune,), (chords,) = (parts_of(score, plan, role) for role in ("lead", "chords"))
        struck = [note.start_beat for note in chords.notes if note.start_beat < plan.beats - plan.beats_per_bar]
        sung = sum(note.length_beats for note in tune.notes)
        return len(tune.notes) / sung, len(struck) / len(set(struck))

    flowing, thin = texture(chant)
    walking, full = texture(hymn)

    assert flowing >= 1.2 * walking
    assert thin == 1.0
    assert full >= 2.0


def test_options_written_for_a_mode_are_for_that_mode_alone():
    plain, dorian = Pattern(rhythm="x---x---"), Pattern(rhythm="x-x-x-x-", modes=("dorian",))

    assert in_mode((plain, dorian), "dorian") == (dorian,)
    assert in_mode((plain, dorian), "major") == (plain,)
    assert in_mode((dorian,), "major") == (dorian,)
