"""Chords written in a row go in, the key that they are in comes out: "Dm7 - G7 - Cmaj7" is C major."""

import re
from dataclasses import dataclass

from app.services.planning.tokens import Passage

_CHORD = (
    r"[A-G][#b♯♭]?(?:maj|min|dim|aug|sus|add|m|M|°|ø|\+)?(?:1[13]|[245679])?"
    r"(?:(?:sus|add|maj|[#b♯♭])(?:1[13]|[245679]))*(?:/[A-G][#b♯♭]?)?"
)
_RUN = re.compile(rf"(?<![\w#♯♭]){_CHORD}(?:(?:\s*[-–—,|>→]+\s*|\s+){_CHORD}){{2,}}(?![\w#♯♭'’])")
_ONE = re.compile(r"([A-G])([#b♯♭]?)(.*)")

_PITCHES = {"C": 0, "D": 2, "E": 4, "F": 5, "G": 7, "A": 9, "B": 11}
_SIGNS = {"#": 1, "♯": 1, "b": -1, "♭": -1}

#: Third of the chord on each degree in semitones above the tonic; the minor key has the chord of its leading note too.
_MAJOR = {0: "major", 2: "minor", 4: "minor", 5: "major", 7: "major", 9: "minor", 11: "dim"}
_MINOR = {0: "minor", 2: "dim", 3: "major", 5: "minor", 7: "minor", 8: "major", 10: "major"}

#: What it counts for a key that the row begins or ends with its tonic, or falls to it from the dominant, against 1
#: for each chord that belongs to it.
_BEGINS, _ENDS, _CADENCE = 0.6, 0.5, 0.7

#: Plain letters that name sections as often as chords: "A B A C".
_FORM_LETTERS = frozenset("ABC")


@dataclass(frozen=True, slots=True)
class Progression:
    """A row of chords found in a passage, and its key; tokens from `first` to before `last`."""

    tonic: str
    mode: str
    first: int
    last: int


@dataclass(frozen=True, slots=True)
class _Chord:
    root: str
    pitch: int
    third: str
    plain: bool


def progressions(passage: Passage) -> list[Progression]:
    """Every row of at least three chords in a passage, in order.

    >>> from app.services.planning.tokens import passage_of
    >>> [(one.tonic, one.mode) for one in progressions(passage_of("lofi over Dm7 G7 Cmaj7, or Am F C G"))]
    [('C', 'major'), ('A', 'minor')]
    """
    found = []
    for run in _RUN.finditer(passage.prompt):
        chords = [_chord(word) for word in re.split(r"[\s,|>→–—-]+", run.group())]
        inside = [i for i, token in enumerate(passage.tokens) if run.start() <= token.start < run.end()]
        if not inside or not _are_chords(chords, run.group()):
            continue
        tonic, mode = _key_of(chords)
        found.append(Progression(tonic, mode, inside[0], inside[-1] + 1))
    return found


def _chord(word: str) -> _Chord:
    found = _ONE.fullmatch(word)
    letter, sign, rest = found.groups() if found else ("C", "", "")
    third = "dim" if rest.startswith(("dim", "°", "ø")) or "b5" in rest else "major"
    if third == "major" and rest.startswith("m") and not rest.startswith("maj"):
        third = "minor"
    root = letter + {"♯": "#", "♭": "b"}.get(sign, sign)
    return _Chord(root, (_PITCHES[letter] + _SIGNS.get(sign, 0)) % 12, third, plain=not (sign or rest))


def _are_chords(chords: list[_Chord], text: str) -> bool:
    """Whether letters in a row are chords, and no form ("A B A") and no words ("E A Poe")."""
    if len({chord.root for chord in chords}) < 2:
        return False
    if any(not chord.plain for chord in chords):
        return True
    joined = len(chords) > 3 or any(mark in text for mark in "-–—|>→")
    return joined and not {chord.root for chord in chords} <= _FORM_LETTERS


def _key_of(chords: list[_Chord]) -> tuple[str, str]:
    """The key that most chords belong to; of several that which the row begins with, falls to, or ends in."""

    def worth(root: _Chord, mode: str) -> float:
        scale = _MAJOR if mode == "major" else _MINOR
        steps = [(chord.pitch - root.pitch) % 12 for chord in chords]
        belong = [
            scale.get(step) == chord.third or (mode == "minor" and step == 7 and chord.third == "major")
            for step, chord in zip(steps, chords, strict=True)
        ]
        home = [step == 0 and chord.third == mode for step, chord in zip(steps, chords, strict=True)]
        falls = any(steps[i] == 7 and chords[i].third == "major" and home[i + 1] for i in range(len(chords) - 1))
        return sum(belong) + _BEGINS * home[0] + _ENDS * home[-1] + _CADENCE * falls

    candidates = [(chord, mode) for chord in chords for mode in ("major", "minor")]
    best, mode = max(candidates, key=lambda one: worth(*one))
    return best.root, mode
