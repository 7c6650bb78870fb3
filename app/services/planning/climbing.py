"""A form goes in, out comes one whose high point is late: a way up in several steps, then all of it, then a close."""

from collections.abc import Sequence

from app.services.planning.steps import SECOND_HALVES, SHORT_KINDS, halves
from app.services.styles.schema import FormStep

#: Shares of the piece that the high point and the close take, and bars of each at most; the way up takes the rest.
HIGH, CLOSE, MOST_HIGH, MOST_CLOSE = 0.28, 0.10, 16, 4

#: Sections on the way up at most, and the bars that each has on the average at least.
MOST_STEPS, LEAST_BARS = 4, 3.0

#: How heavy a short section is beside a long one on the way.
SHORT = 0.6


def climbing(steps: Sequence[FormStep], bars: int) -> list[FormStep]:
    """The same sections and those of the way up halved until it has enough steps. Shorter pieces stay as they are."""
    if len(steps) < 3:
        return list(steps)
    *way, high, close = steps
    peak, end = min(HIGH, MOST_HIGH / bars), min(CLOSE, MOST_CLOSE / bars)
    rest = 1.0 - peak - end
    wanted = min(MOST_STEPS, round(rest * bars / LEAST_BARS))
    while len(way) < wanted:
        way = _longer(way, high)
    heavy = [SHORT if step.kind in SHORT_KINDS else 1.0 for step in way]
    weights = [*(rest * weight / sum(heavy) for weight in heavy), peak, end]
    return [
        step.model_copy(update={"weight": weight}) for step, weight in zip((*way, high, close), weights, strict=True)
    ]


def _longer(way: Sequence[FormStep], high: FormStep) -> list[FormStep]:
    """A step more: the last long section in two halves, else what is to come is played before it comes."""
    long = [i for i, step in enumerate(way) if step.kind in SECOND_HALVES]
    if not long:
        place = len(way) - (way[-1].kind == "build")
        return [*way[:place], high.model_copy(update={"kind": "verse"}), *way[place:]]
    split = long[-1]
    return [*way[:split], *halves(way[split]), *way[split + 1 :]]
