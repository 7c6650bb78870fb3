"""The tables of words are sound: nothing twice, nothing that points nowhere, enough of everything."""

from collections import Counter
from typing import Any, get_args

import pytest

from app.models.plan import Mode, Role
from app.services.planning import genres, moods
from app.services.planning.catalogue import members_of, packaged_styles, refused_by, roles_of, styles_of
from app.services.planning.figures import METRES
from app.services.planning.lexicon import MEANINGS, PHRASE_MARKS, VOCABULARY_FOLDER, _read, lexicon, phrase_of
from app.services.planning.tokens import tokenise
from app.services.theory.instruments import INSTRUMENTS

CONTRACT_GENRES = (
    "pop", "rock", "jazz", "classical", "electronic", "hip-hop", "country", "reggae", "blues", "folk", "ambient",
    "instrumental",
)  # fmt: skip
CONTRACT_MOODS = (
    "happy", "sad", "energetic", "relaxing", "dramatic", "peaceful", "mysterious", "uplifting", "melancholic",
    "triumphant", "romantic",
)  # fmt: skip

LANGUAGES = sorted((VOCABULARY_FOLDER / "languages").glob("*.toml"))


def words_of(table: Any) -> list[tuple[str, str]]:
    """(phrase, row) of a table in a file, English or not."""
    return [(word, key) for key, row in table.items() for word in (row["words"] if isinstance(row, dict) else row)]


def test_the_contracts_names_come_first_and_in_its_order():
    assert genres()[:12] == CONTRACT_GENRES
    assert moods()[:11] == CONTRACT_MOODS
    assert len(set(genres())) == len(genres())
    assert len(set(moods())) == len(moods())


def test_there_are_words_enough():
    words = lexicon()
    everyday = _read(VOCABULARY_FOLDER / "everyday.toml")
    feelings = {phrase_of(word) for row in words.moods.values() for word in row.words}
    feelings |= {phrase_of(word) for word, _ in words_of(everyday["moods"])}
    sounding = {key for row in words.instruments.values() for key in (*row.members, *row.all)} & set(INSTRUMENTS)

    assert len(words.genres) >= 135
    assert sum(len(row.words) for row in words.genres.values()) >= 900
    assert len(words.instruments) >= 125
    assert sum(len(row.words) for row in words.instruments.values()) >= 800
    assert len(sounding | set(words.instruments) & set(INSTRUMENTS)) >= 110
    assert len(feelings) >= 1_500
    assert len(words.uses) >= 35
    assert len(words.course) >= 16


@pytest.mark.parametrize("path", LANGUAGES, ids=lambda path: path.stem)
def test_a_language_has_words_enough_and_tells_change_over_time(path: Any):
    tables = _read(path)
    phrases = {phrase_of(word) for table in MEANINGS for word, _ in words_of(tables.get(table, {}))}

    assert "loop" in tables["course"]
    if path.stem == "other":
        return
    assert len(phrases) >= 800
    shapes = {key for key, row in lexicon().course.items() if row.curve}
    assert shapes <= set(tables["course"]), shapes - set(tables["course"])
    assert {"begin", "end", "quiet", "loud", "grow", "burst"} <= set(tables["course"])
    assert {"3/4", "6/8"} <= set(tables["metres"])


@pytest.mark.parametrize("table", MEANINGS)
def test_no_phrase_stands_twice_in_an_english_table(table: str):
    count = Counter(phrase_of(word) for word, _ in words_of(_read(VOCABULARY_FOLDER / f"{table}.toml")))

    assert [phrase for phrase, times in count.items() if times > 1] == []


@pytest.mark.parametrize("path", LANGUAGES, ids=lambda path: path.stem)
@pytest.mark.parametrize("table", MEANINGS)
def test_no_phrase_of_a_language_means_two_rows_of_a_table(path: Any, table: str):
    # A language may mean another thing by a word than English does ("lento" is slow, not grave), but only one.
    seen: dict[tuple[str, ...], str] = {}
    clashes = [
        (word, key, seen[phrase_of(word)])
        for word, key in words_of(_read(path).get(table, {}))
        if seen.setdefault(phrase_of(word), key) != key
    ]
    assert clashes == []


@pytest.mark.parametrize("path", LANGUAGES, ids=lambda path: path.stem)
def test_a_language_names_only_rows_that_exist_and_covers_the_contract(path: Any):
    tables = _read(path)

    for table in MEANINGS:
        assert set(tables.get(table, {})) <= set(_read(VOCABULARY_FOLDER / f"{table}.toml"))
    assert set(CONTRACT_MOODS) <= set(tables["moods"])
    assert {"slow", "fast"} <= set(tables["tempo"])
    assert {"drums", "guitar", "bass", "strings", "voice"} <= set(tables["instruments"])
    assert tables["grammar"].keys() & {"refuse", "refuse_after"}


def test_no_phrase_of_the_vocabulary_is_empty():
    assert all(phrase and all(phrase) for phrase in lexicon().phrases)


def test_every_genre_has_a_parent_of_the_contract_and_a_style():
    words, styles = lexicon(), packaged_styles()

    for key, row in words.genres.items():
        assert (key in CONTRACT_GENRES) == (row.parent == ""), key
        assert not row.parent or row.parent in CONTRACT_GENRES, key
        assert row.metre is None or row.metre in METRES, key
        assert row.tempo is None or row.tempo[0] <= row.tempo[1] <= row.tempo[2], key
        assert all(members_of(name) for name in row.band), (key, row.band)
        assert styles_of(row, styles)


def test_every_style_that_a_table_names_exists():
    words, styles = lexicon(), packaged_styles()

    named = {name for row in words.genres.values() for name in row.styles}
    named |= {
        name for rows in (words.moods, words.uses, words.instruments) for row in rows.values() for name in row.styles
    }
    assert named | set(words.spread) <= set(styles)


def test_every_style_can_be_asked_for_by_a_genre():
    words, styles = lexicon(), packaged_styles()

    assert set(styles) <= {name for row in words.genres.values() for name in row.styles}


def test_every_mood_stands_on_the_plane_and_near_a_mood_of_the_contract():
    for key, row in lexicon().moods.items():
        assert (key in CONTRACT_MOODS) == (row.kin == ""), key
        assert not row.kin or row.kin in CONTRACT_MOODS, key
        assert all(members_of(name) for name in row.band), key


def test_purposes_and_scenes_ask_only_for_instruments_that_exist():
    for key, row in lexicon().uses.items():
        assert all(members_of(name) for name in row.band), key


def test_every_instrument_that_a_table_names_exists():
    for key, row in lexicon().instruments.items():
        listed = {*row.members, *row.all, *row.refuse}
        assert listed <= set(INSTRUMENTS), (key, listed - set(INSTRUMENTS))
        # "Drums" and "beat" mean the drummer, whoever that is.
        assert members_of(key) or key in ("drums", "beat") or row.part or row.roles, key


def test_every_instrument_of_the_table_has_roles_that_exist():
    for key in INSTRUMENTS:
        assert roles_of(key), key
        assert set(roles_of(key)) <= set(get_args(Role)), key


def test_substitutes_exist_and_can_take_the_role():
    tables = lexicon().roles

    assert {key for keys in tables["substitutes"].values() for key in keys} <= set(INSTRUMENTS)
    assert set(tables["keys"]) <= set(INSTRUMENTS) | set(lexicon().instruments)
    assert set(tables["families"]) == {row.family for row in INSTRUMENTS.values()}


def test_a_refused_group_takes_its_members_and_a_refused_family_all_of_it():
    assert {"steel_guitar", "distortion_guitar"} <= refused_by("guitar")
    assert "electric_piano_1" in refused_by("acoustic_grand_piano")
    assert {"drawbar_organ", "church_organ"} <= refused_by("organ")
    assert refused_by("ethnic") == {key for key, row in INSTRUMENTS.items() if row.family == "ethnic"}


def test_keys_and_metres_name_what_can_be_planned():
    keys = lexicon().keys

    assert set(keys["modes"]) <= set(get_args(Mode))
    assert set(keys["metres"]) <= set(METRES)
    assert set(keys["nearest"].values()) <= set(METRES)
    assert not set(keys["nearest"]) & set(METRES)


def test_an_unknown_row_in_a_language_is_said(monkeypatch: pytest.MonkeyPatch):
    from app.services.planning.lexicon import _entries

    english = {path.stem: _read(path) for path in VOCABULARY_FOLDER.glob("*.toml")}
    with pytest.raises(KeyError, match="polka-metal"):
        list(_entries({"genres": {"polka-metal": ["x"]}, "grammar": {}, "filler": {"words": []}}, english))


def test_everyday_words_name_rows_that_exist_and_say_nothing_new_of_a_phrase():
    everyday = _read(VOCABULARY_FOLDER / "everyday.toml")

    for table, rows in everyday.items():
        english = _read(VOCABULARY_FOLDER / f"{table}.toml")
        assert set(rows) <= set(english)
        known = {phrase_of(word) for word, _ in words_of(english)}
        phrases = [phrase_of(word) for word, _ in words_of(rows)]
        assert [phrase for phrase, times in Counter(phrases).items() if times > 1 or phrase in known] == []


def test_the_short_way_to_a_phrases_tokens_is_the_long_one():
    written = [word for phrase in lexicon("mixed").phrases for word in (" ".join(phrase), "-".join(phrase))]

    for words in (
        *written,
        "Lo–Fi & R'n'B",
        "drum+bass",
        "80s pop",
        "C# / D♭",
        "½ step",
        "ｆｕｌｌ",
        "ﬁn",
        "two\ttabs",
        "a_b",
    ):
        tokens = [token for token in tokenise(words) if token.kind != "mark" or token.folded in PHRASE_MARKS]
        assert phrase_of(words) == tuple(token.folded for token in tokens)
