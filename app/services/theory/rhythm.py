"""Rhythms written as strings, one sign a grid step, bars divided by `|`.

`.` is silence and `-` holds what sounded before; any other sign is a stroke whose meaning its reader knows. The number
of signs in a bar gives the grid: in 4/4, 16 signs are sixteenths and 12 are triplet eighths. A rhythm written for one
metre can be fitted to any other: its pulses become the other's pulses.
"""

from dataclasses import dataclass
from functools import cache

from app.services.theory.metre import Metre, metre_of

#: Which pulses of a written bar make up a bar of so many pulses, so that backbeats stay backbeats. Longer bars repeat.
_BORROWED_PULSES: dict[int, tuple[int, ...]] = {
    1: (0,), 2: (0, 1), 3: (0, 1, 3), 4: (0, 1, 2, 3), 5: (0, 1, 3, 0, 1), 6: (0, 1, 3, 0, 1, 3),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Stroke:
    """One sign of a rhythm that sounds."""

    #: Beats from the start of its bar.
    position: float
    #: Beats until the sign is no longer held.
    length: float
    sign: str


#: The strokes of one bar, in order.
Bar = tuple[Stroke, ...]


@cache
def read_rhythm(text: str, written_for: str, played_in: str) -> tuple[Bar, ...]:
    """The bars of a rhythm string, fitted from the metre it was written for to the one it is played in.

    >>> [(s.position, s.length, s.sign) for s in read_rhythm("x--.X...", "4/4", "4/4")[0]]
    [(0.0, 1.5, 'x'), (2.0, 0.5, 'X')]
    """
    written, played = metre_of(written_for), metre_of(played_in)
    bars = []
    for bar in text.replace(" ", "").split("|"):
        strokes = _strokes(bar, written.beats)
        bars.append(strokes if written_for == played_in else _fitted(strokes, written, played))
    return tuple(bars)


def broadened(bars: tuple[Bar, ...], beats: float) -> tuple[Bar, ...]:
    """Bars of so many beats played at half the speed, so that each fills two; what crosses the bar line is cut there.

    >>> [[s.position for s in bar] for bar in broadened(read_rhythm("x-x.x..x", "4/4", "4/4"), 4.0)]
    [[0.0, 2.0], [0.0, 3.0]]
    """
    made: list[Bar] = []
    for bar in bars:
        slow = [Stroke(2 * s.position, 2 * s.length, s.sign) for s in bar]
        for begin in (0.0, beats):
            inside = [s for s in slow if begin - 1e-6 <= s.position < begin + beats - 1e-6]
            made.append(
                tuple(
                    Stroke(round(s.position - begin, 6), min(s.length, begin + beats - s.position), s.sign)
                    for s in inside
                )
            )
    return tuple(made)


def _strokes(bar: str, beats: float) -> Bar:
    step = beats / len(bar)
    found: list[Stroke] = []
    for index, sign in enumerate(bar):
        if sign in ".-":
            continue
        held = index + 1
        while held < len(bar) and bar[held] == "-":
            held += 1
        found.append(Stroke(round(index * step, 6), round((held - index) * step, 6), sign))
    return tuple(found)


def _fitted(strokes: Bar, written: Metre, played: Metre) -> Bar:
    """The same rhythm in another metre, pulse by pulse; what would run over the bar line is cut."""
    fitted: dict[float, Stroke] = {}
    for position, length, sign in _by_pulse(strokes, written, played):
        if position < played.beats - 1e-3 and position not in fitted:
            fitted[position] = Stroke(position, round(min(length, played.beats - position), 6), sign)
    ordered = [fitted[position] for position in sorted(fitted)]
    ends = [*(stroke.position for stroke in ordered[1:]), played.beats]
    return tuple(
        Stroke(stroke.position, round(min(stroke.length, end - stroke.position), 6), stroke.sign)
        for stroke, end in zip(ordered, ends[: len(ordered)], strict=True)
    )


def _by_pulse(strokes: Bar, written: Metre, played: Metre) -> list[tuple[float, float, str]]:
    if not played.compound and not written.compound and played.beats % 1:
        # Odd eighths (7/8) read best as the written bar, cut or run on.
        turns = int(played.beats // written.beats) + 1
        return [
            (round(s.position + turn * written.beats, 6), s.length, s.sign) for turn in range(turns) for s in strokes
        ]
    count = len(played.pulses)
    borrowed = _BORROWED_PULSES.get(count) or tuple(i % len(written.pulses) for i in range(count))
    moved: list[tuple[float, float, str]] = []
    for target, source in enumerate(borrowed):
        source %= len(written.pulses)
        start, span = written.pulses[source], written.lengths[source]
        ratio = played.lengths[target] / span
        for stroke in strokes:
            inside = (stroke.position - start) / span
            if -1e-3 <= inside < 1 - 1e-3:
                place = _divided(inside, written, played) * played.lengths[target]
                moved.append((round(played.pulses[target] + place, 6), stroke.length * ratio, stroke.sign))
    return moved


def _divided(inside: float, written: Metre, played: Metre) -> float:
    """A place within a pulse, moved from halves to thirds or back; sixteenths keep their order."""
    if written.compound == played.compound:
        return inside
    if played.compound:
        # A triplet feel is already in thirds; straight off-beats go to the last third.
        table = {0.0: 0.0, 0.25: 1 / 3, 0.5: 2 / 3, 0.75: 5 / 6}
        return table.get(round(inside, 2), inside)
    return {0.0: 0.0, 0.33: 0.25, 0.67: 0.5, 0.17: 0.125, 0.5: 0.25, 0.83: 0.75}.get(round(inside, 2), inside)
