"""The subject of a fugue: found once over the chords of its first entry, kept as scale steps, sung in any key."""

from dataclasses import dataclass

from app.services.composing.entries import Entry
from app.services.composing.motif import motif_for
from app.services.composing.setting import Setting
from app.services.composing.singing import Moment, sing
from app.services.theory.keys import Key
from app.services.theory.scales import nearest_pitch

#: The subject is found in the first of these windows about its key note, in semitones, that fits every line's entry.
WINDOWS = ((5, 8), (3, 9), (0, 10), (6, 5), (0, 8), (5, 4), (0, 7), (7, 0))


@dataclass(frozen=True, slots=True)
class Tone:
    """A note of the subject or the countersubject, in any key."""

    #: Beats from its start.
    position: float
    length: float
    #: Scale steps above the key note.
    degree: int
    #: Semitones by which it is raised.
    raised: int


def found_subject(setting: Setting, entry: Entry, window: tuple[int, int]) -> tuple[Tone, ...]:
    """The subject over the chords of its first entry: the head of the piece's motif, and how an answer of it ends."""
    bars = setting.bars[: entry.bars]
    motif = motif_for(setting, bars[0].section.material, 0.75)
    cells = [motif.cells["a"], motif.cells["C"]][: entry.bars]
    moments = [
        Moment(
            bar=place,
            stroke=stroke,
            strength=setting.metre.strength(stroke.position),
            chord=bar.change_at(stroke.position).chord,
            step=cell.steps[index - 1] if index else None,
            level=0.0,
        )
        for place, (bar, cell) in enumerate(zip(bars, cells, strict=True))
        for index, stroke in enumerate(cell.strokes)
    ]
    root = nearest_pitch(66, entry.key.root, 54, 80)
    below, above = window
    pitches = sing(
        moments,
        window=(root - below, root + above),
        scale=entry.key.scale,
        manner=setting.style.melody,
        mode=entry.key.mode,
        closing=True,
        coming_from=root,
        rng=setting.rng("subject"),
    )
    starts = [moment.bar * setting.metre.beats + moment.stroke.position for moment in moments]
    lengths = [moment.stroke.length for moment in moments]
    # A subject begins on its first beat, also where its rhythm would come in later.
    lengths[0] += starts[0]
    starts[0] = 0.0
    return tuple(
        Tone(start, length, *degree_of(pitch - root, entry.key))
        for start, length, pitch in zip(starts, lengths, pitches, strict=True)
    )


def degree_of(interval: int, key: Key) -> tuple[int, int]:
    """Scale steps above the key note, and the semitones left over."""
    ladder = [(tone - key.root) % 12 for tone in key.scale]
    octave, inside = divmod(interval, 12)
    below = max(index for index, offset in enumerate(ladder) if offset <= inside)
    return octave * len(ladder) + below, inside - ladder[below]


def pitch_of(tone: Tone, key: Key) -> int:
    """The pitch of a tone in a key, in the lowest octave."""
    ladder = [(step - key.root) % 12 for step in key.scale]
    octave, degree = divmod(tone.degree, len(ladder))
    raised = tone.raised if ladder[degree] + tone.raised <= 11 else 0
    return key.root + 12 * octave + ladder[degree] + raised
