"""Duration and tempo go in, whole bars come out, shared out among the sections of one of the style's forms."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from app.models.plan import SectionKind
from app.services.planning.character import Character
from app.services.planning.climbing import climbing
from app.services.planning.lexicon import lexicon
from app.services.planning.steps import SHORT_KINDS, closed, levelled, steps_for, without_frame
from app.services.styles.schema import FormStep, Style
from app.utils.units import beats_to_seconds

#: How far a tempo that was not asked for as a number may give way to the duration.
_GIVE = 0.04

#: The final chord rings for a bar at least and about 1.7 at most, in seconds between these where the bar allows.
_SHORTEST_RING_S, _LONGEST_RING_S, _RING_BARS = 1.5, 5.0, 1.7

#: Where on an asked-for curve the last section before the close stands, if the curve is to peak late.
_LATE = 0.8

#: No section is quieter than this.
_QUIETEST = 0.12

#: Least difference in energy between a section and the same one right after it.
_STEP = 0.04

#: How contrast is scaled by the shape of the energy.
_CONTRAST = {"even": 0.5, "arch": 1.0, "rise": 1.0, "wide": 1.35}


@dataclass(frozen=True, slots=True)
class Stretch:
    """A section before its voices are chosen."""

    kind: SectionKind
    material: str
    bars: int
    #: As the style wrote it, which decides who plays.
    texture: float
    #: With the mood, which decides how strongly they play.
    energy: float


def bar_seconds(time_signature: str, tempo_bpm: float) -> float:
    """Seconds that a bar lasts."""
    upper, lower = (int(number) for number in time_signature.split("/"))
    return beats_to_seconds(upper * 4.0 / lower, tempo_bpm)


def bars_for(duration_s: float, bar_s: float) -> int:
    """Whole bars of a piece whose final chord, struck on the last downbeat, still rings long enough.

    >>> bars_for(30, 2.0)
    15
    """
    return max(1, 1 + math.floor((duration_s - max(bar_s, _SHORTEST_RING_S)) / bar_s + 1e-9))


def ring_seconds(duration_s: float, bar_s: float, bars: int) -> float:
    """Seconds from the last downbeat to the end."""
    return duration_s - (bars - 1) * bar_s


def fit_tempo(tempo_bpm: float, *, exact: bool, duration_s: float, time_signature: str, phrase_bars: int) -> float:
    """The tempo within 4 % at which whole phrases fill the duration best; an exact one stays as it is."""
    if exact:
        return tempo_bpm
    tempo_bpm = _not_too_slow(tempo_bpm, duration_s, time_signature)
    candidates = [tempo_bpm * (1.0 + _GIVE * step / 20) for step in range(-20, 21)]
    best = min(candidates, key=lambda candidate: _misfit(candidate, tempo_bpm, duration_s, time_signature, phrase_bars))
    return round(best, 2)


def _not_too_slow(tempo_bpm: float, duration_s: float, time_signature: str) -> float:
    """A tempo at which even the shortest piece has a bar before its final chord."""
    two_bars_s = 2.0 * bar_seconds(time_signature, tempo_bpm)
    return tempo_bpm * max(1.0, two_bars_s * 1.05 / duration_s)


def _misfit(tempo_bpm: float, wanted_bpm: float, duration_s: float, time_signature: str, phrase_bars: int) -> float:
    bar_s = bar_seconds(time_signature, tempo_bpm)
    bars = bars_for(duration_s, bar_s)
    ring_s = ring_seconds(duration_s, bar_s, bars)
    longest = max(bar_s * 1.05, min(_RING_BARS * bar_s, _LONGEST_RING_S), _SHORTEST_RING_S * 1.2)
    uneven = 0.0 if bars % phrase_bars == 0 else 0.2 if bars % 4 == 0 else 0.5 if bars % 2 == 0 else 1.0
    too_long = max(0.0, ring_s - longest) / bar_s
    return 10.0 * too_long + (uneven if bars > 4 else 0.2 * uneven) + 12.0 * abs(math.log(tempo_bpm / wanted_bpm))


def make_form(
    style: Style,
    *,
    bars: int,
    duration_s: float,
    character: Character,
    arousal: float,
    rng: np.random.Generator,
    loop: bool = False,
) -> tuple[Stretch, ...]:
    """Sections that add up to exactly `bars`, with energies shaped by the mood.

    A `loop` has no way in or out, and its sections lie nearer to each other: the last one leads to the first.
    """
    steps = steps_for(style, bars=bars, duration_s=duration_s, rng=rng, loop=loop)
    steps = levelled(without_frame(steps)) if loop else closed(steps)
    if character.arc is not None and lexicon().course[character.arc].late and not loop:
        steps = climbing(steps, bars)
    lengths = share_out(bars, steps, style.phrase_bars)
    stretches = [
        Stretch(step.kind, step.material, length, step.energy, step.energy)
        for step, length in zip(steps, lengths, strict=True)
    ]
    if loop:
        return _shaped(stretches, replace(character, curve=None), arousal - style.arousal, arousal)
    if character.arc is not None:
        return along(stretches, character.arc, arousal)
    return _stepped(_shaped(stretches, character, arousal - style.arousal, arousal))


#: The way in and the way out, which are shorter still in pieces of fewer bars than this.
_FRAME_KINDS, _FRAMED_FROM_BARS = frozenset({"intro", "outro"}), 28

#: Share of a piece that its way in takes at most.
_LONGEST_INTRO = 1 / 6


def share_out(bars: int, steps: Sequence[FormStep], phrase_bars: int) -> list[int]:
    """Bars for each step, adding up to `bars`: whole phrases where they fit, else fours, twos, ones.

    There are at least as many bars as steps.
    """
    for main, short in ((phrase_bars, 4), (phrase_bars, 2), (4, 4), (4, 2), (2, 2), (2, 1)):
        frame = min(short, 2) if bars < _FRAMED_FROM_BARS else short
        units = [
            min(main, frame) if step.kind in _FRAME_KINDS else min(main, short) if step.kind in SHORT_KINDS else main
            for step in steps
        ]
        least_close = 1 if short == 1 else 2
        if sum(units[:-1]) + least_close <= bars:
            return _shared(bars, steps, units, least_close)
    return _shared(bars, steps, [1] * len(steps), 1)


def _shared(bars: int, steps: Sequence[FormStep], units: Sequence[int], least_close: int) -> list[int]:
    total = sum(step.weight for step in steps)
    ideals = [bars * step.weight / total for step in steps]
    most = [bars * _LONGEST_INTRO if step.kind == "intro" else bars for step in steps[:-1]]
    lengths = [
        max(unit, min(unit * round(ideal / unit), unit * math.floor(limit / unit)))
        for unit, ideal, limit in zip(units[:-1], ideals[:-1], most, strict=True)
    ]
    while bars - sum(lengths) < least_close:
        reducible = [i for i, length in enumerate(lengths) if length > units[i]]
        fattest = max(reducible, key=lambda i: (lengths[i] - ideals[i]) / units[i])
        lengths[fattest] -= units[fattest]
    while lengths and bars - sum(lengths) > max(ideals[-1] + units[-1] / 2, units[-1] + 1):
        roomy = [
            i
            for i, length in enumerate(lengths)
            if bars - sum(lengths) - units[i] >= least_close and length + units[i] <= most[i]
        ]
        if not roomy:
            break
        thinnest = max(roomy, key=lambda i: (ideals[i] - lengths[i]) / units[i])
        lengths[thinnest] += units[thinnest]
    return [*lengths, bars - sum(lengths)]


def _shaped(stretches: Sequence[Stretch], character: Character, surplus: float, arousal: float) -> tuple[Stretch, ...]:
    """Energies moved by how much more aroused the plan is than its style, and bent to the mood's curve."""
    bars = sum(stretch.bars for stretch in stretches)
    mean = sum(stretch.energy * stretch.bars for stretch in stretches) / bars
    contrast = _CONTRAST.get(character.curve or "", 1.0)
    shaped: list[Stretch] = []
    before = 0
    for number, stretch in enumerate(stretches):
        place = (before + stretch.bars / 2) / bars
        before += stretch.bars
        energy = mean + contrast * (stretch.energy - mean) + 0.16 * surplus + 0.08 * arousal
        closing = number == len(stretches) - 1 and len(stretches) > 2
        if character.curve == "rise" and not closing:
            energy += 0.3 * (place - 0.5)
        elif character.curve == "arch":
            energy += 0.25 * (math.sin(math.pi * place) - 0.6)
        shaped.append(replace(stretch, energy=round(max(_QUIETEST, min(1.0, energy)), 3)))
    return tuple(shaped)


def _stepped(stretches: Sequence[Stretch]) -> tuple[Stretch, ...]:
    """Sections of which none is the very same as the one after it: the first of two alike holds back a little."""
    held = list(stretches)
    for i in range(len(held) - 1, 0, -1):
        before, after = held[i - 1], held[i]
        same = (before.kind, before.material) == (after.kind, after.material)
        if same and abs(before.energy - after.energy) < _STEP:
            held[i - 1] = replace(before, energy=round(max(_QUIETEST, after.energy - _STEP), 3))
    return tuple(held)


def along(stretches: Sequence[Stretch], arc: str, arousal: float) -> tuple[Stretch, ...]:
    """Energies and textures that follow the course asked for, a row of course.toml; the mood sets its high point."""
    row = lexicon().course[arc]
    places, energies = zip(*row.curve, strict=True)
    top = 0.8 + 0.2 * max(0.0, min(1.0, arousal + 0.5))
    shaped: list[Stretch] = []
    for stretch, place in zip(stretches, _places(stretches, late=row.late), strict=True):
        level = _QUIETEST + (top - _QUIETEST) * float(np.interp(place, places, energies))
        shaped.append(replace(stretch, texture=level, energy=round(level, 3)))
    last = len(shaped) - (2 if len(shaped) > 2 else 1)
    if row.last is not None:
        # What was to be the high point on the way no longer is.
        shaped = [replace(one, kind="verse") if one.kind == row.last else one for one in shaped]
        shaped[last] = replace(shaped[last], kind=row.last)
        if last > 0:
            shaped[last - 1] = replace(shaped[last - 1], kind="build" if last > 1 else "intro")
    return tuple(shaped)


def _places(stretches: Sequence[Stretch], *, late: bool) -> list[float]:
    """Where each section stands between 0 and 1: the first at the beginning, the last at the end."""
    count, bars = len(stretches), sum(stretch.bars for stretch in stretches)
    if count < 2:
        return [_LATE] * count
    if late and count > 2:
        return [*(_LATE * i / (count - 2) for i in range(count - 1)), 1.0]
    ends = [sum(stretch.bars for stretch in stretches[: i + 1]) for i in range(count)]
    inner = [(end - stretch.bars / 2) / bars for end, stretch in zip(ends, stretches, strict=True)]
    return [0.0, *inner[1:-1], 1.0]
