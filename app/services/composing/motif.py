"""Motifs: a bar's rhythm with the shape of its line, as scale steps; each material of a piece has its own few."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import exp

import numpy as np

from app.services.composing.drawing import drawn, in_mode, suited, suited_pattern
from app.services.composing.setting import Setting
from app.services.theory.metre import Metre
from app.services.theory.rhythm import Bar as Rhythm
from app.services.theory.rhythm import Stroke

#: Shapes of a line from its first note (0) to its last (1), in units of its span.
CONTOURS: dict[str, tuple[float, ...]] = {
    "arch": (0.0, 0.6, 1.0, 0.7, 0.3), "rise": (0.0, 0.25, 0.5, 0.75, 1.0), "fall": (1.0, 0.8, 0.5, 0.3, 0.0),
    "dip": (0.6, 0.2, 0.0, 0.4, 0.8), "wave": (0.2, 0.8, 0.3, 1.0, 0.5), "call": (0.0, 0.0, 0.7, 0.5, 0.5),
    "sigh": (0.2, 1.0, 0.8, 0.5, 0.4), "turn": (0.4, 0.6, 0.4, 0.2, 0.4),
}  # fmt: skip

#: How often a line takes an interval of so many scale steps before the style's taste is asked: small ones rule, as in
#: the folk song collections counted by Vos and Troost (Music Perception 6, 1989) and Huron (Sweet Anticipation, 2006).
INTERVALS: dict[int, float] = {0: 1.0, 1: 3.0, 2: 0.45, 3: 0.6, 4: 0.5, 5: 0.2, 7: 0.12}

#: No counted intervals: a style's liking for leaps and repeats says it.
NO_TASTE: Mapping[int, float] = {}

#: Scale steps of an interval of 0…11 semitones.
_SCALE_STEPS = (0, 1, 1, 2, 2, 3, 3, 4, 5, 5, 6, 6)

#: From so many scale steps on an interval is a leap, that the next step turns back from.
LEAP_STEPS = 3

#: Chance that a line has a leap, before the style's liking is added: it gives a motif its face.
FACE = 0.25

#: Notes nearer to each other than this, in beats, seldom leap.
QUICK_BEATS = 0.45

#: Lines drawn, of which the one nearest to its contour is kept.
_TRIES = 6


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

    def fragmented(self, beats: float) -> "Cell":
        """Its first half said twice in a bar of so many beats, a step higher; itself where that is one note."""
        half = beats / 2
        first = [stroke for stroke in self.strokes if stroke.position < half - 1e-6]
        if len(first) < 2:
            return self
        cut = [Stroke(s.position, min(s.length, half - s.position), s.sign) for s in first]
        again = [Stroke(s.position + half, s.length, s.sign) for s in cut]
        inside = self.steps[: len(cut) - 1]
        return Cell((*cut, *again), (*inside, 1 - sum(inside), *inside))

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
                # A step goes by way of the note beyond; a wider move is filled in.
                first = 1 if leaving == 0 else 2 * leaving if abs(leaving) == 1 else leaving - leaving // 2
                steps += [first, leaving - first]
            else:
                strokes.append(stroke)
                steps.append(leaving)
        return Cell(tuple(strokes), tuple(steps[: len(strokes) - 1]))


@dataclass(frozen=True, slots=True)
class Motif:
    """What a material's melody is made of."""

    #: Letter to bar: a the head, b what continues it, d the head developed, e the head at half the speed, f its first
    #: half twice; c and C how question and answer end, g and G how they do when they are short.
    cells: dict[str, Cell]

    def recalling(self, theme: "Motif", rng: np.random.Generator) -> "Motif":
        """The motif continued with another's head, plain, upside down or filled in: what the piece began with."""
        head = theme.cells["a"]
        return Motif({**self.cells, "b": drawn(rng, (head, head.inverted(), head.elaborated()), (1.0, 1.0, 0.7))})


def motif_for(setting: Setting, material: str, energy: float) -> Motif:
    """The motif of a material: the same whenever the material returns, whoever plays it."""
    rng = setting.rng("motif", material)
    manner = setting.style.melody
    taste = in_steps(manner.intervals)
    metre, density = setting.plan.time_signature, setting.plan.marked_density
    busy = setting.busyness(0.75 * energy + 0.25 * (0.5 + 0.5 * setting.plan.arousal))
    rhythms, rests = (in_mode(patterns, setting.plan.mode) for patterns in (manner.rhythms, manner.endings))
    head = suited_pattern(rng, rhythms, energy=busy, metre=metre, density=density)
    written = setting.rhythm(head.rhythm, head.metre)
    bars = written if taste else tuple(reshaped(rng, bar, setting.metre) for bar in written)
    others = [pattern for pattern in rhythms if pattern != head or setting.style.counted] or list(rhythms)
    other = suited_pattern(rng, others, energy=busy, metre=metre, density=density)
    continuation = bars[1] if len(bars) > 1 else setting.rhythm(other.rhythm, other.metre)[0]
    endings = [suited(rng, rests, energy=busy, metre=metre) for _ in range(2)]
    asking, closing = (setting.rhythm(ending.rhythm, ending.metre)[0] for ending in endings)
    a = shaped(rng, bars[0], manner.span, manner.leaps, manner.repeats, intervals=taste)
    developed = (a.inverted(), a.elaborated(), a.inverted().elaborated())
    # Bars that were learned stand as they were heard: none is made slower, nor comes to rest halfway.
    halting = continuation if taste else gathered(continuation, setting.metre)
    cells = {
        "a": a,
        "b": shaped(rng, continuation, manner.span, manner.leaps, manner.repeats, intervals=taste),
        "c": shaped(rng, asking, manner.span // 2, 0.0, 0.0, intervals=taste),
        "C": shaped(rng, closing, manner.span // 2, 0.0, 0.0, contour="fall", intervals=taste),
        "d": drawn(rng, developed, (1.0, 0.0, 0.0) if taste else (1.0, 1.4, 0.6)),
        "e": a if taste else a.augmented(setting.metre.beats),
        "f": a.fragmented(setting.metre.beats),
        "g": shaped(rng, halting, manner.span, manner.leaps, manner.repeats, intervals=taste),
        "G": shaped(
            rng,
            closing if taste else halting,
            manner.span // 2,
            0.0,
            manner.repeats,
            contour="fall",
            intervals=taste,
        ),
    }
    return Motif(cells)


def in_steps(intervals: Mapping[int, float]) -> Mapping[int, float]:
    """Weights of intervals in semitones, either way, as weights of scale steps.

    >>> in_steps({-2: 0.5, 1: 0.25, 7: 0.25})
    {1: 0.75, 4: 0.25}
    """
    steps: dict[int, float] = {}
    for move, weight in intervals.items():
        octaves, inside = divmod(abs(move), 12)
        size = 7 * octaves + _SCALE_STEPS[inside]
        steps[size] = steps.get(size, 0.0) + weight
    return steps


def gathered(bar: Rhythm, metre: Metre) -> Rhythm:
    """A rhythm whose second half is one long note: a bar that moves, and comes to rest."""
    half = metre.half()
    moving = [stroke for stroke in bar if stroke.position < half - 1e-6]
    cut = [Stroke(s.position, min(s.length, half - s.position), s.sign) for s in moving]
    return (*cut, Stroke(half, metre.beats - half, "x"))


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
    rng: np.random.Generator,
    strokes: Rhythm,
    span: int,
    leaps: float,
    repeats: float,
    *,
    contour: str = "",
    intervals: Mapping[int, float] = NO_TASTE,
) -> Cell:
    """A rhythm with a line drawn for it: mostly steps, along a contour, a leap now and then that is turned back.

    `span` in semitones is about how far it reaches. Of several lines drawn the one nearest to its contour is kept.
    """
    count = len(strokes)
    if count < 2:
        return Cell(strokes, ())
    shape = CONTOURS[contour or drawn(rng, list(CONTOURS), [1.0] * len(CONTOURS))]
    height = span * 7 / 12 * (0.4 + 0.4 * rng.random())
    places = np.interp(np.linspace(0.0, 1.0, count), np.linspace(0.0, 1.0, len(shape)), shape) * height
    path = [float(place) for place in places]
    wants_leap = rng.random() < FACE + leaps
    lines = [_line(rng, strokes, path, leaps, repeats, intervals) for _ in range(_TRIES)]

    def strain(steps: tuple[int, ...]) -> float:
        heights = np.cumsum((0, *steps)) - (np.array(path) - path[0])
        faceless = wants_leap != any(abs(step) >= LEAP_STEPS for step in steps)
        return float(np.abs(heights).mean()) + 2.0 * faceless

    return Cell(strokes, min(lines, key=strain))


def _line(
    rng: np.random.Generator,
    strokes: Rhythm,
    path: Sequence[float],
    leaps: float,
    repeats: float,
    intervals: Mapping[int, float],
) -> tuple[int, ...]:
    """Scale steps from note to note, drawn by the liking for each interval and leaning towards the path."""
    steps: list[int] = []
    at = path[0]
    for index, goal in enumerate(path[1:]):
        before = steps[-1] if steps else 0
        quick = strokes[index + 1].position - strokes[index].position < QUICK_BEATS
        options, weights = [], []
        for size, liking in (intervals or INTERVALS).items():
            if not intervals and size == 0:
                liking *= 0.25 + 3.5 * repeats
            elif not intervals and size >= LEAP_STEPS:
                liking *= 0.0 if abs(before) >= LEAP_STEPS else (0.3 if quick else 1.0) * 3.0 * leaps
            for step in {size, -size}:
                turned = step * before < 0 if abs(before) >= LEAP_STEPS else True
                gap_filled = 1.0 if turned and size <= 2 else 0.12
                lean = exp(-0.25 * abs(at + step - goal))
                options.append(step)
                weights.append(liking * lean * (gap_filled if abs(before) >= LEAP_STEPS else 1.0))
        steps.append(drawn(rng, options, weights))
        at += steps[-1]
    return tuple(steps)
