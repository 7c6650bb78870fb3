"""A prompt goes in, a readable title comes out."""

import unicodedata

#: Longest title in characters.
LONGEST = 60

#: A title for prompts that hold nothing readable.
UNTITLED = "Untitled"

#: Marks kept on one letter; more are a pile that overflows its line.
_MARKS = 2


def title_for(prompt: str) -> str:
    """The prompt as a title: one line, no control characters, at most 60 characters, a capital at the start.

    >>> title_for("relaxing piano melody for meditation")
    'Relaxing piano melody for meditation'
    """
    kept: list[str] = []
    marks = 0
    for sign in unicodedata.normalize("NFC", prompt):
        category = unicodedata.category(sign)
        marks = marks + 1 if category[0] == "M" else 0
        if sign.isspace() or category in ("Cc", "Zl", "Zp"):
            kept.append(" ")
        elif category[0] != "C" and marks <= _MARKS:
            kept.append(sign)
    text = " ".join("".join(kept).split()).strip(" .,;:!-–—/")
    if not text:
        return UNTITLED
    return _shortened(text[:1].upper() + text[1:] if len(text[:1].upper()) == 1 else text)


def _shortened(text: str) -> str:
    if len(text) <= LONGEST:
        return text
    cut = text[: LONGEST - 1]
    words = cut.rsplit(" ", 1)[0]
    return (words if len(words) >= LONGEST // 2 else cut).rstrip(" ,;:-–—") + "…"
