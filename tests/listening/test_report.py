"""The report hears what sounds: sabotaged renders are told apart from what was planned."""

from dataclasses import replace

import pytest

from app.models.audio import SAMPLE_RATE
from app.models.brief import Heard
from app.services.engines import TakeRequest, composer
from app.services.engines.composer import ComposerEngine
from app.services.instruments import find_soundfont, load_soundfont
from app.services.listening import Ear, VoiceShares, compare
from app.services.listening.players import Wishes, drums_row, instruments_row
from app.services.mixing import master
from app.services.pipeline import mix_of, wishes_of
from app.services.planning import make_plan, read

pytestmark = pytest.mark.uncounted

SOUNDFONT = find_soundfont(None)
PROMPT = "rock in E minor at 126 bpm with electric guitar and drums, no piano"
SECONDS = 24


def planned(prompt=PROMPT, seed=2, *, loop=False):
    brief = read(prompt)
    if loop:
        brief = brief.model_copy(update={"loop": Heard(value=True, words=("loop",))})
    font = load_soundfont(SOUNDFONT).sha256
    return brief, make_plan(brief, duration_s=SECONDS, seed=seed, soundfont_sha256=font)


def rendered(plan):
    """What listening needs of a plan's audio."""
    request = TakeRequest(plan=plan, prompt="", progress=lambda *_: None, cancelled=lambda: False)
    (take,) = ComposerEngine(SOUNDFONT).generate([request])
    shares = VoiceShares()
    take = replace(take, blocks=shares.follow(take.blocks))
    mastered = master(mix_of(take, plan), plan.mastering, loop=plan.loop)
    ear = Ear()
    for block in mastered.blocks():
        ear.add(block)
    return ear.sound(), mastered.measured, shares.shares_db


def report(brief, plan, audio):
    sound, measured, shares_db = audio
    rows = compare(brief, plan, wishes_of(brief, SECONDS), sound, measured=measured, shares_db=shares_db)
    return {row.what: row for row in rows}


@pytest.fixture(scope="module")
def honest():
    brief, plan = planned()
    return brief, plan, rendered(plan)


def test_an_honest_render_agrees_in_every_row(honest):
    rows = report(*honest)

    assert {what: row.agrees for what, row in rows.items() if not row.agrees} == {}
    assert rows["tempo"].asked == 126
    assert rows["key"].asked == "E minor"
    assert rows["drums"].asked


def test_another_tempo_than_the_planned_one_is_told(honest):
    brief, plan, _ = honest

    row = report(brief, plan, rendered(plan.model_copy(update={"tempo_bpm": 100.0})))["tempo"]

    assert not row.agrees
    assert row.planned == 126
    assert any(row.measured == pytest.approx(100 * factor, rel=0.04) for factor in (0.5, 1, 2))


def test_a_transposed_render_is_told(honest):
    brief, plan, _ = honest

    row = report(brief, plan, rendered(plan.model_copy(update={"tonic": "G"})))["key"]

    assert not row.agrees
    assert row.planned == "E minor"
    assert row.measured == "G minor"


@pytest.mark.parametrize("number", [0, 1, -1])
def test_a_muted_instrument_is_told_by_name(honest, monkeypatch, number):
    brief, plan, _ = honest
    muted = plan.ensemble[number]
    sounding = composer.note_events
    monkeypatch.setattr(
        composer, "note_events", lambda score, voice: [] if voice == muted.name else sounding(score, voice)
    )

    row = report(brief, plan, rendered(plan))["instruments"]

    assert not row.agrees
    assert muted.name not in row.measured
    assert f"{muted.name} ({muted.instrument})" in row.note


def test_a_fader_pulled_down_is_a_muted_instrument_too(honest):
    brief, plan, _ = honest
    voice = plan.ensemble[0]
    down = voice.model_copy(update={"channel": voice.channel.model_copy(update={"level_db": -60.0})})

    row = report(brief, plan, rendered(plan.model_copy(update={"ensemble": (down, *plan.ensemble[1:])})))["instruments"]

    assert not row.agrees
    assert voice.name not in row.measured


def test_drums_that_were_refused_and_sound_are_told(honest):
    brief, plan, audio = honest

    row = report(brief.model_copy(update={"drums": Heard(value=False, words=("no drums",))}), plan, audio)["drums"]

    assert (row.asked, row.measured, row.agrees) == (False, True, False)


def test_another_metre_is_told(honest):
    brief, plan, _ = honest
    _, waltz = planned("waltz at 110 bpm")

    row = report(brief, plan, rendered(waltz))["metre"]

    assert waltz.time_signature == "3/4"
    assert (row.planned, row.measured, row.agrees) == ("4/4", "3/4 or 6/8", False)


def test_another_length_loudness_and_ending_are_told(honest):
    brief, plan, audio = honest
    sound, measured, shares_db = audio
    wished = plan.model_copy(
        update={"mastering": plan.mastering.model_copy(update={"loudness_lufs": -20.0, "ceiling_dbtp": -6.0})}
    )
    cut = type(sound)(
        mono=sound.mono, powers=sound.powers, beginning=sound.beginning, end=sound.beginning, frames=19 * SAMPLE_RATE
    )

    rows = report(brief, wished, (cut, measured, shares_db))

    assert rows["duration"].measured == 19
    assert not rows["duration"].agrees
    assert rows["loudness"].measured == pytest.approx(-14, abs=0.5)
    assert not rows["loudness"].agrees
    assert not rows["true peak"].agrees
    assert not rows["ending"].agrees


def test_a_loop_has_a_seam_and_what_ends_has_none(honest):
    brief, plan = planned(loop=True)
    _, ended, audio = honest

    assert report(brief, plan, rendered(plan))["loop seam"].agrees
    assert not report(brief, ended.model_copy(update={"loop": True}), audio)["loop seam"].agrees


def test_an_engine_without_voices_says_so(honest):
    brief, plan, (sound, measured, _) = honest

    rows = report(brief, plan, (sound, measured, {}))

    assert rows["instruments"].measured is None
    assert rows["instruments"].agrees is None
    assert rows["drums"].agrees is None


STYLES = (
    "house in A minor at 124 bpm", "waltz in G major", "calm solo piano in F major at 70 bpm",
    "drum and bass in F minor at 174 bpm", "pop in D major", "jazz trio in C minor at 140 bpm",
    "reggae in G major", "rock in 7/8 in D minor at 120 bpm",
)  # fmt: skip


def test_tempo_metre_and_key_of_many_styles_are_heard():
    found = []
    for prompt in STYLES:
        brief, plan = planned(prompt)
        found.append(report(brief, plan, rendered(plan)))

    assert [prompt for prompt, rows in zip(STYLES, found, strict=True) if not rows["tempo"].agrees] == []
    assert [prompt for prompt, rows in zip(STYLES, found, strict=True) if not rows["instruments"].agrees] == []
    # Chords that come before and after the beat, as in swing, may be counted in three: one in eight.
    assert sum(rows["metre"].agrees is False for rows in found) <= 1
    # Relative keys share their notes: one in eight may be taken for the other.
    assert sum(rows["key"].agrees for rows in found) >= len(STYLES) - 1


def test_where_no_single_voice_is_played_the_rows_of_players_say_so():
    brief = read("calm piano")
    plan = make_plan(brief, duration_s=10, seed=1, soundfont_sha256=None)
    rows = instruments_row(plan, Wishes(duration_s=10), {}), drums_row(brief, plan, {})

    assert [(row.agrees, row.note) for row in rows] == [(None, "This engine plays no single voices.")] * 2
