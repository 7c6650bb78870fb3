"""Chords in time: how long each is held, and where in its bar it begins."""

from collections.abc import Sequence
from dataclasses import dataclass

from app.services.theory.chords import Chord
from app.services.theory.metre import Metre


@dataclass(frozen=True, slots=True)
class Change:
    """A chord and where it holds in its bar."""

    #: Beats from the bar line.
    position: float
    length: float
    chord: Chord


#: A chord and how many bars it lasts.
Held = tuple[Chord, float]

#: The changes of one bar.
Changes = tuple[Change, ...]


def spread(held: Sequence[Held], bars: int, metre: Metre) -> list[Changes]:
    """Chords laid over so many bars, round and round; equal neighbours are one chord."""
    marks: list[tuple[float, Chord]] = []
    at = 0.0
    turn = 0
    while at < bars - 1e-9:
        chord, length = held[turn % len(held)]
        marks.append((at, chord))
        at += length
        turn += 1
    laid: list[Changes] = []
    sounding = marks[0][1]
    for bar in range(bars):
        inside = {0.0: sounding}
        for mark, chord in marks:
            if bar - 1e-9 <= mark < bar + 1 - 1e-9:
                inside[_place(mark - bar, metre)] = chord
        laid.append(changes(inside, metre.beats))
        sounding = laid[-1][-1].chord
    return laid


def changes(inside: dict[float, Chord], beats: float) -> Changes:
    """A bar's chords by the beat on which they begin, the first on 0; equal neighbours are one."""
    places = sorted(inside)
    kept = [p for i, p in enumerate(places) if i == 0 or inside[p] != inside[places[i - 1]]]
    return tuple(Change(place, end - place, inside[place]) for place, end in zip(kept, [*kept[1:], beats], strict=True))


def shortened(bar: Changes, beats: float) -> Changes:
    """A bar's chords where only its first beats are heard: those that have room, and its last in any case.

    The last one leads to the next bar. They still fill the whole bar, which players read as any other.

    >>> away, back = Chord(5, "maj", 5), Chord(7, "maj", 7)
    >>> [(c.position, c.length, c.chord.root) for c in shortened((Change(0, 2, away), Change(2, 2, back)), 2)]
    [(0, 1.0, 5), (1.0, 3.0, 7)]
    """
    whole = bar[-1].position + bar[-1].length
    inside = {change.position: change.chord for change in bar if change.position < beats - 1e-6}
    if bar[-1].position >= beats - 1e-6:
        inside[beats / 2] = bar[-1].chord
    return changes(inside, whole)


def _place(part: float, metre: Metre) -> float:
    """Beat at which a part of a bar begins, on a pulse."""
    if part < 1e-6:
        return 0.0
    if abs(part - 0.5) < 1e-6:
        return metre.half()
    pulses = metre.pulses
    return pulses[min(round(part * len(pulses)), len(pulses) - 1)]
