"""Names of genres, moods, instruments, keys and metres as fields carry them go in, rows of the tables come out."""

from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from typing import Any, Literal

from app.errors import InvalidField
from app.services.planning.figures import METRES, read_figures
from app.services.planning.lexicon import lexicon, phrase_of
from app.services.planning.tokens import passage_of
from app.services.theory.instruments import INSTRUMENTS

Table = Literal["genres", "moods", "instruments"]

#: Where each table can be read.
LISTED_AT = {
    "genres": "GET /music/genres",
    "moods": "GET /music/moods",
    "instruments": "GET /music/instruments",
}

#: Families of the instrument table, which can be refused whole.
FAMILIES = frozenset(row.family for row in INSTRUMENTS.values())


def name_in(table: Table, word: str) -> str | None:
    """The row that a name, or a word for it, means; None for none.

    >>> name_in("genres", "Lo-Fi Hip Hop"), name_in("instruments", "pianos"), name_in("moods", "happy")
    ('lo-fi', 'acoustic_grand_piano', 'happy')
    """
    rows = _rows(table)
    plain = word.strip().lower()
    for key in (plain, plain.replace(" ", "_"), plain.replace(" ", "-")):
        if key in rows:
            return key
    phrase = phrase_of(plain)
    if not phrase:
        return None
    for form in (phrase, (*phrase[:-1], phrase[-1].removesuffix("s"))):
        for sense in lexicon().phrases.get(form, ()):
            if sense.table == table:
                # A field names players: a snare is the drummer's.
                part = table == "instruments" and lexicon().instruments[sense.key].part
                return "drums" if part else sense.key
    return None


def row_named(table: Table, word: str, field: str, *inside: int) -> str:
    """The row that a name means; `InvalidField` at the field's place, telling where all names are listed."""
    key = name_in(table, word)
    if key is None:
        raise InvalidField(field, _unknown(table, word, _rows(table)), inside=inside)
    return key


def player_refused(word: str, *inside: int) -> str:
    """The instrument, group or family that a name refuses. `InvalidField`."""
    family = word.strip().lower().replace(" ", "_")
    key = name_in("instruments", word) or (family if family in FAMILIES else None)
    if key is None:
        raise InvalidField(
            "exclude_instruments", _unknown("instruments", word, [*_rows("instruments"), *FAMILIES]), inside=inside
        )
    return key


def key_named(word: str) -> tuple[str | None, str | None]:
    """Tonic and mode of a key, at least one of them. `InvalidField`.

    >>> key_named("F#m"), key_named("d dorian"), key_named("Bb"), key_named("minor")
    (('F#', 'minor'), ('D', 'dorian'), ('Bb', None), (None, 'minor'))
    """
    word = word.strip()
    passage = passage_of(f"key: {word[:1].upper()}{word[1:]}")
    figures = read_figures(passage)
    understood = len(figures.used) == len(passage) - 2  # all but "key" and the colon
    if not understood or (figures.tonic is None and figures.mode is None):
        modes = ", ".join(mode.replace("_", " ") for mode in lexicon().keys["modes"])
        raise InvalidField("key", f"must be a note (C, F#, Bb), a mode ({modes}), or both: F#m, D dorian, Bb major")
    return (
        None if figures.tonic is None else figures.tonic.value,
        None if figures.mode is None else figures.mode.value,
    )


def metre_named(word: str) -> str:
    """A metre that is played. `InvalidField` naming them.

    >>> metre_named(" 6 / 8 ")
    '6/8'
    """
    metre = "".join(word.split())
    if metre not in METRES:
        raise InvalidField("time_signature", f"must be one of {', '.join(METRES)}")
    return metre


def _rows(table: Table) -> Mapping[str, Any]:
    tables = lexicon()
    if table == "genres":
        return tables.genres
    players = {key: row for key, row in tables.instruments.items() if not row.part}
    return tables.moods if table == "moods" else {**INSTRUMENTS, **players}


def _unknown(table: Table, word: str, names: Iterable[str]) -> str:
    near = get_close_matches(word.strip().lower()[:60].replace(" ", "_"), names, n=3)
    guess = f"near it: {', '.join(near)}; " if near else ""
    return f"is not known; {guess}{LISTED_AT[table]} lists all {table}"
