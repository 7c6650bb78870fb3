"""What plays the harmony: chords in rhythm, broken chords, held pads and textures."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import lru_cache

import numpy as np

from app.models.plan import Voice
from app.models.score import Note
from app.services.composing.changes import Change
from app.services.composing.drawing import in_mode, suited_pattern
from app.services.composing.dynamics import velocity
from app.services.composing.limits import reach
from app.services.composing.manners import struck_as_asked
from app.services.composing.setting import BEAT_STRENGTH, Bar, Setting
from app.services.styles.idioms import Pattern
from app.services.theory.chords import Chord
from app.services.theory.fretting import shapes
from app.services.theory.instruments import INSTRUMENTS
from app.services.theory.metre import Metre
from app.services.theory.rhythm import Bar as Rhythm
from app.services.theory.rhythm import Stroke
from app.services.theory.scales import pitches_between
from app.services.theory.voicing import Spacing, Voicing, nearest_voicing, voicings

#: Accent of each sign of a comping pattern.
ACCENTS = {"X": 1.0, "x": 0.55, "o": 0.1, "s": 0.6, "b": 0.6, "u": 0.4, "p": 0.75}

#: What the weight of a stroke's place in the bar adds to its accent.
METRIC_ACCENT = 0.45

#: Where beats are far apart, strokes between them are lighter by up to so much accent.
LIGHTER = 1.0

#: Instruments whose chords are held on six strings.
FRETTED = frozenset({"nylon_guitar", "steel_guitar", "clean_guitar", "muted_guitar", "jazz_guitar"})

#: Longest sound of a short chord, in beats.
STAB_BEATS = 0.22

#: A rhythm of one bar turns to another of its kind in the last of so many.
TURN_BARS = 4

#: Density from which down strokes are left out.
SPARSE = -0.35

#: So many kinds of stroke, each with tones of its own, say what a broken chord is.
_CHORD_TONES = 3

#: A held note is struck anew after so many beats.
LONGEST_TIE_BEATS = 8.0


class Hand:
    """A player of chords: each layout moves as little as it can from the one before."""

    def __init__(self, voice: Voice, count: int, spacing: Spacing) -> None:
        self._low, self._high = reach(voice)
        self._fretted = voice.role == "chords" and voice.instrument in FRETTED and spacing != "power"
        self._count = count + self._fretted
        self._spacing = spacing
        self._previous: Voicing = ()

    def lay(self, chord: Chord, energy: float) -> Voicing:
        """The chord as pitches; fuller and higher where the music is stronger."""
        count = max(1, self._count + (energy > 0.9) - (energy < 0.3))
        centre = self._low + (self._high - self._low) * (0.32 + 0.14 * energy)
        layouts = shapes if self._fretted else voicings
        self._previous = _laid(
            layouts, chord, self._low, self._high, count, self._spacing, self._previous, round(centre)
        )
        return self._previous


@lru_cache(maxsize=16384)
def _laid(
    layouts: Callable[[Chord, int, int, int, Spacing], tuple[Voicing, ...]],
    chord: Chord, low: int, high: int, count: int, spacing: Spacing, previous: Voicing, centre: int,
) -> Voicing:  # fmt: skip
    return nearest_voicing(previous, layouts(chord, low, high, count, spacing), centre)


def rhythm_of(
    setting: Setting, voice: Voice, patterns: tuple[Pattern, ...], stretch_key: tuple[str, str], energy: float
) -> tuple[Rhythm, ...]:
    """The bars of the rhythm that a voice plays in all sections that are alike."""
    rng = setting.rng("pattern", voice.name, *stretch_key)
    patterns = in_mode(patterns, setting.plan.mode)
    pattern = _suited(setting, voice, patterns, energy, rng)
    bars = setting.rhythm(pattern.rhythm, pattern.metre)
    busyness = setting.busyness(energy)
    others = tuple(
        other
        for other in patterns
        if other is not pattern and other.metre == pattern.metre and other.energy[0] <= busyness <= other.energy[1]
    )
    if len(bars) == 1 and others:
        # The fourth bar turns: what one bar says does not go on unchanged for a whole section.
        turn = _suited(setting, voice, others, energy, rng)
        last = setting.rhythm(turn.rhythm, turn.metre)[-1]
        if setting.plan.density <= 0 or len(last) >= len(bars[0]):  # a busy piece does not thin out to turn
            bars = (*bars * (TURN_BARS - 1), last)
    return tuple(thinned(bars, setting.plan.density, setting.metre, setting.rng("thinned", voice.name, *stretch_key)))


def thinned(bars: Sequence[Rhythm], density: float, metre: Metre, rng: np.random.Generator) -> Iterator[Rhythm]:
    """The bars of a rhythm with fewer weak strokes where little is to happen; those before them are held longer.

    The first stroke of each kind in a bar stays, so that a broken chord keeps its bass, third and fifth; and bars that
    are alike stay alike.
    """
    known: dict[Rhythm, Rhythm] = {}
    for bar in bars:
        if density <= SPARSE and bar not in known:
            kept: list[Stroke] = []
            for stroke in bar:
                strength = metre.strength(stroke.position)
                heard = {other.sign for other in kept}
                told = stroke.sign in heard or len(heard) >= _CHORD_TONES
                if told and strength <= 0.6 and rng.random() < -density * (0.9 if strength <= 0.3 else 0.5):
                    held = kept[-1]
                    kept[-1] = Stroke(held.position, stroke.position + stroke.length - held.position, held.sign)
                else:
                    kept.append(stroke)
            known[bar] = tuple(kept)
        yield known.get(bar, bar)


def _suited(
    setting: Setting, voice: Voice, patterns: tuple[Pattern, ...], energy: float, rng: np.random.Generator
) -> Pattern:
    return suited_pattern(
        rng,
        patterns,
        energy=setting.busyness(energy),
        metre=setting.plan.time_signature,
        density=setting.plan.marked_density,
        family=INSTRUMENTS[voice.instrument].family,
    )


def write_chords(setting: Setting, voice: Voice) -> list[Note]:
    """Chords in the style's rhythm."""
    idiom = setting.style.chords
    hand = Hand(voice, idiom.voices, idiom.spacing)
    return _in_rhythm(setting, voice, hand, struck_as_asked(voice, idiom.patterns))


def _in_rhythm(setting: Setting, voice: Voice, hand: Hand, patterns: tuple[Pattern, ...]) -> list[Note]:
    notes: list[Note] = []
    for stretch in setting.stretches_of(voice):
        rhythm = rhythm_of(setting, voice, patterns, stretch.key, stretch.section.energy)
        for bar in setting.bars_in(stretch):
            if bar.final:
                continue
            light = _lighter(setting, rhythm[bar.number % len(rhythm)])
            for stroke, change in _struck(bar, rhythm[bar.number % len(rhythm)]):
                sounding = setting.following(bar, change).chord if stroke.sign == "p" else change.chord
                layout = hand.lay(sounding, stretch.section.energy)
                notes += _strokes(setting, bar, stroke, layout, light=light)
    return notes


def _struck(bar: Bar, strokes: Rhythm) -> list[tuple[Stroke, Change]]:
    """Each stroke with its chord; a chord that changes under a held stroke is struck anew."""
    struck: list[tuple[Stroke, Change]] = []
    for stroke in strokes:
        change = bar.change_at(stroke.position)
        rest = stroke
        while rest.position + rest.length > change.position + change.length + 1e-6 and rest.sign != "p":
            border = change.position + change.length
            struck.append((Stroke(rest.position, border - rest.position, rest.sign), change))
            rest = Stroke(border, rest.position + rest.length - border, "x" if rest.sign == "b" else rest.sign)
            change = bar.change_at(border)
        struck.append((rest, change))
    return struck


def _lighter(setting: Setting, strokes: Rhythm) -> float:
    """How much accent strokes between slow beats give up, where there are strokes on the beats too."""
    on_beats = any(setting.metre.strength(stroke.position) >= BEAT_STRENGTH for stroke in strokes)
    return LIGHTER * setting.unhurried if on_beats else 0.0


def _strokes(setting: Setting, bar: Bar, stroke: Stroke, layout: Voicing, *, light: float) -> list[Note]:
    pitches = layout
    if stroke.sign.isdigit():
        pitches = (layout[min(int(stroke.sign), len(layout)) - 1],) if stroke.sign != "0" else layout[-1:]
    elif stroke.sign == "b":
        pitches = layout[:1]
    elif stroke.sign == "u":
        pitches = layout[1:] or layout
    length = min(stroke.length, STAB_BEATS) if stroke.sign == "s" else stroke.length * 0.97
    strength = setting.metre.strength(stroke.position)
    accent = ACCENTS.get(stroke.sign, 0.35) + METRIC_ACCENT * (strength - 0.5)
    if strength < BEAT_STRENGTH and stroke.length < min(setting.metre.lengths):
        accent -= light  # what is held over the next beat is no passing stroke
    force = velocity(setting.plan, bar, "chords", accent)
    start = bar.start_beat + stroke.position
    return [Note(pitch=pitch, start_beat=start, length_beats=length, velocity=force) for pitch in pitches]


def write_arpeggio(setting: Setting, voice: Voice) -> list[Note]:
    """Chords broken up."""
    idiom = setting.style.arpeggio
    low, high = reach(voice)
    notes: list[Note] = []
    for stretch in setting.stretches_of(voice):
        rhythm = rhythm_of(setting, voice, idiom.patterns, stretch.key, stretch.section.energy)
        floor = low + round((high - low) * (0.1 + 0.22 * stretch.section.energy))
        border = (stretch.first_bar + stretch.bars) * setting.metre.beats
        for bar in setting.bars_in(stretch):
            if bar.final:
                continue
            light = _lighter(setting, rhythm[bar.number % len(rhythm)])
            for stroke in rhythm[bar.number % len(rhythm)]:
                chord = bar.change_at(stroke.position).chord
                tones = pitches_between(chord.classes[:4], min(floor, high - 11), high)
                if not tones:
                    continue
                strength = setting.metre.strength(stroke.position)
                accent = 0.25 + 0.5 * strength - (light if strength < BEAT_STRENGTH else 0.0)
                start = bar.start_beat + stroke.position
                notes.append(
                    Note(
                        pitch=_counted(tones, stroke.sign, len(chord.classes[:4])),
                        start_beat=start,
                        length_beats=min(stroke.length * idiom.legato, border - start),
                        velocity=velocity(setting.plan, bar, "arpeggio", accent),
                    )
                )
    return notes


def _counted(tones: tuple[int, ...], sign: str, octave: int) -> int:
    """The tone that a digit counts from below; past the top it comes back an octave lower, 0 is the top."""
    index = int(sign) - 1 if sign.isdigit() else 0
    while index >= len(tones):
        index -= min(octave, len(tones))
    return tones[index]


def write_pad(setting: Setting, voice: Voice) -> list[Note]:
    """Chords held from change to change; notes that two chords share are held over, if the style ties them.

    Where the style has patterns for it, such as the hits of a horn section, they are played in that rhythm.
    """
    idiom = setting.style.pad
    hand = Hand(voice, idiom.voices, idiom.spacing)
    if idiom.patterns:
        return _in_rhythm(setting, voice, hand, idiom.patterns)
    return _held(setting, voice, hand, tied=idiom.tied)


def write_texture(setting: Setting, voice: Voice) -> list[Note]:
    """A wash of root and fifth under everything."""
    return _held(setting, voice, Hand(voice, 2, "power"), tied=True)


def _held(setting: Setting, voice: Voice, hand: Hand, *, tied: bool) -> list[Note]:
    notes: list[Note] = []
    for stretch in setting.stretches_of(voice):
        sounding: dict[int, Note] = {}
        for bar, start, length, chord in _spans(setting.bars_in(stretch)):
            force = velocity(setting.plan, bar, voice.role, 0.4)
            fresh = {}
            for pitch in hand.lay(chord, stretch.section.energy):
                before = sounding.pop(pitch, None) if tied else None
                if before is not None and start - before.start_beat < LONGEST_TIE_BEATS:
                    fresh[pitch] = replace(before, length_beats=start + length - before.start_beat)
                else:
                    notes += [before] if before is not None else []
                    fresh[pitch] = Note(pitch=pitch, start_beat=start, length_beats=length, velocity=force)
            notes += sounding.values()
            sounding = fresh
        notes += sounding.values()
    return notes


def _spans(bars: Sequence[Bar]) -> list[tuple[Bar, float, float, Chord]]:
    """Where each chord of a section begins, how long it holds over bar lines; the piece's last bar apart."""
    spans: list[tuple[Bar, float, float, Chord]] = []
    for bar in bars:
        for change in bar.changes if not bar.final else ():
            start = bar.start_beat + change.position
            if spans and spans[-1][3] == change.chord and spans[-1][2] + change.length <= LONGEST_TIE_BEATS:
                first, begun, length, chord = spans[-1]
                spans[-1] = (first, begun, length + change.length, chord)
            else:
                spans.append((bar, start, change.length, change.chord))
    return spans
