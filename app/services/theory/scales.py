"""Scales and note names: tables and pure functions over pitch classes (0 = C … 11 = B)."""

from functools import cache

from app.models.plan import Mode

#: Pitch class of each natural note.
NATURALS = {"C": 0, "D": 2, "E": 4, "F": 5, "G": 7, "A": 9, "B": 11}

SHARP_NAMES = ("C", "C#", "D", "D#", "E", "F", "F#", "G", "G#", "A", "A#", "B")
FLAT_NAMES = ("C", "Db", "D", "Eb", "E", "F", "Gb", "G", "Ab", "A", "Bb", "B")

#: Semitones of the seven degrees above the tonic, as numerals count them. The harmonic minor counts its degrees like
#: the natural one: its raised seventh comes with the dominant chord.
MODES: dict[Mode, tuple[int, ...]] = {
    "major": (0, 2, 4, 5, 7, 9, 11),
    "minor": (0, 2, 3, 5, 7, 8, 10),
    "dorian": (0, 2, 3, 5, 7, 9, 10),
    "phrygian": (0, 1, 3, 5, 7, 8, 10),
    "lydian": (0, 2, 4, 6, 7, 9, 11),
    "mixolydian": (0, 2, 4, 5, 7, 9, 10),
    "harmonic_minor": (0, 2, 3, 5, 7, 8, 10),
}

#: Gapped scales for melodies, over modes with a minor and with a major third.
PENTATONICS = {"minor": (0, 3, 5, 7, 10), "major": (0, 2, 4, 7, 9)}
BLUES = {"minor": (0, 3, 5, 6, 7, 10), "major": (0, 2, 3, 4, 7, 9)}

#: Fifths up (sharps) or down (flats) from C major to each mode on C.
_MODE_FIFTHS: dict[Mode, int] = {
    "lydian": 1, "major": 0, "mixolydian": -1, "dorian": -2, "minor": -3, "harmonic_minor": -3, "phrygian": -4,
}  # fmt: skip


def pitch_class(name: str) -> int:
    """Pitch class of a note name; KeyError for no note.

    >>> pitch_class("Bb"), pitch_class("F#")
    (10, 6)
    """
    return (NATURALS[name[0]] + name.count("#") - name.count("b")) % 12


def third_of(mode: Mode) -> str:
    """Whether the mode's third makes it "major" or "minor".

    >>> third_of("dorian")
    'minor'
    """
    return "minor" if MODES[mode][2] == 3 else "major"


@cache
def note_names(tonic: str, mode: Mode) -> tuple[str, ...]:
    """Names of the twelve pitch classes as a player of that key reads them.

    >>> note_names("Eb", "major")[8], note_names("E", "major")[8]
    ('Ab', 'G#')
    """
    if "b" in tonic:
        return FLAT_NAMES
    if "#" in tonic:
        return SHARP_NAMES
    fifths = (pitch_class(tonic) * 7 + 5) % 12 - 5 + _MODE_FIFTHS[mode]
    if fifths == 0:
        # Borrowed chords of a plain key: flats in major (Bb), sharps in minor (G#).
        return FLAT_NAMES if third_of(mode) == "major" else SHARP_NAMES
    return FLAT_NAMES if fifths < 0 else SHARP_NAMES


@cache
def scale(tonic: int, mode: Mode, kind: str = "mode") -> tuple[int, ...]:
    """Pitch classes of a scale, from its tonic up. `kind` is "mode", "pentatonic" or "blues".

    >>> scale(9, "minor", "pentatonic")
    (9, 0, 2, 4, 7)
    """
    degrees: tuple[int, ...] = MODES[mode]
    if kind == "pentatonic":
        degrees = PENTATONICS[third_of(mode)]
    elif kind == "blues":
        degrees = BLUES[third_of(mode)]
    return tuple((tonic + step) % 12 for step in degrees)


def pitches_between(classes: frozenset[int] | tuple[int, ...], low: int, high: int) -> tuple[int, ...]:
    """MIDI pitches from low to high, both included, whose pitch class is among `classes`.

    >>> pitches_between((0, 4, 7), 60, 72)
    (60, 64, 67, 72)
    """
    return tuple(pitch for pitch in range(low, high + 1) if pitch % 12 in classes)


def nearest_pitch(target: float, pitch_class_wanted: int, low: int, high: int) -> int:
    """The pitch of a class that lies nearest to a target within low…high; low's next above if none fits.

    >>> nearest_pitch(62, 7, 48, 72)
    67
    """
    candidates = pitches_between((pitch_class_wanted,), low, high)
    if not candidates:
        return low + (pitch_class_wanted - low) % 12
    return min(candidates, key=lambda pitch: (abs(pitch - target), pitch))
