"""A passage goes in, the language that it is most likely written in comes out."""

from collections.abc import Sequence

from app.services.planning.lexicon import MANY, MIXED, languages, signs_of, tokens_of
from app.services.planning.matching import inflected_form
from app.services.planning.tokens import Passage

ENGLISH, JAPANESE, GERMAN = "en", "ja", "de"

#: Its words stand among those of languages without a file; Japanese says some of them of what stands before.
CHINESE = MANY

#: Letters of the first half of a German compound, and of what ends it ("-los"), at least.
_SHORTEST_HALF, _SHORTEST_ENDING = 4, 3

#: Letters of a second half that needs no known first one.
_LONG_TAIL = 7

#: So many English words more than foreign ones make a prompt English, whatever else it holds.
_CLEAR = 2


def language_of(passage: Passage) -> str:
    """The key of the language whose own words outnumber the English ones; "mixed" where neither does clearly.

    Words that both share count for neither, and names of genres and instruments do not count as English.

    >>> from app.services.planning.tokens import passage_of
    >>> language_of(passage_of("violão no estilo bossa nova")), language_of(passage_of("piano, techno, 90 bpm"))
    ('pt', 'en')
    >>> language_of(passage_of("a slow tune, molto bella"))
    'mixed'
    """
    if any("\u3040" <= token.folded[:1] <= "\u30ff" for token in passage.tokens):
        return JAPANESE
    words = [token.folded for token in passage.tokens if token.kind == "word"]
    english, native = tokens_of(ENGLISH), tokens_of(ENGLISH, lent=False)
    accented = [text.lower() for i in range(len(passage)) if not (text := passage.text(i, i + 1)).isascii()]
    best, most, against, lead = ENGLISH, (0, 0, 0), 0, 0
    for language in languages():
        own = tokens_of(language)
        # Single letters are notes more often than French "c'" or Spanish "y".
        foreign = sum(len(word) > 1 and word in own and word not in english for word in words)
        letters, small = signs_of(language)
        signed = sum(bool(letters.intersection(word)) for word in accented)
        rank = (foreign + signed, sum(word in small for word in words), sum(word in own for word in words))
        likelier = rank == most and best != ENGLISH and _forms(words, language) > _forms(words, best)
        if foreign and (rank > most or likelier):
            best, most, lead = language, rank, foreign
            # The file of many languages holds small words of English too ("for", "and"): they are no sign of either.
            against = sum(word in native and (word not in own or language == CHINESE) for word in words)
    if best == ENGLISH:
        if any(_german_compound(word) for word in words if word not in english):
            return MIXED if any(word in native for word in words) else GERMAN
        if not any(word in native for word in words) and (inflected := _inflected(words)):
            return inflected
        return CHINESE if any("\u3400" <= token.folded[:1] <= "\u9fff" for token in passage.tokens) else ENGLISH
    lead -= against
    return best if lead > 0 else ENGLISH if lead <= -_CLEAR else MIXED


def _forms(words: Sequence[str], language: str) -> int:
    """How many of these words are forms of words of a language."""
    return sum(len(word) > _SHORTEST_HALF and inflected_form(word, language) is not None for word in words)


def _inflected(words: Sequence[str]) -> str | None:
    """The language of which most of these words are forms: none of them is known as it stands."""
    known = {language: _forms(words, language) for language in languages() if language != CHINESE}
    best = max(known, key=lambda language: known[language])
    return best if known[best] and len(words) > 1 else None


def _german_compound(word: str) -> bool:
    """Whether a word is made of two German ones that are not both English: "Kindergeburtstag", "schlagzeugfrei"."""
    english, german = tokens_of(ENGLISH), tokens_of(GERMAN)
    for place in range(_SHORTEST_HALF, len(word) - _SHORTEST_ENDING + 1):
        tail = word[place:]
        head = next((form for form in (word[:place], word[:place].rstrip("sn")) if form in german), "")
        if len(head) >= _SHORTEST_HALF and tail in german and not (head in english and tail in english):
            return True
        if len(tail) >= _LONG_TAIL and tail in german and tail not in english:
            return True  # "Joghurtwerbung"
    return False
