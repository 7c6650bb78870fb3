"""Ways of playing that a voice is asked for, and the breath that wind players need."""

from itertools import pairwise
from statistics import mean

import pytest

from app.models.plan import Plan, Section
from app.models.score import Note, Part, Score
from app.services.composing import compose, perform
from app.services.composing.manners import BREATH_S, INHALING_S
from app.services.styles import style_names
from tests.composing.plans import plan_for


def asked(style: str, role: str, *manner: str, instrument: str | None = None, seed: int = 2) -> Plan:
    """A plan whose voice of that role is asked to play so; everybody plays in its two sections."""
    plan = plan_for(style, seed=seed, seconds=40, roles=("lead", "counter", "chords", "bass"), time_signature="4/4")
    ensemble = tuple(
        voice.model_copy(update={"manner": manner, "instrument": instrument or voice.instrument})
        if voice.role == role
        else voice
        for voice in plan.ensemble
    )
    names = tuple(voice.name for voice in ensemble)
    form = tuple(Section(kind=kind, material="A", bars=8, energy=0.6, voices=names) for kind in ("theme", "outro"))
    return plan.model_copy(update={"ensemble": ensemble, "form": form})


def part(score: Score, plan: Plan, role: str) -> Part:
    return next(one for one in score.parts if plan.voice(one.voice).role == role)


def played(plan: Plan, role: str) -> tuple[Note, ...]:
    return part(perform(compose(plan), plan), plan, role).notes


def length_s(plan: Plan, role: str) -> float:
    return mean(note.length_beats for note in played(plan, role)[:-1]) * 60 / plan.tempo_bpm


@pytest.mark.parametrize(("manner", "role", "instrument"), [
    ("staccato", "lead", "violin"), ("staccato", "chords", "acoustic_grand_piano"), ("pizzicato", "lead", "violin"),
    ("palm_muted", "chords", "distortion_guitar"), ("staccato", "bass", "fingered_bass"),
])  # fmt: skip
def test_short_manners_shorten_and_leave_every_note_on_its_place(manner, role, instrument):
    plain, short = (asked("pop", role, *names, instrument=instrument) for names in ((), (manner,)))

    assert length_s(short, role) < 0.6 * length_s(plain, role)
    assert [(n.start_beat, n.pitch) for n in played(short, role)] == [
        (n.start_beat, n.pitch) for n in played(plain, role)
    ]


def test_one_players_manner_is_not_anothers():
    plain, short = (asked("pop", "lead", *names, instrument="violin") for names in ((), ("staccato",)))

    for role in ("counter", "chords", "bass"):
        assert played(short, role) == played(plain, role)


def test_legato_binds_a_line():
    def gaps(*manner: str) -> float:
        notes = played(asked("pop", "lead", *manner, instrument="violin"), "lead")
        return mean(b.start_beat - a.start_beat - a.length_beats > 0.03 for a, b in pairwise(notes))

    assert gaps("legato") < 0.5 * gaps()


def test_a_tremolo_repeats_long_notes_quickly():
    plan = asked("cinematic", "lead", "tremolo", instrument="violin")
    plain = asked("cinematic", "lead", instrument="violin")
    trembling, held = (part(compose(one), one, "lead").notes for one in (plan, plain))
    rates = [
        1 / ((b.start_beat - a.start_beat) * 60 / plan.tempo_bpm)
        for a, b in pairwise(trembling)
        if a.pitch == b.pitch and b.start_beat - a.start_beat < 0.3
    ]

    assert len(trembling) > 3 * len(held)
    assert 7 <= mean(rates) <= 16
    assert {note.pitch for note in trembling} == {note.pitch for note in held}


def test_a_guitar_picks_or_strums_as_it_is_asked_to():
    def struck(style: str, manner: str) -> float:
        notes = part(compose(plan := asked(style, "chords", manner, instrument="steel_guitar")), plan, "chords").notes
        moments: dict[float, int] = {}
        for note in notes[:-6]:
            moments[note.start_beat] = moments.get(note.start_beat, 0) + 1
        return mean(moments.values())

    for style in ("folk", "pop", "rock", "country", "solo_piano"):
        assert struck(style, "fingerpicked") < 2.0
        assert struck(style, "strummed") >= 2.0 + 0.8 * (style != "rock")


def test_rubato_makes_the_tempo_breathe_and_keeps_the_length():
    steady, free = (asked("pop", "lead", *manner) for manner in ((), ("rubato",)))
    scores = [compose(plan) for plan in (steady, free)]
    spread = [max(c.tempo_bpm for c in s.tempo_changes) / min(c.tempo_bpm for c in s.tempo_changes) for s in scores]

    assert spread[0] == pytest.approx(1.0)
    assert 1.06 <= spread[1] <= 1.2
    assert scores[1].seconds_at(scores[1].length_beats) == pytest.approx(scores[0].seconds_at(scores[0].length_beats))


def test_accents_weigh_most_on_the_beat():
    plain, marked = (played(asked("pop", "lead", *manner), "lead") for manner in ((), ("accented",)))
    pairs = list(zip(plain, marked, strict=True))
    on, off = (
        mean(b.velocity - a.velocity for a, b in pairs if (abs(a.start_beat - round(a.start_beat)) < 0.1) is beat)
        for beat in (True, False)
    )

    assert on > off > 0


@pytest.mark.parametrize("instrument", ["flute", "trumpet", "clarinet"])
@pytest.mark.parametrize("role", ["lead", "counter"])
def test_wind_players_breathe(role, instrument):
    for style in ("orchestral", "classical", "cinematic", "jazz"):
        plan = asked(style, role, instrument=instrument)
        notes = played(plan, role)
        beat_s = 60 / plan.tempo_bpm
        begun = notes[0].start_beat
        for before, after in pairwise(notes):
            end = before.start_beat + before.length_beats
            assert (end - begun) * beat_s <= BREATH_S + 4.0
            if (after.start_beat - end) * beat_s >= 0.5 * INHALING_S:
                begun = after.start_beat


def test_strings_need_no_breath():
    plan = asked("cinematic", "counter", instrument="violin")
    notes = played(plan, "counter")

    assert any(b.start_beat - a.start_beat - a.length_beats < 0.1 for a, b in pairwise(notes))


@pytest.mark.parametrize("style", style_names())
def test_hands_can_span_what_they_play(style):
    plan = plan_for(style, seconds=40, seed=3)
    for voice in plan.ensemble:
        if voice.role not in ("chords", "pad") or voice.instrument not in ("acoustic_grand_piano", "electric_piano_1"):
            continue
        chords: dict[float, list[int]] = {}
        for note in part(compose(plan), plan, voice.role).notes:
            chords.setdefault(note.start_beat, []).append(note.pitch)
        for pitches in chords.values():
            # Two hands, each with five fingers and a tenth between thumb and little finger.
            splits = [(sorted(pitches)[:cut], sorted(pitches)[cut:]) for cut in range(len(pitches) + 1)]
            assert any(
                all(not hand or (len(hand) <= 5 and hand[-1] - hand[0] <= 16) for hand in split) for split in splits
            )
