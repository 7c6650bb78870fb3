"""The vocabulary: tables of words read from `vocabulary/`, and the one dictionary that finds phrases in them."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache, lru_cache
from pathlib import Path
from typing import Any, Literal

import tomli

from app.services.planning.rows import CourseRow, GenreRow, InstrumentRow, MoodRow
from app.services.planning.tokens import fold, tokenise

#: Where the packaged tables live; languages/ holds words of other languages for the same rows.
VOCABULARY_FOLDER = Path(__file__).parent / "vocabulary"

#: Where small words lie, a file a language.
HINTS_FOLDER = VOCABULARY_FOLDER / "hints"

Table = Literal[
    "genres", "moods", "instruments", "uses", "tempo", "density", "feel", "course", "manner", "metres",
    "grammar", "degree", "refused",
]  # fmt: skip

#: English words by row, as in a language file, to which no typing error is put right.
EVERYDAY = "everyday"

#: The language of a prompt that holds words of several.
MIXED = "mixed"

#: The file of all languages that have none of their own.
MANY = "other"

#: Tables of names that every language lends to the others.
LENT: tuple[Table, ...] = ("genres", "instruments")

#: Tables towards which typing errors are put right.
_SPELT: tuple[Table, ...] = ("genres", "moods", "instruments", "uses", "tempo", "density")

#: Tables whose rows say something about the music.
MEANINGS: tuple[Table, ...] = (
    "genres", "moods", "instruments", "uses", "tempo", "density", "feel", "course", "manner",
)  # fmt: skip

#: Rows of words that change what their neighbours mean; degrees, refusals in one word and filler apart.
_GRAMMAR = (
    "harmless", "refuse", "deny", "lessen", "refuse_after", "only", "solo", "lead", "carries", "either", "also", "each",
    "hold", "out", "build", "turn",
)  # fmt: skip

Phrase = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Sense:
    """One meaning of a phrase: a row of a table."""

    table: Table
    key: str
    #: Whether it is an everyday word, which places a scene.
    everyday: bool = field(default=False, compare=False)


@dataclass(frozen=True, kw_only=True)
class Lexicon:
    """All tables, and every phrase in them."""

    genres: Mapping[str, GenreRow]
    moods: Mapping[str, MoodRow]
    uses: Mapping[str, MoodRow]
    instruments: Mapping[str, InstrumentRow]
    #: Row to its value: −1 (slow, sparse) … 1 (fast, busy).
    tempo: Mapping[str, float]
    density: Mapping[str, float]
    #: Rhythmic feel to its swing; None where it says nothing of swing.
    feel: Mapping[str, float | None]
    #: Shapes of the energy, and the words for parts and levels that they are told by.
    course: Mapping[str, CourseRow]
    #: Way of playing to the families of instruments that can play so; empty for every pitched one.
    manner: Mapping[str, tuple[str, ...]]
    #: The tables of keys.toml.
    keys: Mapping[str, Any]
    #: The tables of roles.toml.
    roles: Mapping[str, Any]
    #: Style to how readily it is chosen when nothing speaks for or against it.
    spread: Mapping[str, float]
    #: The same where the words tell a picture that no table knows.
    told: Mapping[str, float]
    #: Folded tokens to their meanings.
    phrases: Mapping[Phrase, tuple[Sense, ...]]
    #: First token to the length of the longest phrase that begins with it.
    longest: Mapping[str, int]
    #: English words of five letters and more by first letter and length, which typing errors are compared with.
    spellings: Mapping[tuple[str, int], tuple[str, ...]] = field(repr=False)
    #: Every single token of the vocabulary, and ordinary words that must not be taken for misspelt ones.
    known: frozenset[str] = field(repr=False)
    #: Tokens known from longer phrases only: with another ending they may be words of their own ("crowded" city).
    parts: frozenset[str] = field(default=frozenset(), repr=False)
    #: Words that mean what they do only with their accent, folded: Italian "né" refuses, "ne" does not.
    accented: frozenset[str] = frozenset()
    #: Words that do only without: French "marche" is a march, "marché" a market.
    unaccented: frozenset[str] = frozenset()
    #: Endings without which a word is looked up again, with the fewest letters that must stand before them.
    endings: tuple[tuple[str, int], ...] = ()
    #: Endings of the prompt's own language, with those that the vocabulary may have in their stead.
    swaps: tuple[tuple[str, tuple[str, ...]], ...] = ()
    #: Words that an ending may lead to; None for all. French "tombé" is no English tomb.
    inflected: frozenset[str] | None = field(default=None, repr=False)
    #: The language's own words for "and", which begin no phrase of another's where they stand apart; None for English.
    own_and: frozenset[str] | None = None


#: Marks that are part of a phrase; all others only separate.
PHRASE_MARKS = frozenset("&#/+")

#: The tokens of folded ASCII that count in a phrase, as `tokenise` finds them.
_PLAIN = re.compile(r"[a-z]+|[0-9]+|[&#/+]")


@cache
def phrase_of(words: str) -> Phrase:
    """The tokens by which a phrase is found; marks other than & # / + do not count.

    >>> phrase_of("Lo-Fi")
    ('lo', 'fi')
    """
    folded = fold(words)
    if folded.isascii():  # most of the ten thousand phrases, and each process reads them all
        return tuple(_PLAIN.findall(folded))
    return tuple(token.folded for token in tokenise(words) if token.kind != "mark" or token.folded in PHRASE_MARKS)


def lexicon(language: str = "en") -> Lexicon:
    """The packaged vocabulary, read once a process, as a prompt in this language means it.

    English knows the names of genres and instruments in all languages, and no other foreign word: "bar" is no
    restaurant. "mixed" knows all languages, English first; another language is read first where it is named. Its common
    words stand among its filler where others know them: Spanish "será" is no Italian evening.
    """
    return _lexicon(language)


@cache
def _lexicon(language: str) -> Lexicon:
    english, others, everyday = _english(), _others(), _everyday()
    own = [english, english[EVERYDAY]]
    if language == MIXED:
        found = _found([*own, *others.values(), *everyday.values()], len(own))
        return replace(_lexicon("en"), phrases=found, longest=_longest(found), known=_known(found))
    if language != "en":
        # The makeshift file is no help to a language that has its own: Czech "bicí" is no Spanish bicycle.
        strangers = [table for key, table in others.items() if key != language and (key != MANY or language == "ja")]
        native = [table[language] for table in (others, everyday) if language in table]
        found = _found([*native, *own, *strangers], len(native) + len(own), len(native))
        spelt = {
            token
            for words, sense in _entries(others[language], english)
            if sense.table in _SPELT
            for token in phrase_of(words)
        }
        return replace(
            _lexicon("en"),
            phrases=found,
            longest=_longest(found),
            known=_known(found) | {fold(word) for word in others[language].get("ordinary", {}).get("words", ())},
            # The file of many languages is a makeshift: its prompts may as well be misspelt English ("gitar").
            spellings=_spellings(spelt) if language != MANY else _spellings(spelt | _spelt_english()),
            swaps=tuple(
                (fold(ending), tuple(fold(other) for other in stead))
                for ending, stead in others[language].get("endings", {}).items()
            ),
            inflected=frozenset(phrase[0] for phrase in found if len(phrase) == 1) & tokens_of(language)
            if language != MANY
            else None,
            accented=frozenset(fold(word) for word in others[language].get("accented", {}).get("words", ())),
            unaccented=frozenset(others[language].get("accented", {}).get("never", ())),
            own_and=frozenset(fold(word) for word in others[language].get("grammar", {}).get("also", ())),
        )
    lent = ({str(table): source.get(table, {}) for table in LENT} for source in others.values())
    found = _found([*own, *lent], len(own))
    ordinary = {*english["ordinary"]["words"], *english["ordinary"]["stems"]}
    return Lexicon(
        genres={key: GenreRow.model_validate(row) for key, row in english["genres"].items()},
        moods={key: MoodRow.model_validate(row) for key, row in english["moods"].items()},
        uses={key: MoodRow.model_validate(row) for key, row in english["uses"].items()},
        instruments={key: InstrumentRow.model_validate(row) for key, row in english["instruments"].items()},
        tempo={key: float(row["feel"]) for key, row in english["tempo"].items()},
        density={key: float(row["density"]) for key, row in english["density"].items()},
        feel={key: row.get("swing") for key, row in english["feel"].items()},
        course={key: CourseRow.model_validate(row) for key, row in english["course"].items()},
        manner={key: tuple(row.get("families", ())) for key, row in english["manner"].items()},
        keys=english["keys"],
        roles=english["roles"],
        spread=english["spread"]["styles"],
        told=english["spread"]["told"],
        phrases=found,
        longest=_longest(found),
        spellings=_spellings(_spelt_english()),
        known=frozenset(ordinary | {token for phrase in found for token in phrase}),
        parts=_parts(found) - ordinary,
        endings=tuple(english["grammar"]["endings"].items()),
    )


@cache
def _spelt_english() -> set[str]:
    """English words that typing errors are put right towards; none of a place."""
    english = _english()
    return {
        token
        for words, sense in _entries(english, english)
        if sense.table in _SPELT and not (sense.table == "genres" and english["genres"][sense.key].get("place"))
        for token in phrase_of(words)
    }


@cache
def tokens_of(language: str, *, lent: bool = True) -> frozenset[str]:
    """Every single word of a language's own tables; without the names that all languages lend if `lent` is false."""
    english = _english()
    if language == "en":
        sources = [english, english[EVERYDAY]]
    else:
        sources = [table[language] for table in (_others(), _everyday()) if language in table]
    return frozenset(token for source in sources for token in _tokens(source, lent=lent))


def _tokens(source: Mapping[str, Any], *, lent: bool = True) -> set[str]:
    entries = _entries(source, _english())
    return {token for words, sense in entries if lent or sense.table not in LENT for token in phrase_of(words)}


def languages() -> tuple[str, ...]:
    """The languages with tables of their own, English aside."""
    return tuple(_others())


@cache
def signs_of(language: str) -> tuple[frozenset[str], frozenset[str]]:
    """Letters and small words that tell a language from its neighbours."""
    signs = _others()[language].get("signs", {})
    return frozenset(signs.get("letters", "")), frozenset(fold(word) for word in signs.get("words", ()))


@cache
def hints_of(language: str) -> Mapping[Phrase, str]:
    """Small words of a language that lean to a mood where nothing else says anything of music or feeling."""
    own = [path for path in (HINTS_FOLDER / f"{language}.toml",) if path.exists()]
    paths = sorted(HINTS_FOLDER.glob("*.toml")) if language == MIXED else own
    return {phrase_of(words): key for path in paths for key, row in _read(path).items() for words in row}


@lru_cache(maxsize=1)
def _english() -> dict[str, dict[str, Any]]:
    return {path.stem: _read(path) for path in sorted(VOCABULARY_FOLDER.glob("*.toml"))}


@lru_cache(maxsize=1)
def _everyday() -> dict[str, dict[str, Any]]:
    """What everyday.toml is to English, for other languages: scenes, to which no typing error is put right."""
    return {path.stem: _read(path) for path in sorted((VOCABULARY_FOLDER / "languages" / EVERYDAY).glob("*.toml"))}


@lru_cache(maxsize=1)
def _others() -> dict[str, dict[str, Any]]:
    return {path.stem: _read(path) for path in sorted((VOCABULARY_FOLDER / "languages").glob("*.toml"))}


def _found(sources: Sequence[Mapping[str, Any]], own: int, native: int = 0) -> dict[Phrase, tuple[Sense, ...]]:
    """Every phrase with its senses; what an earlier source says of a phrase in a table stays.

    To what the first `own` sources know in any table a stranger adds nothing: French "dans" is no Turkish dance. To
    what the first `native` ones call filler none of the others does: who "court" in French runs, and holds none.
    """
    found: dict[Phrase, list[Sense]] = {}
    filler: set[Phrase] = set()
    for number, source in enumerate(sources):
        if number == native:
            filler = {phrase for phrase, senses in found.items() if senses == [Sense("grammar", "filler")]}
        known = set(found) if number >= own else filler
        everyday = any(source is one for one in (_english()[EVERYDAY], *_everyday().values()))
        for words, sense in _entries(source, _english(), everyday=everyday):
            phrase = phrase_of(words)
            if phrase in known:
                continue
            senses = found.setdefault(phrase, [])
            if not any(sense.table == other.table for other in senses):
                senses.append(sense)
    return {phrase: tuple(senses) for phrase, senses in found.items() if phrase}


def _read(path: Path) -> dict[str, Any]:
    tables: dict[str, Any] = tomli.loads(path.read_text(encoding="utf-8"))
    return tables


def _entries(
    source: Mapping[str, Any], english: Mapping[str, Any], *, everyday: bool = False
) -> Iterator[tuple[str, Sense]]:
    """Each phrase of an English set of tables or of a language file, with its meaning."""
    for table in MEANINGS:
        for key, row in source.get(table, {}).items():
            if key not in english[table]:
                raise KeyError(f"no row {key!r} in {table}.toml")
            yield from (
                (words, Sense(table, key, everyday)) for words in (row["words"] if isinstance(row, dict) else row)
            )
    for metre, phrases in source.get("keys", source).get("metres", {}).items():
        yield from ((words, Sense("metres", metre)) for words in phrases)
    grammar = source.get("grammar", {})
    for key in _GRAMMAR:
        row = grammar.get(key, [])
        yield from ((words, Sense("grammar", key)) for words in (row["words"] if isinstance(row, dict) else row))
    for key, phrases in grammar.get("refused", {}).items():
        yield from ((words, Sense("refused", key)) for words in phrases)
    for factor, phrases in source.get("degree", grammar.get("degree", {})).items():
        yield from ((words, Sense("degree", factor)) for words in phrases)
    filler = source.get("filler", grammar.get("filler", {"words": ()}))
    yield from ((words, Sense("grammar", "filler")) for words in filler["words"])


def _known(phrases: Mapping[Phrase, object]) -> frozenset[str]:
    return _lexicon("en").known | {token for phrase in phrases for token in phrase}


def _parts(phrases: Mapping[Phrase, object]) -> frozenset[str]:
    whole = {phrase[0] for phrase in phrases if len(phrase) == 1}
    return frozenset(token for phrase in phrases for token in phrase if token not in whole)


def _longest(phrases: Mapping[Phrase, object]) -> dict[str, int]:
    longest: dict[str, int] = {}
    for phrase in phrases:
        if phrase:
            longest[phrase[0]] = max(longest.get(phrase[0], 0), len(phrase))
    return longest


def _spellings(tokens: set[str]) -> dict[tuple[str, int], tuple[str, ...]]:
    spellings: dict[tuple[str, int], list[str]] = {}
    for token in sorted(tokens):
        if len(token) >= 5 and token.isalpha() and token.isascii():
            spellings.setdefault((token[0], len(token)), []).append(token)
    return {key: tuple(words) for key, words in spellings.items()}
