"""The vocabulary: tables of words read from `vocabulary/`, and the one dictionary that finds phrases in them."""

import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal

from pydantic import Field

from app.models.brief import Frozen
from app.models.plan import Mode
from app.services.planning.tokens import tokenise

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

#: Where the packaged tables live; languages/ holds words of other languages for the same rows.
VOCABULARY_FOLDER = Path(__file__).parent / "vocabulary"

Table = Literal[
    "genres", "moods", "instruments", "uses", "tempo", "density", "metres", "grammar", "degree", "refused"
]  # fmt: skip

#: Tables whose rows say something about the music.
MEANINGS: tuple[Table, ...] = ("genres", "moods", "instruments", "uses", "tempo", "density")

Phrase = tuple[str, ...]


class GenreRow(Frozen):
    """A kind of music that people name; the fields are explained in genres.toml."""

    words: tuple[str, ...]
    parent: str = ""
    styles: tuple[str, ...]
    tempo: tuple[float, float, float] | None = None
    metre: str | None = None
    modes: dict[Mode, float] | None = None
    swing: float | None = None
    valence: float | None = Field(None, ge=-1, le=1)
    arousal: float | None = Field(None, ge=-1, le=1)
    band: tuple[str, ...] = ()
    drums: bool | None = None
    general: bool = False


class MoodRow(Frozen):
    """A feeling, a scene or a purpose; the fields are explained in moods.toml and uses.toml."""

    words: tuple[str, ...]
    valence: float = Field(ge=-1, le=1)
    arousal: float = Field(ge=-1, le=1)
    kin: str = ""
    tempo: float | None = Field(None, ge=-1, le=1)
    tempo_feel: float | None = Field(None, ge=-1, le=1)
    density: float | None = Field(None, ge=-1, le=1)
    brightness: float = Field(0.0, ge=-1, le=1)
    space: float = Field(0.0, ge=-1, le=1)
    lift: int = 0
    modes: dict[Mode, float] = Field(default_factory=dict)
    curve: Literal["even", "arch", "rise", "wide"] | None = None
    drums: bool | None = None
    band: tuple[str, ...] = ()
    scene: bool = False
    styles: dict[str, float] = Field(default_factory=dict)


class InstrumentRow(Frozen):
    """A word for an instrument, a group or an ensemble; the fields are explained in instruments.toml."""

    words: tuple[str, ...]
    members: tuple[str, ...] = ()
    all: tuple[str, ...] = ()
    refuse: tuple[str, ...] = ()
    drums: bool = False
    weak: bool = False
    alone: bool = False


@dataclass(frozen=True, slots=True)
class Sense:
    """One meaning of a phrase: a row of a table."""

    table: Table
    key: str


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
    #: The tables of keys.toml.
    keys: Mapping[str, Any]
    #: The tables of roles.toml.
    roles: Mapping[str, Any]
    #: Style to how readily it is chosen when nothing speaks for or against it.
    spread: Mapping[str, float]
    #: Folded tokens to their meanings.
    phrases: Mapping[Phrase, tuple[Sense, ...]]
    #: First token to the length of the longest phrase that begins with it.
    longest: Mapping[str, int]
    #: English words of five letters and more by first letter and length, which typing errors are compared with.
    spellings: Mapping[tuple[str, int], tuple[str, ...]] = field(repr=False)
    #: Every single token of the vocabulary, and ordinary words that must not be taken for misspelt ones.
    known: frozenset[str] = field(repr=False)
    #: Endings without which a word is looked up again, with the fewest letters that must stand before them.
    endings: tuple[tuple[str, int], ...] = ()


#: Marks that are part of a phrase; all others only separate.
PHRASE_MARKS = frozenset("&#/+")


def phrase_of(words: str) -> Phrase:
    """The tokens by which a phrase is found; marks other than & # / + do not count.

    >>> phrase_of("Lo-Fi")
    ('lo', 'fi')
    """
    return tuple(token.folded for token in tokenise(words) if token.kind != "mark" or token.folded in PHRASE_MARKS)


@lru_cache(maxsize=1)
def lexicon() -> Lexicon:
    """The packaged vocabulary, read once a process."""
    english = {path.stem: _read(path) for path in sorted(VOCABULARY_FOLDER.glob("*.toml"))}
    others = [_read(path) for path in sorted((VOCABULARY_FOLDER / "languages").glob("*.toml"))]
    found: dict[Phrase, list[Sense]] = {}
    for sources in ([english], others):
        for source in sources:
            for words, sense in _entries(source, english):
                senses = found.setdefault(phrase_of(words), [])
                # English comes first: what a table already says of a phrase stays.
                if not any(sense.table == other.table and sense.key != other.key for other in senses):
                    senses.extend([] if sense in senses else [sense])
    meaningful = {
        token for words, sense in _entries(english, english) if sense.table in MEANINGS for token in phrase_of(words)
    }
    ordinary = {*english["ordinary"]["words"], *english["ordinary"]["stems"]}
    return Lexicon(
        genres={key: GenreRow.model_validate(row) for key, row in english["genres"].items()},
        moods={key: MoodRow.model_validate(row) for key, row in english["moods"].items()},
        uses={key: MoodRow.model_validate(row) for key, row in english["uses"].items()},
        instruments={key: InstrumentRow.model_validate(row) for key, row in english["instruments"].items()},
        tempo={key: float(row["feel"]) for key, row in english["tempo"].items()},
        density={key: float(row["density"]) for key, row in english["density"].items()},
        keys=english["keys"],
        roles=english["roles"],
        spread=english["spread"]["styles"],
        phrases={phrase: tuple(senses) for phrase, senses in found.items() if phrase},
        longest=_longest(found),
        spellings=_spellings(meaningful),
        known=frozenset(ordinary | {token for phrase in found for token in phrase}),
        endings=tuple(english["grammar"]["endings"].items()),
    )


def _read(path: Path) -> dict[str, Any]:
    tables: dict[str, Any] = tomllib.loads(path.read_text(encoding="utf-8"))
    return tables


def _entries(source: Mapping[str, Any], english: Mapping[str, Any]) -> Iterator[tuple[str, Sense]]:
    """Each phrase of an English set of tables or of a language file, with its meaning."""
    for table in MEANINGS:
        for key, row in source.get(table, {}).items():
            if key not in english[table]:
                raise KeyError(f"no row {key!r} in {table}.toml")
            yield from ((words, Sense(table, key)) for words in (row["words"] if isinstance(row, dict) else row))
    if "keys" in source:
        for metre, phrases in source["keys"]["metres"].items():
            yield from ((words, Sense("metres", metre)) for words in phrases)
    grammar = source["grammar"]
    for key in ("harmless", "refuse", "deny", "refuse_after", "only", "solo", "lead", "either", "also", "turn"):
        row = grammar.get(key, [])
        yield from ((words, Sense("grammar", key)) for words in (row["words"] if isinstance(row, dict) else row))
    for key, phrases in grammar.get("refused", {}).items():
        yield from ((words, Sense("refused", key)) for words in phrases)
    for factor, phrases in source.get("degree", grammar.get("degree", {})).items():
        yield from ((words, Sense("degree", factor)) for words in phrases)
    filler = source.get("filler", grammar.get("filler"))
    yield from ((words, Sense("grammar", "filler")) for words in filler["words"])


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
