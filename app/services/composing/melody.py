"""The melody: motifs laid out as phrases that ask and answer, their pitches found over the harmony."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

import numpy as np

from app.models.plan import SectionKind, Voice
from app.models.score import Note
from app.services.composing.dynamics import velocity
from app.services.composing.harmony import transposed
from app.services.composing.layout import Stretch
from app.services.composing.limits import reach
from app.services.composing.motif import Motif, motif_for
from app.services.composing.setting import Bar, Setting
from app.services.composing.singing import Moment, sing
from app.services.theory.rhythm import Stroke

Key = TypeVar("Key")

#: Cells of a question and of its answer by kind of section, four bars each; shorter phrases take the outer ones.
SHAPES: dict[SectionKind, tuple[str, str]] = {
    "intro": ("a-c-", "a-C-"), "verse": ("abac", "abaC"), "chorus": ("aabc", "aabC"), "bridge": ("abbc", "abdC"),
    "break": ("c-c-", "c-C-"), "build": ("aaaa", "aadd"), "drop": ("aaac", "aadC"), "outro": ("acbC", "acbC"),
    "theme": ("abac", "adbC"), "variation": ("dbdc", "addC"),
}  # fmt: skip

#: How the bars of a phrase lie against each other, in scale steps, for questions and for answers.
QUESTION_LEVELS = ((0, 1, 2, 1), (0, 2, 1, 0), (0, -1, 1, 2), (0, 1, 0, 2))
ANSWER_LEVELS = ((0, 1, 0, -2), (2, 1, 0, -2), (0, 2, 1, -1), (1, 2, 0, -2))

#: A phrase lasts about as long as a breath, in seconds.
BREATH_S = 7.5


@dataclass(frozen=True, slots=True)
class Phrase:
    """Bars that belong together."""

    bars: tuple[Bar, ...]
    #: Counted from the section's start.
    number: int
    answer: bool


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


def phrases_of(setting: Setting, stretch: Stretch) -> list[Phrase]:
    """A section cut into phrases of two or four bars; the piece's last bar belongs to none."""
    length = 4 if 4 * setting.bar_s <= BREATH_S * 1.35 else 2 if 2 * setting.bar_s <= BREATH_S * 1.35 else 1
    bars = [bar for bar in setting.bars_in(stretch) if not bar.final]
    cut = [tuple(bars[start : start + length]) for start in range(0, len(bars), length)]
    return [Phrase(piece, number, number % 2 == 1 or number == len(cut) - 1 > 0) for number, piece in enumerate(cut)]


class _Singer:
    """Finds each phrase's pitches once and remembers them for when it returns."""

    def __init__(self, setting: Setting) -> None:
        self._setting = setting
        self._motifs: dict[str, Motif] = {}
        #: Pitches of a phrase by what it is, and how far its section was transposed when it was found.
        self._sung: dict[tuple[object, ...], tuple[tuple[int, ...], int]] = {}
        #: How far each kind of section rises above the plan's key in its returns, in semitones.
        self._rises: dict[tuple[str, str], int] = {}
        for stretch in setting.stretches:
            rise = max(stretch.section.transpose, 0)
            self._rises[stretch.key] = max(rise, self._rises.get(stretch.key, 0))
        #: Mean energy of each material, and of each kind of section it appears in.
        self._energies: dict[str, float] = _means((s.section.material, s.section.energy) for s in setting.stretches)
        self._levels: dict[tuple[str, str], float] = _means((s.key, s.section.energy) for s in setting.stretches)

    def motif(self, material: str) -> Motif:
        """The motif of a material."""
        if material not in self._motifs:
            self._motifs[material] = motif_for(self._setting, material, self._energies[material])
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
        letters = _letters(stretch.section.kind, phrase)
        moments = self._moments(phrase, letters, rng)
        if not moments:
            return []
        low, high = reach(voice)
        window = self._window(low, high, stretch)
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
                rng=rng,
            )
            self._sung[key] = (pitches, stretch.section.transpose)
        notes = self._written(phrase, moments, pitches)
        return self._varied(notes, stretch, phrase)

    def _window(self, low: int, high: int, stretch: Stretch) -> tuple[int, int]:
        """The pitches a section sings in: about the middle of the register, higher where the piece is stronger."""
        energy = self._levels[stretch.key]
        high = max(high - self._rises[stretch.key], low + 7)
        span = max(self._setting.style.melody.span, 7)
        centre = low + 0.5 * (high - low) + 9.0 * (energy - 0.55) + (2.0 if stretch.climax else 0.0)
        reach_semitones = span * 0.5 + 3
        bottom = max(low, min(round(centre - reach_semitones), high - 7))
        return bottom, min(high, max(round(centre + reach_semitones), bottom + 7))

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
        return self._thinned(moments, rng)

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
        notes = []
        for moment, pitch in zip(moments, pitches, strict=True):
            bar = phrase.bars[moment.bar]
            accent = 0.3 + 0.4 * moment.strength + (0.25 if pitch == top else 0.0)
            legato = 1.0 if moment.stroke.length >= 1.5 else setting.style.melody.legato
            notes.append(
                Note(
                    pitch=pitch,
                    start_beat=bar.start_beat + moment.stroke.position,
                    length_beats=moment.stroke.length * legato,
                    velocity=velocity(setting.plan, bar, "lead", accent),
                )
            )
        return notes

    def _varied(self, notes: list[Note], stretch: Stretch, phrase: Phrase) -> list[Note]:
        """A phrase that returns may be ornamented: long notes step on to the next, or turn to their neighbour."""
        setting = self._setting
        liking = setting.style.melody.ornaments * min(stretch.returns + (stretch.section.kind == "variation"), 2) / 2
        liking += 0.3 * max(setting.plan.density, 0.0)
        if liking <= 0 or not notes:
            return notes
        rng = setting.rng("ornament", *stretch.key, str(stretch.returns), str(phrase.number))
        made: list[Note] = []
        for note, after in zip(notes, [*notes[1:], None], strict=True):
            if after is None or note.length_beats < 0.9 or rng.random() >= liking:
                made.append(note)
                continue
            between = _between(note, after.pitch, stretch.tonality.scale)
            half = min(note.length_beats, after.start_beat - note.start_beat) / 2
            made.append(replace(note, length_beats=half))
            made.append(
                replace(
                    note,
                    pitch=between,
                    start_beat=note.start_beat + half,
                    length_beats=half,
                    velocity=max(1, note.velocity - 8),
                )
            )
        return made


def _between(note: Note, goal: int, scale: tuple[int, ...]) -> int:
    """A scale tone on the way from a note to the next, or its upper neighbour where there is none."""
    inner = [p for p in range(min(note.pitch, goal) + 1, max(note.pitch, goal)) if p % 12 in scale]
    if inner:
        return min(inner, key=lambda pitch: (abs(pitch - goal), pitch))
    return next((note.pitch + step for step in (1, 2) if (note.pitch + step) % 12 in scale), note.pitch)


def _means(pairs: Iterable[tuple[Key, float]]) -> dict[Key, float]:
    """The mean of each key's values."""
    gathered: dict[Key, list[float]] = {}
    for key, value in pairs:
        gathered.setdefault(key, []).append(value)
    return {key: sum(values) / len(values) for key, values in gathered.items()}


def _letters(kind: SectionKind, phrase: Phrase) -> str:
    """Which cells a phrase of so many bars is made of."""
    shape = SHAPES[kind][phrase.answer]
    count = len(phrase.bars)
    ending = shape[3] if shape[3] != "-" else shape[2]
    if count == 1:
        return ending if phrase.number else shape[0]
    if count == 2:
        # Question, answer, something else, answer again: the small form of most songs.
        head = shape[1] if phrase.number % 4 == 2 and shape[1] != "-" else shape[0]
        return head + ending
    return shape[:2] + ending if count == 3 else shape
