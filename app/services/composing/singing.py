"""The pitches of a phrase: the path through the scale that best keeps its motif's shape and agrees with the harmony.

Rule: what a good line is stands here as costs, and the cheapest of all lines is taken (Viterbi's algorithm).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from app.models.plan import Mode
from app.services.styles.idioms import Melody
from app.services.theory.chords import Chord, chord_scale
from app.services.theory.rhythm import Stroke
from app.services.theory.scales import BLUES, PENTATONICS, third_of

#: Costs: what a note or a move may not be counts much, what it should rather not be counts little.
OUTSIDE = 40.0
NON_CHORD_ON_STRONG = 2.1
NON_CHORD_ON_WEAK = 0.15
OUTSIDE_GAPPED_SCALE = 1.5
PASSING_GAPPED_SCALE = 0.8
UNRESOLVED = 3.5
HELD_FOREIGN, HELD_RUBBING = 2.0, 2.5
PARALLEL = 3.0
OFF_MOTIF = 1.4
OFF_TURN = 0.6
OFF_PATH = 0.45
AWKWARD_LEAP = 2.0
OPEN_CLOSE = 5.0
OPEN_HOME = 3.5
TURNED_WIDE, LINGERED, RUN_ON, LEAPT_ON = 0.7, 0.9, 1.6, 2.6
FAR_START = 0.7
#: For a style whose intervals were counted: the cost of e-fold rarity, and the share of what was never heard.
RARE, UNHEARD = 1.2, 0.002
IMPOSSIBLE = 1e6

#: A phrase begins without cost so many semitones from the end of the phrase before.
LONGEST_START = 9

#: From so many semitones on a move is a leap.
LEAP_SEMITONES = 5

#: A rest longer than this, in beats, leaves a foreign note hanging.
LONGEST_HANGING_BEATS = 0.6


@dataclass(frozen=True, slots=True)
class Moment:
    """A note of a phrase before it has a pitch."""

    #: Bar of the phrase, from 0.
    bar: int
    stroke: Stroke
    #: Metrical weight, 0…1.
    strength: float
    chord: Chord
    #: Scale steps from the note before, as the motif has it; None at a cell's beginning.
    step: int | None
    #: Scale steps above the phrase's own level at which the cell should lie.
    level: float
    #: Chords that come while it is held.
    over: tuple[Chord, ...] = ()


def sing(
    moments: Sequence[Moment],
    *,
    window: tuple[int, int],
    scale: tuple[int, ...],
    manner: Melody,
    mode: Mode,
    closing: bool,
    coming_from: int | None,
    rng: np.random.Generator,
) -> tuple[int, ...]:
    """A pitch for every moment, within the window. `closing` phrases come to rest, others stay open.

    `coming_from` is the last pitch of the phrase before, that this one does not begin far away from.
    """
    pitches = np.arange(window[0], window[1] + 1)
    steps = _scale_steps(window, scale)
    moves = steps[None, :] - steps[:, None]
    leaps = _leap_costs(len(pitches), manner.leaps)
    rarity = _rarity_of(manner, window, scale[0], mode) if manner.intervals else None
    middle = float(steps[len(steps) // 2]) + float(rng.uniform(-1.5, 1.5))
    taste = rng.uniform(0.0, 0.45, (len(moments), len(pitches)))
    gapped = _gapped(scale[0], mode, manner.scale)

    first = _fitness(moments[0], pitches, scale, gapped) + _level_cost(moments[0], steps, middle, first=True)
    if coming_from is not None:
        first = first + FAR_START * np.maximum(np.abs(pitches - coming_from) - LONGEST_START, 0)
    total = np.stack([first + taste[0], *np.full((2, len(pitches)), IMPOSSIBLE)])
    choices: list[tuple[NDArray[np.intp], NDArray[np.intp]]] = []
    for index in range(1, len(moments)):
        before, moment = moments[index - 1], moments[index]
        cost = _fitness(moment, pitches, scale, gapped) + taste[index]
        cost = cost + _level_cost(moment, steps, middle, first=moment.step is None)
        if index == len(moments) - 1:
            cost = cost + _ending(moment, pitches, scale, closing)
        if moment.step is None:
            move_cost = OFF_PATH * np.abs(moves)
        else:
            move_cost = OFF_MOTIF * np.abs(moves - moment.step) + OFF_TURN * (np.sign(moves) != np.sign(moment.step))
            if moment.step:
                move_cost = move_cost + (1.2 - 1.2 * manner.repeats) * (moves == 0)
        move_cost = move_cost + leaps + _unresolved(before, moment, pitches, scale)
        if moment.chord.bass != before.chord.bass:
            move_cost = move_cost + _parallels(before.chord.bass, moment.chord.bass, pitches)
        if rarity is not None:
            # With Gumbel's noise the cheapest is each interval as often as it was counted, not the commonest always.
            move_cost = move_cost + RARE * (rarity - rng.gumbel(size=rarity.shape))
        # The line knows whether it has just leapt: from each such state the next note is chosen by its own costs.
        joined = total[:, :, None] + move_cost + (0.5 if moment.step is None else 1.0) * _recovery_costs(len(pitches))
        state_before, cheapest = np.argmin(joined, axis=0), np.min(joined, axis=0)
        arriving = np.where(_leapt(len(pitches)), cheapest, IMPOSSIBLE)
        best = np.argmin(arriving, axis=1)
        choices.append((best, state_before))
        total = np.min(arriving, axis=1) + cost
    leapt, place = divmod(int(np.argmin(total)), len(pitches))
    path = [place]
    for best, state_before in reversed(choices):
        origin = int(best[leapt, place])
        leapt, place = int(state_before[origin, place]), origin
        path.append(place)
    return tuple(int(pitches[place]) for place in reversed(path))


@lru_cache(maxsize=64)
def _leapt(count: int) -> NDArray[np.bool_]:
    """Moves from pitch to pitch that are no leap, that leap up and that leap down: (3, from, to)."""
    move = np.arange(count)[None, :] - np.arange(count)[:, None]
    return np.stack([np.abs(move) < LEAP_SEMITONES, move >= LEAP_SEMITONES, move <= -LEAP_SEMITONES])


@lru_cache(maxsize=64)
def _recovery_costs(count: int) -> NDArray[np.float64]:
    """Cost of a move after no leap, a leap up and a leap down: (3, from, to). A leap is turned back from by step."""
    move = np.arange(count)[None, :] - np.arange(count)[:, None]
    after_up = np.select(
        [(move < 0) & (move >= -2), move < 0, move == 0, move < 3], [0.0, TURNED_WIDE, LINGERED, RUN_ON], LEAPT_ON
    )
    return np.stack([np.zeros_like(after_up), after_up, after_up.T])


@lru_cache(maxsize=256)
def _scale_steps(window: tuple[int, int], scale: tuple[int, ...]) -> NDArray[np.float64]:
    """Scale degree of each pitch of the window, counted on over octaves; pitches between lie halfway."""
    home = scale[0]
    offsets = sorted((tone - home) % 12 for tone in scale)
    found = []
    for pitch in range(window[0], window[1] + 1):
        octave, inside = divmod(pitch - home, 12)
        below = max(index for index, offset in enumerate(offsets) if offset <= inside)
        found.append(7.0 * octave + below + (0.0 if offsets[below] == inside else 0.5))
    return np.array(found)


@lru_cache(maxsize=64)
def _leap_costs(count: int, leaps: float) -> NDArray[np.float64]:
    """Cost of the interval itself: wide ones, tritones and sevenths."""
    size = np.abs(np.arange(count)[None, :] - np.arange(count)[:, None])
    awkward = 1.0 * np.isin(size, (6, 10, 11)) + np.maximum(size - 12, 0)
    cost: NDArray[np.float64] = np.maximum(size - 7, 0) * (0.5 - 0.25 * leaps) + AWKWARD_LEAP * awkward
    return cost


def _rarity_of(manner: Melody, window: tuple[int, int], tonic: int, mode: Mode) -> NDArray[np.float64]:
    """Cost of the moves from pitch to pitch of a window by how seldom a learned style takes them: (from, to)."""
    count = window[1] - window[0] + 1
    anywhere = _rarity_costs(count, tuple(manner.intervals.items()))
    by_degree = manner.moves.get(third_of(mode), {})
    rows = [
        _rarity_costs(count, tuple(by_degree[degree].items()))[place] if degree in by_degree else anywhere[place]
        for place, degree in enumerate((pitch - tonic) % 12 for pitch in range(window[0], window[1] + 1))
    ]
    return np.stack(rows)


@lru_cache(maxsize=1024)
def _rarity_costs(count: int, intervals: tuple[tuple[int, float], ...]) -> NDArray[np.float64]:
    """Cost of the intervals by how seldom a learned style takes them."""
    shares = np.full(2 * count + 1, UNHEARD)
    for move, share in intervals:
        if abs(move) <= count:
            shares[move + count] += share
    costs: NDArray[np.float64] = -np.log(shares)[np.arange(count)[None, :] - np.arange(count)[:, None] + count]
    return costs


@lru_cache(maxsize=64)
def _gapped(tonic: int, mode: Mode, kind: str) -> frozenset[int]:
    """Pitch classes of the gapped scale a style sings in; all twelve if it uses the whole mode."""
    if kind == "mode":
        return frozenset(range(12))
    table = PENTATONICS if kind == "pentatonic" else BLUES
    return frozenset((tonic + step) % 12 for step in table[third_of(mode)])


def _fitness(
    moment: Moment, pitches: NDArray[np.int_], scale: tuple[int, ...], gapped: frozenset[int]
) -> NDArray[np.float64]:
    weighty = moment.strength >= 0.6 or moment.stroke.length >= 1.5
    table = _class_costs(moment.chord, scale, gapped, weighty)
    for chord in moment.over:
        table = table + _held_costs(chord, scale)
    cost: NDArray[np.float64] = table[pitches % 12]
    return cost


@lru_cache(maxsize=4096)
def _held_costs(chord: Chord, scale: tuple[int, ...]) -> NDArray[np.float64]:
    """What it costs each pitch class to be held while a chord comes: foreign ones, most a semitone above a tone."""
    tones = _tones(chord, scale)
    return np.array(
        [0.0 if tone in tones else HELD_FOREIGN + HELD_RUBBING * ((tone - 1) % 12 in tones) for tone in range(12)]
    )


@lru_cache(maxsize=4096)
def _class_costs(chord: Chord, scale: tuple[int, ...], gapped: frozenset[int], weighty: bool) -> NDArray[np.float64]:
    """How well each pitch class sounds over a chord."""
    allowed = chord_scale(chord, scale) | (gapped if len(gapped) < 12 else frozenset())
    tones = _tones(chord, scale)
    costs = []
    for pitch_class in range(12):
        if pitch_class in tones:
            costs.append(0.0 if pitch_class in gapped or len(gapped) == 12 else 0.3)
        elif pitch_class not in allowed:
            costs.append(OUTSIDE)
        else:
            cost = NON_CHORD_ON_STRONG if weighty else NON_CHORD_ON_WEAK
            if weighty and (pitch_class - 1) % 12 in tones:
                cost += 1.5
            if pitch_class not in gapped:
                cost += OUTSIDE_GAPPED_SCALE if weighty else PASSING_GAPPED_SCALE
            costs.append(cost)
    return np.array(costs)


@lru_cache(maxsize=1024)
def _tones(chord: Chord, scale: tuple[int, ...]) -> tuple[int, ...]:
    """What sounds like a chord tone; over a bare fifth the scale's own third does."""
    if len(chord.classes) > 2:
        return chord.classes
    third = next(((chord.root + step) % 12 for step in (3, 4) if (chord.root + step) % 12 in scale), chord.fifth)
    return (*chord.classes, third)


def _level_cost(moment: Moment, steps: NDArray[np.float64], middle: float, *, first: bool) -> NDArray[np.float64]:
    away = np.abs(steps - (middle + moment.level))
    cost: NDArray[np.float64] = away * (0.55 if first else 0.16) + 0.06 * np.maximum(away - 3.5, 0.0) ** 2
    return cost


def _parallels(bass: int, following: int, pitches: NDArray[np.int_]) -> NDArray[np.float64]:
    """Cost of going with the bass from one fifth or octave to the next: (from, to)."""
    was, becomes = (pitches - bass) % 12, (pitches - following) % 12
    octaves, fifths = (np.outer(was == size, becomes == size) for size in (0, 7))
    cost: NDArray[np.float64] = np.where(octaves | fifths, PARALLEL, 0.0)
    return cost


def _unresolved(
    before: Moment, moment: Moment, pitches: NDArray[np.int_], scale: tuple[int, ...]
) -> NDArray[np.float64]:
    """A note foreign to its chord wants to move on by step, and not to be left hanging before a rest."""
    foreign = ~np.isin(pitches % 12, _tones(before.chord, scale))
    size = np.abs(pitches[None, :] - pitches[:, None])
    ended = before.stroke.position + before.stroke.length
    hanging = moment.bar == before.bar and moment.stroke.position - ended > LONGEST_HANGING_BEATS
    astray = (size == 0) | (size > 2) | hanging
    cost: NDArray[np.float64] = UNRESOLVED * (foreign[:, None] & astray)
    return cost


def _ending(moment: Moment, pitches: NDArray[np.int_], scale: tuple[int, ...], closing: bool) -> NDArray[np.float64]:
    """Where a phrase comes to rest: a closing one on the tonic if the chord has it, else on the key's third or fifth.

    An open one rests anywhere else in its chord.
    """
    outside = ~np.isin(pitches % 12, moment.chord.classes)
    home = pitches % 12 == scale[0]
    at_rest = np.isin(pitches % 12, (scale[2], scale[4]))
    strange = np.where(home, 0.0, np.where(at_rest, 0.5, 1.0)) if closing else 1.0 * home
    cost: NDArray[np.float64] = OPEN_CLOSE * outside + OPEN_HOME * strange
    return cost
