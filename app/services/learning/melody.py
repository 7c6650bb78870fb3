"""How the files sing: rhythms bar by bar, how wide their lines move, how far they reach."""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from math import floor

import numpy as np

from app.models.score import Note
from app.services.learning.measuring import intervals, marks_of, moves_of
from app.services.learning.tune import Tune
from app.services.styles.idioms import Melody, Pattern

Rhythms = dict[str, dict[str, float]]

#: Steps a beat on which bars are written down.
STEPS = 4

#: Bars that are kept of each metre, the usual ones first.
MOST_PATTERNS = 48

#: From so many semitones on an interval is a leap.
LEAP_SEMITONES = 5

#: Notes whose worth of moves from anywhere is mixed into those from a degree.
LEANING = 4.0

#: Share of a phrase's bars for which the composer takes an ending of its own accord.
_ENDED = 0.25


def learned_melody(tunes: Sequence[Tune], base: Melody) -> Melody:
    """The way the tunes' melodies go; what they do not say is the base's."""
    shares = _rounded(_intervals(tunes))
    resting, moving = _bars(tunes, ending=True), _bars(tunes, ending=False)
    rhythms, endings = patterns(_filled(moving, resting)), patterns(resting)
    return base.model_copy(
        update={
            "rhythms": rhythms or base.rhythms,
            "endings": endings or base.endings,
            "scale": "mode",
            "span": int(np.clip(round(float(np.median([_span(tune.melody) for tune in tunes]))), 5, 24)),
            "leaps": min(1.0, round(sum(share for move, share in shares.items() if abs(move) >= LEAP_SEMITONES), 4)),
            "repeats": shares.get(0, 0.0),
            "intervals": shares,
            "moves": _moves(tunes, shares),
            "ornaments": 0.0,
            "silence": 0.0,
            "approaches": 0.0,
            "slides": 0.0,
            "avoided": marks_of(tunes),
        }
    )


def _intervals(tunes: Sequence[Tune]) -> dict[int, float]:
    """Share of each interval of the melodies, each tune counting alike."""
    found: dict[int, float] = defaultdict(float)
    for tune in tunes:
        counted = intervals(tune)
        for move, count in counted.items():
            found[move] += count / counted.total() / len(tunes)
    return found


def _moves(tunes: Sequence[Tune], shares: Mapping[int, float]) -> dict[str, dict[int, dict[int, float]]]:
    """Share of each interval by third and degree; what a degree says seldom leans on the `shares` of all."""
    found: dict[str, dict[int, Counter[int]]] = {}
    for tune in tunes:
        degrees = found.setdefault(tune.third, {})
        for degree, move in moves_of(tune):
            degrees.setdefault(degree, Counter())[move] += 1
    return {
        third: {
            degree: _rounded(
                {
                    move: (counted[move] + LEANING * shares.get(move, 0.0)) / (counted.total() + LEANING)
                    for move in {*counted, *shares}
                }
            )
            for degree, counted in sorted(degrees.items())
        }
        for third, degrees in sorted(found.items())
    }


def _rounded(shares: Mapping[int, float]) -> dict[int, float]:
    return {move: round(share, 6) for move, share in sorted(shares.items())}


def rhythm_of(notes: Sequence[tuple[float, float, str]], beats: float) -> str:
    """(position, length, sign) of a bar's notes as a rhythm; an empty text where nothing begins.

    >>> rhythm_of([(0.0, 1.0, "x"), (2.0, 0.5, "x")], 4.0)
    'x---....x-......'
    """
    signs = ["."] * round(STEPS * beats)
    for position, length, sign in notes:
        first = round(STEPS * position)
        if first < len(signs):
            last = min(len(signs), first + max(1, round(STEPS * length)))
            signs[first:last] = [sign, *["-"] * (last - first - 1)]
    return "".join(signs) if any(sign not in ".-" for sign in signs) else ""


def patterns(found: Mapping[str, Mapping[str, float]], most: int = MOST_PATTERNS) -> tuple[Pattern, ...]:
    """Counted rhythms by metre as patterns, the usual ones first."""
    return tuple(
        Pattern(rhythm=rhythm, metre=metre, weight=round(float(count), 4))
        for metre, counted in sorted(found.items())
        for rhythm, count in sorted(counted.items(), key=lambda item: (-item[1], item[0]))[:most]
    )


def bars_of(notes: Sequence[Note], beats: float) -> dict[int, list[Note]]:
    """The notes by the bar they begin in."""
    bars: dict[int, list[Note]] = {}
    for note in notes:
        bars.setdefault(floor(note.start_beat / beats + 1e-6), []).append(note)
    return bars


def _bars(tunes: Sequence[Tune], *, ending: bool) -> Rhythms:
    """Rhythms of the melodies' bars: those that come to rest on their last note, or the others.

    The notes of each tune weigh alike in all, so that a long one says no more than a short one.
    """
    found: Rhythms = {}
    usual = float(np.mean([len(tune.melody) for tune in tunes]))
    for tune in tunes:
        beats = tune.metre.beats
        notes = tune.melody
        following = [later.start_beat for later in notes[1:]] + [tune.length_beats]
        gaps = {note.start_beat: after - note.start_beat for note, after in zip(notes, following, strict=True)}
        for bar in bars_of(notes, beats).values():
            last = gaps[bar[-1].start_beat]
            if ending == (last >= beats / 2 - 1e-6):
                strokes = [(n.start_beat % beats, gaps[n.start_beat], "x") for n in bar]
                if rhythm := rhythm_of(strokes, beats):
                    weights = found.setdefault(tune.time_signature, {})
                    weights[rhythm] = weights.get(rhythm, 0.0) + usual / len(notes)
    return found


def _filled(moving: Rhythms, resting: Rhythms) -> Rhythms:
    """The bars that move, with those that rest as far as they are more than phrases have ends."""
    found: dict[str, dict[str, float]] = {}
    for metre in {**moving, **resting}:
        ends = sum(resting.get(metre, {}).values())
        whole = ends + sum(moving.get(metre, {}).values())
        share = max(0.0, 1.0 - _ENDED * whole / ends) if ends else 0.0
        rests = {rhythm: count * share for rhythm, count in resting.get(metre, {}).items() if share}
        found[metre] = {**moving.get(metre, {}), **rests}
    return found


def _span(notes: Sequence[Note]) -> float:
    """Semitones that phrases of the melody span: the median of those of every sixteen notes."""
    heights = [note.pitch for note in notes]
    return float(np.median([np.ptp(heights[at : at + 16]) for at in range(0, len(heights), 16)]))
