"""The stage that all voices play on: the plan's form unrolled into bars, each with its chords and its energy."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from app.models.plan import Plan, Section, Voice
from app.services.composing.changes import Change
from app.services.composing.dice import piece_seed
from app.services.composing.entries import Entry, entries_of, fugal_changes
from app.services.composing.harmony import harmonise
from app.services.composing.layout import Stretch, following_stretch, lay_out
from app.services.styles import Style, load_style
from app.services.theory.keys import Key
from app.services.theory.metre import Metre, metre_of
from app.services.theory.rhythm import Bar as Rhythm
from app.services.theory.rhythm import broadened, read_rhythm
from app.utils.seeds import rng_for

#: Beats a minute from which on none is missed between two, and at which most is.
_UNHURRIED_BPM, _SLOWEST_BPM = 125.0, 72.0

#: Positions of a bar at least this strong are beats.
BEAT_STRENGTH = 0.6

#: From this step in energy on, a section lifts towards the one after it, by this part of the step.
LIFTED_FROM, LIFT = 0.12, 0.4


@dataclass(frozen=True, kw_only=True, slots=True)
class Bar:
    """One bar of the piece."""

    #: Counted from 0 through the piece, and through its section.
    index: int
    number: int
    start_beat: float
    stretch: Stretch
    #: At least one; the first at position 0.
    changes: tuple[Change, ...]
    #: How strong it is, 0…1, with what its section grows or falls.
    energy: float
    #: The same as the players' hands take it: below the strongest section as much deeper as the style breathes; it may
    #: be below 0.
    force: float
    #: Whether it is its section's last, and the piece's last, which holds the final chord; a loop has no such bar.
    last: bool
    final: bool

    @property
    def section(self) -> Section:
        """The section it stands in."""
        return self.stretch.section

    @property
    def key(self) -> Key:
        """The key it stands in."""
        return self.stretch.tonality

    @property
    def scale(self) -> tuple[int, ...]:
        """Pitch classes of its key, from the key note up."""
        return self.stretch.tonality.scale

    def change_at(self, position: float) -> Change:
        """The chord that holds at a position of the bar, in beats."""
        for change in reversed(self.changes):
            if change.position <= position + 1e-6:
                return change
        return self.changes[0]


class Setting:
    """What every voice reads; made once for a plan."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self._seed = piece_seed(plan)
        self.style: Style = load_style(plan.style)
        self.metre: Metre = metre_of(plan.time_signature)
        #: Whether a written bar fills two: at this tempo the style counts in halves.
        self.broad: bool = plan.tempo_bpm >= self.style.feel.broad_from_bpm
        self.stretches: tuple[Stretch, ...] = lay_out(plan)
        #: Where the subject of a fugue enters; empty where the plan is none.
        self.entries: tuple[Entry, ...] = entries_of(plan, self.metre, self.stretches)
        self.bars: tuple[Bar, ...] = self._unrolled()

    def rng(self, *names: str) -> np.random.Generator:
        """Dice of that name, the same in every voice that asks for them."""
        return rng_for(self._seed, *names)

    def rhythm(self, text: str, metre: str) -> tuple[Rhythm, ...]:
        """The bars of a rhythm written for a metre, as they are played in the plan's."""
        bars = read_rhythm(text, metre, self.plan.time_signature)
        return broadened(bars, self.metre.beats) if self.broad else bars

    @cached_property
    def length_beats(self) -> float:
        """Length of the written music."""
        return self.plan.beats

    @cached_property
    def unhurried(self) -> float:
        """How far the beats are apart, 0…1: whoever hears all strokes between slow ones alike counts twice as many."""
        beats_a_minute = self.plan.tempo_bpm * len(self.metre.pulses) / self.metre.beats
        return float(np.clip((_UNHURRIED_BPM - beats_a_minute) / (_UNHURRIED_BPM - _SLOWEST_BPM), 0.0, 1.0))

    @property
    def final_bar(self) -> Bar:
        """The bar that the last chord fills."""
        return self.bars[-1]

    @cached_property
    def bar_s(self) -> float:
        """Seconds of a bar."""
        return self.metre.beats * 60.0 / self.plan.tempo_bpm

    def bars_in(self, stretch: Stretch) -> tuple[Bar, ...]:
        """Bars of a section."""
        return self.bars[stretch.first_bar : stretch.first_bar + stretch.bars]

    def stretches_of(self, voice: Voice) -> Iterator[Stretch]:
        """Sections in which a voice plays."""
        return (stretch for stretch in self.stretches if voice.name in stretch.section.voices)

    def busyness(self, energy: float) -> float:
        """Energy as the choice of patterns sees it: what the plan's density adds or takes, 0…1."""
        return min(1.0, max(0.0, energy + 0.22 * self.plan.density))

    def energy_of(self, material: str) -> float:
        """Mean energy of the sections with a material: what its motif is made for."""
        energies = [stretch.section.energy for stretch in self.stretches if stretch.section.material == material]
        return sum(energies) / len(energies)

    def following(self, bar: Bar, change: Change) -> Change:
        """The chord after this one; the last chord is followed by itself, in a loop by the first."""
        later = [other for other in bar.changes if other.position > change.position + 1e-6]
        if later:
            return later[0]
        if bar.index + 1 < len(self.bars):
            return self.bars[bar.index + 1].changes[0]
        return self.bars[0].changes[0] if self.plan.loop else change

    def _unrolled(self) -> tuple[Bar, ...]:
        changes = harmonise(self.plan, self.style, self.metre, self.stretches)
        for index, fugal in fugal_changes(self.entries, self.metre, self.bar_s):
            changes[index] = fugal
        bars: list[Bar] = []
        strongest = max(stretch.section.energy for stretch in self.stretches)
        for stretch in self.stretches:
            after = following_stretch(self.plan, self.stretches, stretch)
            for number in range(stretch.bars):
                index = stretch.first_bar + number
                energy = _energy(stretch, number, after)
                bars.append(
                    Bar(
                        index=index,
                        number=number,
                        start_beat=index * self.metre.beats,
                        stretch=stretch,
                        changes=changes[index],
                        energy=energy,
                        force=strongest - self.style.feel.dynamics * (strongest - energy),
                        last=number == stretch.bars - 1,
                        final=index == self.plan.bars - 1 and not self.plan.loop,
                    )
                )
        return tuple(bars)


def _energy(stretch: Stretch, number: int, after: Stretch | None) -> float:
    """Builds climb to what follows, others before a stronger section go a part of the way, outros sink."""
    along = number / max(stretch.bars - 1, 1)
    energy = stretch.section.energy
    step = 0.0 if after is None else max(0.0, after.section.energy - energy)
    if stretch.section.kind == "build" and after is not None:
        energy += 0.8 * step * along
    elif stretch.section.kind != "break" and step > LIFTED_FROM:
        energy += LIFT * step * along
    elif stretch.section.kind == "outro":
        energy -= 0.12 * along
    else:
        energy += 0.06 * (along - 0.5)
    return min(1.0, max(0.0, energy))
