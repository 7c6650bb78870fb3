"""A plan from outside: one of ours passes unchanged, an edited one if it can be played, all else by field."""

import json

import pytest

from app.errors import InvalidFields
from app.models.asked import Asked, asked_of
from app.models.plan import COMPOSER_VERSION
from app.services.composing import compose
from app.services.planning import decide, make_plan, read, terms_of
from app.services.planning.deciding import Terms
from app.services.planning.overruled import without_overruled
from app.services.planning.posted import plan_of
from app.services.planning.wishes import granted, understood

SHA256 = "a" * 64
DEFAULT = Terms(duration=30, seed=99)


def a_plan(prompt="calm jazz trio at 120 bpm in 4/4", duration_s=30, seed=5):
    plan = make_plan(read(prompt), duration_s=duration_s, seed=seed, soundfont_sha256=SHA256)
    return json.loads(plan.model_dump_json())


def played(plan, duration=None, seed=None, prompt="calm", **fields):
    asked = asked_of({"plan": plan, **fields})
    terms = terms_of(asked, duration=duration, seed=seed, default=DEFAULT, soundfont_sha256=SHA256)
    brief, made = decide(prompt, asked, duration_s=terms.duration, seed=terms.seed, soundfont_sha256=SHA256)
    return brief, json.loads(made.model_dump_json())


def faults_of(plan, **fields):
    with pytest.raises(InvalidFields) as caught:
        played(plan, **fields)
    return caught.value.faults


def changed(plan, *place, to):
    """A copy with one value changed."""
    copy = json.loads(json.dumps(plan))
    inner = copy
    for part in place[:-1]:
        inner = inner[part]
    inner[place[-1]] = to
    return copy


PROMPTS = [
    "calm piano", "30 bpm drone", "300 bpm punk", "waltz with strings", "12/8 blues", "5/4 jazz", "epic trailer music",
    "drums only", "string quartet", "8-bit boss fight 🎮 🎹", "7/8 prog", "seamless loop of lo-fi beats", "x" * 500,
]  # fmt: skip


@pytest.mark.parametrize("duration_s", [5, 7, 30, 61, 300])
@pytest.mark.parametrize("prompt", PROMPTS)
def test_every_plan_of_ours_passes_unchanged(prompt, duration_s):
    plan = a_plan(prompt, duration_s)

    brief, again = played(plan, prompt="other words")

    assert again == plan
    assert brief.prompt == "other words"


@pytest.mark.parametrize("prompt", [*PROMPTS, "jazz in Bb minor with trumpet, no drums", "rock at 140"])
def test_beside_a_plan_made_of_the_same_words_the_brief_is_as_it_was_read(prompt):
    brief, _plan = decide(prompt, None, duration_s=30, seed=5, soundfont_sha256=SHA256)

    assert played(a_plan(prompt), prompt=prompt)[0] == brief


def test_words_that_the_plan_overrules_are_no_wishes_any_more():
    plan = a_plan("calm jazz piano at 120 bpm in 4/4 in C minor, no drums")

    prompt = "90 bpm waltz in A major with bagpipes and drums, no piano, seamless loop"
    brief = granted(read(prompt), understood(Asked(loop=True)))
    overruled = without_overruled(brief, plan_of(plan, soundfont_sha256=SHA256))

    for name in ("tempo_bpm", "tonic", "mode", "drums", "loop"):
        assert getattr(brief, name) is not None, name
        assert getattr(overruled, name) is None, name
    assert overruled.instruments == overruled.excluded_instruments == ()
    said = "\n".join(overruled.conflicts)
    for words in ("90 bpm", "A major", "bagpipes", "drums", "piano", "loop=true"):
        assert words in said, words
    assert said.count("the plan wins.") >= 6


def test_length_and_seed_are_the_plans_unless_the_request_has_its_own():
    plan = a_plan(duration_s=31, seed=5)

    assert terms_of(asked_of({"plan": plan}), duration=None, seed=None, default=DEFAULT, soundfont_sha256=SHA256) == (
        Terms(duration=31, seed=5)
    )
    assert played(plan, seed=8)[1] == {**plan, "seed": 8}


def test_sections_that_do_not_last_the_duration_are_refused_naming_both():
    (fault,) = faults_of(a_plan(), duration=60)

    assert fault.place == ("plan", "form")
    assert "30.00 s (15 bars of 4/4 at 120 beats a minute)" in fault.message
    assert "duration is 60 s" in fault.message


def test_a_plan_whose_own_sections_do_not_last_its_duration_is_refused():
    plan = a_plan()
    longer = changed(plan, "form", 0, "bars", to=plan["form"][0]["bars"] + 1)

    assert faults_of(longer)[0].place == ("plan", "form")


def test_a_duration_that_the_sections_last_as_well_is_taken():
    assert played(a_plan(), duration=31)[1]["duration_s"] == 31


def test_fields_change_what_can_be_changed_in_place():
    plan = a_plan()

    _brief, made = played(plan, key="E", loudness_lufs=-20, seed=3)

    assert made == {
        **plan, "tonic": "E", "seed": 3, "mastering": {**plan["mastering"], "loudness_lufs": -20.0},
    }  # fmt: skip
    assert played(plan, key="dorian")[1] == {**plan, "mode": "dorian"}


def test_a_tempo_is_changed_as_long_as_the_sections_last_the_duration():
    plan = a_plan()

    assert played(plan, tempo_bpm=122)[1]["tempo_bpm"] == 122
    (fault,) = faults_of(plan, tempo_bpm=90)
    assert fault.place == ("tempo_bpm",)
    assert "40.00 s" in fault.message
    assert "duration is 30 s" in fault.message


def test_a_metre_is_changed_where_the_tempo_makes_the_bars_last():
    plan = a_plan()

    assert played(plan, time_signature="3/4", tempo_bpm=90)[1]["time_signature"] == "3/4"
    assert faults_of(plan, time_signature="3/4")[0].place == ("time_signature",)


def test_a_plan_becomes_a_loop_whose_bars_fill_the_duration():
    plan = a_plan("pop at 122 bpm in 4/4")

    brief, made = played(plan, loop=True)

    assert made["loop"]
    bars = sum(section["bars"] for section in made["form"])
    assert bars * 240 / made["tempo_bpm"] == pytest.approx(30, abs=1e-9)
    assert made["mastering"]["fade_out_s"] == 0
    assert "instead of 122" in brief.conflicts[-1]
    assert played(made, loop=True)[1] == made
    ended = played(made, loop=False)[1]
    assert not ended["loop"]
    assert ended["mastering"]["fade_out_s"] > 0


def test_a_plan_too_far_from_whole_bars_becomes_no_loop():
    plan = a_plan("slow drone at 40 bpm in 4/4", duration_s=11)

    (fault,) = faults_of(plan, loop=True)

    assert fault.place == ("loop",)
    assert "whole bars" in fault.message


def test_a_last_bar_of_its_own_comes_back_and_is_shorter_than_the_others():
    plan = a_plan("chiptune loop at 150 bpm", duration_s=20)
    assert plan["last_bar_beats"] == 2
    assert played(plan)[1] == plan
    assert played(plan, loop=False)[1]["last_bar_beats"] == 2

    plan["last_bar_beats"] = 4
    (fault,) = faults_of(plan)
    assert fault.place == ("plan", "last_bar_beats")

    plan["last_bar_beats"] = 1
    (fault,) = faults_of(plan)
    assert "49" in fault.message or "19.60" in fault.message


@pytest.mark.parametrize(
    "fields",
    [{"genre": "jazz"}, {"moods": ["sad"]}, {"instruments": ["flute"]}, {"exclude_instruments": ["drums"]},
     {"exclude_instruments": ["piano"]}],
)  # fmt: skip
def test_fields_that_need_another_plan_are_refused(fields):
    (fault,) = faults_of(a_plan(), **fields)

    assert fault.place == tuple(fields)
    assert "leave the plan out" in fault.message


def test_another_version_or_font_is_refused_naming_both():
    plan = a_plan()

    (version,) = faults_of(changed(plan, "composer_version", to=COMPOSER_VERSION - 1))
    (font,) = faults_of(changed(plan, "soundfont_sha256", to="b" * 64))

    assert version.place == ("plan", "composer_version")
    assert f"version {COMPOSER_VERSION - 1} " in version.message
    assert f"version {COMPOSER_VERSION}" in version.message
    assert font.place == ("plan", "soundfont_sha256")
    assert "b" * 64 in font.message
    assert SHA256 in font.message
    assert faults_of(changed(plan, "soundfont_sha256", to=None))[0].place == ("plan", "soundfont_sha256")


UNPLAYABLE = {
    "a bar that is true": (("form", 0, "bars"), True),
    "a bar that is text": (("form", 0, "bars"), "4"),
    "no bars": (("form", 0, "bars"), 0),
    "no sections": (("form",), []),
    "no voices": (("ensemble",), []),
    "sections that are text": (("form",), "intro"),
    "an unknown kind": (("form", 0, "kind"), "solo"),
    "an absent voice": (("form", 0, "voices"), ["ghost"]),
    "material of many letters": (("form", 0, "material"), "A" * 41),
    "material with a line break": (("form", 0, "material"), "A\n"),
    "energy beyond 1": (("form", 0, "energy"), 1.1),
    "energy NaN": (("form", 0, "energy"), float("nan")),
    "a tempo NaN": (("tempo_bpm",), float("nan")),
    "an endless tempo": (("tempo_bpm",), float("inf")),
    "a tempo that is true": (("tempo_bpm",), True),
    "an unknown style": (("style",), "polka_fusion"),
    "a style of a path": (("style",), "../../etc/passwd"),
    "an unknown instrument": (("ensemble", 0, "instrument"), "theremin_9000"),
    "an instrument out of reach": (("ensemble", 0, "low_pitch"), 0),
    "pitches upside down": (("ensemble", 0, "high_pitch"), 1),
    "a melody for the drums": (("ensemble", 0, "instrument"), "standard_kit"),
    "a name with a slash": (("ensemble", 0, "name"), "../x"),
    "a name of a line": (("ensemble", 0, "name"), "x" * 41),
    "an unknown role": (("ensemble", 0, "role"), "conductor"),
    "a level beyond": (("ensemble", 0, "channel", "level_db"), 100),
    "an unknown field": (("cowbell",), "more"),
    "an unknown field inside": (("ensemble", 0, "channel", "more"), 1),
    "a metre nobody plays": (("time_signature",), "0/4"),
    "a metre nobody knows": (("time_signature",), "99/16"),
    "a tonic that is none": (("tonic",), "H"),
    "a mode that is none": (("mode",), "blues"),
    "a title of a page": (("title",), "x" * 61),
    "no title": (("title",), ""),
    "a title with a line break": (("title",), "a\nb"),
    "a title with NUL": (("title",), "a\x00b"),
    "a title with a lone surrogate": (("title",), "a\ud800"),
    "a seed beyond": (("seed",), 2**53),
    "a seed below": (("seed",), -1),
    "a length of 4": (("duration_s",), 4),
    "a length of 301": (("duration_s",), 301),
    "a length and a half": (("duration_s",), 30.5),
    "loudness beyond": (("mastering", "loudness_lufs"), 0),
    "a version that is text": (("composer_version",), "2"),
    "a version that is true": (("composer_version",), True),
    "an enormous version": (("composer_version",), 10**4000),
    "a plan in a plan": (("form",), [[[[[[[[[[[[]]]]]]]]]]]]),
}


@pytest.mark.parametrize(("place", "value"), UNPLAYABLE.values(), ids=UNPLAYABLE)
def test_what_cannot_be_played_is_refused_by_field(place, value):
    faults = faults_of(changed(a_plan(), *place, to=value))

    assert all(fault.place[0] == "plan" and fault.message for fault in faults)
    deep = value in UNPLAYABLE["a plan in a plan"] or "surrogate" in str(faults) or "Unicode" in faults[0].message
    assert deep or any(fault.place[1 : 1 + len(place)][:2] == place[:2] for fault in faults)


def test_two_voices_of_one_name_are_refused():
    plan = a_plan()
    twice = changed(plan, "ensemble", to=[*plan["ensemble"], plan["ensemble"][0]])

    assert ("plan", "ensemble", len(plan["ensemble"]), "name") in [fault.place for fault in faults_of(twice)]


def test_a_band_without_end_is_refused():
    plan = a_plan()
    voice = plan["ensemble"][0]
    crowd = [{**voice, "name": f"v{number}"} for number in range(65)]

    assert ("plan", "ensemble") in [fault.place for fault in faults_of(changed(plan, "ensemble", to=crowd))]


def test_a_piece_in_which_nobody_plays_is_refused():
    plan = a_plan()
    silent = changed(plan, "form", to=[{**section, "voices": []} for section in plan["form"]])

    assert "somebody must play" in faults_of(silent)[0].message


def test_of_very_many_faults_the_first_are_told():
    assert len(faults_of({f"field_{number}": 1 for number in range(5_000)})) == 20


def test_lone_surrogates_and_depth_are_refused_before_anything_is_made_of_them():
    deep = {"form": []}
    for _ in range(500):
        deep = {"form": [deep]}
    for plan, told in ((deep, "no deeper"), ({"\ud800": 1}, "Unicode")):
        with pytest.raises(InvalidFields, match=told):
            asked_of({"plan": plan})


def test_an_edited_plan_is_composed_as_it_stands():
    plan = a_plan("pop song at 120 bpm in 4/4")
    lead = next(i for i, voice in enumerate(plan["ensemble"]) if voice["role"] == "lead")
    edited = changed(plan, "ensemble", lead, to={**plan["ensemble"][lead], "instrument": "violin", "low_pitch": 55,
                                                 "high_pitch": 88})  # fmt: skip
    order = [*plan["form"][1:], plan["form"][0]]
    _brief, made = played(changed(edited, "form", to=order))
    score = compose(plan_of(made, soundfont_sha256=SHA256))

    notes = next(part.notes for part in score.parts if part.voice == plan["ensemble"][lead]["name"])
    assert notes
    assert all(55 <= note.pitch <= 88 for note in notes)


def test_the_schema_of_asked_takes_no_unknown_field():
    with pytest.raises(ValueError, match="extra"):
        Asked(temp=1)


def test_a_way_of_playing_that_the_plan_has_nobody_for_was_not_asked_in_the_end():
    plan = plan_of(a_plan("staccato strings"), soundfont_sha256=SHA256)

    kept = without_overruled(read("staccato strings"), plan)
    dropped = without_overruled(read("legato strings"), plan)

    assert [manner.value for manner in kept.manners] == ["staccato"]
    assert dropped.manners == ()
    assert any("“legato” against the plan's players" in conflict for conflict in dropped.conflicts)
