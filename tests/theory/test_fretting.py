"""Chords as a guitarist holds them."""

import pytest

from app.services.composing import compose
from app.services.composing.comping import FRETTED
from app.services.theory.chords import CHORD_TYPES, Chord
from app.services.theory.fretting import STRINGS, shapes
from app.services.theory.voicing import voicings
from tests.composing.plans import plan_for

#: What every guitarist learns first, from the lowest string that sounds.
FIRST_CHORDS = {
    ("E", 4, "maj"): (40, 47, 52, 56, 59, 64), ("A minor", 9, "min"): (45, 52, 57, 60, 64),
    ("C", 0, "maj"): (48, 52, 55, 60, 64), ("G", 7, "maj"): (43, 47, 50, 55, 59, 67), ("D", 2, "maj"): (50, 57, 62, 66),
    ("F barred", 5, "maj"): (41, 48, 53, 57, 60, 65),
}  # fmt: skip


def can_be_held(pitches):
    """Whether some neighbouring strings can stop these pitches within four frets, with four fingers or a barre."""
    for first in range(len(STRINGS) - len(pitches) + 1):
        strings = STRINGS[first : first + len(pitches)]
        frets = [pitch - string for pitch, string in zip(pitches, strings, strict=True)]
        stopped = [fret for fret in frets if fret > 0]
        if min(frets) < 0 or (stopped and max(stopped) - min(stopped) > 3):
            continue
        across = len([fret for fret in stopped if fret > min(stopped)]) + 1 if 0 not in frets and stopped else 9
        if min(len(stopped), across) <= 4:
            return True
    return False


@pytest.mark.parametrize("name", FIRST_CHORDS)
def test_the_first_chords_of_every_guitarist_are_among_the_shapes(name):
    _, root, kind = name
    layout = FIRST_CHORDS[name]

    assert layout in shapes(Chord(root, kind, root), 40, 76, len(layout), "close")


@pytest.mark.parametrize("root", [0, 5, 10])
@pytest.mark.parametrize("kind", CHORD_TYPES)
def test_every_chord_has_shapes_that_a_hand_can_hold(kind, root):
    chord = Chord(root, kind, root)
    for spacing in ("close", "rootless"):
        for layout in shapes(chord, 40, 79, 4, spacing):
            assert can_be_held(layout), layout
            assert {pitch % 12 for pitch in layout} <= set(chord.classes)


def test_where_no_shape_fits_the_register_the_chord_is_laid_out_as_on_a_keyboard():
    chord = Chord(0, "maj", 0)

    assert shapes(chord, 79, 88, 4, "close") == voicings(chord, 79, 88, 4, "close")


@pytest.mark.parametrize("style", ["folk", "country", "flamenco", "bluegrass", "acoustic_guitar", "bossa_nova"])
def test_guitarists_play_what_guitarists_can_hold(style):
    plan = plan_for(style, seconds=40)
    ensemble = tuple(
        voice.model_copy(update={"instrument": "nylon_guitar", "low_pitch": 40, "high_pitch": 76})
        if voice.role == "chords"
        else voice
        for voice in plan.ensemble
    )
    score = compose(plan.model_copy(update={"ensemble": ensemble}))
    (chords,) = [part for part in score.parts if part.voice == "chords"]
    struck = {}
    for note in chords.notes:
        struck.setdefault(note.start_beat, []).append(note.pitch)
    last = max(struck)  # the final chord is laid out by itself

    assert "nylon_guitar" in FRETTED
    strummed = [tuple(sorted(pitches)) for start, pitches in struck.items() if len(pitches) > 2 and start < last]
    assert strummed
    assert [pitches for pitches in strummed if not can_be_held(pitches)] == []
