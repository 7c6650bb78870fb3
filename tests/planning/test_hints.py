"""Small words lean a picture to a feeling, where no word says more, and never a request for music."""

import pytest

from app.services.planning import read
from app.services.planning.lexicon import HINTS_FOLDER, _read, hints_of, lexicon

#: Pictures of words that no table knows, and the sign of their valence.
PICTURES = [
    ("the zorbler never showed", -1),
    ("no quibber for the glarn", -1),
    ("a new zorbler for the glarn", 1),
    ("at last the zorbler", 1),
    ("someone zorbles the glarn", -1),
    ("the zorbler is behind us", -1),
    ("el zorbo no llega", -1),
    ("por fin el zorbo", 1),
    ("ninguém zorbou", -1),
    ("a minha glarna é nova", 1),
    ("personne n'a zorbé", -1),
    ("le nouveau zorbier", 1),
    ("der Zorbler kommt nicht", -1),
    ("endlich der Zorbler", 1),
    ("lo zorbo non arriva", -1),
    ("uno zorbo nuovo", 1),
    ("ゾルバが来ない", -1),
    ("新しいゾルバ", 1),
]

#: Requests, each with a small word that hints at nothing there.
REQUESTS = [
    "make me a good song",
    "a new track, not too frilly",
    "something nice for my channel",
    "zorbling guitar, no drums",
    "a new zorb, 120 bpm",
    "quiero una canción nueva",
    "ein neues Lied, nicht zu zorbig",
]


@pytest.mark.parametrize(("prompt", "sign"), PICTURES, ids=[prompt for prompt, _ in PICTURES])
def test_a_picture_leans_where_its_small_words_lean(prompt: str, sign: int):
    brief = read(prompt)

    assert brief.valence is not None
    assert brief.valence * sign > 0.05
    assert brief.moods[0].words  # it says by which word


@pytest.mark.parametrize("prompt", REQUESTS)
def test_who_asks_for_music_paints_no_picture(prompt: str):
    assert read(prompt).moods == ()


def test_any_word_for_a_feeling_says_more_than_a_hint():
    assert [heard.value for heard in read("nobody is happy about the new zorb").moods] in ([], ["happy"])
    assert read("a new zorb, sad").valence == read("a zorb, sad").valence


def test_a_place_leans_with_the_hint():
    assert read("the king has no heir").valence < read("the king has a heir").valence


@pytest.mark.parametrize("path", sorted(HINTS_FOLDER.glob("*.toml")), ids=lambda path: path.stem)
def test_hints_name_moods_and_each_word_once(path):
    rows = _read(path)

    assert set(rows) - {"asking"} <= set(lexicon().moods)
    assert len(hints_of(path.stem)) == sum(len(words) for words in rows.values())


def test_a_refusal_finds_names_but_no_feeling_behind_unknown_words():
    assert [heard.value for heard in read("no frilly zorbing drums").excluded_instruments] == []
    assert read("no frilly zorbing drums").drums.value is False
    assert read("they never zorbed the dark cave").valence < 0
    assert read("not sad").valence > 0
