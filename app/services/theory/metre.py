"""Metres: where the pulses of a bar fall and how strong each position is. All positions are in quarter-note beats."""

from dataclasses import dataclass
from functools import cache

#: Beats that count as the same moment.
SAME_MOMENT = 1e-6


@dataclass(frozen=True, slots=True)
class Metre:
    """A time signature with its pulses."""

    upper: int
    lower: int
    #: Where each pulse begins, in beats.
    pulses: tuple[float, ...]
    #: Length of each pulse, in beats.
    lengths: tuple[float, ...]

    @property
    def beats(self) -> float:
        """Quarter notes in a bar."""
        return self.upper * 4.0 / self.lower

    @property
    def compound(self) -> bool:
        """Whether each pulse divides into three."""
        return self.upper % 3 == 0 and self.upper > 3 and self.lower >= 8

    def strength(self, position: float) -> float:
        """Weight of a position in the bar: 1 on the downbeat, 0.1 between everything.

        >>> metre_of("4/4").strength(2.0), metre_of("6/8").strength(1.5)
        (0.8, 0.8)
        """
        return _strength(self, round(position, 4))

    def half(self) -> float:
        """Where the bar's second strong pulse stands, in beats.

        >>> metre_of("5/4").half()
        3.0
        """
        count = len(self.pulses)
        return self.pulses[(count + 1) // 2] if count > 1 else self.beats / 2


@cache
def _strength(metre: Metre, position: float) -> float:
    if position < 1e-3:
        return 1.0
    if abs(position - metre.half()) < 1e-3 and metre.upper != 3:
        return 0.8
    for start, length in zip(metre.pulses, metre.lengths, strict=True):
        inside = position - start
        if -1e-3 < inside < length - 1e-3:
            if inside < 1e-3:
                return 0.6
            part = length / 3 if metre.compound else length / 2
            return 0.3 if abs(inside / part - round(inside / part)) < 1e-3 else 0.1
    return 0.1


@cache
def metre_of(time_signature: str) -> Metre:
    """The metre that a time signature means.

    >>> metre_of("6/8").pulses, metre_of("7/8").lengths
    ((0.0, 1.5), (1.0, 1.0, 1.5))
    """
    upper, lower = (int(number) for number in time_signature.split("/"))
    unit = 4.0 / lower
    if lower >= 8 and upper % 3 == 0 and upper > 3:
        lengths = [3 * unit] * (upper // 3)
    elif lower >= 8:
        # Odd eighths group in twos, the three last: 7/8 = 2 + 2 + 3.
        twos = max((upper - 3) // 2, 0) if upper % 2 else upper // 2
        lengths = [2 * unit] * twos + ([unit * (upper - 2 * twos)] if upper % 2 else [])
    else:
        lengths = [1.0] * round(upper * unit)
    starts = [float(sum(lengths[:i])) for i in range(len(lengths))]
    return Metre(upper, lower, tuple(starts), tuple(lengths))
