"""The bass line: roots and what leads from one to the next, in the style's rhythm."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from app.models.plan import Voice
from app.models.score import Note
from app.services.composing.changes import Change
from app.services.composing.drawing import in_mode, suited_pattern
from app.services.composing.dynamics import velocity
from app.services.composing.limits import reach
from app.services.composing.setting import Bar, Setting
from app.services.theory.chords import Chord, chord_scale
from app.services.theory.instruments import INSTRUMENTS
from app.services.theory.rhythm import Stroke
from app.services.theory.scales import nearest_pitch, pitches_between

#: Where in its register the bass feels at home, from its lowest (0) to its highest pitch (1).
HOME = 0.36

#: Where roots and fifths alternate, a fifth this many semitones above home gives way to the one below the root; and
#: the signs of bars in which they do.
HIGH_FIFTH, ALTERNATING = 9, frozenset("R5asgp")

#: Chance, times the bar's energy, that the last bar of four leads on, and that of eight.
TURNS = {False: 0.45, True: 0.85}

#: Notes shorter than this, in beats, are never tied: they are a rhythm.
TIED_FROM_BEATS = 2.0


def write_bass(setting: Setting, voice: Voice) -> list[Note]:
    """The bass of the whole piece, but for the last bar."""
    notes = _BassLine(setting, voice).notes
    return tied(notes, setting.style.bass.tied_beats)


def tied(notes: Sequence[Note], longest_beats: float) -> list[Note]:
    """Long notes of one pitch that follow each other at once held as one, up to so many beats."""
    made: list[Note] = []
    for note in notes:
        before = made[-1] if made else None
        if (
            before is not None
            and note.pitch == before.pitch
            and note.length_beats >= TIED_FROM_BEATS
            and note.start_beat - before.start_beat - before.length_beats < 0.25
            and note.start_beat + note.length_beats - before.start_beat <= longest_beats
        ):
            made[-1] = replace(before, length_beats=note.start_beat + note.length_beats - before.start_beat)
        else:
            made.append(note)
    return made


class _BassLine:
    """One bass player: knows where the hand last was."""

    def __init__(self, setting: Setting, voice: Voice) -> None:
        self._setting = setting
        self._voice = voice
        self._idiom = setting.style.bass
        self._scale: tuple[int, ...] = setting.bars[0].scale
        self._low, self._high = reach(voice)
        self._home = self._low + HOME * min(self._high - self._low, 26)
        self._pitch: int = round(self._home)
        self._chord: Chord | None = None
        #: Whether the last stroke was the coming root, struck early: it need not be struck again when its chord comes.
        self._early = False
        #: Whether the chord's strokes are roots and fifths, with what leads on.
        self._alternates = False
        self.notes: list[Note] = []
        for stretch in setting.stretches_of(voice):
            rng = setting.rng("bass", voice.name, *stretch.key)
            pattern = suited_pattern(
                rng,
                in_mode(self._idiom.patterns, setting.plan.mode),
                energy=setting.busyness(stretch.section.energy),
                metre=setting.plan.time_signature,
                density=setting.plan.marked_density,
                family=INSTRUMENTS[voice.instrument].family,
            )
            bars = setting.rhythm(pattern.rhythm, pattern.metre)
            self._early = False
            # What changes from return to return has dice of its own.
            fancy = setting.rng("bass turn", voice.name, *stretch.key, str(stretch.returns))
            for bar in setting.bars_in(stretch):
                if not bar.final:
                    upcoming = () if bar.last else bars[(bar.number + 1) % len(bars)]
                    strokes = _held_over(bars[bar.number % len(bars)], upcoming, setting.metre.beats)
                    turned = fancy.random() < TURNS[(bar.number + 1) % 8 == 0] * bar.energy
                    if (bar.number + 1) % 4 == 0 and turned and not self._idiom.tied_beats:
                        strokes = led_on(strokes, setting.metre.beats)
                    if setting.plan.loop and bar.index == len(setting.bars) - 1 and not self._idiom.tied_beats:
                        strokes = _led_round(strokes, sum(change.length for change in bar.changes))
                    self._play(bar, strokes, rng)

    def _play(self, bar: Bar, strokes: tuple[Stroke, ...], rng: np.random.Generator) -> None:
        opening = bar.number == 0 and any(stroke.sign == "p" for stroke in strokes)
        for change in bar.changes:
            end = change.position + change.length
            inside = [s for s in strokes if change.position - 1e-6 <= s.position < end - 1e-6]
            late = not inside or inside[0].position > change.position + 1e-6
            if late and not self._early and (change.position > 0 or not inside or opening):
                # A new chord is heard from its root, also where the pattern rests.
                until = inside[0].position if inside else end
                inside = [Stroke(change.position, min(until - change.position, 2.0), "R"), *inside]
            opening = False
            self._play_chord(bar, change, inside, rng)

    def _play_chord(self, bar: Bar, change: Change, strokes: list[Stroke], rng: np.random.Generator) -> None:
        self._scale = bar.scale
        following = self._setting.following(bar, change)
        end = change.position + change.length
        walking = [stroke for stroke in strokes if stroke.sign in "wa"]
        self._alternates = {stroke.sign for stroke in strokes} <= ALTERNATING
        for index, stroke in enumerate(strokes):
            if index == 0 and change.chord != self._chord and not self._early and stroke.sign in "35678a":
                stroke = replace(stroke, sign="R")
            left = len([other for other in walking if other.position >= stroke.position])
            pitch = self._tone(stroke.sign, change.chord, following.chord, index, left, rng)
            self._early = stroke.sign == "p"
            length = (stroke.length if self._early else min(stroke.length, end - stroke.position)) * self._idiom.legato
            accent = 0.25 + 0.5 * self._setting.metre.strength(stroke.position)
            if stroke.sign == "s":
                length = min(length, 0.25)
            elif stroke.sign == "g":
                length, accent = min(length, 0.15), -0.7
            self.notes.append(
                Note(
                    pitch=pitch,
                    start_beat=bar.start_beat + stroke.position,
                    length_beats=length,
                    velocity=velocity(self._setting.plan, bar, "bass", accent),
                )
            )
            if stroke.sign != "8":
                # An octave is a flourish; the hand stays where it was.
                self._pitch = pitch
        self._chord = change.chord

    def _tone(self, sign: str, chord: Chord, after: Chord, index: int, left: int, rng: np.random.Generator) -> int:
        root = self._root(after if sign == "p" else chord)
        if sign == "5":
            fifth = self._near(chord.fifth, root)
            low = self._alternates and fifth > self._home + HIGH_FIFTH and fifth - 12 >= self._low
            return fifth - 12 if low else fifth
        if sign == "8":
            return root + 12 if root + 12 <= self._high else root
        if sign == "3":
            return self._above(root, chord.third)
        if sign == "6":
            return self._near((chord.root + 9) % 12, root)
        if sign == "7":
            return self._near(chord.classes[3] if len(chord.classes) > 3 else chord.fifth, root)
        if sign == "a":
            return self._approach(after, rng)
        if sign == "w":
            return root if index == 0 else self._step(chord, after, left, rng)
        return root

    def _root(self, chord: Chord) -> int:
        wanted = chord.bass if self._idiom.follows_inversions else chord.root
        return nearest_pitch(0.35 * self._pitch + 0.65 * self._home, wanted, self._low, self._high)

    def _near(self, pitch_class: int, root: int) -> int:
        """The tone next to the root: above if it stays in the register, else below."""
        above = self._above(root, pitch_class)
        return above if above <= min(self._high, self._home + 14) else max(above - 12, self._low)

    def _above(self, root: int, pitch_class: int) -> int:
        above = root + (pitch_class - root) % 12
        return above if above <= self._high else above - 12

    def _approach(self, after: Chord, rng: np.random.Generator) -> int:
        """A step above or below the next root, from the side the hand is on."""
        goal = self._root(after)
        classes = chord_scale(after, self._scale)
        below = next(goal - step for step in (1, 2, 3) if (goal - step) % 12 in classes or step == 3)
        above = next(goal + step for step in (1, 2, 3) if (goal + step) % 12 in classes or step == 3)
        chromatic = goal - 1 if rng.random() < 0.35 else below
        choice = above if self._pitch > goal or (self._pitch == goal and rng.random() < 0.4) else chromatic
        return choice if self._low <= choice <= self._high else below if below >= self._low else above

    def _step(self, chord: Chord, after: Chord, left: int, rng: np.random.Generator) -> int:
        """A walking step: chord and scale tones towards the next root, the last one a step away from it."""
        if left <= 1:
            return self._approach(after, rng)
        goal = self._root(after)
        tones = pitches_between(chord_scale(chord, self._scale), self._low, self._high)
        ideal = self._pitch + (goal - self._pitch) / left + float(rng.normal(0.0, 2.2))

        def strain(pitch: int) -> float:
            if pitch == self._pitch:
                return 99.0
            outside = 0.0 if pitch % 12 in chord.classes else 1.2
            return abs(pitch - ideal) + outside + max(0, abs(pitch - self._pitch) - 5) * 0.8

        return min(tones, key=strain) if tones else self._pitch


def led_on(strokes: tuple[Stroke, ...], beats: float) -> tuple[Stroke, ...]:
    """A bar whose last beat leads into what comes: two notes of approach, the first on the beat.

    A bar that leads on already, or is too quiet to, stays as it is.
    """
    if len(strokes) < 2 or {stroke.sign for stroke in strokes} & set("awp"):
        return strokes
    last = beats - 1.0
    kept = tuple(
        replace(stroke, length=min(stroke.length, last - stroke.position))
        for stroke in strokes
        if stroke.position < last - 1e-6
    )
    return (*kept, Stroke(last, 0.5, "5"), Stroke(last + 0.5, 0.5, "a"))


def _led_round(strokes: tuple[Stroke, ...], beats: float) -> tuple[Stroke, ...]:
    """A loop's last bar with a step to where it begins, if nothing else is struck in its last beat."""
    last = beats - 1.0
    if any(stroke.position > last - 1e-6 for stroke in strokes):
        return strokes
    kept = (replace(stroke, length=min(stroke.length, last - stroke.position)) for stroke in strokes)
    return (*kept, Stroke(last, 1.0, "a"))


def _held_over(strokes: tuple[Stroke, ...], upcoming: tuple[Stroke, ...], beats: float) -> tuple[Stroke, ...]:
    """A bar whose last stroke, if it is the coming root, sounds on until the next bar's first stroke."""
    if not strokes or not upcoming or strokes[-1].sign != "p":
        return strokes
    last = strokes[-1]
    held = beats + upcoming[0].position - last.position
    return (*strokes[:-1], replace(last, length=held)) if last.position + last.length >= beats - 1e-6 else strokes
