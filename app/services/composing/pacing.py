"""How often chords change: a section's bars in, the same bars with as many changes as an ear can follow out."""

from collections import Counter
from collections.abc import Sequence

from app.services.composing.changes import Change, Changes, Held
from app.services.theory.chords import Chord
from app.services.theory.metre import Metre

#: Chord changes a minute: more than the one are not followed, fewer than the other stand still.
MOST_PER_MINUTE, LEAST_PER_MINUTE = 36.0, 13.0

#: A chord is not made shorter than this to have another one sooner, in seconds.
SHORTEST_S = 1.9

#: The bars at a section's end that lead on keep their chords.
_LEADING_BARS = 2


def pace(bars: Sequence[Changes], bar_s: float) -> float:
    """Chord changes a minute, the first chord counted as one."""
    sounding: Chord | None = None
    count = 0
    for change in (change for bar in bars for change in bar):
        count += change.chord != sounding
        sounding = change.chord
    return count * 60.0 / (len(bars) * bar_s)


def calmed(bars: Sequence[Changes], metre: Metre, bar_s: float, *, most: float = MOST_PER_MINUTE) -> list[Changes]:
    """Bars in which chords do not hurry: what only colours is left out, then what passes, then every other bar."""
    calm = list(bars)
    for bar, position in _dispensable(calm, metre):
        if pace(calm, bar_s) <= most:
            break
        calm[bar] = _without(calm, bar, position)
    return calm


def _dispensable(bars: Sequence[Changes], metre: Metre) -> list[tuple[int, float]]:
    """Bar and position of the changes that may be left out, what is missed least first."""
    ranked: list[tuple[tuple[int, bool, float, int], tuple[int, float]]] = []
    times = Counter(change.chord for bar in bars for change in bar)
    before = bars[0][0].chord
    for number, bar in enumerate(bars):
        leading = number >= len(bars) - _LEADING_BARS
        for change in bar:
            inside = change.position > 1e-6
            colouring = change.chord.root == before.root
            before = change.chord
            if number == 0 and not inside:
                continue
            if not inside and (leading or number % 4 == 0) and not colouring:
                continue
            rank = (1 if inside else 3 if number % 2 else 5) - colouring + 2 * leading
            alone = times[change.chord] == 1
            ranked.append(((rank, alone, metre.strength(change.position), number), (number, change.position)))
    return [place for _, place in sorted(ranked)]


def _without(bars: Sequence[Changes], number: int, position: float) -> Changes:
    """A bar in which what sounded before goes on in place of the chord at a position.

    At a section's end the chord that leads on stays and comes the sooner: a cadence keeps its dominant.
    """
    bar = bars[number]
    index = next(i for i, change in enumerate(bar) if change.position == position)
    gone = bar[index]
    if index:
        held = bar[index - 1]
        if number >= len(bars) - _LEADING_BARS and gone is bar[-1]:
            return (*bar[: index - 1], Change(held.position, held.length + gone.length, gone.chord))
        return (*bar[: index - 1], Change(held.position, held.length + gone.length, held.chord), *bar[index + 1 :])
    return (Change(0.0, gone.length, bars[number - 1][-1].chord), *bar[1:])


def livened(held: Sequence[Held], bar_s: float) -> list[Held]:
    """A progression whose chords stand too long, in half the time, as often as that leaves each of them time."""
    lively = list(held)
    while (
        60.0 * len(lively) / (sum(bars for _, bars in lively) * bar_s) < LEAST_PER_MINUTE
        and min(bars for _, bars in lively) * bar_s / 2 >= SHORTEST_S
    ):
        lively = [(chord, bars / 2) for chord, bars in lively]
    return lively
