"""A passage goes in, the language that it is most likely written in comes out."""

from app.services.planning.lexicon import languages, tokens_of
from app.services.planning.tokens import Passage

ENGLISH, JAPANESE = "en", "ja"


def language_of(passage: Passage) -> str:
    """The key of the language whose own words outnumber the English ones; English where none does.

    Words that both share count for neither: every language has "piano" and "techno".

    >>> from app.services.planning.tokens import passage_of
    >>> language_of(passage_of("violão no estilo bossa nova")), language_of(passage_of("piano, techno, 90 bpm"))
    ('pt', 'en')
    """
    if any("\u3040" <= token.folded[:1] <= "\u30ff" for token in passage.tokens):
        return JAPANESE
    words = [token.folded for token in passage.tokens if token.kind == "word"]
    english = tokens_of(ENGLISH)
    best, most = ENGLISH, (0, 0)
    for language in languages():
        own = tokens_of(language)
        foreign = sum(word in own and word not in english for word in words)
        lead = foreign - sum(word in english and word not in own for word in words)
        shared = sum(word in own for word in words)
        if lead > 0 and (foreign, shared) > most:
            best, most = language, (foreign, shared)
    return best
