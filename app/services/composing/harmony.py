"""The chords of the whole piece: one progression for each material, turned towards what follows, closed at the end."""

from collections.abc import Sequence
from math import log2

import numpy as np

from app.models.plan import Mode, Plan
from app.services.composing.changes import Change, Changes, Held, changes, shortened, spread
from app.services.composing.colouring import clarity, in_colour, read_chords, transposed
from app.services.composing.dice import piece_seed
from app.services.composing.drawing import drawn, drawn_key
from app.services.composing.layout import Stretch, following_stretch
from app.services.composing.pacing import LEAST_PER_MINUTE, MOST_PER_MINUTE, calmed, livened
from app.services.composing.reharmonising import SHORTEST_HALF_S
from app.services.composing.rounds import in_rounds
from app.services.composing.time_feel import HARMONY_PACE
from app.services.styles import Style
from app.services.styles.idioms import Progression
from app.services.theory.chords import Chord, read_numeral
from app.services.theory.keys import Key
from app.services.theory.metre import Metre
from app.services.theory.progressions import MODAL_CADENCES, MODAL_PROGRESSIONS
from app.services.theory.scales import third_of
from app.utils.seeds import rng_for

#: How many bars one written bar may last.
STRETCHES = (0.5, 1, 2, 4)

#: Chords that change more often than this are hurried, in changes a minute.
HURRIED_PER_MINUTE = 35.0

#: Half-time does not bring chords below this, in changes a minute.
_STILL_PER_MINUTE = 13.0

#: From this length on, half a bar is enough to lead into another key, in seconds.
_ROOMY_BAR_S = 1.7


def harmonise(plan: Plan, style: Style, metre: Metre, stretches: Sequence[Stretch]) -> list[Changes]:
    """The chord changes of every bar, in order; the last bar is the tonic, except that a loop's leads to its first."""
    speaker = _Harmony(plan, style, metre)
    materials: dict[tuple[str, Mode], list[Held]] = {}
    for stretch in sorted(stretches, key=_telling):
        spoken = (stretch.section.material, stretch.tonality.mode)
        if spoken not in materials:
            materials[spoken] = speaker.progression(stretch, list(materials.values()))
    bars: list[Changes] = []
    for stretch in stretches:
        after = following_stretch(plan, stretches, stretch)
        held = taken_up(materials[stretch.section.material, stretch.tonality.mode], _spoken_of(stretches, stretch))
        section = speaker.section(stretch, held, after)
        bar_s = metre.beats * 60.0 / plan.tempo_bpm
        if not style.counted:
            section = calmed(section, metre, bar_s, most=MOST_PER_MINUTE * HARMONY_PACE[plan.time_feel])
        bars += section
    if plan.loop:
        bars = speaker.led_back(bars, stretches[0].tonality)
    if plan.last_bar_beats is not None:
        bars[-1] = shortened(bars[-1], plan.last_bar_beats)
    return bars


def _spoken_of(stretches: Sequence[Stretch], stretch: Stretch) -> int:
    """How many bars of its material the sections right before a section have spoken; an introduction does not count."""
    spoken = 0
    for before in reversed(stretches[: stretch.index]):
        same = before.section.material == stretch.section.material and before.tonality == stretch.tonality
        if not same or before.section.kind in ("intro", "break"):
            break
        spoken += before.bars
    return spoken


def taken_up(held: Sequence[Held], spoken: float) -> list[Held]:
    """A progression taken up where the section before left it; one that came to its end begins anew.

    >>> home, away = Chord(0, "maj", 0), Chord(5, "maj", 5)
    >>> [(chord.root, bars) for chord, bars in taken_up([(home, 2), (away, 2)], 3)]
    [(5, 1), (0, 2), (5, 1)]
    """
    at = spoken % sum(bars for _, bars in held)
    late: list[Held] = []
    early: list[Held] = []
    for chord, bars in held:
        heard = min(max(at, 0.0), bars)
        at -= bars
        if heard > 1e-9:
            early.append((chord, heard))
        if bars - heard > 1e-9:
            late.append((chord, bars - heard))
    return [*late, *early]


def _telling(stretch: Stretch) -> tuple[bool, bool, str, int]:
    """Sections that say most about their material come first: themes before intros, home, then long ones."""
    framing = stretch.section.kind in ("intro", "outro", "build", "break")
    return framing, stretch.section.transpose != 0, stretch.section.material, -stretch.bars


class _Harmony:
    """A style's harmonic language. Materials are spoken on the plan's own key note; sections are moved to theirs."""

    def __init__(self, plan: Plan, style: Style, metre: Metre) -> None:
        self._plan = plan
        self._seed = piece_seed(plan)
        self._language = style.harmony
        self._counted = style.counted
        self._metre = metre
        self._bars_a_minute = plan.tempo_bpm / metre.beats

    def progression(self, stretch: Stretch, others: Sequence[list[Held]]) -> list[Held]:
        """The chords of a material, coloured and stretched; unlike those of other materials where there is a choice."""
        key = Key(self._plan.tonic, stretch.tonality.mode)
        rng = rng_for(self._seed, "harmony", stretch.section.material)
        options = self._suiting(stretch)
        if not others:
            # What is heard first should say which key it is in.
            options = [option for option in options if read_chords(option, key)[0][0].root == key.root] or options
        if self._counted:
            option = drawn(rng, options, [option.weight for option in options])
            factor = self._stretch(option, stretch, rng)
            return [(chord, bars * factor) for chord, bars in self._coloured(option, key, rng)]
        taken = [{chord for chord, _ in held} for held in others]
        weights = [self._weight(option, stretch) * clarity(tuple(read_chords(option, key)), key) for option in options]
        candidates = [drawn(rng, options, weights) for _ in range(4)]
        coloured = [self._coloured(option, key, rng) for option in candidates]
        pairs = [
            [(chord, bars * self._stretch(option, stretch, rng)) for chord, bars in held]
            for option, held in zip(candidates, coloured, strict=True)
        ]
        return max(pairs, key=lambda held: min((len({c for c, _ in held} - other) for other in taken), default=0))

    def section(self, stretch: Stretch, held: list[Held], after: Stretch | None) -> list[Changes]:
        """The changes of each bar of a section: its material in its key, then the way on."""
        key, bar_s = Key(self._plan.tonic, stretch.tonality.mode), 60.0 / self._bars_a_minute
        if self._language.changes_per_minute >= LEAST_PER_MINUTE and not self._counted:
            held = livened(held, bar_s)
        devices = self._language.devices
        # Where chords are to change less often, time is counted as if there were less of it.
        felt_s = bar_s * HARMONY_PACE[self._plan.time_feel]
        turns = in_rounds(held, stretch, key, devices, bar_s=felt_s, seed=self._seed)
        moved = [(transposed(chord, stretch.section.transpose), bars) for chord, bars in turns]
        bars = spread(moved, stretch.bars, self._metre)
        if after is None:
            return self._closed(bars, stretch.tonality)
        if after.tonality != stretch.tonality and stretch.bars > 1:
            return [*bars[:-1], self._leading(bars[-1], after.tonality)]
        if stretch.bars >= 4 and self._language.turnarounds:
            rng = rng_for(self._seed, "turnaround", *stretch.key, after.section.material)
            options = [turn for turn in self._language.turnarounds if self._turns(turn, stretch.tonality.mode)]
            if options and rng.random() < self._language.turnaround_chance:
                turn = self._coloured(drawn(rng, options, [option.weight for option in options]), stretch.tonality, rng)
                whole = max(1, round(sum(length for _, length in turn)))
                bars[-whole:] = spread(turn, whole, self._metre)
        return bars

    def _turns(self, turn: Progression, mode: Mode) -> bool:
        """Whether a turnaround is meant for the mode and each of its chords has time to be heard."""
        shortest = 60.0 / self._bars_a_minute / max(len(bar) for bar in turn.bars)
        return mode in turn.modes and (shortest >= SHORTEST_HALF_S or len(turn.bars) == len(turn.chords.split()))

    def _leading(self, bar: Changes, key: Key) -> Changes:
        """A bar that ends on the dominant of another key."""
        dominant = Chord((key.root + 7) % 12, "7", (key.root + 7) % 12)
        if 60.0 / self._bars_a_minute < _ROOMY_BAR_S:
            return (Change(0.0, self._metre.beats, dominant),)
        return changes({0.0: bar[0].chord, self._metre.half(): dominant}, self._metre.beats)

    def led_back(self, bars: list[Changes], key: Key) -> list[Changes]:
        """A loop's bars with an end that goes on to the first chord: a cadence where it would only stand still.

        Music that never leaves its chord stays as it is.
        """
        moving = len({change.chord.root for bar in bars for change in bar}) > 1
        if not moving or bars[-1][-1].chord.root != bars[0][0].chord.root:
            return bars
        cadence = self._cadence(key)
        if cadence[-1][0].root == bars[0][0].chord.root:
            return bars
        whole = max(1, round(sum(length for _, length in cadence)))
        steps = spread(cadence, whole, self._metre)[-len(bars) :]
        if len(bars) == 1:
            # One bar has room for both: half of it stands, half leads back.
            half = self._metre.half()
            back = Change(half, self._metre.beats - half, steps[-1][-1].chord)
            return [(Change(0.0, half, bars[0][0].chord), back)]
        kept = len(bars) - min(whole, len(bars) - 1)
        return [*bars[:kept], *steps[kept - len(bars) :]]

    def _closed(self, bars: list[Changes], key: Key) -> list[Changes]:
        """The end of the piece: a cadence, then the tonic for a whole bar."""
        cadence = self._cadence(key)
        free = len(bars) - 1
        whole = max(1, round(sum(length for _, length in cadence)))
        if free > 0:
            steps = spread(cadence, whole, self._metre)
            bars[-1 - min(whole, free) : -1] = steps[-min(whole, free) :]
        bars[-1] = (Change(0.0, self._metre.beats, self.tonic_chord(key)),)
        return bars

    def _cadence(self, key: Key) -> list[Held]:
        """What leads into the tonic at the end."""
        rng = rng_for(self._seed, "cadence")
        options = [option for option in self._language.cadences if key.mode in option.modes] or [
            Progression(chords=chords, modes=(key.mode,)) for chords in MODAL_CADENCES[key.mode]
        ]
        return read_chords(drawn(rng, options, [option.weight for option in options]), key)

    def tonic_chord(self, key: Key) -> Chord:
        """The chord that the piece rests on."""
        numeral = "i" if third_of(key.mode) == "minor" and not self._language.final_major else "I"
        colour = self._language.final_colour
        if numeral == "i" and colour == "maj7":
            colour = "7"
        if numeral == "i" and colour == "maj9":
            colour = "9"
        return read_numeral(numeral + colour, key.tonic, key.mode)

    def _suiting(self, stretch: Stretch) -> list[Progression]:
        mode = stretch.tonality.mode
        known = [option for option in self._language.progressions if mode in option.modes]
        kind = stretch.section.kind
        framing = kind in ("intro", "outro", "build", "break")
        meant = [option for option in known if framing or not option.sections or kind in option.sections]
        return meant or known or [Progression(chords=chords, modes=(mode,)) for chords in MODAL_PROGRESSIONS[mode]]

    def _weight(self, option: Progression, stretch: Stretch) -> float:
        """Rigid progressions count for less where they would hurry or be cut, and by what would be heard of them."""
        if option.elastic:
            return option.weight
        if sum(len(bar) for bar in option.bars) / len(option.bars) * self._bars_a_minute > HURRIED_PER_MINUTE:
            return option.weight * 0.15
        if stretch.bars % len(option.bars) == 0:
            return option.weight
        heard = {chord for bar in option.bars[: stretch.bars] for chord in bar}
        return option.weight * (0.3 if len(option.bars) <= stretch.bars else 0.05) * (len(heard) - 0.9)

    def _stretch(self, option: Progression, stretch: Stretch, rng: np.random.Generator) -> float:
        """How many bars each written bar lasts: chords change at the style's pace, and the section holds them."""
        if not option.elastic:
            return 1.0
        changes_a_bar = sum(len(bar) for bar in option.bars) / len(option.bars)
        wished = max(self._language.changes_per_minute * HARMONY_PACE[self._plan.time_feel], _STILL_PER_MINUTE)
        target = min(wished, self._language.changes_per_minute) * (1.0 + 0.2 * (rng.random() - 0.5))

        def strain(factor: float) -> float:
            pace = changes_a_bar / factor * self._bars_a_minute
            hurried = max(0.0, log2(pace / HURRIED_PER_MINUTE))
            cut = max(0.0, log2(len(option.bars) * factor / stretch.bars))
            return abs(log2(pace / target)) + 1.2 * hurried + 0.6 * cut

        return min(STRETCHES, key=strain)

    def _coloured(self, option: Progression, key: Key, rng: np.random.Generator) -> list[Held]:
        """The progression with its plain triads coloured as the style likes; equal chords get equal colours."""
        colours: dict[Chord, Chord] = {}
        held: list[Held] = []
        for chord, bars in read_chords(option, key):
            if chord not in colours:
                colours[chord] = in_colour(chord, drawn_key(rng, self._language.colours), key)
            held.append((colours[chord], bars))
        return held
