"""The melody: motifs laid out as phrases that ask and answer, their pitches found over the harmony."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import TypeVar

import numpy as np

from app.models.plan import Voice
from app.models.score import Note
from app.services.composing.changes import Change
from app.services.composing.colouring import transposed
from app.services.composing.dynamics import velocity
from app.services.composing.layout import Stretch
from app.services.composing.limits import reach
from app.services.composing.motif import Motif, motif_for
from app.services.composing.ornamenting import approached, divided, slid
from app.services.composing.phrasing import Phrase, letters_of, phrases_of
from app.services.composing.setting import Bar, Setting
from app.services.composing.singing import Moment, sing
from app.services.theory.rhythm import Stroke

Key = TypeVar("Key")

#: How the bars of a phrase lie against each other, in scale steps, for questions and for answers.
QUESTION_LEVELS = ((0, 1, 2, 1), (0, 2, 1, 0), (0, -1, 1, 2), (0, 1, 0, 2))
ANSWER_LEVELS = ((0, 1, 0, -2), (2, 1, 0, -2), (0, 2, 1, -1), (1, 2, 0, -2))

#: How much higher the peak of the melody lies: its window's top in semitones, its bars in scale steps.
PEAK_SEMITONES, PEAK_STEPS = 3, 3.0

#: A note that goes on this long into another chord is heard with it, in beats.
LEAST_HELD_BEATS = 0.5

#: Silence between two phrases, in beats.
BREATH_BEATS = 0.5


def write_melody(setting: Setting, voices: Sequence[Voice]) -> dict[str, list[Note]]:
    """The lines of all lead voices, but for the last bar: one melody that they share out by phrases."""
    lines: dict[str, list[Note]] = {voice.name: [] for voice in voices}
    singer = _Singer(setting)
    for stretch in setting.stretches:
        present = [voice for voice in voices if voice.name in stretch.section.voices]
        for phrase in phrases_of(setting, stretch):
            for place, voice in enumerate(present):
                together = stretch.section.energy >= 0.85
                if together or (stretch.index + phrase.number) % len(present) == place:
                    lines[voice.name] += singer.phrase(voice, phrase)
    return lines


class _Singer:
    """Finds each phrase's pitches once and remembers them for when it returns."""

    def __init__(self, setting: Setting) -> None:
        self._setting = setting
        self._motifs: dict[str, Motif] = {}
        #: Pitches of a phrase by what it is, and how far its section was transposed when it was found.
        self._sung: dict[tuple[object, ...], tuple[tuple[int, ...], int]] = {}
        #: The last pitch that each voice has sung.
        self._ended: dict[str, int] = {}
        #: How far each kind of section rises above the plan's key in its returns, in semitones.
        self._rises: dict[tuple[str, str], int] = {}
        for stretch in setting.stretches:
            rise = max(stretch.section.transpose, 0)
            self._rises[stretch.key] = max(rise, self._rises.get(stretch.key, 0))
        #: The section in which the melody reaches its highest note.
        self._strongest = next((stretch for stretch in setting.stretches if stretch.climax), None)
        #: Mean energy of each kind of section with its material.
        self._levels: dict[tuple[str, str], float] = _means((s.key, s.section.energy) for s in setting.stretches)

    def motif(self, material: str) -> Motif:
        """The motif of a material; what is no theme recalls the theme's."""
        setting = self._setting
        if material not in self._motifs:
            motif = motif_for(setting, material, setting.energy_of(material))
            theme = setting.stretches[0].section.material
            if material != theme and not setting.style.melody.intervals:
                motif = motif.recalling(self.motif(theme), setting.rng("recall", material))
            self._motifs[material] = motif
        return self._motifs[material]

    def phrase(self, voice: Voice, phrase: Phrase) -> list[Note]:
        """The notes of a phrase for a voice's register."""
        setting, stretch = self._setting, phrase.bars[0].stretch
        rng = setting.rng("phrase", *stretch.key, str(phrase.number))
        if (
            phrase.number
            and not phrase.bars[-1].last
            and rng.random() < setting.style.melody.silence * (1.0 - 0.5 * setting.plan.density)
        ):
            return []
        letters = letters_of(stretch.section.kind, phrase)
        moments = self._moments(phrase, letters, rng)
        if not moments:
            return []
        low, high = reach(voice)
        peak = stretch.climax and phrase.number == max(phrase.count - 2, 0)
        window = self._window(low, high, stretch, peak=peak)
        if peak:
            moments = [replace(moment, level=moment.level + PEAK_STEPS * min(moment.bar, 1)) for moment in moments]
        harmony = tuple(
            transposed(change.chord, -stretch.section.transpose) for bar in phrase.bars for change in bar.changes
        )
        key = (stretch.key, phrase.number, phrase.answer, harmony, window, len(moments), stretch.tonality.mode)
        if key in self._sung:
            pitches, before = self._sung[key]
            # What returns in another key is the same melody, so much higher or lower.
            pitches = tuple(pitch + stretch.section.transpose - before for pitch in pitches)
        if key not in self._sung or min(pitches) < low or max(pitches) > high:
            pitches = sing(
                moments,
                window=window,
                scale=stretch.tonality.scale,
                manner=setting.style.melody,
                mode=stretch.tonality.mode,
                closing=phrase.answer,
                coming_from=self._ended.get(voice.name),
                rng=rng,
            )
            self._sung[key] = (pitches, stretch.section.transpose)
        self._ended[voice.name] = pitches[-1]
        return self._played(self._written(phrase, moments, pitches), phrase, (low, high))

    def _window(self, low: int, high: int, stretch: Stretch, *, peak: bool = False) -> tuple[int, int]:
        """The pitches a section sings in: about the middle of the register, higher where the piece is stronger.

        The peak, one phrase of the strongest section, reaches higher than any other.
        """
        high = max(high - self._rises[stretch.key], low + 7)
        energy = self._levels[stretch.key]
        span = max(self._setting.style.melody.span, 7)
        bottom = max(low, min(round(_centre(low, high, energy) - span * 0.5 - 3), high - 7))
        top = self._top(low, high, energy)
        if peak:
            return bottom, min(high, max(top + PEAK_SEMITONES, bottom + 7))
        if self._strongest is not None:
            ceiling = min(high, self._top(low, high, self._levels[self._strongest.key]) + PEAK_SEMITONES)
            top = min(top, ceiling - 2)
        return bottom, max(top, min(bottom + 7, high))

    def _top(self, low: int, high: int, energy: float) -> int:
        """The highest pitch that a section of this energy sings."""
        span = max(self._setting.style.melody.span, 7)
        return min(high, max(round(_centre(low, high, energy) + span * 0.5 + 3), low + 7))

    def _moments(self, phrase: Phrase, letters: str, rng: np.random.Generator) -> list[Moment]:
        """Every note of a phrase with what is wished of it."""
        setting = self._setting
        motif = self.motif(phrase.bars[0].section.material)
        tables = ANSWER_LEVELS if phrase.answer else QUESTION_LEVELS
        levels = tables[int(rng.integers(len(tables)))]
        moments: list[Moment] = []
        for place, (bar, letter) in enumerate(zip(phrase.bars, letters, strict=True)):
            if letter == "-":
                continue
            cell = motif.cells[letter]
            level = place if bar.section.kind == "build" else levels[place % 4]
            for index, stroke in enumerate(cell.strokes):
                change = bar.change_at(stroke.position)
                moments.append(
                    Moment(
                        bar=place,
                        stroke=stroke,
                        strength=setting.metre.strength(stroke.position),
                        chord=change.chord,
                        step=cell.steps[index - 1] if index else None,
                        level=float(level),
                    )
                )
        sung = self._thinned(moments, rng)
        return [
            # The last note may be let go when a chord comes, so it is free to close the phrase.
            replace(moment, over=tuple(change.chord for change in _coming(moment, phrase.bars[moment.bar])))
            if moment is not sung[-1]
            else moment
            for moment in sung
        ]

    def _thinned(self, moments: list[Moment], rng: np.random.Generator) -> list[Moment]:
        """Sparse plans lose weak notes; the notes before them are held longer."""
        density = self._setting.plan.density
        if density > -0.15:
            return moments
        kept: list[Moment] = []
        for moment in moments:
            weak = moment.strength <= 0.6 and moment.step is not None
            if weak and rng.random() < -density * (0.8 if moment.strength <= 0.3 else 0.45):
                if kept and kept[-1].bar == moment.bar:
                    held = kept[-1].stroke
                    until = moment.stroke.position + moment.stroke.length
                    kept[-1] = replace(kept[-1], stroke=Stroke(held.position, until - held.position, held.sign))
                continue
            kept.append(moment)
        return kept

    def _written(self, phrase: Phrase, moments: Sequence[Moment], pitches: Sequence[int]) -> list[Note]:
        setting = self._setting
        top = max(pitches)
        end = phrase.bars[-1].start_beat + setting.metre.beats
        notes = []
        for moment, pitch, following in zip(moments, pitches, (*pitches[1:], None), strict=True):
            bar = phrase.bars[moment.bar]
            accent = 0.3 + 0.4 * moment.strength + (0.25 if pitch == top else 0.0)
            length = moment.stroke.length * (1.0 if moment.stroke.length >= 1.5 else setting.style.melody.legato)
            start = bar.start_beat + moment.stroke.position
            if following is None or not 0 < abs(following - pitch) <= 2:
                length = min(length, _until_foreign(moment, pitch, bar))
            if moment is moments[-1] and length >= 2 * BREATH_BEATS:
                # Whoever sings or blows takes a breath before the next phrase.
                length = min(length, max(end - BREATH_BEATS - start, BREATH_BEATS))
            notes.append(
                Note(
                    pitch=pitch,
                    start_beat=start,
                    length_beats=length,
                    velocity=velocity(setting.plan, bar, "lead", accent),
                )
            )
        return notes

    def _played(self, notes: list[Note], phrase: Phrase, reach: tuple[int, int]) -> list[Note]:
        """A phrase with what its player adds: more when it returns, and what the style always likes."""
        setting, stretch = self._setting, phrase.bars[0].stretch
        returned = min(stretch.returns + (stretch.section.kind == "variation"), 2) / 2
        liking = setting.style.melody.ornaments * returned + 0.3 * max(setting.plan.density, 0.0)
        if liking > 0:
            rng = setting.rng("ornament", *stretch.key, str(stretch.returns), str(phrase.number))
            notes = divided(notes, stretch.tonality.scale, liking, rng)
        rng = setting.rng("approach", *stretch.key, str(phrase.number))
        notes = approached(notes, phrase.bars, setting, reach, rng)
        rng = setting.rng("slide", *stretch.key, str(phrase.number))
        return slid(notes, setting, reach, phrase.bars[0].start_beat, rng)


def _coming(moment: Moment, bar: Bar) -> list[Change]:
    """The chords that come while a note is held."""
    begin, end = moment.stroke.position, moment.stroke.position + moment.stroke.length
    return [change for change in bar.changes if begin + 1e-6 < change.position <= end - LEAST_HELD_BEATS]


def _until_foreign(moment: Moment, pitch: int, bar: Bar) -> float:
    """Beats for which a note may be held that leads nowhere: until a chord comes that it is foreign to."""
    begin = moment.stroke.position
    foreign = [change.position for change in _coming(moment, bar) if pitch % 12 not in change.chord.classes]
    return next((at - begin for at in foreign if at - begin >= 2 * BREATH_BEATS), moment.stroke.length)


def _centre(low: int, high: int, energy: float) -> float:
    """The middle of what is sung at an energy."""
    return low + 0.5 * (high - low) + 9.0 * (energy - 0.55)


def _means(pairs: Iterable[tuple[Key, float]]) -> dict[Key, float]:
    """The mean of each key's values."""
    gathered: dict[Key, list[float]] = {}
    for key, value in pairs:
        gathered.setdefault(key, []).append(value)
    return {key: sum(values) / len(values) for key, values in gathered.items()}
