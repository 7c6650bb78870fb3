"""Chords laid out as pitches: every playable layout of a chord in a register, and the one nearest to what sounded."""

from collections.abc import Sequence
from functools import lru_cache
from itertools import pairwise
from typing import Literal

from app.services.theory.chords import Chord
from app.services.theory.scales import pitches_between

#: close: within about an octave · open: the second voice from the top an octave lower · rootless: guide tones and
#: colours, for bands with a bass · power: root and fifth · spread: wide at the bottom, for strings and pads.
Spacing = Literal["close", "open", "rootless", "power", "spread"]

#: Pitches are layouts from low to high.
Voicing = tuple[int, ...]

#: Below these pitches, intervals smaller than so many semitones sound muddy (low interval limits, rounded).
_LOW_LIMITS = ((40, 12), (46, 7), (53, 4), (58, 3))


def chosen_classes(chord: Chord, count: int, spacing: Spacing) -> tuple[int, ...]:
    """Which pitch classes of a chord sound when `count` voices play it, from the root up.

    >>> chosen_classes(Chord(2, "m9", 2), 4, "rootless")
    (5, 9, 0, 4)
    """
    classes = list(chord.classes)
    if spacing == "power":
        return (chord.root, chord.fifth) if count > 1 else (chord.root,)
    if spacing == "rootless" and len(classes) > 3:
        classes.remove(chord.root)
    if len(classes) > count:
        # The fifth says least, then the root; third, seventh and colour make the chord.
        for expendable in (chord.fifth, chord.root):
            if len(classes) > max(count, 1) and expendable in classes and chord.intervals[-1] > 7:
                classes.remove(expendable)
        classes = classes[: max(count, 1)]
    return tuple(classes)


@lru_cache(maxsize=8192)
def voicings(chord: Chord, low: int, high: int, count: int, spacing: Spacing) -> tuple[Voicing, ...]:
    """All layouts of a chord between two pitches; at least one, however narrow the register.

    >>> voicings(Chord(0, "maj", 0), 60, 72, 3, "close")
    ((60, 64, 67), (64, 67, 72))
    """
    classes = chosen_classes(chord, count, spacing)
    found: set[Voicing] = set()
    for start in pitches_between(classes, low, high):
        stacked = _stacked(start, classes)
        if count > len(stacked):
            stacked = (*stacked, start + 12)
        found.update(layout for layout in _spaced(stacked, spacing) if layout[-1] <= high and layout[0] >= low)
    if spacing == "power":
        # A power chord stands on its root: turned over it is a fourth, which sounds like the chord a fifth below.
        found = {layout for layout in found if layout[0] % 12 == chord.root} or found
    clear = [layout for layout in found if not _muddy(layout)]
    return tuple(sorted(clear or found)) or (_squeezed(classes, low, high),)


def nearest_voicing(previous: Voicing, options: Sequence[Voicing], centre: float) -> Voicing:
    """The layout that moves least from what sounded before and stays about its register's centre."""
    return min(options, key=lambda layout: (_movement(previous, layout) + _drift(layout, centre), layout))


def _movement(previous: Voicing, layout: Voicing) -> float:
    if not previous:
        return 0.0
    inner = sum(min(abs(pitch - before) for before in previous) for pitch in layout)
    return inner + 1.2 * abs(layout[-1] - previous[-1]) + 0.4 * abs(layout[0] - previous[0])


def _drift(layout: Voicing, centre: float) -> float:
    return 0.6 * abs(sum(layout) / len(layout) - centre)


def _stacked(start: int, classes: tuple[int, ...]) -> Voicing:
    """All classes within the octave above a pitch of one of them."""
    return tuple(sorted(start + (pitch_class - start) % 12 for pitch_class in classes))


def _spaced(stacked: Voicing, spacing: Spacing) -> list[Voicing]:
    if spacing in ("close", "rootless", "power") or len(stacked) < 3:
        return [stacked]
    dropped = tuple(sorted((*stacked[:-2], stacked[-2] - 12, stacked[-1])))
    lifted = tuple(sorted((stacked[0], stacked[1] + 12, *stacked[2:])))
    return [dropped, lifted] if spacing == "spread" else [dropped, lifted, stacked]


def _muddy(layout: Voicing) -> bool:
    return any(
        lower < limit and upper - lower < smallest
        for lower, upper in pairwise(layout)
        for limit, smallest in _LOW_LIMITS
    )


def _squeezed(classes: tuple[int, ...], low: int, high: int) -> Voicing:
    """What of a chord fits into a register too narrow for a layout: each tone at its lowest place; never nothing."""
    fitting = sorted({low + (c - low) % 12 for c in classes if low + (c - low) % 12 <= high})
    return tuple(fitting) or (low,)
