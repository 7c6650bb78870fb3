"""A section cut into phrases that ask and answer, and which cells of its motif each is made of."""

from dataclasses import dataclass

from app.models.plan import SectionKind
from app.services.composing.layout import Stretch
from app.services.composing.setting import Bar, Setting

#: Cells of a question and of its answer by kind of section, four bars each; shorter phrases take the outer ones.
SHAPES: dict[SectionKind, tuple[str, str]] = {
    "intro": ("a-c-", "a-C-"), "verse": ("abac", "abaC"), "chorus": ("aabc", "aabC"), "bridge": ("ebbc", "ebdC"),
    "break": ("e-c-", "e-C-"), "build": ("aaff", "adff"), "drop": ("aaac", "aadC"), "outro": ("acbC", "aebC"),
    "theme": ("abac", "adbC"), "variation": ("dbfc", "addC"),
}  # fmt: skip

#: How a phrase of two bars ends that is not its section's last: half a bar still moves.
SHORT_ENDINGS = {"c": "g", "C": "G"}

#: A phrase lasts about as long as a breath, in seconds.
BREATH_S = 7.5


@dataclass(frozen=True, slots=True)
class Phrase:
    """Bars that belong together."""

    bars: tuple[Bar, ...]
    #: Counted from the section's start.
    number: int
    answer: bool
    #: Phrases of its section.
    count: int


def phrases_of(setting: Setting, stretch: Stretch) -> list[Phrase]:
    """A section cut into phrases of two or four bars; the piece's last bar belongs to none.

    A section that has room for one long phrase only is cut into two short ones, so that it asks and answers. One that
    has not even room for those asks or answers by its place in the piece.
    """
    bars = [bar for bar in setting.bars_in(stretch) if not bar.final]
    breath_s = BREATH_S * 1.35
    length = 4 if 4 * setting.bar_s <= breath_s and len(bars) > 5 else 2 if 2 * setting.bar_s <= breath_s else 1
    cut = [tuple(bars[start : start + length]) for start in range(0, len(bars), length)]
    if len(cut) > 1 and len(cut[-1]) == 1 < length:
        # A bar left over belongs to the phrase before it.
        cut[-2:] = [cut[-2] + cut[-1]]
    alone = len(cut) == 1 and (stretch.index % 2 == 1 or stretch.section.kind == "outro")
    return [
        Phrase(piece, number, number % 2 == 1 or number == len(cut) - 1 > 0 or alone, len(cut))
        for number, piece in enumerate(cut)
    ]


def letters_of(kind: SectionKind, phrase: Phrase) -> str:
    """Which cells a phrase of so many bars is made of."""
    shape = SHAPES[kind][phrase.answer]
    count = len(phrase.bars)
    ending = shape[3] if shape[3] != "-" else shape[2]
    if count == 1:
        return ending if phrase.number else shape[0]
    if count == 2:
        # Question, answer, something else, answer again: the small form of most songs. Slow heads are not said twice.
        other = next((letter for letter in shape[1:3] if letter not in (shape[0], "-")), shape[0])
        turned = phrase.number % 4 == 2 or (shape[0] == "e" and phrase.number % 2 == 1)
        head = other if turned and shape[1] != "-" else shape[0]
        sparse = shape[1] == "-" or phrase.number == phrase.count - 1
        return head + (ending if sparse else SHORT_ENDINGS.get(ending, ending))
    if count == 4:
        return shape
    return shape[:2] + ending if count == 3 else shape[:3] + shape[0] + ending
