"""Whether a piece is a fugue, and what that asks of its band and its form: lines that all sing in every section."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from app.models.brief import Brief
from app.models.plan import Role, Section
from app.services.planning.character import genre_row
from app.services.planning.seats import Seat, reach
from app.services.styles import Style
from app.services.theory.instruments import INSTRUMENTS

#: Roles that carry the lines of a fugue, and how many lines it has at least.
_LINES: frozenset[Role] = frozenset({"lead", "counter", "bass"})
_FEWEST = 2

#: Roles that would cover the lines, and keep silent unless they were asked for.
_COVERING: frozenset[Role] = frozenset({"arpeggio", "pad", "texture"})

#: Families of instruments with keys for all lines.
_KEYBOARDS = frozenset({"piano", "organ"})


def is_fugue(brief: Brief, style: Style, seats: Sequence[Seat], rng: np.random.Generator) -> bool:
    """Whether the lines enter in imitation: where the words ask for it, else by the style's liking."""
    taken = style.counter.fugue > rng.random()
    if sum(seat.role in _LINES for seat in seats) < _FEWEST:
        return False
    row = genre_row(brief)
    words = " ".join(brief.genre.words).lower().split() if brief.genre is not None else []
    asked = row is not None and any(part in row.fugal for word in words for part in (word, *word.split("-")))
    return asked or taken


def contrapuntal(seats: Sequence[Seat]) -> tuple[Seat, ...]:
    """The band without those who would cover the lines; a keyboard that was asked for alone plays all of them."""
    asked = {seat.instrument for seat in seats if seat.asked}
    if len(asked) == 1 and all(INSTRUMENTS[key].family in _KEYBOARDS for key in asked):
        keyboard = asked.pop()
        return tuple(_taken_over(seat, keyboard) for seat in seats if seat.role in _LINES)
    return tuple(seat for seat in seats if seat.asked or seat.role not in _COVERING)


def _taken_over(seat: Seat, instrument: str) -> Seat:
    """The seat with another instrument, as far as that reaches."""
    low, high = reach(seat.row, instrument, 0.0)
    return replace(seat, instrument=instrument, low_pitch=low, high_pitch=high, asked=True)


def woven(sections: tuple[Section, ...], seats: Sequence[Seat], *, fugal: bool) -> tuple[Section, ...]:
    """The sections of a fugue, in each of which all lines sing; others as they are."""
    if not fugal:
        return sections
    lines = {seat.name for seat in seats if seat.role in _LINES}
    names = [seat.name for seat in seats]
    return tuple(
        section.model_copy(update={"voices": tuple(name for name in names if name in lines or name in section.voices)})
        for section in sections
    )
