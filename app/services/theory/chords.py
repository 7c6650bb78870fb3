"""Chords: their types, and Roman numerals read in a key.

A numeral names a degree of the mode's own scale: VI in minor is the flat sixth of major. `b` and `#` before it alter
the degree; lower case is minor. After it stand the type, then `/3` or `/5` (that chord tone in the bass), `@1` (a
degree in the bass, for pedals) or `/ii` (the chord belongs to the key of ii, for secondary dominants).
"""

import re
from dataclasses import dataclass
from functools import cache

from app.models.plan import Mode
from app.services.theory.scales import FLAT_NAMES, MODES, SHARP_NAMES, note_names, pitch_class, third_of

#: Semitones above the root.
CHORD_TYPES: dict[str, tuple[int, ...]] = {
    "maj": (0, 4, 7), "min": (0, 3, 7), "dim": (0, 3, 6), "aug": (0, 4, 8), "5": (0, 7), "sus2": (0, 2, 7),
    "sus4": (0, 5, 7), "7": (0, 4, 7, 10), "maj7": (0, 4, 7, 11), "m7": (0, 3, 7, 10), "mM7": (0, 3, 7, 11),
    "dim7": (0, 3, 6, 9), "m7b5": (0, 3, 6, 10), "6": (0, 4, 7, 9), "m6": (0, 3, 7, 9), "add9": (0, 4, 7, 14),
    "madd9": (0, 3, 7, 14), "9": (0, 4, 7, 10, 14), "maj9": (0, 4, 7, 11, 14), "m9": (0, 3, 7, 10, 14),
    "69": (0, 4, 7, 9, 14), "m69": (0, 3, 7, 9, 14), "11": (0, 5, 7, 10, 14), "m11": (0, 3, 7, 10, 14, 17),
    "13": (0, 4, 7, 10, 14, 21), "7b9": (0, 4, 7, 10, 13), "7#9": (0, 4, 7, 10, 15), "7sus4": (0, 5, 7, 10),
    "9sus4": (0, 5, 7, 10, 14), "maj7#11": (0, 4, 7, 11, 18), "aug7": (0, 4, 8, 10),
}  # fmt: skip

#: What is written after the root's name.
_SUFFIXES = {"maj": "", "min": "m", "5": "5", "madd9": "m(add9)", "add9": "add9", "m69": "m6/9", "69": "6/9"}

#: Type by what stands after an upper-case and after a lower-case numeral.
_UPPER = {"": "maj", "o": "dim", "+": "aug", "+7": "aug7", **{kind: kind for kind in CHORD_TYPES}}
_LOWER = {
    "": "min", "7": "m7", "9": "m9", "11": "m11", "6": "m6", "69": "m69", "add9": "madd9", "maj7": "mM7", "o": "dim",
    "o7": "dim7", "ø7": "m7b5", "5": "5", "sus2": "sus2", "sus4": "sus4",
}  # fmt: skip

#: Chord intervals that sharpen a scale degree where they leave the scale; the others flatten one.
_RAISED = frozenset({4, 6, 8, 11, 18})

#: Semitones above a major tonic at which borrowed chords stand: bII, bIII, bVI, bVII.
_BORROWED = frozenset({1, 3, 8, 10})

_DEGREES = {"i": 1, "ii": 2, "iii": 3, "iv": 4, "v": 5, "vi": 6, "vii": 7}
_NUMERAL = re.compile(
    r"^(?P<accidental>[b#]*)(?P<degree>[IViv]+)(?P<kind>[^/@]*)(?:/(?P<tone>[357])|@(?P<pedal>[1-7])|/(?P<of>[b#]*[IViv]+))?$"
)


@dataclass(frozen=True, slots=True)
class Chord:
    """A chord without octave: pitch classes over a bass."""

    #: Pitch class of the root.
    root: int
    #: A key of CHORD_TYPES.
    kind: str
    #: Pitch class of the lowest note.
    bass: int

    @property
    def intervals(self) -> tuple[int, ...]:
        """Semitones above the root."""
        return CHORD_TYPES[self.kind]

    @property
    def classes(self) -> tuple[int, ...]:
        """Pitch classes from the root up."""
        return _classes(self.root, self.kind)

    @property
    def third(self) -> int:
        """Pitch class of the third, or of what stands for it."""
        return self.classes[1]

    @property
    def fifth(self) -> int:
        """Pitch class of the fifth, perfect or altered."""
        return next(((self.root + step) % 12 for step in (7, 6, 8) if step in self.intervals), (self.root + 7) % 12)

    def symbol(self, tonic: str, mode: Mode) -> str:
        """The chord as a lead sheet writes it.

        >>> Chord(9, "m7", 0).symbol("C", "major")
        'Am7/C'
        """
        names = self._names(tonic, mode)
        over = "" if self.bass == self.root else f"/{names[self.bass]}"
        return f"{names[self.root]}{_SUFFIXES.get(self.kind, self.kind)}{over}"

    def _names(self, tonic: str, mode: Mode) -> tuple[str, ...]:
        """Note names that show where a chord from outside the key comes from: borrowed ones are flat, dim7 sharp."""
        above = (self.root - pitch_class(tonic)) % 12
        if third_of(mode) == "major" and self.kind == "dim7" and above in _BORROWED | {6}:
            return SHARP_NAMES
        if third_of(mode) == "major" and above in _BORROWED:
            return FLAT_NAMES
        return note_names(tonic, mode)


@cache
def _classes(root: int, kind: str) -> tuple[int, ...]:
    return tuple((root + step) % 12 for step in CHORD_TYPES[kind])


@cache
def read_numeral(numeral: str, tonic: str, mode: Mode) -> Chord:
    """The chord that a Roman numeral names in a key. ValueError says what is wrong with the numeral.

    >>> read_numeral("V7/ii", "C", "major").symbol("C", "major")
    'A7'
    >>> read_numeral("bVII", "C", "major").symbol("C", "major"), read_numeral("VI/3", "A", "minor").symbol("A", "minor")
    ('Bb', 'F/A')
    """
    match = _NUMERAL.match(numeral)
    if match is None or match["degree"].lower() not in _DEGREES:
        raise ValueError(f"{numeral!r} is no Roman numeral")
    table = _LOWER if match["degree"].islower() else _UPPER
    if match["kind"] not in table:
        raise ValueError(
            f"{numeral!r}: unknown chord type {match['kind']!r}; known: {', '.join(k for k in table if k)}"
        )
    kind = table[match["kind"]]
    home, scale_mode = pitch_class(tonic), mode
    if match["of"]:
        home = _root(match["of"], home, mode)
        scale_mode = "minor" if match["of"].islower() else "major"
    root = _root(match["accidental"] + match["degree"], home, scale_mode)
    bass = root
    if match["tone"]:
        position = {"3": 1, "5": 2, "7": 3}[match["tone"]]
        bass = (root + CHORD_TYPES[kind][min(position, len(CHORD_TYPES[kind]) - 1)]) % 12
    elif match["pedal"]:
        bass = (home + MODES[scale_mode][int(match["pedal"]) - 1]) % 12
    return Chord(root, kind, bass)


def _root(numeral: str, home: int, mode: Mode) -> int:
    """Pitch class of a numeral's root, by its accidentals and degree."""
    degree = numeral.lstrip("b#")
    accidentals = numeral[: len(numeral) - len(degree)]
    step = MODES[mode][_DEGREES[degree.lower()] - 1]
    return (home + step + accidentals.count("#") - accidentals.count("b")) % 12


@cache
def chord_scale(chord: Chord, classes: tuple[int, ...]) -> frozenset[int]:
    """A scale bent to a chord: each chord tone outside it takes the place of the degree it alters.

    >>> sorted(chord_scale(Chord(4, "7", 4), (9, 11, 0, 2, 4, 5, 7)))  # E7 in A minor: G# for G
    [0, 2, 4, 5, 8, 9, 11]
    """
    bent = set(classes)
    chord_tones = set(chord.classes)
    diminished = chord.kind.startswith("dim") or chord.kind == "m7b5"
    for interval, tone in zip(chord.intervals, chord.classes, strict=True):
        if tone in bent:
            continue
        raised = interval in _RAISED or (interval == 0 and diminished)
        altered = (tone - 1) % 12 if raised else (tone + 1) % 12
        if len(bent) >= 7 and altered not in chord_tones:
            bent.discard(altered)
        bent.add(tone)
    return frozenset(bent)
