"""Motifs: a bar's rhythm with the shape of its line, as scale steps; each material of a piece has its own few."""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from app.services.composing.drawing import drawn, suited
from app.services.composing.setting import Setting
from app.services.theory.metre import Metre
from app.services.theory.rhythm import Bar as Rhythm
from app.services.theory.rhythm import Stroke, read_rhythm

#: Shapes of a line from its first note (0) to its last (1), in units of its span.
CONTOURS: dict[str, tuple[float, ...]] = {
    "arch": (0.0, 0.6, 1.0, 0.7, 0.3), "rise": (0.0, 0.25, 0.5, 0.75, 1.0), "fall": (1.0, 0.8, 0.5, 0.3, 0.0),
    "dip": (0.6, 0.2, 0.0, 0.4, 0.8), "wave": (0.2, 0.8, 0.3, 1.0, 0.5), "call": (0.0, 0.0, 0.7, 0.5, 0.5),
    "sigh": (0.2, 1.0, 0.8, 0.5, 0.4), "turn": (0.4, 0.6, 0.4, 0.2, 0.4),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Cell:
    """A bar of melody before it has pitches."""

    strokes: Rhythm
    #: Scale steps from each note to the next; one fewer than strokes.
    steps: tuple[int, ...]

    def inverted(self) -> "Cell":
        """The same rhythm, upside down."""
        return Cell(self.strokes, tuple(-step for step in self.steps))

    def augmented(self, beats: float) -> "Cell":
        """Its first half at half the speed, filling a bar of so many beats; itself where that is one note."""
        slow = [stroke for stroke in self.strokes if stroke.position < beats / 2 - 1e-6]
        if len(slow) < 2:
            return self
        strokes = tuple(
            Stroke(2 * stroke.position, min(2 * stroke.length, beats - 2 * stroke.position), stroke.sign)
            for stroke in slow
        )
        return Cell(strokes, self.steps[: len(slow) - 1])

    def elaborated(self) -> "Cell":
        """The longest notes divided, the new notes stepping between their neighbours."""
        if not self.strokes:
            return self
        strokes: list[Stroke] = []
        steps: list[int] = []
        longest = max(stroke.length for stroke in self.strokes)
        for index, stroke in enumerate(self.strokes):
            leaving = self.steps[index] if index < len(self.steps) else 0
            if stroke.length >= max(longest - 1e-6, 0.99) and stroke.length <= 2.01:
                half = stroke.length / 2
                strokes += [Stroke(stroke.position, half, "x"), Stroke(stroke.position + half, half, "x")]
                first = leaving - leaving // 2 if leaving else 1
                steps += [first, leaving - first]
            else:
                strokes.append(stroke)
                steps.append(leaving)
        return Cell(tuple(strokes), tuple(steps[: len(strokes) - 1]))


@dataclass(frozen=True, slots=True)
class Motif:
    """What a material's melody is made of."""

    #: Letter to bar: a the head, b what continues it, d the head developed, e the head at half the speed, c and C how
    #: question and answer end.
    cells: dict[str, Cell]


def motif_for(setting: Setting, material: str, energy: float) -> Motif:
    """The motif of a material: the same whenever the material returns, whoever plays it."""
    rng = setting.rng("motif", material)
    manner = setting.style.melody
    metre = setting.plan.time_signature
    busy = setting.busyness(0.75 * energy + 0.25 * (0.5 + 0.5 * setting.plan.arousal))
    head = suited(rng, manner.rhythms, energy=busy, metre=metre)
    bars = tuple(reshaped(rng, bar, setting.metre) for bar in read_rhythm(head.rhythm, head.metre, metre))
    others = [pattern for pattern in manner.rhythms if pattern != head] or list(manner.rhythms)
    other = suited(rng, others, energy=busy, metre=metre)
    continuation = bars[1] if len(bars) > 1 else read_rhythm(other.rhythm, other.metre, metre)[0]
    endings = [suited(rng, manner.endings, energy=busy, metre=metre) for _ in range(2)]
    asking, closing = (read_rhythm(ending.rhythm, ending.metre, metre)[0] for ending in endings)
    a = shaped(rng, bars[0], manner.span, manner.leaps, manner.repeats)
    developed = (a.inverted(), a.elaborated(), a.inverted().elaborated())
    cells = {
        "a": a,
        "b": shaped(rng, continuation, manner.span, manner.leaps, manner.repeats),
        "c": shaped(rng, asking, manner.span // 2, 0.0, 0.0),
        "C": shaped(rng, closing, manner.span // 2, 0.0, 0.0, contour="fall"),
        "d": drawn(rng, developed, (1.0, 1.4, 0.6)),
        "e": a.augmented(setting.metre.beats),
    }
    return Motif(cells)


def reshaped(rng: np.random.Generator, bar: Rhythm, metre: Metre) -> Rhythm:
    """A rhythm with one thing changed by the dice, or none: two notes joined, a long one halved, one come early."""
    options: list[Rhythm] = [bar]
    for index, stroke in enumerate(bar):
        before, after = bar[:index], bar[index + 1 :]
        weak = metre.strength(stroke.position) < 0.8
        if index and weak and len(bar) > 3:
            held = before[-1]
            joined = Stroke(held.position, stroke.position + stroke.length - held.position, held.sign)
            options.append((*before[:-1], joined, *after))
        if 0.99 <= stroke.length <= 2.01:
            half = stroke.length / 2
            halves = (Stroke(stroke.position, half, stroke.sign), Stroke(stroke.position + half, half, stroke.sign))
            options.append((*before, *halves, *after))
        syncopated = any(other.position % 1 for other in bar) and not metre.compound
        if index and syncopated and stroke.position % 1 == 0 and before[-1].length > 0.5:
            held = before[-1]
            shorter = Stroke(held.position, min(held.length, stroke.position - 0.5 - held.position), held.sign)
            early = Stroke(stroke.position - 0.5, stroke.length + 0.5, stroke.sign)
            options.append((*before[:-1], shorter, early, *after))
    return options[int(rng.integers(len(options)))]


def shaped(
    rng: np.random.Generator, strokes: Rhythm, span: int, leaps: float, repeats: float, *, contour: str = ""
) -> Cell:
    """A rhythm with a contour drawn for it; `span` in semitones is about how far the line reaches."""
    count = len(strokes)
    shape = CONTOURS[contour or drawn(rng, list(CONTOURS), [1.0] * len(CONTOURS))]
    height = span * 7 / 12 * (0.55 + 0.45 * rng.random())
    places = np.interp(np.linspace(0.0, 1.0, max(count, 2)), np.linspace(0.0, 1.0, len(shape)), shape) * height
    levels = [round(float(place)) for place in places]
    steps = [after - before for before, after in pairwise(levels)][: max(count - 1, 0)]
    made = []
    for step in steps:
        if step == 0 and rng.random() > repeats:
            step = int(rng.choice((-1, 1)))
        if abs(step) > 2 and rng.random() > leaps:
            step = 2 if step > 0 else -2
        made.append(step)
    if made and max(abs(step) for step in made) <= 1 and rng.random() < leaps:
        # One leap gives a line its face.
        made[int(rng.integers(len(made)))] = int(rng.choice((-4, -3, 3, 4)))
    return Cell(strokes, tuple(made))
