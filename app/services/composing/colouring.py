"""Chords of a progression: numerals go in, coloured chords come out, and how clearly they say their key."""

from functools import lru_cache
from math import exp

from app.services.composing.changes import Held
from app.services.styles.idioms import Progression
from app.services.theory.chords import CHORD_TYPES, Chord, read_numeral
from app.services.theory.keys import Key
from app.services.theory.scales import third_of
from app.services.theory.tonality import key_margin

#: How much it counts how clearly a progression says its key, and how little it can count for.
CLARITY_COUNTS, LEAST_CLARITY = 6.0, 0.1

#: What each colour makes of a plain triad.
_COLOURED = {
    "seventh": {"maj": "maj7", "min": "m7"},
    "ninth": {"maj": "maj9", "min": "m9"},
    "add9": {"maj": "add9", "min": "madd9"},
    "sixth": {"maj": "6", "min": "m6"},
    "sus": {"maj": "sus2", "min": "min"},
}


def transposed(chord: Chord, semitones: int) -> Chord:
    """The same chord, so many semitones higher."""
    return Chord((chord.root + semitones) % 12, chord.kind, (chord.bass + semitones) % 12)


@lru_cache(maxsize=4_096)
def clarity(held: tuple[Held, ...], key: Key) -> float:
    """How readily a progression is taken, `LEAST_CLARITY`…1: less the better another key than its own fits it.

    In minor above all, round after round of a progression may sound like the major key of the same notes.

    >>> home, away = [Chord(root, kind, root) for root, kind in ((9, "min"), (0, "maj"))]
    >>> clarity(((home, 1.0), (away, 3.0)), Key("A", "minor")) < clarity(((home, 3.0), (away, 1.0)), Key("A", "minor"))
    True
    """
    sounding = [0.0] * 12
    for chord, bars in held:
        for tone in (*chord.classes, chord.bass):  # the bass doubles its note
            sounding[tone % 12] += bars
    margin = key_margin(sounding, key.root, third_of(key.mode))
    return max(LEAST_CLARITY, min(1.0, exp(CLARITY_COUNTS * margin)))


def read_chords(option: Progression, key: Key) -> list[Held]:
    """The chords of a progression in a key, each with how many bars it is held as written."""
    return [(read_numeral(numeral, key.tonic, key.mode), 1.0 / len(bar)) for bar in option.bars for numeral in bar]


def in_colour(chord: Chord, colour: str, key: Key) -> Chord:
    """A plain triad with what a colour adds to it, as far as the key has it."""
    kind = _COLOURED.get(colour, {}).get(chord.kind, chord.kind)
    if kind in ("maj7", "maj9") and (chord.root + 11) % 12 not in key.scale:
        # Its seventh is minor in the key; a major one would be a wrong note.
        kind = {"maj7": "7", "maj9": "9"}[kind]
    return Chord(chord.root, kind, chord.bass) if kind in CHORD_TYPES else chord
