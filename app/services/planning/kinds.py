"""Names of genres in context go in, the one that leads comes out, with those refused and those that colour it.

Names of instruments are looked into as well, for a genre or a feeling that is part of them.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache

from app.models.brief import Heard
from app.services.planning.catalogue import packaged_styles, styles_of
from app.services.planning.clauses import Said
from app.services.planning.lexicon import Sense, lexicon
from app.services.planning.matching import Match
from app.services.planning.tokens import Passage

Quote = Callable[[Said], tuple[str, ...]]

#: How much a name says: a general word, a family, a frame ("soundtrack"), a sub-genre.
_GENERAL, _FAMILY, _FRAME, _SUB = range(4)


#: Families that are acoustic as it is: nothing is lent to them.
_UNPLUGGED = frozenset({"jazz", "classical", "ambient"})


#: Words after which come the players of the piece, in all languages; words between them and a genre, at most.
_WITH, _WITH_REACH = frozenset({"with", "w", "con", "com", "avec", "mit"}), 3


@dataclass(frozen=True, slots=True)
class GenresRead:
    """What the words said about kinds of music."""

    chosen: Heard[str] | None = None
    refused: tuple[Heard[str], ...] = ()
    #: Those wanted beside it, in the order of the words; neither its family nor general words.
    others: tuple[Heard[str], ...] = ()
    #: Players that a general word lends to the genre beside it: "acoustic metal" has an acoustic guitar.
    lent: tuple[Heard[str], ...] = ()
    #: The sub-genres among those wanted, which have a feeling of their own: "dark ambient drone" is a drone, and dark.
    #: A family has room for every feeling.
    colours: tuple[str, ...] = ()


def read_genres(passage: Passage, said: Sequence[Said], quote: Quote, conflicts: list[str]) -> GenresRead:
    """The genre that leads. A sub-genre says more than its family, a general word less than any.

    Of neighbours that say as much, the last is the noun: "folk rock", "dark ambient drone". Where none is named, the
    name of an instrument may hold one: "ambient pads", "flamenco guitar". Contradictions are added to `conflicts`.
    """
    rows = lexicon().genres
    named = [one for one in said if one.meaning("genres")]
    refused = tuple(Heard[str](value=_key(one), words=quote(one)) for one in named if one.refused)
    wanted = [one for one in named if not one.refused]
    if not wanted:
        hinted = next((hint for one in said if (hint := _hinted(passage, one, quote)) is not None), None)
        return GenresRead(hinted, refused)

    def words_of(genre: str) -> tuple[str, ...]:
        return tuple(dict.fromkeys(part for one in wanted if _key(one) == genre for part in quote(one)))

    heads = [one for one in wanted if not _plays_guest(passage, one, wanted, said)]
    best = max(heads, key=lambda one: (_rank(_key(one)), one.match.last - one.match.first))
    while following := _neighbour(best, heads):
        best = following
    best = _coloured(passage, best, heads)
    chosen = _key(best)
    keys = dict.fromkeys(_key(one) for one in wanted)
    others = sorted(key for key in keys if key not in (chosen, rows[chosen].parent) and _rank(key) > _GENERAL)
    if others:
        conflicts.append(f"{', '.join(others)} and {chosen} were all named: {chosen} leads.")
    colours = tuple(key for key in (chosen, *others) if rows[key].parent and _rank(key) > _GENERAL)
    beside = tuple(Heard[str](value=key, words=words_of(key)) for key in keys if key in others)
    lent: tuple[Heard[str], ...] = ()
    if (rows[chosen].parent or chosen) not in _UNPLUGGED:
        lent = tuple(
            Heard[str](value=key, words=words_of(one)) for one in keys if one != chosen for key in rows[one].lends
        )
    return GenresRead(Heard(value=chosen, words=words_of(chosen)), refused, beside, lent, colours)


def tones_of(passage: Passage, said: Sequence[Said]) -> list[Said]:
    """The feelings with which names of instruments begin, as words of their own: "ethereal choir", "warm pads"."""
    phrases = lexicon().phrases
    tones: list[Said] = []
    for one in said:
        first, last = one.match.first, one.match.last
        if one.refused or one.meaning("instruments") is None or one.meaning("moods") is not None or last - first < 2:
            continue
        for end in range(last - 1, first, -1):
            senses = phrases.get(tuple(passage.folded(i) for i in range(first, end)), ())
            moods = tuple(sense for sense in senses if sense.table == "moods")
            if moods and not any(sense == Sense("grammar", "build") for sense in senses):
                tones.append(Said(Match(first, end, moods)))
                break
    return tones


@cache
def home_of(genre: str) -> tuple[float, float]:
    """Valence and arousal of a genre: its own, else those of the style that plays it."""
    row = lexicon().genres[genre]
    styles = packaged_styles()
    style = styles[styles_of(row, styles)[0]]
    return (
        style.valence if row.valence is None else row.valence,
        style.arousal if row.arousal is None else row.arousal,
    )


def _key(one: Said) -> str:
    return one.meaning("genres") or ""


def _rank(genre: str) -> int:
    row = lexicon().genres[genre]
    return _GENERAL if row.general else _FRAME if row.frame else _SUB if row.parent else _FAMILY


def _plays_guest(passage: Passage, one: Said, wanted: Sequence[Said], said: Sequence[Said]) -> bool:
    """Whether a genre only says how a player of another house plays: "house with Chuck Berry guitar"."""
    first, last = one.match.first, one.match.last
    before = range(first - 1, max(-1, first - 1 - _WITH_REACH), -1)
    opened = next((i for i in before if passage.folded(i) in _WITH or passage.kind(i) == "mark"), -1)
    if passage.folded(opened) not in _WITH:
        return False
    rows, key = lexicon().genres, _key(one)
    house = rows[key].parent or key
    hosts = [other for other in wanted if other.match.last <= opened and _rank(_key(other)) > _GENERAL]
    if not hosts or any((rows[_key(host)].parent or _key(host)) == house for host in hosts):
        return False
    return any(
        other.meaning("instruments") and (other.match.first == last or opened < other.match.first <= first)
        for other in said
    )


def _neighbour(best: Said, wanted: Sequence[Said]) -> Said | None:
    """A genre right behind the best that says as much: two families, or sub-genres of one ("stadium rock anthem")."""
    rows, key = lexicon().genres, _key(best)
    return next(
        (
            one
            for one in wanted
            if one.match.first == best.match.last
            and _rank(_key(one)) == _rank(key)
            and rows[_key(one)].parent == rows[key].parent
        ),
        None,
    )


def _coloured(passage: Passage, best: Said, wanted: Sequence[Said]) -> Said:
    """The genre beside a word that only gives colour: "Japanese rock", "rock celta", "indian style techno"."""
    rows = lexicon().genres
    if not rows[_key(best)].colour:
        return best
    family = rows[_key(best)].parent
    nouns = [
        one
        for one in wanted
        if not (rows[_key(one)].colour or rows[_key(one)].general or (rows[_key(best)].metre and _key(one) == family))
    ]
    after = (one for one in nouns if 0 <= one.match.first - best.match.last <= 1)
    before = (one for one in nouns if one.match.last == best.match.first and not rows[_key(best)].frame)
    for one in (*after, *before):
        between = range(min(best.match.last, one.match.last), max(best.match.first, one.match.first))
        if all(passage.kind(i) != "mark" for i in between):
            return one
    return best


def _hinted(passage: Passage, one: Said, quote: Quote) -> Heard[str] | None:
    """The genre with which the name of an instrument begins: "flamenco guitar", but no "classical guitar"."""
    if one.refused or one.meaning("instruments") is None:
        return None
    tables = lexicon()
    for last in range(one.match.last - 1, one.match.first, -1):
        phrase = tuple(passage.folded(i) for i in range(one.match.first, last))
        for sense in tables.phrases.get(phrase, ()):
            if sense.table == "genres" and _rank(sense.key) > _GENERAL and not tables.genres[sense.key].build:
                return Heard(value=sense.key, words=quote(one))
    return None
