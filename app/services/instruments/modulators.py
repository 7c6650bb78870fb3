"""SoundFont modulators at note-on: key and velocity go in, what they add to a generator comes out.

Controllers stand still at their General MIDI start values, so everything is fixed when the note is struck
(specification 2.04, sections 8.2–8.4, with the curves that players agree on).
"""

import math
from collections.abc import Iterable
from typing import NamedTuple

#: Generator numbers that modulators of this module speak about.
FILTER_CUTOFF = 8
ATTENUATION = 48

#: Controllers of the general palette, by index: no controller, velocity, key, pitch wheel sensitivity.
_ALWAYS, _VELOCITY, _KEY, _WHEEL_RANGE = 0, 2, 3, 16
#: MIDI controllers that do not start at 0: pan centred, expression full. (Volume is the mixer's affair: left full.)
_MIDI_START = {7: 127, 10: 64, 11: 127}


class Modulator(NamedTuple):
    """One row of a modulator table, as the file has it."""

    source: int
    to: int
    amount: int
    by: int
    transform: int

    @property
    def identity(self) -> tuple[int, int, int, int]:
        """Two modulators with the same identity replace (within a level) or add to (between levels) each other."""
        return self.source, self.to, self.by, self.transform


#: Velocity to attenuation: concave, 96 dB from 127 down to nothing (8.4.1).
VELOCITY_TO_ATTENUATION = Modulator(0x0502, ATTENUATION, 960, 0, 0)
#: Velocity to filter cut-off: linear. The standard's two octaves (8.4.2) muffle fonts that were made on players which
#: leave it out, none leaves soft notes as bright as loud ones; one octave lies between.
VELOCITY_TO_CUTOFF = Modulator(0x0102, FILTER_CUTOFF, -1200, 0, 0)

#: What a font need not write; the default ones of controllers that stand at 0 are left out.
DEFAULT_MODULATORS = (VELOCITY_TO_ATTENUATION, VELOCITY_TO_CUTOFF)

#: The second source that version 2.01 gave the second default modulator; version 2.04 dropped it.
_OLD_CUTOFF_BY = 0x0D02


def normalised(modulator: Modulator) -> Modulator:
    """The same modulator, a default one of version 2.01 written as in 2.04, so that fonts can override it."""
    if (
        modulator.source == VELOCITY_TO_CUTOFF.source
        and modulator.to == FILTER_CUTOFF
        and modulator.by == _OLD_CUTOFF_BY
    ):
        return modulator._replace(by=0)
    return modulator


def replaced(base: Iterable[Modulator], over: Iterable[Modulator]) -> tuple[Modulator, ...]:
    """`base` with those of `over`, which win where both have the same identity."""
    merged = {modulator.identity: modulator for modulator in base}
    merged.update((modulator.identity, modulator) for modulator in map(normalised, over))
    return tuple(merged.values())


def added(base: Iterable[Modulator], more: Iterable[Modulator]) -> tuple[Modulator, ...]:
    """`base` and `more`, amounts summed where both have the same identity."""
    merged = {modulator.identity: modulator for modulator in base}
    for modulator in map(normalised, more):
        known = merged.get(modulator.identity)
        amount = modulator.amount + (known.amount if known else 0)
        merged[modulator.identity] = modulator._replace(amount=amount)
    return tuple(merged.values())


def modulation(modulators: Iterable[Modulator], key: int, velocity: int) -> dict[int, float]:
    """What the modulators add to each generator, in the generator's own unit."""
    sums: dict[int, float] = {}
    for modulator in modulators:
        if modulator.amount:
            value = modulator.amount * _source(modulator.source, key, velocity)
            if modulator.by:
                value *= _source(modulator.by, key, velocity)
            sums[modulator.to] = sums.get(modulator.to, 0.0) + (abs(value) if modulator.transform == 2 else value)
    return sums


def _source(code: int, key: int, velocity: int) -> float:
    """A source's value, 0…1 or −1…1, of its enumeration (8.2.1): index, CC flag, direction, polarity, curve."""
    index = code & 0x7F
    if code & 0x80:
        raw = _MIDI_START.get(index, 0)
    elif index == _ALWAYS:
        return 1.0
    elif index == 14:  # The pitch wheel rests in the middle.
        return 0.0 if code & 0x200 else 0.5
    else:
        raw = {_VELOCITY: velocity, _KEY: key, _WHEEL_RANGE: 2}.get(index, 0)
    value = raw / 127.0
    if code & 0x100:
        value = 1.0 - value
    curve = (_linear, _concave, _convex, _switch)[min(code >> 10, 3)]
    if not code & 0x200:
        return curve(value)
    centred = 2.0 * value - 1.0
    return math.copysign(curve(abs(centred)), centred)


def _linear(value: float) -> float:
    return value


def _concave(value: float) -> float:
    rest = 1.0 - value
    return 1.0 if rest <= 0 else min(1.0, -40.0 / 96.0 * math.log10(rest))


def _convex(value: float) -> float:
    return 1.0 - _concave(1.0 - value)


def _switch(value: float) -> float:
    return 1.0 if value >= 0.5 else 0.0
