"""How far one music is from another, by what can be counted in notes.

The distance is the mean of five: those of the histograms of pitch classes above the key note (all lines, by time),
intervals of the melody in semitones, its notes' lengths (steps of a quarter beat up to eight beats), where in the bar
its notes begin (the same steps) and triads above the key note (by slots, see hearing). Each is the total variation
distance, half the sum of the absolute differences of two histograms that sum to 1: 0 for equals, 1 for what has nothing
in common.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Any

from app.models.plan import Plan
from app.models.score import DRUM_ROLES, Note, Part, Score
from app.services.learning.hearing import amounts, chords
from app.services.learning.tune import Line, Tune, ordered
from app.services.theory.instruments import INSTRUMENTS
from app.services.theory.passages import passages
from app.services.theory.scales import pitch_class, third_of

#: Steps a beat to which lengths and onsets are rounded; the longest length that is told apart, in beats.
STEPS, LONGEST_BEATS = 4, 8

#: Intervals beyond an octave count as one.
_WIDEST = 13

Histogram = Mapping[Any, float]


def tune_of(score: Score, plan: Plan) -> Tune:
    """A score as it is measured: its singers' lines as one, then the others."""
    singing = [part for part in score.parts if plan.voice(part.voice).role == "lead"]
    lead = sorted((note for part in singing for note in part.notes), key=lambda note: (note.start_beat, note.pitch))
    lines: list[Line] = []
    drums: list[Note] = []
    for part in score.parts:
        voice = plan.voice(part.voice)
        if voice.role in DRUM_ROLES:
            drums += part.notes
        elif voice.role != "lead" and part.notes:
            lines.append(Line(program=_program(plan, part), notes=part.notes))
    melody = [Line(program=_program(plan, singing[0]), notes=tuple(lead))] if lead else []
    upper, lower = score.time_signature
    return Tune(
        lines=(*melody, *ordered(lines)),
        drums=tuple(drums),
        tempo_bpm=plan.tempo_bpm,
        time_signature=f"{upper}/{lower}",
        root=pitch_class(plan.tonic),
        third=third_of(plan.mode),
    )


def _program(plan: Plan, part: Part) -> int:
    return INSTRUMENTS[plan.voice(part.voice).instrument].program


def distances(ours: Sequence[Tune], theirs: Sequence[Tune]) -> dict[str, float]:
    """The distance of each histogram between two sets of tunes, 0…1, each tune counting alike; and their `mean`."""
    return distances_between(histograms(ours), histograms(theirs))


def distances_between(ours: Mapping[str, Histogram], theirs: Mapping[str, Histogram]) -> dict[str, float]:
    """The same between what `histograms` counted."""
    found = {name: _apart(ours[name], theirs[name]) for name in _COUNTED}
    return {**found, "mean": sum(found.values()) / len(found)}


def histograms(tunes: Sequence[Tune]) -> dict[str, Histogram]:
    """What is counted in a set of tunes: pitch_classes, intervals, lengths, onsets and chords. Each sums to 1.

    Besides `chords`, which counts all, there are "chords in major" and "chords in minor", empty where no tune is.
    """
    found = {name: _mean(count, tunes) for name, count in _COUNTED.items()}
    thirds = {f"chords in {third}": [tune for tune in tunes if tune.third == third] for third in ("major", "minor")}
    return found | {name: _mean(_triads, some) for name, some in thirds.items()}


def marks_of(tunes: Iterable[Tune]) -> frozenset[int]:
    """Marks of every passage that a line of the tunes has."""
    marks: set[int] = set()
    for tune in tunes:
        for line in tune.lines:
            notes = line.top
            marks.update(mark for _, mark in passages([n.pitch for n in notes], [n.start_beat for n in notes]))
    return frozenset(marks)


def intervals(tune: Tune) -> Counter[int]:
    """Semitones from note to note of the melody."""
    return Counter(move for _degree, move in moves_of(tune))


def moves_of(tune: Tune) -> Iterator[tuple[int, int]]:
    """Of each note of the melody but the last, its semitones above the key note, 0…11, and those to the next note."""
    for earlier, later in pairwise(tune.melody):
        yield (earlier.pitch - tune.root) % 12, max(-_WIDEST, min(_WIDEST, later.pitch - earlier.pitch))


def _pitch_classes(tune: Tune) -> Counter[Any]:
    return Counter(dict(enumerate(amounts(tune).sum(axis=0).tolist())))


def _lengths(tune: Tune) -> Counter[Any]:
    """Of each note with the silence after it, up to the next: players differ in how long they hold what is written."""
    notes = tune.melody
    gaps = [later.start_beat - earlier.start_beat for earlier, later in pairwise(notes)]
    return Counter(min(max(round(STEPS * gap), 1), STEPS * LONGEST_BEATS) for gap in gaps)


def _onsets(tune: Tune) -> Counter[Any]:
    bar = tune.metre.beats
    steps = round(STEPS * bar)
    return Counter((tune.time_signature, round(STEPS * (note.start_beat % bar)) % steps) for note in tune.melody)


def _triads(tune: Tune) -> Counter[Any]:
    return Counter(heard for heard in chords(tune) if heard is not None)


_COUNTED: dict[str, Callable[[Tune], Mapping[Any, float]]] = {
    "pitch_classes": _pitch_classes, "intervals": intervals, "lengths": _lengths, "onsets": _onsets, "chords": _triads,
}  # fmt: skip


def _mean(count: Callable[[Tune], Mapping[Any, float]], tunes: Sequence[Tune]) -> Histogram:
    """The mean of the tunes' histograms, each summing to 1."""
    total: dict[Any, float] = defaultdict(float)
    for tune in tunes:
        counted = count(tune)
        whole = sum(counted.values())
        for key, value in counted.items():
            total[key] += value / whole / len(tunes)
    return total


def _apart(ours: Histogram, theirs: Histogram) -> float:
    return sum(abs(ours.get(key, 0.0) - theirs.get(key, 0.0)) for key in {*ours, *theirs}) / 2
