"""Numbers written in words go in, figures come out: "ninety", "cento e vinte", "quatre-vingt-dix"."""

from collections.abc import Mapping
from functools import lru_cache

from app.services.planning.lexicon import lexicon
from app.services.planning.tokens import Passage, fold

#: Tokens that a number in words takes at most: "one hundred and twenty five".
_MOST_TOKENS = 5

#: French counts in twenties: "quatre-vingts".
_FOUR, _SCORE = 4, 20

#: Japanese puts the number of tens before ten.
_TEN = 10


@lru_cache(maxsize=1)
def _tables() -> tuple[Mapping[str, int], frozenset[str], frozenset[str]]:
    """Words by their value, words that join them, and the first letters of the former."""
    rows = lexicon().keys["spelt"]
    values = {fold(word): int(value) for value, words in rows["values"].items() for word in words}
    return values, frozenset(fold(word) for word in rows["joined_by"]), frozenset(word[0] for word in values)


def spelt_at(passage: Passage, i: int) -> tuple[float, int]:
    """The number written in words at token i, and the tokens it takes; (0, 0) if there is none.

    >>> from app.services.planning.tokens import passage_of
    >>> [spelt_at(passage_of(words), 0)[0] for words in ("one forty", "centoventi", "quatre-vingt-dix", "百二十")]
    [140.0, 120.0, 90.0, 120.0]
    """
    _, joins, initials = _tables()
    if passage.folded(i)[:1] not in initials:
        return 0.0, 0
    parts: list[int] = []
    last = at = i
    while at < min(len(passage), i + _MOST_TOKENS):
        more = _parts(passage.folded(at))
        if more:
            parts += more
            last = at + 1
        elif not (parts and passage.folded(at) in joins):
            break
        at += 1
    return (float(_sum(parts)), last - i) if parts else (0.0, 0)


@lru_cache(maxsize=1024)
def _parts(word: str) -> tuple[int, ...]:
    """The values of which a word is made: German "fünfundneunzig" is 5 and 90."""
    values, joins, _ = _tables()
    if word in values:
        return (values[word],)
    for length in range(len(word) - 2, 2, -1):
        if word[:length] not in values:
            continue
        rest = word[length:]
        for join in ("", *joins):
            if rest.startswith(join) and (following := _parts(rest[len(join) :])):
                return (values[word[:length]], *following)
    return ()


def _sum(parts: list[int]) -> int:
    """What values in a row come to: 1, 100, 20 is 120; so is 1, 20, as drummers count in."""
    total = 0
    for place, part in enumerate(parts):
        if part == 100:
            total = max(1, total) * 100
        elif place and parts[place - 1] == _FOUR and part == _SCORE:
            total += _FOUR * _SCORE - _FOUR
        elif part == _TEN and place and parts[place - 1] < _TEN:
            total += (_TEN - 1) * parts[place - 1]  # 百二十
        elif place == 1 and total < 10 and part >= 20 and not _units_first(parts):
            total = total * 100 + part
        else:
            total += part
    return total


def _units_first(parts: list[int]) -> bool:
    """Whether German order is meant, 5 and 90; "one twenty" has the 1 that no German number of this kind begins."""
    return parts[0] != 1
