"""A prompt goes in, its words come out: folded for comparison, each still knowing where it stood."""

import unicodedata
from dataclasses import dataclass
from functools import lru_cache

#: Latin letters that no Unicode decomposition takes apart.
_UNFOLDED = str.maketrans({"œ": "oe", "æ": "ae", "ø": "o", "ł": "l", "đ": "d", "ð": "d", "ı": "i", "♯": "#", "♭": "b"})

#: Half-width Japanese voicing marks, which join the sign before them.
_VOICING_MARKS = "ﾞﾟ"


@dataclass(frozen=True, slots=True)
class Token:
    """One word, sign or punctuation mark of the prompt."""

    #: For comparison: compatibility-folded, lower case, without Latin accents.
    folded: str
    #: Where it stands in the prompt: prompt[start:end].
    start: int
    end: int
    #: Whether white space or the prompt's edge stands before it.
    spaced: bool
    #: "word", "number", "east" (a sign that is a word of its own: Japanese, Chinese, emoji), or "mark" (all else).
    kind: str


@dataclass(frozen=True, slots=True)
class Passage:
    """A prompt and the tokens of it that can mean something."""

    prompt: str
    tokens: tuple[Token, ...]

    def __len__(self) -> int:
        return len(self.tokens)

    def folded(self, i: int) -> str:
        """The folded token at an index; "" before the first and after the last."""
        return self.tokens[i].folded if 0 <= i < len(self.tokens) else ""

    def kind(self, i: int) -> str:
        """The kind of the token at an index; "" before the first and after the last."""
        return self.tokens[i].kind if 0 <= i < len(self.tokens) else ""

    def text(self, first: int, last: int) -> str:
        """The prompt's own words from one token to before another."""
        return self.prompt[self.tokens[first].start : self.tokens[last - 1].end]


#: Marks inside or between words that separate nothing: "lo-fi", "rock'n'roll".
_JOINERS = frozenset("-–—‐‑'’‘`´_・\"“”*^")


def passage_of(prompt: str) -> Passage:
    """The prompt without the marks that separate nothing.

    >>> passage_of("lo-fi, slow").text(0, 2)
    'lo-fi'
    """
    return Passage(prompt, tuple(t for t in tokenise(prompt) if t.kind != "mark" or t.folded not in _JOINERS))


def fold(text: str) -> str:
    """`text` for comparison: compatibility forms, case and Latin accents folded away.

    >>> fold("Música ＦＯＬＫ")
    'musica folk'
    """
    if text.isascii():
        return text.lower()
    decomposed = unicodedata.normalize("NFD", unicodedata.normalize("NFKC", text).casefold())
    kept = "".join(c for c in decomposed if not ("\u0300" <= c <= "\u036f" or "\ufe00" <= c <= "\ufe0f"))
    return unicodedata.normalize("NFC", kept).translate(_UNFOLDED)


def tokenise(prompt: str) -> tuple[Token, ...]:
    """The prompt's words in order. Any string is fine, lone surrogates and control characters included.

    Words split at everything that is no letter or digit, so that "lo-fi", "lo fi" and "Lo–Fi" are the same; scripts
    written without spaces give one token a sign.

    >>> [token.folded for token in tokenise("Lo-Fi, 90bpm!")]
    ['lo', '-', 'fi', ',', '90', 'bpm', '!']
    """
    tokens: list[Token] = []
    spaced, word, word_kind, word_start = True, "", "", 0

    def close(end: int) -> None:
        nonlocal word, spaced
        if word:
            tokens.append(Token(word, word_start, end, spaced, word_kind))
            word, spaced = "", False

    position = 0
    for start, end in _clusters(prompt):
        folded, kind = _sign(prompt[start:end])
        position = end
        if kind == word_kind and word and kind in ("word", "number"):
            word += folded
            continue
        close(start)
        if kind == "space":
            spaced = True
        elif kind in ("word", "number"):
            word, word_kind, word_start = folded, kind, start
        elif folded:
            tokens.append(Token(folded, start, end, spaced, kind))
            spaced = False
    close(position)
    return tuple(tokens)


def _clusters(prompt: str) -> list[tuple[int, int]]:
    """Start and end of each sign with the marks that belong to it."""
    if prompt.isascii():
        return [(i, i + 1) for i in range(len(prompt))]
    spans: list[tuple[int, int]] = []
    for i, sign in enumerate(prompt):
        if spans and (unicodedata.category(sign)[0] == "M" or sign in _VOICING_MARKS):
            spans[-1] = (spans[-1][0], i + 1)
        else:
            spans.append((i, i + 1))
    return spans


@lru_cache(maxsize=8192)
def _sign(cluster: str) -> tuple[str, str]:
    """A sign folded, and its kind."""
    folded = fold(cluster[:8])  # a pile of marks beyond that carries no letter
    first = folded[:1]
    if not first or first.isspace():
        return "", "space"
    if "\u3040" <= first <= "\u30ff" or "\u3400" <= first <= "\u9fff" or first == "々":
        return folded, "east"
    if first.isdecimal():
        digits = [str(unicodedata.decimal(sign)) for sign in folded if sign.isdecimal()]
        # "½" is no number that anything here is counted in.
        return ("".join(digits), "number") if "⁄" not in folded else (cluster, "mark")
    if first.isalpha():
        return folded, "word"
    category = unicodedata.category(first)
    if category[0] == "C":
        return "", "space"  # control and format characters separate words and mean nothing
    return folded, "east" if category == "So" else "mark"
