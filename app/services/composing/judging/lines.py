"""What can be measured of a melody: its shape, its range, its breath, its rhythm, how it sits on the harmony.

Each function returns a plain quantity, or None where the music has too little to say.
"""

from collections import Counter
from itertools import pairwise
from math import log2

from app.models.score import Note
from app.services.composing.judging.hearing import Hearing

#: Fewer notes than this are no melody to judge.
FEWEST_NOTES = 6

#: A leap has at least so many semitones; a step at most.
LEAP, STEP = 5, 2

#: Notes this long, in beats, or this strong in the bar are weighty.
WEIGHTY_BEATS, WEIGHTY_STRENGTH = 1.5, 0.6

#: Where the highest note belongs if no section is the strongest, as parts of the piece.
LATE = (0.4, 0.95)


def motif_returns(hearing: Hearing) -> float | None:
    """Share of the melody's bars whose rhythm and contour were heard before, at least two bars earlier."""
    known: dict[tuple[object, ...], int] = {}
    counted = returned = 0
    for index, (notes, positions) in sorted(hearing.rhythms.items()):
        if len(notes) < 2:
            continue
        contour = tuple((b.pitch > a.pitch) - (b.pitch < a.pitch) for a, b in pairwise(notes))
        counted += 1
        returned += known.setdefault((positions, contour), index) <= index - 2
    return returned / counted if counted >= 4 else None


def single_peaks(hearing: Hearing) -> float | None:
    """Share of phrases that rise to their highest note once; a phrase of one or two pitches rises nowhere."""
    told = [[note.pitch for note in notes] for _, notes in hearing.phrases if len(notes) >= 4]
    return sum(len(set(pitches)) > 2 and _visits(pitches) == 1 for pitches in told) / len(told) if told else None


def climax(hearing: Hearing) -> float | None:
    """Share of the piece's highest notes that stand where it is strongest, less if they come again and again."""
    if len(hearing.melody) < FEWEST_NOTES:
        return None
    top = max(note.pitch for note in hearing.melody)
    highest = [note for note in hearing.melody if note.pitch == top]
    strongest = any(stretch.climax for stretch in hearing.setting.stretches)
    early, late = (part * hearing.score.length_beats for part in LATE)
    placed = sum(
        hearing.bar_of(note).stretch.climax if strongest else early <= note.start_beat <= late for note in highest
    )
    return placed / len(highest) * min(1.0, 4.0 / _visits([note.pitch for note in hearing.melody]))


def _visits(pitches: list[int]) -> int:
    """How often a line comes to its highest note from another."""
    top = max(pitches)
    return sum(pitch == top and before != top for before, pitch in zip([None, *pitches], pitches, strict=False))


def _moves(hearing: Hearing) -> list[int]:
    """Semitones from note to note inside the phrases."""
    return [b.pitch - a.pitch for _, notes in hearing.phrases for a, b in pairwise(notes)]


def steps(hearing: Hearing) -> float | None:
    """Share of the melody's moves that are steps."""
    moves = [abs(move) for move in _moves(hearing) if move]
    return sum(move <= STEP for move in moves) / len(moves) if len(moves) >= FEWEST_NOTES else None


def leaps_recovered(hearing: Hearing) -> float | None:
    """Share of leaps after which the line turns back."""
    followed = [
        (first, second)
        for _, notes in hearing.phrases
        for first, second in pairwise([b.pitch - a.pitch for a, b in pairwise(notes)])
        if abs(first) >= LEAP and second
    ]
    return sum(first * second < 0 for first, second in followed) / len(followed) if len(followed) >= 4 else None


def compass(hearing: Hearing) -> float | None:
    """Semitones from the lowest to the highest note of the melody."""
    pitches = [note.pitch for note in hearing.melody]
    return float(max(pitches) - min(pitches)) if len(pitches) >= FEWEST_NOTES else None


def rests(hearing: Hearing) -> float | None:
    """Share of the time in which the melody is silent, in the phrases in which it speaks."""
    if not hearing.phrases:
        return None
    span = sum(len(phrase.bars) for phrase, _ in hearing.phrases) * hearing.setting.metre.beats
    return max(0.0, 1.0 - sum(note.length_beats for _, notes in hearing.phrases for note in notes) / span)


def rhythm_bits(hearing: Hearing) -> float | None:
    """Entropy of the rhythms of the melody's bars, in bits."""
    counts = Counter(positions for _, positions in hearing.rhythms.values())
    total = sum(counts.values())
    if total < 4:
        return None
    return -sum(count / total * log2(count / total) for count in counts.values())


def strong_beats(hearing: Hearing) -> float | None:
    """Share of the melody's weighty notes that belong to the chord under them."""
    weighty = [note for note in hearing.melody if _weighty(hearing, note)]
    if len(weighty) < FEWEST_NOTES:
        return None
    return sum(note.pitch % 12 in hearing.chord_under(note).chord.classes for note in weighty) / len(weighty)


def _weighty(hearing: Hearing, note: Note) -> bool:
    return note.length_beats >= WEIGHTY_BEATS or hearing.strength_of(note) >= WEIGHTY_STRENGTH


def cadences(hearing: Hearing) -> float | None:
    """Share of phrases that come to rest: their last note is in the chord and is held or followed by silence.

    The last answer of a section rests on the first, third or fifth note of its key.
    """
    if not hearing.phrases:
        return None
    rested = 0
    for phrase, notes in hearing.phrases:
        last, end = notes[-1], phrase.bars[-1].start_beat + hearing.setting.metre.beats
        at_rest = last.pitch % 12 in hearing.chord_under(last).chord.classes and end - last.start_beat >= 1.0 - 1e-6
        if phrase.answer and phrase.number == phrase.count - 1:
            key = phrase.bars[-1].key
            home = {key.scale[0], key.scale[2], key.scale[4]}
            at_rest = at_rest and last.pitch % 12 in home
        rested += at_rest
    return rested / len(hearing.phrases)
