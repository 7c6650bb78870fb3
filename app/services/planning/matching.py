"""Tokens go in, the phrases that the vocabulary knows come out; typing errors and endings are forgiven."""

from collections.abc import Sequence, Set
from dataclasses import dataclass
from functools import lru_cache

from rapidfuzz import process
from rapidfuzz.distance import OSA

from app.services.planning.lexicon import LENT, MEANINGS, MIXED, PHRASE_MARKS, Lexicon, Sense, lexicon, tokens_of
from app.services.planning.tokens import Passage, Token

ENGLISH = "en"

#: Letters of the shortest word of another language than English in which a typing error is put right.
_SHORTEST_MISSPELT_ABROAD = 7

#: Letters that must stay when an ending is exchanged.
_SHORTEST_STEM, _SHORTEST_HANGUL = 3, 2


#: Languages that write the halves of a compound apart, as English does.
_OPEN_COMPOUNDS = ("es", "fr", "it", "ja", "pt")

#: Letters of the shortest compound that is looked into, of its halves, of an ending like "-los", and of a half that is
#: enough by itself; what links the halves in German.
_SHORTEST_COMPOUND, _SHORTEST_HALF, _SHORTEST_TAIL, _LONG_HALF = 8, 4, 3, 5
_LINKS = ("s", "n", "en", "es", "er", "e")


@dataclass(frozen=True, slots=True)
class Match:
    """A phrase of the vocabulary found in the prompt."""

    #: Stream indices: first, and one past the last.
    first: int
    last: int
    senses: tuple[Sense, ...]

    def key(self, table: str) -> str | None:
        """The row it names in a table."""
        return next((sense.key for sense in self.senses if sense.table == table), None)

    def is_everyday(self, table: str) -> bool:
        """Whether its meaning in a table is that of an everyday word."""
        return any(sense.table == table and sense.everyday for sense in self.senses)

    def says(self, *keys: str) -> bool:
        """Whether it is one of these words of grammar."""
        return self.key("grammar") in keys


def find_matches(passage: Passage, taken: Set[int], language: str = "en") -> list[Match]:
    """Known phrases in order, longest first at each place, none across a token in `taken`."""
    stream = passage.tokens
    words = lexicon(language)
    # Italian "è" is no "e".
    ands = {
        i
        for i, t in enumerate(stream)
        if t.folded in (words.own_and or ()) and t.folded in passage.text(i, i + 1).lower()
    }
    forms = [_known_form(token.folded, language) if token.kind == "word" else token.folded for token in stream]
    matches: list[Match] = []
    i = 0
    while i < len(stream):
        found = None if i in taken else _longest_at(words, stream, forms, i, taken, ands)
        if found is None:
            if i not in taken:
                matches.extend(Match(i, i + 1, senses) for senses in halves_of(forms[i], language))
            i += 1
            continue
        last, phrase = _leaving_room(words, found, stream, forms, i, taken, ands)
        if last == i + 1 and _otherwise_accented(words, forms, passage, i):
            matches.append(Match(i, last, (Sense("grammar", "filler"),)))
            i = last
            continue
        if _inside_katakana(stream, i, matches):
            i += 1
            continue
        senses = words.phrases[phrase]
        if language not in (ENGLISH, MIXED) and forms[last : last + 1] and _english_here(phrase, forms[last], language):
            senses = lexicon().phrases[phrase]
        matches.append(Match(i, last, senses))
        i = last
    return matches


def _otherwise_accented(words: Lexicon, forms: Sequence[str], passage: Passage, i: int) -> bool:
    """Whether a word is no more than spelt like one with an accent, or without: "ne ho abbastanza", "le marché"."""
    plain = passage.text(i, i + 1).isascii()
    if forms[i] in words.unaccented:
        return not plain
    following = words.phrases.get(tuple(forms[i + 1 : i + 2]), ())
    return forms[i] in words.accented and plain and not any(sense.table == "instruments" for sense in following)


def _english_here(phrase: tuple[str, ...], following: str, language: str) -> bool:
    """Whether an English "no" stands in a Portuguese prompt, where it mostly means "in the": before an English word."""
    refuses = any(sense.table == "grammar" and sense.key == "refuse" for sense in lexicon().phrases.get(phrase, ()))
    return refuses and following in tokens_of(ENGLISH) and following not in tokens_of(language)


def _leaving_room(
    words: Lexicon, found: tuple[int, tuple[str, ...]], stream: Sequence[Token], forms: Sequence[str], i: int,
    taken: Set[int], ands: Set[int],
) -> tuple[int, tuple[str, ...]]:  # fmt: skip
    """The phrase without its last word where that changes nothing, and the word begins a phrase of its own.

    "Lullaby music box" is a lullaby and a music box, not lullaby music and a box.
    """
    last, phrase = found
    shorter = phrase[:-1]
    meant = {(sense.table, sense.key) for sense in words.phrases[phrase]}
    if last - i < 2 or shorter not in words.phrases:
        return found
    following = _longest_at(words, stream, forms, last - 1, taken, ands)
    # "Creepy music box" is no creepy music either.
    player = following is not None and any(sense.table == "instruments" for sense in words.phrases[following[1]])
    player = player and not any(table == "instruments" for table, _ in meant)
    if not player and not meant & {(sense.table, sense.key) for sense in words.phrases[shorter]}:
        return found
    return (last - 1, shorter) if following is not None and following[0] > last else found


def _longest_at(
    words: Lexicon, stream: Sequence[Token], forms: Sequence[str], i: int, taken: Set[int], ands: Set[int]
) -> tuple[int, tuple[str, ...]] | None:
    written = stream[i].folded
    room = min(max(1, words.longest.get(forms[i], 0), words.longest.get(written, 0)), len(stream) - i)
    for length in range(room, 0, -1):
        if any(i + step in taken for step in range(length)):
            continue
        phrase = tuple(forms[i : i + length])
        singular = (*phrase[:-1], phrase[-1].removesuffix("s"))
        # A phrase never begins with an "and" that stands apart: Portuguese "violoncelo e piano" is no e-piano.
        if length > 1 and i in ands and stream[i + 1].spaced:
            continue
        for candidate in (tuple(token.folded for token in stream[i : i + length]), phrase, singular):
            if candidate in words.phrases and not (candidate != phrase and _two_players(words, phrase)):
                return i + length, candidate
    return None


def _two_players(words: Lexicon, phrase: tuple[str, ...]) -> bool:
    """Whether a phrase that is known in the singular only is two players in a row: "guitar bass drums"."""
    halves = (phrase[:-1], phrase[-1:])
    return all(any(sense.table == "instruments" for sense in words.phrases.get(half, ())) for half in halves)


def words_remembered() -> int:
    """Words whose form in the vocabulary is remembered."""
    return _known_form.cache_info().currsize


@lru_cache(maxsize=4096)
def _known_form(word: str, language: str = "en") -> str:
    """The vocabulary's form of a word: itself, with another ending, or with a typing error put right.

    >>> _known_form("accordions"), _known_form("relaxng"), _known_form("xylograph")
    ('accordion', 'relaxing', 'xylograph')
    >>> _known_form("melancólicas".replace("ó", "o"), "es")
    'melancolica'
    """
    return _form_of(word, language)


def _form_of(word: str, language: str) -> str:
    """The same, without remembering it."""
    words = lexicon(language)
    if (word,) in words.phrases:
        return word
    inflected = inflected_form(word, language)
    if inflected is not None:
        return inflected
    if word in words.parts:
        stems = ((word.removesuffix(ending), shortest) for ending, shortest in words.endings if word.endswith(ending))
        return next((stem for stem, least in stems if len(stem) >= least and (stem,) in words.phrases), word)
    if word in words.known:
        return word
    for ending, shortest in words.endings:
        stem = word.removesuffix(ending)
        if stem != word and len(stem) >= shortest and stem in words.known and _may_end(stem, words):
            return stem
    if len(word) < 5 or not (word.isascii() and word.isalpha()):
        return word
    # One slip in a short word, two in a long one; the first letter is nearly always right. In other languages than
    # English, whose ordinary words are less well known here, only long words, by one slip.
    slips = 1 if len(word) < 10 or language != "en" else 2
    if language != "en" and len(word) < _SHORTEST_MISSPELT_ABROAD:
        return word
    near = [
        candidate
        for length in range(len(word) - slips, len(word) + slips + 1)
        for candidate in words.spellings.get((word[0], length), ())
    ]
    best = process.extractOne(word, near, scorer=OSA.distance, score_cutoff=slips)
    return best[0] if best else word


def inflected_form(word: str, language: str) -> str | None:
    """The form of a word with another ending of its language that the vocabulary knows: "piangono" is "piangere"."""
    words = lexicon(language)
    own = words.inflected
    for ending, stead in words.swaps:
        stem = word.removesuffix(ending)
        if stem != word and len(stem) >= (_SHORTEST_HANGUL if stem > "\uac00" else _SHORTEST_STEM):
            if not stead:
                return None
            for other in stead:
                if (stem + other,) in words.phrases if own is None else stem + other in own:
                    return stem + other
    return None


def _may_end(stem: str, words: Lexicon) -> bool:
    """Whether a word may be this one with an English ending: in other languages a word of their own, or a name."""
    own = words.inflected
    return own is None or stem in own or any(sense.table in LENT for sense in words.phrases.get((stem,), ()))


@lru_cache(maxsize=1024)
def halves_of(word: str, language: str) -> tuple[tuple[Sense, ...], ...]:
    """What the two halves of a word mean in a language that writes compounds as one: "Technobeat", "schlagzeugfrei".

    One half that says something of the music is enough if it is long.
    """
    if language in (ENGLISH, *_OPEN_COMPOUNDS) or len(word) < _SHORTEST_COMPOUND or not word.isalpha():
        return ()
    phrases = lexicon(language).phrases
    if word in lexicon(language).known:
        return ()
    whole: tuple[tuple[Sense, ...], ...] = ()
    for place in range(_SHORTEST_HALF, len(word) - _SHORTEST_TAIL + 1):
        head, tail = _half(word[:place], language, linked=True), _half(word[place:], language)
        if any(sense.table == "grammar" and sense.key == "refuse_after" for sense in tail) and _speaks(head):
            return head, tail
        if len(word) - place < _SHORTEST_HALF:
            continue
        if head and tail and (_speaks(head) or _speaks(tail)):
            return ((*tail, *(sense for sense in head if sense.table not in {other.table for other in tail})),)
        if language != MIXED and not whole:
            # One half alone must be a word as it stands, and what is left long enough for another: no "Anden" in
            # "verstanden".
            if _speaks(tail) and len(word) - place >= _LONG_HALF and (word[place:],) in phrases:
                whole = (tail,)
            elif (
                _speaks(head) and place >= _LONG_HALF and (word[:place],) in phrases and len(word) - place >= _LONG_HALF
            ):
                whole = (head,)
    return whole


def _half(word: str, language: str, *, linked: bool = False) -> tuple[Sense, ...]:
    """What half a compound means; the first half may end in letters that only link."""
    phrases = lexicon(language).phrases
    for form in (word, *((word.removesuffix(link) for link in _LINKS if word.endswith(link)) if linked else ())):
        if len(form) >= _SHORTEST_TAIL and (
            found := phrases.get((form,)) or phrases.get((_known_form(form, language),))
        ):
            return found
    return ()


def _speaks(senses: Sequence[Sense]) -> bool:
    """Whether one of the senses says something of the music."""
    return any(sense.table in MEANINGS for sense in senses)


def _inside_katakana(stream: Sequence[Token], first: int, matches: Sequence[Match]) -> bool:
    """Whether a match would begin in the middle of a katakana word: ロック in ブロック."""

    def katakana(i: int) -> bool:
        return 0 <= i < len(stream) and "\u30a1" <= stream[i].folded[:1] <= "\u30ff" and not stream[i].spaced

    begins_inside = katakana(first) and first > 0 and "\u30a1" <= stream[first - 1].folded[:1] <= "\u30ff"
    follows_match = bool(matches) and matches[-1].last == first
    return begins_inside and not follows_match


def leftovers(passage: Passage, matches: Sequence[Match], taken: Set[int]) -> tuple[str, ...]:
    """The prompt's words that neither a phrase nor a figure explains, neighbours of one script joined."""
    stream = passage.tokens
    explained = set(taken)
    for match in matches:
        explained.update(range(match.first, match.last))
    left: list[str] = []
    previous = -2
    for i, token in enumerate(stream):
        if i in explained or token.kind == "mark" or token.folded in PHRASE_MARKS:
            continue
        text = passage.text(i, i + 1)
        if token.kind == "east" and previous == i - 1 and stream[previous].kind == "east" and not token.spaced:
            left[-1] += text
        elif text not in left:
            left.append(text)
        previous = i
    return tuple(left)
