"""Explicit fields outrank the words, say so in the brief, and reach the plan."""

import pytest

from app.errors import InvalidFields
from app.models.asked import Asked, asked_of
from app.services.planning import decide, genres, instrument_names, make_plan, moods, read
from app.services.planning.catalogue import members_of
from app.services.planning.naming import name_in
from app.services.planning.wishes import granted, understood
from app.services.theory.instruments import INSTRUMENTS

DURATION_S = 30


def brief_of(prompt, **fields):
    return granted(read(prompt), understood(Asked(**fields)))


def plan_for(prompt, seed=1, **fields):
    _brief, plan = decide(prompt, asked_of(fields), duration_s=DURATION_S, seed=seed, soundfont_sha256="a" * 64)
    return plan


def players(plan):
    return {voice.instrument for voice in plan.ensemble}


def drummed(plan):
    return any(voice.role in ("drums", "percussion") for voice in plan.ensemble)


def test_each_field_is_a_decision_whose_words_name_it():
    brief = brief_of(
        "some music", tempo_bpm=92.5, key="F#m", time_signature="3/4", genre="Bossa Nova", moods=["Happy"],
        instruments=["flute"], exclude_instruments=["piano"], loop=True, loudness_lufs=-16,
    )  # fmt: skip

    said = {
        "tempo_bpm": (92.5, "tempo_bpm=92.5"),
        "tonic": ("F#", "key=F#m"),
        "mode": ("minor", "key=F#m"),
        "time_signature": ("3/4", "time_signature=3/4"),
        "loop": (True, "loop=true"),
        "loudness_lufs": (-16, "loudness_lufs=-16"),
    }
    assert {name: (getattr(brief, name).value, *getattr(brief, name).words) for name in said} == said
    assert brief.genre.words == ("genre=Bossa Nova",)
    assert (brief.moods[0].value, brief.moods[0].words) == ("happy", ("moods=Happy",))
    assert (brief.instruments[0].value, brief.instruments[0].words) == ("flute", ("instruments=flute",))
    assert brief.excluded_instruments[0].words == ("exclude_instruments=piano",)
    assert brief.conflicts == ()


def test_silent_fields_leave_the_brief_as_it_was_read():
    prompt = "slow sad piano in C minor, no drums, 70 bpm"

    assert brief_of(prompt) == read(prompt)
    assert asked_of({"tempo_bpm": None, "moods": [], "instruments": []}) is None


@pytest.mark.parametrize(
    ("prompt", "fields", "quoted"),
    [
        ("jazz at 90 bpm", {"tempo_bpm": 140}, ("tempo_bpm=140", "90 bpm")),
        ("very slow piano", {"tempo_bpm": 170}, ("tempo_bpm=170", "slow")),
        ("piano in C minor", {"key": "D phrygian"}, ("key=D phrygian", "C minor")),
        ("a waltz in 3/4", {"time_signature": "4/4"}, ("time_signature=4/4", "3/4")),
        ("heavy metal", {"genre": "jazz"}, ("genre=jazz", "metal")),
        ("sad song", {"moods": ["happy"]}, ("moods=happy", "sad")),
        ("song without drums", {"instruments": ["drums"]}, ("instruments=drums", "drums")),
        ("song with saxophone", {"exclude_instruments": ["saxophone"]}, ("exclude_instruments=saxophone", "saxophone")),
        ("song with violin", {"exclude_instruments": ["strings"]}, ("exclude_instruments=strings", "violin")),
    ],
)
def test_what_a_field_overrules_is_said_with_both_sides(prompt, fields, quoted):
    conflict = brief_of(prompt, **fields).conflicts[-1]

    assert all(part in conflict for part in quoted)
    assert conflict.endswith("the field wins.")


def test_a_field_that_agrees_with_the_words_is_no_conflict():
    fields = {"tempo_bpm": 90, "key": "D minor", "genre": "jazz", "moods": ["calm"], "instruments": ["piano"]}
    brief = brief_of("calm jazz piano in D minor at 90 bpm", **fields)

    assert brief.conflicts == ()
    assert [heard.value for heard in brief.instruments] == ["acoustic_grand_piano"]


@pytest.mark.parametrize("seed", range(4))
def test_the_plan_obeys_the_fields_against_the_words(seed):
    plan = plan_for(
        "fast happy metal with electric guitar in E minor at 180 bpm", seed, tempo_bpm=72, key="Bb major",
        time_signature="3/4", genre="classical", instruments=["cello"], exclude_instruments=["guitar", "drums"],
        loudness_lufs=-18,
    )  # fmt: skip

    assert (plan.tempo_bpm, plan.tonic, plan.mode, plan.time_signature) == (72, "Bb", "major", "3/4")
    assert plan.mastering.loudness_lufs == -18
    assert "cello" in players(plan)
    assert not any(INSTRUMENTS[key].family == "guitar" for key in players(plan))
    assert not drummed(plan)


@pytest.mark.parametrize("seed", range(4))
def test_drums_wanted_by_a_field_play_though_the_words_refuse_them(seed):
    assert drummed(plan_for("calm piano, no drums, no percussion", seed, instruments=["drums"]))


@pytest.mark.parametrize("family", ["brass", "strings", "guitar", "piano"])
def test_a_family_can_be_excluded(family):
    for seed in range(3):
        plan = plan_for("big orchestral film music with guitar", seed, exclude_instruments=[family])
        assert not any(INSTRUMENTS[key].family == family for key in players(plan) - {"timpani", "harp"}), family


def test_players_of_the_words_stay_beside_those_of_the_fields():
    plan = plan_for("jazz piano", instruments=["vibraphone"])

    assert {"vibraphone", "acoustic_grand_piano"} <= players(plan)


def test_scenes_of_the_words_stay_behind_the_moods_of_the_fields():
    brief = brief_of("sad rain at night", moods=["peaceful"])

    assert brief.moods[0].value == "peaceful"
    assert "sad" not in [heard.value for heard in brief.moods]
    assert brief.valence > 0


def test_an_ensemble_named_alone_plays_alone():
    plan = plan_for("evening music", instruments=["string quartet"])

    assert players(plan) == {"violin", "viola", "cello"}


def test_every_genre_offered_can_be_sent():
    assert [understood(Asked(genre=name)).genre.value for name in genres()] == list(genres())


@pytest.mark.parametrize("name", moods())
def test_every_mood_offered_can_be_sent(name):
    assert understood(Asked(moods=(name,))).moods[0].value == name


def test_every_instrument_offered_can_be_sent():
    sent = {name: understood(Asked(instruments=(name,))) for name in instrument_names()}

    assert [name for name, wishes in sent.items() if wishes.drums is None and not players_of(wishes)] == []


def players_of(wishes):
    return wishes.instruments and all(members_of(heard.value) for heard in wishes.instruments)


def test_every_instrument_offered_can_be_excluded():
    kept = [name for name in instrument_names() if not understood(Asked(exclude_instruments=(name,))).excluded]

    assert set(kept) <= {"drums", "beat"}


@pytest.mark.parametrize(
    ("word", "key"),
    [("Lo-Fi", "lo-fi"), ("HIP HOP", "hip-hop"), ("R&B", "rnb"), (" jazz ", "jazz")],
)
def test_names_are_found_however_they_are_written(word, key):
    assert name_in("genres", word) == key


@pytest.mark.parametrize(
    ("written", "tonic", "mode"),
    [
        ("C", "C", None), ("F#m", "F#", "minor"), ("f#m", "F#", "minor"), ("Bb", "Bb", None), ("a minor", "A", "minor"),
        ("Eb major", "Eb", "major"), ("D dorian", "D", "dorian"), ("minor", None, "minor"), ("la menor", "A", "minor"),
        ("C# harmonic minor", "C#", "harmonic_minor"), ("F♯ minor", "F#", "minor"), ("E flat major", "Eb", "major"),
    ],
)  # fmt: skip
def test_keys_are_read_as_people_write_them(written, tonic, mode):
    wishes = understood(Asked(key=written))

    assert (wishes.tonic and wishes.tonic.value, wishes.mode and wishes.mode.value) == (tonic, mode)


@pytest.mark.parametrize(
    ("fields", "place", "told"),
    [
        ({"genre": "jaz"}, ("genre",), "near it: jazz"),
        ({"genre": "qqq"}, ("genre",), "GET /music/genres"),
        ({"moods": ("happy", "qqq")}, ("moods", 1), "GET /music/moods"),
        ({"instruments": ("violin", "violine x")}, ("instruments", 1), "GET /music/instruments"),
        ({"exclude_instruments": ("qqq",)}, ("exclude_instruments", 0), "GET /music/instruments"),
        ({"instruments": ("words_sung",)}, ("instruments", 0), "only be excluded"),
        ({"instruments": ("piano",), "exclude_instruments": ("piano",)}, ("instruments", 0), "exclude_instruments"),
        ({"instruments": ("jazz kit",), "exclude_instruments": ("drums",)}, ("instruments", 0), "exclude_instruments"),
        ({"key": "H#"}, ("key",), "F#m"),
        ({"key": "C minor and more"}, ("key",), "F#m"),
        ({"time_signature": "13/8"}, ("time_signature",), "6/8"),
        ({"time_signature": "4"}, ("time_signature",), "6/8"),
    ],
)
def test_an_unknown_name_is_refused_with_what_is_allowed(fields, place, told):
    with pytest.raises(InvalidFields) as caught:
        understood(Asked(**fields))

    (fault,) = caught.value.faults
    assert fault.place == place
    assert told in fault.message


def test_several_wrong_fields_are_named_together():
    with pytest.raises(InvalidFields) as caught:
        asked_of({"tempo_bpm": 10, "loudness_lufs": "loud", "moods": ["x"] * 9})

    assert [fault.place for fault in caught.value.faults] == [("tempo_bpm",), ("moods",), ("loudness_lufs",)]


@pytest.mark.parametrize(
    "prompt",
    ["strings but no violins", "cuerdas sin violines", "cordes sans violons", "archi senza violini",
     "cordas sem violinos", "Streicher ohne Geigen"],
)  # fmt: skip
def test_strings_without_violins_are_strings_all_the_same(prompt: str):
    for seed in range(4):
        plan = make_plan(read(prompt), duration_s=30, seed=seed, soundfont_sha256=None)
        players = {voice.instrument for voice in plan.ensemble}

        assert players & (set(members_of("strings")) - {"violin"})
        assert not players & {"violin", "fiddle"}
