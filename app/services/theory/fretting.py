"""Chords as a guitarist holds them: shapes of the left hand on strings that lie side by side.

Standard tuning; a hand reaches four frets and stops with four fingers, the first of which may lie across all strings.
A keyboard's layouts, played on a guitar, have seconds and thirds that no hand can hold, and lack its octaves.
"""

from collections.abc import Iterator
from functools import lru_cache
from itertools import pairwise, product

from app.services.theory.chords import Chord
from app.services.theory.voicing import Spacing, Voicing, chosen_classes, voicings

#: Open strings from the lowest, as MIDI pitches: E A D G B E.
STRINGS = (40, 45, 50, 55, 59, 64)

#: Frets that a hand reaches from the one its first finger stops, the highest that this is, and its fingers.
_SPAN, _HIGHEST_POSITION, _FINGERS = 3, 9, 4

#: Open strings sound as long as the hand is no higher than this.
_OPEN_UP_TO = 3

#: Fewest strings of a chord that is strummed.
_FEWEST = 3


@lru_cache(maxsize=8192)
def shapes(chord: Chord, low: int, high: int, count: int, spacing: Spacing) -> tuple[Voicing, ...]:
    """All shapes of a chord on so many strings between two pitches; a keyboard's layouts where there is none.

    The lowest string has the chord's bass, except where a band's bass has it (`rootless`).

    >>> (40, 47, 52, 56, 59, 64) in shapes(Chord(4, "maj", 4), 40, 76, 6, "close")
    True
    """
    rootless = spacing == "rootless"
    for told in (4, 3):  # where no hand can hold four different tones, three tell the chord
        needed = set(chosen_classes(chord, min(count, told), "rootless" if rootless else "close"))
        for strings in range(min(count, len(STRINGS)), _FEWEST - 1, -1):
            found = {
                layout
                for layout in _held(chord, strings, low, high)
                if needed <= {pitch % 12 for pitch in layout}
                and (rootless or layout[0] % 12 == chord.bass)
                and not _coloured_twice(chord, layout)
            }
            if found:
                return tuple(sorted(found))
    return voicings(chord, low, high, count, spacing)


def _coloured_twice(chord: Chord, layout: Voicing) -> bool:
    """Whether a seventh or a colour sounds in two octaves, which makes a chord of its own of it."""
    colours = [pitch % 12 for pitch in layout if pitch % 12 in chord.classes[3:]]
    return len(colours) > len(set(colours))


def _held(chord: Chord, count: int, low: int, high: int) -> Iterator[Voicing]:
    """Everything that a hand can hold of a chord's tones on `count` neighbouring strings."""
    classes = set(chord.classes)
    for first in range(len(STRINGS) - count + 1):
        strings = STRINGS[first : first + count]
        for position in range(1, _HIGHEST_POSITION + 1):
            frets = range(position, position + _SPAN + 1)
            open_string = (0,) if position <= _OPEN_UP_TO else ()
            stops = [[fret for fret in (*open_string, *frets) if (string + fret) % 12 in classes] for string in strings]
            for held in product(*stops):
                pitches = tuple(string + fret for string, fret in zip(strings, held, strict=True))
                rising = all(lower < upper for lower, upper in pairwise(pitches))
                if rising and pitches[0] >= low and pitches[-1] <= high and _reachable(held):
                    yield pitches


def _reachable(held: tuple[int, ...]) -> bool:
    """Whether four fingers stop these frets; 0 is an open string, under which no finger can lie across."""
    stopped = [fret for fret in held if fret]
    if len(stopped) <= _FINGERS:
        return True
    return 0 not in held and len([fret for fret in stopped if fret > min(stopped)]) < _FINGERS
