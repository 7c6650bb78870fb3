"""A brief in a model's own words: what was asked, in English, and nothing that was refused."""

import pytest

from app.models.asked import Asked
from app.services.planning import make_plan, read
from app.services.planning.lexicon import lexicon
from app.services.planning.phrasing import PHRASED_FOR, describe
from app.services.planning.wishes import granted, understood


def phrased(prompt, manner="musicgen"):
    brief = read(prompt)
    return describe(brief, make_plan(brief, duration_s=10, seed=1, soundfont_sha256=None), manner=manner)


def test_a_sentence_holds_all_that_was_asked():
    text = phrased("upbeat 80s synth pop with punchy drums and saxophone, 120 bpm in A minor, 3/4")

    assert "upbeat" in text
    assert "80s synth" in text
    assert "with saxophone and punchy drums" in text
    assert text.endswith("120 bpm, in A minor, in 3/4 time")


@pytest.mark.parametrize(
    ("manner", "tempo"), [("riffusion", "96 bpm"), ("stable-audio", "96 BPM"), ("ace-step", "96 bpm")]
)
def test_tags_stand_between_commas(manner, tempo):
    tags = phrased("calm lo-fi with piano at 96 bpm", manner).split(", ")

    assert {"lo-fi", "piano", "calm", tempo} <= set(tags)


@pytest.mark.parametrize("manner", PHRASED_FOR)
@pytest.mark.parametrize(
    ("prompt", "held"),
    [
        ("ruhige Klaviermusik zum Einschlafen", ["piano", "peaceful", "sleep"]),
        ("jazz alegre con trompeta", ["jazz", "happy", "trumpet"]),
        ("musique triste au violoncelle", ["sad", "cello"]),
    ],
)
def test_other_languages_become_english(manner, prompt, held):
    text = phrased(prompt, manner)

    assert all(word in text for word in held), text
    assert text.isascii()
    assert not any(word in text for word in ("Klavier", "alegre", "triste"))


@pytest.mark.parametrize("manner", PHRASED_FOR)
@pytest.mark.parametrize(
    ("prompt", "gone"),
    [
        ("rock without drums and no guitar", ["drum", "guitar"]),
        ("calm piano, no zebra sounds", ["zebra"]),
        ("ohne Schlagzeug, Klavier", ["drum"]),
        ("not jazz, a waltz", ["jazz"]),
        ("a waltz, not sad", ["sad"]),
    ],
)
def test_what_was_refused_is_never_named(manner, prompt, gone):
    text = phrased(prompt, manner).lower()

    assert not any(word in text for word in gone), text


def test_words_that_nobody_knows_are_kept_in_english_only():
    assert "zebra" in phrased("a crunchy waltz about my zebra")
    assert "Eichhörnchen" not in phrased("ein ruhiger Walzer mit Eichhörnchen")


def test_what_the_dice_chose_is_not_said():
    text = phrased("jazz")

    assert "bpm" not in text
    assert "minor" not in text
    assert "major" not in text


def test_the_course_the_use_and_the_ways_of_playing_are_said():
    text = phrased("slow sparse pizzicato strings in a minor key for a documentary, builds up, half-time, staccato")

    assert all(
        part in text
        for part in ("slow", "sparse", "pizzicato", "building up", "a documentary", "half time feel", "staccato")
    )


def test_one_player_alone_is_solo():
    assert "solo cello" in phrased("a cello only", "lyria")


def test_where_nothing_is_understood_the_style_of_the_plan_is_named():
    text = phrased("zzqx", "riffusion")

    assert text.endswith(", zzqx")
    assert phrased("in Bb major").endswith("in Bb major")


def test_an_unknown_family_is_refused_by_name():
    brief = read("jazz")
    plan = make_plan(brief, duration_s=10, seed=1, soundfont_sha256=None)

    with pytest.raises(ValueError, match="musicgen, riffusion"):
        describe(brief, plan, manner="poem")


def test_every_genre_has_a_name_without_marks_of_the_tables():
    texts = [phrased(row.words[0], "riffusion") for row in lexicon().genres.values()]

    assert [text for text in texts if "_" in text] == []


@pytest.mark.parametrize(
    ("prompt", "said"),
    [
        ("dark ambient drone", "dark ambient drone"),
        ("epic orchestral battle music with choir, 140 bpm", "epic orchestral battle music with choir, 140 bpm"),
        ("musique de film épique avec des cuivres", "epic cinematic music with brass"),
        ("史诗般的管弦乐", "epic orchestral music"),
        ("music for my morning yoga session, peaceful and airy", "peaceful, airy morning music, for yoga"),
        ("not too fast, no piano, just gentle harp", "mid-tempo, gentle music with solo harp"),
        ("slow sad ballad", "slow, sad ballad"),
        ("salsa alegre con trompetas", "happy salsa with trumpet"),
        ("jazz manouche rapide avec guitare", "fast gypsy jazz with guitar"),
        ("musica rilassante con pianoforte e archi", "relaxing music with piano and strings"),
        ("samba animado com violão", "happy samba with acoustic guitar"),
        ("穏やかなピアノ曲", "peaceful solo piano"),
        ("techno oscuro a 130 bpm sin voces", "dark techno, 130 bpm"),
    ],
)
def test_it_reads_as_somebody_would_say_it(prompt, said):
    assert phrased(prompt) == said


def test_an_explicit_genre_stands_alone():
    brief = granted(read("dark ambient drone"), understood(Asked(genre="jazz")))

    assert brief.other_genres == ()


def test_every_genre_that_was_named_is_said_and_none_twice():
    assert phrased("folk rock") == "folk rock"
    assert "horror" in phrased("dark ambient drone for a horror game")
    assert phrased("bossa nova jazz").count("jazz") <= 1
    assert "metal" not in phrased("dark ambient drone, not metal")
