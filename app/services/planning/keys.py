"""Keys as people write them: "F#m", "C minor", "in D", "la menor", "h-Moll", "イ短調"; but not "a minor key"."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

from app.services.planning.lexicon import Phrase, lexicon, phrase_of
from app.services.planning.tokens import Passage, fold

#: Marks between tags or thoughts.
_BREAKS = frozenset(",;.:!?()[]|/、。")

#: A note with its flat and its mode in one word: "Bb", "Ebm", "Dmin", "Am7".
_COMPACT = re.compile(r"([A-G])(b)?(m|min|maj)?(?:7|6|9)?")

_COMPACT_MODES = {"m": "minor", "min": "minor", "maj": "major"}


@dataclass(frozen=True, slots=True)
class Key:
    """A key found in a passage; length 0 if there is none."""

    tonic: str | None = None
    mode: str | None = None
    #: Tokens it takes.
    length: int = 0


_NONE = Key()


@dataclass(frozen=True, slots=True)
class _Tables:
    """keys.toml, ready for look-ups by folded words."""

    sung: Mapping[str, str]
    altered: Mapping[str, str]
    japanese: Mapping[str, str]
    accidentals: Mapping[Phrase, str]
    modes: Mapping[Phrase, str]
    before: frozenset[str]
    after: frozenset[str]
    article: frozenset[str]
    plain: frozenset[str]
    short: frozenset[str]


#: "In" in the languages that sing their notes.
_IN = frozenset({"en", "em", "in"})

#: What stands before "am" the verb, and what ends a sentence.
_BEFORE_AM = frozenset({"i", "who", "what", "where", "how", "here", "so", "not", "why", ".", "!", "?", ":"})


@lru_cache(maxsize=1)
def _tables() -> _Tables:
    rows = lexicon().keys

    def by_word(table: str) -> dict[str, str]:
        return {fold(word): name for name, words in rows[table].items() for word in words}

    def by_phrase(table: str) -> dict[Phrase, str]:
        return {phrase_of(words) or (fold(words),): name for name, all_ in rows[table].items() for words in all_}

    def words(table: str, row: str) -> frozenset[str]:
        return frozenset(fold(word) for word in rows[table][row])

    return _Tables(
        sung=by_word("notes"),
        altered=by_word("altered"),
        japanese=by_word("japanese"),
        accidentals=by_phrase("accidentals"),
        modes=by_phrase("modes"),
        before=words("around", "before"),
        after=words("around", "after"),
        article=words("article", "words"),
        plain=words("plain", "words"),
        short=words("plain", "short"),
    )


def phrase_at(passage: Passage, i: int, table: Mapping[Phrase, str]) -> tuple[str | None, int]:
    """What the longest phrase at i means in a table, and how many tokens it takes."""
    for length in range(min(4, len(passage) - i), 0, -1):
        value = table.get(tuple(token.folded for token in passage.tokens[i : i + length]))
        if value is not None:
            return value, length
    return None, 0


#: Small letters that are no key even as a tag: an hour, a radio.
_NO_TAGS = frozenset({"am", "fm"})


def key_at(passage: Passage, i: int) -> Key:
    """The key written at i, or the mode alone, or none."""
    kind, folded = passage.kind(i), passage.folded(i)
    if kind == "east":
        return _japanese_key(passage, i) or _mode_alone(passage, i)
    if kind != "word":
        return _NONE
    tables = _tables()
    key = _NONE
    if len(folded) == 1 and folded in "abcdefg":
        key = _letter_key(passage, i)
    elif folded in tables.sung or folded in tables.altered:
        key = _named_key(passage, i)
    key = key if key.length else _compact_key(passage, i)
    return key if key.length else _mode_alone(passage, i)


def _japanese_key(passage: Passage, i: int) -> Key | None:
    tables = _tables()
    sign = {"嬰": "#", "変": "b"}.get(passage.folded(i), "")
    after = i + 1 + len(sign)
    note = tables.japanese.get(passage.folded(after - 1))
    mode, length = phrase_at(passage, after, tables.modes)
    return Key(note + sign, mode, after + length - i) if note and mode else None


def _named_key(passage: Passage, i: int) -> Key:
    """A note by its sung or German name; a mode must follow, or "in" stand before: "la menor", "fis-Moll", "en la"."""
    tables = _tables()
    folded = passage.folded(i)
    if folded in tables.altered:
        mode, length = phrase_at(passage, i + 1, tables.modes)
        return Key(tables.altered[folded], mode, 1 + length) if mode else _NONE
    sign, sign_length = phrase_at(passage, i + 1, tables.accidentals)
    mode, length = phrase_at(passage, i + 1 + sign_length, tables.modes)
    last = i + 1 + sign_length
    # "Blues en la, guitare", but no "en la noche"; "en mi bémol qui monte" can be nothing else.
    named = passage.folded(i - 1) in _IN and (sign is not None or ends_clause(passage, last))
    if mode is None and folded != "h" and (named or (sign and alone(passage, i, last))):
        return Key(tables.sung[folded] + (sign or ""), None, last - i)
    return Key(tables.sung[folded] + (sign or ""), mode, 1 + sign_length + length) if mode else _NONE


def _compact_key(passage: Passage, i: int) -> Key:
    """A note and its mode in one word: "Bb minor", "Ebm", "in Bb"; "Am" only where a key is expected, "dm" as a tag."""
    raw = passage.text(i, i + 1)
    found = _COMPACT.fullmatch(raw[:1].upper() + raw[1:])
    if found is None or len(raw) < 2:
        return _NONE
    note, flat, ending = found.groups()
    tonic = note + (flat or "")
    mode, length = phrase_at(passage, i + 1, _tables().modes)
    if mode is not None and ending is None:
        return Key(tonic, mode, 1 + length)
    expected = _expected(passage, i) or alone(passage, i, i + 1)
    unmistakable = raw[0].isupper() and ending is not None and (raw != "Am" or _written_among_others(passage, i))
    named = expected and passage.folded(i - 1) in ("key", "of", ":", "=")
    tag = alone(passage, i, i + 1) and len(passage) > 1 and ending == "m" and raw not in _NO_TAGS
    if unmistakable or named or tag or (expected and (raw[0].isupper() or flat)):
        return Key(tonic, _COMPACT_MODES.get(ending or ""), 1)
    return _NONE


def _written_among_others(passage: Passage, i: int) -> bool:
    """Whether a capital "Am" stands where no sentence begins, and neither beside "I" nor after an hour."""
    before = passage.folded(i - 1) if i else "."
    if passage.folded(i + 1) == "i" or before in _BEFORE_AM:
        return False
    return passage.kind(i - 1) != "number" and (passage.kind(i - 1) == "word" or before in ",/-;|")


def _letter_key(passage: Passage, i: int) -> Key:
    """A key that begins with a single letter: "F#m", "C minor", "in D"; "a minor key" is none."""
    tables = _tables()
    raw = passage.folded(i).upper() if passage.text(i, i + 1).isupper() else passage.folded(i)
    sign, length = phrase_at(passage, i + 1, tables.accidentals)
    if sign and passage.folded(i + 1) in ("#", "b") and passage.tokens[i + 1].spaced:
        sign, length = None, 0  # the sign belongs to something else: "a #1 hit"
    after = i + 1 + length
    tonic = raw.upper() + (sign or "")
    if sign and passage.folded(after) in _COMPACT_MODES and not passage.tokens[after].spaced:
        return Key(tonic, _COMPACT_MODES[passage.folded(after)], after + 1 - i)
    mode, length = phrase_at(passage, after, tables.modes)
    if mode is not None:
        if sign is None and raw in "aA" and _is_article(passage, i, after + length, raw):
            return _NONE
        german = raw in "bB" and sign is None and passage.folded(after) in ("dur", "moll")
        return Key("Bb" if german else tonic, mode, after + length - i)
    expected, tagged = _expected(passage, i), alone(passage, i, after)
    if sign is not None:
        return Key(tonic, None, after - i) if expected or tagged else _NONE
    following = passage.folded(after)
    ends = not following or following in _BREAKS | tables.after or passage.kind(after) == "number"
    named = expected and passage.folded(i - 1) in ("key", "of", ":", "=")
    if passage.folded(i - 1) == "in" and raw in "bcdefg":
        named = True  # "95 bpm in g"; "in a" is mostly an article
    if (expected and ends and (raw.isupper() or named)) or (tagged and raw.isupper() and len(passage) > 1):
        return Key(tonic, None, after - i)
    return _NONE


def _is_article(passage: Passage, i: int, last: int, raw: str) -> bool:
    """Whether the letter A before "minor" or "major" is the article: "in a minor key", "a major event"."""
    tables = _tables()
    following = passage.folded(last)
    if passage.kind(i - 1) == "number" or passage.folded(i - 1) in ("bpm", "bmp"):
        return False  # "trance 138 a minor supersaw": one tag after the other
    begins = i == 0 or passage.folded(i - 1) in _BREAKS
    if raw == "A" and not begins:
        return False  # a capital inside a sentence is the note
    if not following or following in _BREAKS | tables.after or passage.kind(last) == "number":
        return not (begins or _expected(passage, i))
    senses = lexicon().phrases.get((following,), ())
    musical = any(sense.table in ("genres", "instruments", "moods", "tempo", "uses") for sense in senses)
    return not (musical and (raw == "A" or _expected(passage, i)))


def _expected(passage: Passage, i: int) -> bool:
    """Whether "in", "key of" or "key:" stands before i."""
    before = passage.folded(i - 1)
    if before == "of":
        return passage.folded(i - 2) == "key"
    if before in (":", "="):
        return passage.folded(i - 2) in _tables().before
    return before in _tables().before


def alone(passage: Passage, first: int, last: int) -> bool:
    """Whether the tokens stand between separators or the prompt's edges, as a tag does."""
    before = passage.folded(first - 1)
    return (not before or before in _BREAKS) and ends_clause(passage, last)


def ends_clause(passage: Passage, last: int) -> bool:
    """Whether a separator or the prompt's end stands at `last`."""
    after = passage.folded(last)
    return not after or after in _BREAKS


def _mode_alone(passage: Passage, i: int) -> Key:
    """A mode named without a note: "a minor key", "in minor", "dorian"."""
    tables = _tables()
    mode, length = phrase_at(passage, i, tables.modes)
    if mode is None or passage.folded(i) in tables.short:
        return _NONE
    if passage.folded(i) not in tables.plain:
        return Key(None, mode, length)
    last = i + length
    following, before = passage.folded(last), passage.folded(i - 1)
    if following in tables.article:
        return Key(None, mode, length + 1)
    expected = before in tables.before or (before in ("a", "the") and passage.folded(i - 2) in tables.before)
    ends = not following or following in _BREAKS | tables.after
    return Key(None, mode, length) if ends and (expected or not before or before in _BREAKS) else _NONE
