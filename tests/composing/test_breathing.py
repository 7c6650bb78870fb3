"""Choirs breathe together at the ends of phrases; whoever blows breathes somewhere."""

from dataclasses import replace

import pytest

from app.models.plan import Plan, Voice
from app.models.score import DRUM_ROLES, Note
from app.services.composing import compose, perform
from app.services.composing.breathing import breathed
from app.services.composing.manners import BREATH_S, SUNG, needs_breath
from app.services.composing.phrasing import phrases_of
from app.services.composing.setting import Setting
from app.services.styles import style_names
from tests.composing.plans import plan_for

SEEDS = range(1, 5)

#: Styles that may have a choir, or winds that hold chords.
WITH_CHOIRS = ("choral", "trailer", "dubstep", "trance", "horror")


def sung_by(plan: Plan, role: str, instrument: str) -> Plan:
    """A plan with another instrument for a role."""
    ensemble = tuple(
        voice.model_copy(update={"instrument": instrument, "low_pitch": 45, "high_pitch": 81})
        if voice.role == role
        else voice
        for voice in plan.ensemble
    )
    return plan.model_copy(update={"ensemble": ensemble})


def phrase_ends(setting: Setting) -> list[float]:
    """The beats at which phrases end, but for the last."""
    return [
        phrase.bars[-1].start_beat + setting.metre.beats
        for stretch in setting.stretches
        for phrase in phrases_of(setting, stretch)
    ][:-1]


def longest_s(notes: tuple[Note, ...], beat_s: float) -> float:
    """Seconds of the longest stretch without a gap that one can breathe in."""
    begun = end = notes[0].start_beat
    longest = 0.0
    for note in notes:
        if (note.start_beat - end) * beat_s >= 0.12:
            longest, begun = max(longest, (end - begun) * beat_s), note.start_beat
        end = max(end, note.start_beat + note.length_beats)
    return max(longest, (end - begun) * beat_s)


@pytest.mark.parametrize("seconds", [20, 45, 120])
@pytest.mark.parametrize("seed", SEEDS)
def test_a_choir_is_silent_for_a_moment_at_the_end_of_each_phrase(seed, seconds):
    plan = plan_for("choral", seed=seed, seconds=seconds)
    setting, score = Setting(plan), compose(plan)
    inhaling = 0.25 * plan.tempo_bpm / 60.0

    for part in score.parts:
        voice = plan.voice(part.voice)
        if voice.instrument not in SUNG or voice.role == "counter":
            continue  # who answers or follows in a canon has phrases of its own
        for end in phrase_ends(setting):
            before = [note for note in part.notes if note.start_beat < end - 1e-6]
            held = [note for note in before if note.start_beat + note.length_beats > end - inhaling]
            assert not held, (part.voice, end)


@pytest.mark.parametrize("role", ["pad", "chords"])
@pytest.mark.parametrize("style", WITH_CHOIRS)
def test_choirs_that_hold_chords_come_in_again_after_their_breath(style, role):
    plan = sung_by(plan_for(style, seed=2, seconds=60), role, "choir_aahs")
    if all(voice.role != role for voice in plan.ensemble):
        pytest.skip("the style has nobody in this role")
    setting, score = Setting(plan), compose(plan)
    (name,) = [voice.name for voice in plan.ensemble if voice.role == role]
    notes = next(part.notes for part in score.parts if part.voice == name)
    starts = {note.start_beat for note in notes}

    assert longest_s(notes, 60.0 / plan.tempo_bpm) <= 11.0
    for stretch in setting.stretches:
        if name in stretch.section.voices:
            for phrase in phrases_of(setting, stretch)[1:]:
                begin = phrase.bars[0].start_beat
                sounding = [n for n in notes if n.start_beat <= begin + 1e-6 < n.start_beat + n.length_beats]
                assert not sounding or begin in starts


@pytest.mark.parametrize("style", style_names())
def test_nobody_who_needs_breath_plays_on_and_on(style):
    for seed in SEEDS:
        plan = plan_for(style, seed=seed, seconds=60)
        for part in perform(compose(plan), plan).parts:
            voice = plan.voice(part.voice)
            if part.notes and voice.role not in DRUM_ROLES and needs_breath(voice):
                assert longest_s(part.notes, 60.0 / plan.tempo_bpm) <= 1.8 * BREATH_S, (seed, voice.name)


def test_a_note_held_over_phrases_is_taken_up_where_each_begins():
    plan = plan_for("choral", seed=1, seconds=60)
    setting = Setting(plan)
    voice = next(voice for voice in plan.ensemble if voice.role == "bass")
    held = Note(pitch=48, start_beat=0.0, length_beats=setting.length_beats, velocity=70)

    notes = breathed(setting, voice, [held])

    assert [note.start_beat for note in notes][1:] == phrase_ends(setting)[: len(notes) - 1]
    assert len(notes) >= len(phrase_ends(setting))
    assert notes[-1].start_beat + notes[-1].length_beats == pytest.approx(setting.length_beats)


def test_strings_play_on():
    plan = plan_for("choral", seed=1, seconds=60)
    held = Note(pitch=60, start_beat=0.0, length_beats=plan.beats, velocity=70)
    voice = Voice(name="pad", role="pad", instrument="string_ensemble", low_pitch=43, high_pitch=80)

    assert breathed(Setting(plan), voice, [held]) == [held]


def test_a_tuba_that_rests_needs_no_other_breath():
    plan = plan_for("march", seed=1, seconds=30)
    setting = Setting(plan)
    voice = Voice(name="bass", role="bass", instrument="tuba", low_pitch=29, high_pitch=52)
    struck = [Note(pitch=40, start_beat=float(beat), length_beats=0.4, velocity=70) for beat in range(int(plan.beats))]
    slurred = [replace(note, length_beats=1.0) for note in struck]

    assert breathed(setting, voice, struck) == struck
    assert breathed(setting, voice, slurred) != slurred
