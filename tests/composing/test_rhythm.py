"""The rhythm section over time: variation, fills, drop-outs, ties, and metres that are not 4/4 cut off."""

from functools import cache
from itertools import pairwise

import pytest

from app.models.plan import Plan, Section
from app.models.score import DRUM_ROLES, Note, Score
from app.services.composing import compose
from app.services.composing.bass import led_on, tied
from app.services.composing.dropping import gaps_for
from app.services.composing.drumming import HUMAN_MS
from app.services.composing.setting import Setting
from app.services.styles import load_style, style_names
from app.services.theory.drum_keys import DRUM_KEYS
from app.services.theory.rhythm import read_rhythm
from tests.composing.listening import parts_of, share
from tests.composing.plans import plan_for

DRUMMED = tuple(name for name in style_names() if "drums" in load_style(name).ensemble)


@cache
def section(
    style: str,
    seed: int = 1,
    *,
    bars: int = 16,
    energy: float = 0.7,
    metre: str | None = None,
    tempo_bpm: float | None = None,
) -> tuple[Plan, Score]:
    """One long section, a second one, and the end."""
    plan = plan_for(style, seed=seed, bars=bars + 6, time_signature=metre, tempo_bpm=tempo_bpm)
    names = tuple(voice.name for voice in plan.ensemble)
    form = (
        Section(kind="chorus", material="A", bars=bars, energy=energy, voices=names),
        Section(kind="outro", material="A", bars=6, energy=0.5, voices=names),
    )
    plan = plan.model_copy(update={"form": form})
    return plan, compose(plan)


def struck(plan: Plan, score: Score, *names: str) -> list[Note]:
    """Notes of the kit, on drums of those names or on all."""
    keys = {DRUM_KEYS[name] for name in names} or set(range(128))
    return [note for part in parts_of(score, plan, "drums") for note in part.notes if note.pitch in keys]


def bars_of(notes: list[Note], beats: float, count: int) -> list[frozenset[tuple[float, int]]]:
    """Place and drum of each bar's strokes."""
    bars: list[set[tuple[float, int]]] = [set() for _ in range(count)]
    for note in notes:
        index = int((note.start_beat + 1e-6) // beats)
        if index < count:
            bars[index].add((round(note.start_beat - index * beats, 3), note.pitch))
    return [frozenset(bar) for bar in bars]


# Variation and fills.


@pytest.mark.parametrize("style", DRUMMED)
def test_sixteen_bars_of_drums_are_neither_one_bar_nor_sixteen_different_ones(style):
    varied = []
    for seed in (1, 2, 3):
        plan, score = section(style, seed)
        bars = bars_of(struck(plan, score), plan.beats_per_bar, 16)
        varied.append(len(set(bars)))

    least = 4 if load_style(style).feel.timing_ms >= HUMAN_MS else 3
    assert max(varied) >= least or style in ("ambient", "drone", "meditation", "lullaby", "horror")
    assert min(varied) < 16


@pytest.mark.parametrize("style", ["pop", "rock", "funk", "house", "metal", "soul", "country", "disco"])
def test_the_last_bar_of_a_section_leads_on(style):
    for seed in (1, 2, 3):
        plan, score = section(style, seed)
        bars = bars_of(struck(plan, score), plan.beats_per_bar, 16)
        assert bars[15] not in bars[:7]


@pytest.mark.parametrize("style", ["pop", "soul", "jazz", "blues", "rock"])
def test_people_change_something_every_second_bar(style):
    changed = []
    for seed in range(1, 6):
        plan, score = section(style, seed)
        bars = bars_of(struck(plan, score), plan.beats_per_bar, 16)
        changed += [len({bars[i], bars[i + 2], bars[i + 4]}) > 1 for i in (1, 5, 9)]

    assert share(changed) >= 0.4


def test_a_shaker_strikes_no_cymbal():
    for style in ("folk", "house", "bossa_nova"):
        plan, score = section(style, 2, energy=0.95)
        keys = {note.pitch for part in parts_of(score, plan, "percussion") for note in part.notes}
        assert keys
        assert DRUM_KEYS["crash"] not in keys


# Drop-outs.


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_in_dub_bass_and_drums_fall_away_and_come_back(seed):
    plan, score = section("dub", seed, bars=32)
    setting = Setting(plan)
    gaps = gaps_for(setting, "drums")
    together = [gap for gap in gaps if gap in gaps_for(setting, "bass") or gap[1] - gap[0] > plan.beats_per_bar]
    others = [n for part in score.parts if plan.voice(part.voice).role not in (*DRUM_ROLES, "bass") for n in part.notes]

    assert gaps
    for begin, end, echo_beats in gaps:
        inside = [note for note in struck(plan, score) if begin - 1e-6 <= note.start_beat < end - 1e-6]
        # What is struck in the silence are echoes, each softer than the one before.
        assert len(inside) <= 4
        assert all(after.velocity < before.velocity for before, after in pairwise(inside))
        assert all(b.start_beat - a.start_beat == pytest.approx(echo_beats) for a, b in pairwise(inside))
        assert [note for note in struck(plan, score) if end - 1e-6 <= note.start_beat < end + plan.beats_per_bar]
    assert together or len(gaps) >= 2
    assert [n for n in others if any(begin <= n.start_beat < end for begin, end, _ in gaps)]


def test_a_style_without_drop_outs_has_none():
    assert not load_style("country").dropouts
    assert not any(gaps_for(Setting(section("country")[0]), role) for role in ("drums", "bass", "chords"))


@pytest.mark.parametrize("style", [name for name in style_names() if load_style(name).dropouts])
def test_nobody_sounds_into_a_gap_of_his_own(style):
    plan, score = section(style, 2, bars=32, energy=0.8)
    setting = Setting(plan)
    for part in score.parts:
        role = plan.voice(part.voice).role
        for begin, end, echo_beats in gaps_for(setting, role):
            sounding = [
                n for n in part.notes if n.start_beat < end - 1e-6 and n.start_beat + n.length_beats > begin + 1e-6
            ]
            assert not sounding or (role in DRUM_ROLES and echo_beats), part.voice


# Bass notes that hold.


def test_a_drone_is_not_struck_anew_in_every_bar():
    plan, score = section("drone", 2)
    bass = parts_of(score, plan, "bass")[0].notes[:-1]

    assert max(note.length_beats for note in bass) >= 3 * plan.beats_per_bar
    assert len(bass) <= 0.6 * plan.bars


def test_only_long_notes_of_one_pitch_are_tied():
    def note(pitch: int, start: float, length: float) -> Note:
        return Note(pitch=pitch, start_beat=start, length_beats=length, velocity=70)

    held = [note(40, 0.0, 4.0), note(40, 4.0, 4.0), note(40, 8.0, 4.0), note(43, 12.0, 4.0), note(43, 16.0, 1.0)]

    assert [(n.pitch, n.start_beat, n.length_beats) for n in tied(held, 8.0)] == [
        (40, 0.0, 8.0), (40, 8.0, 4.0), (43, 12.0, 4.0), (43, 16.0, 1.0)
    ]  # fmt: skip
    assert tied(held, 0.0) == held


def test_a_bass_leads_on_at_the_end_of_eight_bars_more_often_than_of_one():
    led = {True: 0, False: 0}
    for style in ("rock", "synthwave", "electronic", "soul", "house"):
        for seed in range(1, 5):
            plan, score = section(style, seed, energy=0.9)
            notes = parts_of(score, plan, "bass")[0].notes
            bars = [[round(n.start_beat % 4, 3) for n in notes if int(n.start_beat // 4) == bar] for bar in range(16)]
            for last in (7, 15):
                led[True] += bars[last] != bars[last - 4] or bars[last] != bars[last - 2]
                led[False] += bars[last - 3] != bars[last - 5]

    assert led[True] > 2 * led[False]


def test_a_bar_that_leads_on_has_two_notes_in_its_last_beat():
    (bar,) = read_rhythm("R-----R-R---R---", "4/4", "4/4")
    (walking,) = read_rhythm("w---w---w---w---", "4/4", "4/4")

    assert [(s.position, s.sign) for s in led_on(bar, 4.0)] == [
        (0.0, "R"), (1.5, "R"), (2.0, "R"), (3.0, "5"), (3.5, "a")
    ]  # fmt: skip
    assert led_on(walking, 4.0) == walking


# Styles.


def test_a_clave_takes_one_bar_in_halves_and_two_in_quarters():
    claves = {}
    for tempo_bpm in (96.0, 190.0):
        plan, score = section("salsa", 3, energy=0.5, tempo_bpm=tempo_bpm)
        notes = [n for p in parts_of(score, plan, "percussion") for n in p.notes if n.pitch == DRUM_KEYS["claves"]]
        claves[tempo_bpm] = [len(bar) for bar in bars_of(notes, 4.0, 8)]

    assert claves[96.0][:4] == [5, 5, 5, 5]
    assert claves[190.0][:4] == [2, 3, 2, 3]


def test_the_hats_of_trap_roll():
    rolls = 0
    for seed in range(1, 6):
        plan, score = section("trap", seed)
        hats = [note.start_beat for note in struck(plan, score, "hat")]
        rolls += sum(after - before < 0.2 for before, after in pairwise(hats))

    assert rolls >= 40


def test_drum_and_bass_knows_more_than_one_break():
    grooves = {bars_of(struck(*section("drum_and_bass", seed)), 4.0, 2)[1] for seed in range(1, 9)}

    assert len(grooves) >= 4


# Metres.


@pytest.mark.parametrize(("metre", "backbeats"), [("5/4", {1.0, 4.0}), ("7/8", {1.0, 3.0})])
@pytest.mark.parametrize("style", ["pop", "rock", "electronic"])
def test_odd_metres_have_grooves_of_their_own(style, metre, backbeats):
    plan, score = section(style, 2, metre=metre)
    beats = plan.beats_per_bar
    bars = bars_of(struck(plan, score, "snare"), beats, 7)
    hats = sorted(note.start_beat for note in struck(plan, score, "hat") if note.start_beat < 7 * beats)

    assert all(backbeats <= {place for place, _ in bar} for bar in bars[1:6])
    # The pulse runs on over the bar line.
    assert max(after - before for before, after in pairwise(hats)) <= 1.0


@pytest.mark.parametrize("metre", ["5/4", "7/8", "6/8", "3/4"])
@pytest.mark.parametrize("style", ["pop", "metal", "funk", "cinematic", "trap"])
def test_a_downbeat_is_a_downbeat_in_every_metre(style, metre):
    plan, score = section(style, 1, metre=metre)
    kicks = {round(n.start_beat % plan.beats_per_bar, 3) for n in struck(plan, score, "kick", "kick_soft")}

    assert not kicks or 0.0 in kicks


def test_hats_between_the_beats_are_lighter_the_slower_the_beat():
    lighter = []
    for tempo_bpm in (72.0, 125.0):
        plan, score = section("lofi", tempo_bpm=tempo_bpm)
        hats = [note for note in parts_of(score, plan, "drums")[0].notes if note.pitch == DRUM_KEYS["hat"]]
        on, off = ([note.velocity for note in hats if (note.start_beat % 1 < 1e-6) is beat] for beat in (True, False))
        lighter.append(sum(on) / len(on) - sum(off) / len(off))

    assert lighter[0] > lighter[1] + 8 > 16
