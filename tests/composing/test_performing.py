"""What players may change and what they may not."""

from statistics import mean, pstdev

import pytest

from app.models.score import DRUM_ROLES
from app.services.composing import compose, perform
from app.services.composing.setting import Setting
from app.services.planning import make_plan, read
from app.services.styles import style_names
from app.services.theory.drum_keys import DRUM_KEYS
from tests.composing.listening import parts_of
from tests.composing.plans import composed, plan_for

every_style = pytest.mark.parametrize("style", style_names())


@every_style
def test_players_keep_every_note_and_its_place_in_line(style):
    plan, score = composed(style, 60, 4)

    played = perform(score, plan)

    for written, sounding in zip(score.parts, played.parts, strict=True):
        assert sounding.voice == written.voice
        assert sorted(note.pitch for note in sounding.notes) == sorted(note.pitch for note in written.notes)
        starts = [note.start_beat for note in sounding.notes]
        assert starts == sorted(starts)
    assert (played.chords, played.markers, played.tempo_changes) == (score.chords, score.markers, score.tempo_changes)


@every_style
def test_the_first_beat_is_struck_together(style):
    plan, score = composed(style, 30, 2)

    played = perform(score, plan)

    for written, sounding in zip(score.parts, played.parts, strict=True):
        if written.notes and written.notes[0].start_beat == 0:
            assert sounding.notes[0].start_beat == 0


@every_style
def test_nobody_plays_far_from_the_beat(style):
    plan = plan_for(style, seconds=30, seed=3).model_copy(update={"swing": 0.0})
    score = compose(plan)
    played = perform(score, plan)
    beat_s = 60 / plan.tempo_bpm
    feel = Setting(plan).style.feel
    widest_s = 0.09 + (feel.strum_ms + feel.roll_ms) / 1000

    for written, sounding in zip(score.parts, played.parts, strict=True):
        for pitch in {note.pitch for note in written.notes}:
            before = sorted(n.start_beat for n in written.notes if n.pitch == pitch)
            after = sorted(n.start_beat for n in sounding.notes if n.pitch == pitch)
            assert max(abs(b - a) for a, b in zip(before, after, strict=True)) * beat_s < widest_s


def _hats_off_the_beat(style: str, swing: float, unit: float) -> list[float]:
    plan = plan_for(style, seconds=30, seed=3).model_copy(update={"swing": swing})
    played = perform(compose(plan), plan)
    hats = {DRUM_KEYS["hat"], DRUM_KEYS["ride"]}
    places = [n.start_beat / unit % 1 for p in parts_of(played, plan, "drums") for n in p.notes if n.pitch in hats]
    return [place for place in places if 0.3 < place < 0.85]


def test_swing_moves_off_beats_towards_the_triplet():
    straight, swung = (mean(_hats_off_the_beat("jazz", swing, 1.0)) for swing in (0.0, 1.0))

    assert straight == pytest.approx(0.5, abs=0.03)
    assert swung == pytest.approx(2 / 3, abs=0.03)


def test_a_sixteenth_swing_leaves_the_eighths_alone():
    eighths = _hats_off_the_beat("hip_hop", 1.0, 1.0)
    assert min(abs(place - 0.5) for place in eighths) < 0.03

    plan = plan_for("hip_hop", seconds=30, seed=3).model_copy(update={"swing": 1.0})
    written, played = compose(plan), perform(compose(plan), plan)
    pairs = [
        (a.start_beat % 1, b.start_beat % 1)
        for one, other in zip(parts_of(written, plan, "drums"), parts_of(played, plan, "drums"), strict=True)
        for a, b in zip(one.notes, other.notes, strict=True)
        if abs(a.start_beat % 0.5 - 0.25) < 1e-6
    ]
    assert mean(after - before for before, after in pairs) == pytest.approx(1 / 12, abs=0.03)


def test_triplets_and_compound_metres_do_not_swing():
    plan = plan_for("blues", seconds=30, seed=2, time_signature="12/8")
    score = compose(plan)
    swung = perform(score, plan.model_copy(update={"swing": 1.0}))

    assert swung == perform(score, plan.model_copy(update={"swing": 0.0}))


def test_machines_are_tighter_than_people():
    spread = {}
    for style in ("techno", "lofi"):
        plan, score = composed(style, 60, 4)
        plan = plan.model_copy(update={"swing": 0.0})
        late = [
            (after.start_beat - before.start_beat) * 60 / plan.tempo_bpm
            for one, other in zip(score.parts, perform(score, plan).parts, strict=True)
            if plan.voice(one.voice).role == "bass"
            for before, after in zip(one.notes, other.notes, strict=True)
        ]
        spread[style] = pstdev(late)

    assert spread["techno"] < 0.002
    assert spread["lofi"] > 0.003


def test_the_melody_leans_back_and_the_drums_do_not():
    plan, score = composed("jazz", 60, 4)
    played = perform(score, plan.model_copy(update={"swing": 0.0}))

    def lean(role: str) -> float:
        pairs = zip(parts_of(score, plan, role)[0].notes, parts_of(played, plan, role)[0].notes, strict=True)
        return mean((after.start_beat - before.start_beat) * 60 / plan.tempo_bpm for before, after in pairs)

    assert lean("lead") - lean("drums") > 0.008


def test_guitar_chords_are_strummed_and_organ_chords_are_not():
    plan = plan_for("folk", roles=("chords",), seconds=30, seed=4)
    voice = plan.ensemble[0]

    def spread(instrument: str) -> float:
        asked = plan.model_copy(update={"ensemble": (voice.model_copy(update={"instrument": instrument}),)})
        score = compose(asked)
        last = [note.start_beat for note in perform(score, asked).parts[0].notes][-4:]
        return (max(last) - min(last)) * 60 / plan.tempo_bpm

    assert spread("steel_guitar") > 0.012
    assert spread("church_organ") < 0.001


def test_repeated_drum_strokes_differ_in_weight():
    plan, score = composed("pop", 60, 4)

    for part in perform(score, plan).parts:
        if plan.voice(part.voice).role in DRUM_ROLES and part.notes:
            assert len({note.velocity for note in part.notes}) > 8


def test_who_accompanies_in_three_leans_on_the_first_beat():
    def weight_of_first_beats(time_signature: str) -> float:
        plan = plan_for("lullaby", seconds=40, seed=5, time_signature=time_signature)
        score = compose(plan)
        played = perform(score, plan)
        beats = score.time_signature[0] * 4 / score.time_signature[1]
        pairs = [  # on the beats: between them those who accompany slowly are softer, whatever the metre
            (written.start_beat % beats < 1e-6, sounding.velocity / written.velocity)
            for one, other in zip(score.parts, played.parts, strict=True)
            if plan.voice(one.voice).role == "chords"
            for written, sounding in zip(one.notes, other.notes, strict=True)
            if written.start_beat % 1 < 1e-6
        ]
        return mean(ratio for first, ratio in pairs if first) / mean(ratio for first, ratio in pairs if not first)

    assert weight_of_first_beats("3/4") > 1.15
    assert weight_of_first_beats("4/4") == pytest.approx(1.0, abs=0.06)


def _weight_between(prompt: str, seed: int, role: str) -> float:
    """Mean velocity between the beats against that on them, in a role."""
    plan = make_plan(read(prompt), duration_s=30, seed=seed, soundfont_sha256=None)
    score = compose(plan)
    played = perform(score, plan)
    on, between = [], []
    for one, other in zip(score.parts, played.parts, strict=True):
        if plan.voice(one.voice).role == role:
            for written, sounding in zip(one.notes, other.notes, strict=True):
                side = between if 0.2 < written.start_beat % 1 < 0.8 else on
                side.append(sounding.velocity / written.velocity)
    return mean(between) / mean(on)


def test_slow_accompaniment_leans_on_the_beat_and_fast_does_not():
    slow = [_weight_between("lofi beat, 76 bpm, straight", seed, "drums") for seed in range(4)]
    fast = [_weight_between("lofi beat, 110 bpm, straight", seed, "drums") for seed in range(4)]

    assert mean(slow) < 0.85
    assert mean(fast) == pytest.approx(1.0, abs=0.05)


def test_who_plays_between_the_beats_on_purpose_stays_as_strong():
    assert _weight_between("roots reggae at 74 bpm with off-beat guitar", 1, "chords") > 0.95
