"""The chords of the whole piece: one progression for each material, turned towards what follows, closed at the end."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import log2

import numpy as np

from app.models.plan import Mode, Plan
from app.services.composing.drawing import drawn, drawn_key
from app.services.composing.layout import Stretch, following_stretch
from app.services.styles import Style
from app.services.styles.idioms import Progression
from app.services.theory.chords import CHORD_TYPES, Chord, read_numeral
from app.services.theory.metre import Metre
from app.services.theory.scales import pitch_class, third_of
from app.utils.seeds import rng_for

#: What each mode does where a style is silent: the loops that show its own colour.
MODAL_PROGRESSIONS: dict[Mode, tuple[str, ...]] = {
    "major": ("I | vi | IV | V", "I | V | vi | IV", "I | IV | ii | V"),
    "minor": ("i | VI | III | VII", "i | iv | VI | V", "i | VII | VI | VII"),
    "dorian": ("i | IV | i | VII", "i | ii | III | IV", "i | VII | IV | i"),
    "phrygian": ("i | II | i | vii", "i | II | III | II", "i | VI | II | i"),
    "lydian": ("I | II | iii | II", "I | V | II | vi", "I | II | vi | V"),
    "mixolydian": ("I | VII | IV | I", "I | v | IV | I", "I | IV | VII | IV"),
    "harmonic_minor": ("i | iv | V7 | i", "i | VI | iiø7 | V7", "i | VII | VI | V"),
}

#: What leads into the final tonic where a style is silent.
MODAL_CADENCES: dict[Mode, tuple[str, ...]] = {
    "major": ("IV V", "ii V7", "IV | V7"),
    "minor": ("iv V", "VI V7", "iv | V"),
    "dorian": ("IV v", "ii VII", "IV | VII"),
    "phrygian": ("vii II", "iv II"),
    "lydian": ("II V", "vi V"),
    "mixolydian": ("IV VII", "v VII", "VII | IV"),
    "harmonic_minor": ("iv V7", "iiø7 V7", "iv | V7"),
}

#: How many bars one written bar may last.
STRETCHES = (0.5, 1, 2, 4)

#: What each colour makes of a plain triad.
_COLOURED = {
    "seventh": {"maj": "maj7", "min": "m7"},
    "ninth": {"maj": "maj9", "min": "m9"},
    "add9": {"maj": "add9", "min": "madd9"},
    "sixth": {"maj": "6", "min": "m6"},
    "sus": {"maj": "sus2", "min": "min"},
}


@dataclass(frozen=True, slots=True)
class Change:
    """A chord and where it holds in its bar."""

    #: Beats from the bar line.
    position: float
    length: float
    chord: Chord


#: A chord and how many bars it lasts.
Held = tuple[Chord, float]


def harmonise(plan: Plan, style: Style, metre: Metre, stretches: Sequence[Stretch]) -> list[tuple[Change, ...]]:
    """The chord changes of every bar, in order; the last bar is the tonic, except that a loop's leads to its first."""
    speaker = _Harmony(plan, style, metre)
    materials: dict[str, list[Held]] = {}
    for stretch in sorted(stretches, key=_telling):
        letter = stretch.section.material
        if letter not in materials:
            materials[letter] = speaker.progression(letter, stretch, list(materials.values()))
    bars: list[tuple[Change, ...]] = []
    for stretch in stretches:
        after = following_stretch(plan, stretches, stretch)
        bars += speaker.section(stretch, materials[stretch.section.material], after)
    return speaker.led_back(bars) if plan.loop else bars


def _telling(stretch: Stretch) -> tuple[bool, str, int]:
    """Sections that say most about their material come first: themes before intros, long before short."""
    framing = stretch.section.kind in ("intro", "outro", "build", "break")
    return framing, stretch.section.material, -stretch.bars


class _Harmony:
    """A style's harmonic language in one key."""

    def __init__(self, plan: Plan, style: Style, metre: Metre) -> None:
        self._plan = plan
        self._language = style.harmony
        self._metre = metre
        self._bars_a_minute = plan.tempo_bpm / metre.beats

    def progression(self, letter: str, stretch: Stretch, others: Sequence[list[Held]]) -> list[Held]:
        """The chords of a material, coloured and stretched; unlike those of other materials where there is a choice."""
        rng = rng_for(self._plan.seed, "harmony", letter)
        options = self._suiting(stretch)
        if not others:
            # What is heard first should say which key it is in.
            options = [option for option in options if self._begins_at_home(option)] or options
        taken = [{chord for chord, _ in held} for held in others]
        candidates = [drawn(rng, options, [self._weight(option, stretch) for option in options]) for _ in range(4)]
        coloured = [self._coloured(option, rng) for option in candidates]
        pairs = [
            [(chord, bars * self._stretch(option, stretch, rng)) for chord, bars in held]
            for option, held in zip(candidates, coloured, strict=True)
        ]
        return max(pairs, key=lambda held: min((len({c for c, _ in held} - other) for other in taken), default=0))

    def section(self, stretch: Stretch, held: list[Held], after: Stretch | None) -> list[tuple[Change, ...]]:
        """The changes of each bar of a section: its material, then the way on."""
        bars = self._spread(held, stretch.bars)
        if after is None:
            return self._closed(bars)
        if stretch.bars >= 4 and self._language.turnarounds:
            rng = rng_for(self._plan.seed, "turnaround", *stretch.key, after.section.material)
            options = [turn for turn in self._language.turnarounds if self._plan.mode in turn.modes]
            if options and rng.random() < self._language.turnaround_chance:
                turn = self._coloured(drawn(rng, options, [option.weight for option in options]), rng)
                whole = max(1, round(sum(length for _, length in turn)))
                bars[-whole:] = self._spread(turn, whole)
        return bars

    def led_back(self, bars: list[tuple[Change, ...]]) -> list[tuple[Change, ...]]:
        """A loop's bars with an end that goes on to the first chord: a cadence where it would only stand still.

        Music that never leaves its chord stays as it is.
        """
        moving = len({change.chord.root for bar in bars for change in bar}) > 1
        if not moving or bars[-1][-1].chord.root != bars[0][0].chord.root:
            return bars
        cadence = self._cadence()
        if cadence[-1][0].root == bars[0][0].chord.root:
            return bars
        whole = max(1, round(sum(length for _, length in cadence)))
        steps = self._spread(cadence, whole)[-len(bars) :]
        if len(bars) == 1:
            # One bar has room for both: half of it stands, half leads back.
            half = self._metre.half()
            back = Change(half, self._metre.beats - half, steps[-1][-1].chord)
            return [(Change(0.0, half, bars[0][0].chord), back)]
        kept = len(bars) - min(whole, len(bars) - 1)
        return [*bars[:kept], *steps[kept - len(bars) :]]

    def _closed(self, bars: list[tuple[Change, ...]]) -> list[tuple[Change, ...]]:
        """The end of the piece: a cadence, then the tonic for a whole bar."""
        cadence = self._cadence()
        free = len(bars) - 1
        whole = max(1, round(sum(length for _, length in cadence)))
        if free > 0:
            steps = self._spread(cadence, whole)
            bars[-1 - min(whole, free) : -1] = steps[-min(whole, free) :]
        bars[-1] = (Change(0.0, self._metre.beats, self.tonic_chord()),)
        return bars

    def _cadence(self) -> list[Held]:
        """What leads into the tonic at the end."""
        rng = rng_for(self._plan.seed, "cadence")
        mode = self._plan.mode
        options = [option for option in self._language.cadences if mode in option.modes] or [
            Progression(chords=chords, modes=(mode,)) for chords in MODAL_CADENCES[mode]
        ]
        return self._read(drawn(rng, options, [option.weight for option in options]))

    def tonic_chord(self) -> Chord:
        """The chord that the piece rests on."""
        numeral = "i" if third_of(self._plan.mode) == "minor" else "I"
        colour = self._language.final_colour
        if numeral == "i" and colour == "maj7":
            colour = "7"
        if numeral == "i" and colour == "maj9":
            colour = "9"
        return read_numeral(numeral + colour, self._plan.tonic, self._plan.mode)

    def _suiting(self, stretch: Stretch) -> list[Progression]:
        mode = self._plan.mode
        known = [option for option in self._language.progressions if mode in option.modes]
        kind = stretch.section.kind
        framing = kind in ("intro", "outro", "build", "break")
        meant = [option for option in known if framing or not option.sections or kind in option.sections]
        return meant or known or [Progression(chords=chords, modes=(mode,)) for chords in MODAL_PROGRESSIONS[mode]]

    def _begins_at_home(self, option: Progression) -> bool:
        return self._read(option)[0][0].root == pitch_class(self._plan.tonic)

    def _weight(self, option: Progression, stretch: Stretch) -> float:
        """Rigid progressions count for less where they would be cut."""
        if option.elastic or stretch.bars % len(option.bars) == 0:
            return option.weight
        return option.weight * (0.3 if len(option.bars) <= stretch.bars else 0.05)

    def _stretch(self, option: Progression, stretch: Stretch, rng: np.random.Generator) -> float:
        """How many bars each written bar lasts: chords change at the style's pace, and the section holds them."""
        if not option.elastic:
            return 1.0
        changes_a_bar = sum(len(bar) for bar in option.bars) / len(option.bars)
        target = self._language.changes_per_minute * (1.0 + 0.2 * (rng.random() - 0.5))

        def strain(factor: float) -> float:
            pace = abs(log2(changes_a_bar / factor * self._bars_a_minute / target))
            return pace + 0.6 * max(0.0, log2(len(option.bars) * factor / stretch.bars))

        return min(STRETCHES, key=strain)

    def _read(self, option: Progression) -> list[Held]:
        return [
            (read_numeral(numeral, self._plan.tonic, self._plan.mode), 1.0 / len(bar))
            for bar in option.bars
            for numeral in bar
        ]

    def _coloured(self, option: Progression, rng: np.random.Generator) -> list[Held]:
        """The progression with its plain triads coloured as the style likes; equal chords get equal colours."""
        colours: dict[Chord, Chord] = {}
        held: list[Held] = []
        for chord, bars in self._read(option):
            if chord not in colours:
                colours[chord] = self._colour(chord, drawn_key(rng, self._language.colours))
            held.append((colours[chord], bars))
        return held

    def _colour(self, chord: Chord, colour: str) -> Chord:
        kind = _COLOURED.get(colour, {}).get(chord.kind, chord.kind)
        if kind in ("maj7", "maj9") and self._is_dominant(chord):
            kind = {"maj7": "7", "maj9": "9"}[kind]
        return Chord(chord.root, kind, chord.bass) if kind in CHORD_TYPES else chord

    def _is_dominant(self, chord: Chord) -> bool:
        """Whether a major chord's seventh is minor in the key, so that a major seventh would be a wrong note."""
        above = (chord.root + 11) % 12
        scale_tones = {
            read_numeral(numeral, self._plan.tonic, self._plan.mode).root
            for numeral in ("I", "II", "III", "IV", "V", "VI", "VII")
        }
        return above not in scale_tones

    def _spread(self, held: Sequence[Held], bars: int) -> list[tuple[Change, ...]]:
        """Chords laid over so many bars, round and round; equal neighbours are one chord."""
        marks: list[tuple[float, Chord]] = []
        at = 0.0
        turn = 0
        while at < bars - 1e-9:
            chord, length = held[turn % len(held)]
            marks.append((at, chord))
            at += length
            turn += 1
        spread: list[tuple[Change, ...]] = []
        sounding = marks[0][1]
        for bar in range(bars):
            inside = {0.0: sounding}
            for mark, chord in marks:
                if bar - 1e-9 <= mark < bar + 1 - 1e-9:
                    inside[self._place(mark - bar)] = chord
            spread.append(_changes(inside, self._metre.beats))
            sounding = spread[-1][-1].chord
        return spread

    def _place(self, part: float) -> float:
        """Beat at which a part of a bar begins, on a pulse."""
        if part < 1e-6:
            return 0.0
        if abs(part - 0.5) < 1e-6:
            return self._metre.half()
        pulses = self._metre.pulses
        return pulses[min(round(part * len(pulses)), len(pulses) - 1)]


def _changes(inside: dict[float, Chord], beats: float) -> tuple[Change, ...]:
    places = sorted(inside)
    kept = [p for i, p in enumerate(places) if i == 0 or inside[p] != inside[places[i - 1]]]
    return tuple(Change(place, end - place, inside[place]) for place, end in zip(kept, [*kept[1:], beats], strict=True))
