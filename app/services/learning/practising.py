"""Play what was learned, listen, and weigh its choices anew until it sounds like the files.

What was counted is not what is heard: phrases, cadences and the ear's own rules have a say in every note. So pieces are
written and counted by the same ears as the files were; what comes too often is then chosen less, what comes too seldom
more. Only weights change: nothing is said that was not learned before.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from math import exp, log
from typing import Any, TypeAlias, TypeVar

from app.services.learning.harmony import heard_numerals
from app.services.learning.measuring import STEPS, Histogram, distances_between, histograms
from app.services.learning.tune import Tune
from app.services.styles import Style
from app.services.styles.idioms import Pattern, Progression
from app.services.theory.metre import metre_of
from app.services.theory.rhythm import read_rhythm
from app.services.theory.scales import third_of

Choice = TypeVar("Choice", Pattern, Progression)

#: Writes some pieces in a style.
Hear: TypeAlias = Callable[[Style], Sequence[Tune]]

#: How often it is put right, and how often in a row without coming nearer.
ROUNDS, PATIENCE = 10, 4

#: Share that is added to all before they are compared: what is hardly there says little.
_HARDLY = 0.005

#: How far a round goes towards what would be right if each choice were heard as often as it is made.
_PACE = 0.7

#: Widest change of a weight in one round, as a logarithm; and the smallest weight.
_WIDEST, _LEAST = log(3.0), 1e-5

#: Logarithms of how much more often things should be heard than they are.
Lack: TypeAlias = Mapping[Any, float]


def practised(style: Style, tunes: Sequence[Tune], hear: Hear) -> Style:
    """The style with the weights by which its music came nearest to the tunes; same hearing, same style."""
    wanted = histograms(tunes)
    best, least, since = style, float("inf"), 0
    for _ in range(ROUNDS + 1):
        if since > PATIENCE or not (made := hear(style)):
            break
        heard = histograms(made)
        apart, since = distances_between(heard, wanted)["mean"], since + 1
        if apart < least:
            best, least, since = style, apart, 0
        style = _put_right(style, heard, wanted)
    return best


def _put_right(style: Style, heard: Mapping[str, Histogram], wanted: Mapping[str, Histogram]) -> Style:
    """The style with its weights moved against what was too seldom and too often."""
    intervals, lengths = (_lack(heard[name], wanted[name]) for name in ("intervals", "lengths"))
    # How often a metre or a third comes is another matter.
    onsets = _lack_by_metre(heard["onsets"], wanted["onsets"])
    thirds = {third: f"chords in {third}" for third in ("major", "minor")}
    chords = {third: _lack(heard[name], wanted[name]) for third, name in thirds.items()}
    melody = style.melody
    return style.model_copy(
        update={
            "melody": melody.model_copy(
                update={
                    "intervals": _moved(melody.intervals, intervals),
                    "moves": {
                        third: {degree: _moved(shares, intervals) for degree, shares in degrees.items()}
                        for third, degrees in melody.moves.items()
                    },
                    "rhythms": _weighed(melody.rhythms, lambda one: _heard_in(one, lengths, onsets)),
                    "endings": _weighed(melody.endings, lambda one: _heard_in(one, lengths, onsets)),
                }
            ),
            "harmony": style.harmony.model_copy(
                update={"progressions": _weighed(style.harmony.progressions, lambda one: _spoken_in(one, chords))}
            ),
        }
    )


def _lack(ours: Histogram, theirs: Histogram) -> Lack:
    keys = {*ours, *theirs} if ours and theirs else ()  # of what was not heard at all nothing is known
    return {key: log((theirs.get(key, 0.0) + _HARDLY) / (ours.get(key, 0.0) + _HARDLY)) for key in keys}


def _lack_by_metre(ours: Histogram, theirs: Histogram) -> Lack:
    """What lacks of a bar's places among those of the same metre."""
    found: dict[Any, float] = {}
    for metre in {metre for metre, _ in ours}:
        found |= _lack(*(_of_metre(onsets, metre) for onsets in (ours, theirs)))
    return found


def _of_metre(onsets: Histogram, metre: str) -> Histogram:
    shares = {key: share for key, share in onsets.items() if key[0] == metre}
    whole = sum(shares.values())
    return {key: share / whole for key, share in shares.items()}


def _change(lacking: Iterable[float]) -> float:
    """The factor of the weight of a choice that is heard as things which lack so much."""
    found = list(lacking)
    mean = sum(found) / len(found) if found else 0.0
    return exp(_PACE * min(max(mean, -_WIDEST), _WIDEST))


def _moved(shares: Mapping[int, float], lack: Lack) -> dict[int, float]:
    changed = {move: share * _change([lack.get(move, 0.0)]) for move, share in shares.items()}
    whole = sum(changed.values()) or 1.0
    return {move: round(share / whole, 6) for move, share in changed.items()}


def _weighed(choices: tuple[Choice, ...], lacking: Callable[[Choice], Iterable[float]]) -> tuple[Choice, ...]:
    """Choices with their weights changed; together they weigh what they did."""
    weights = [choice.weight * _change(lacking(choice)) for choice in choices]
    scale = sum(choice.weight for choice in choices) / (sum(weights) or 1.0)
    return tuple(
        choice.model_copy(update={"weight": max(round(weight * scale, 6), _LEAST)})
        for choice, weight in zip(choices, weights, strict=True)
    )


def _heard_in(pattern: Pattern, lengths: Lack, onsets: Lack) -> Iterator[float]:
    """What lacks of a rhythm: of where each of its notes begins, and of how far it is to the next."""
    beats = metre_of(pattern.metre).beats
    for bar in read_rhythm(pattern.rhythm, pattern.metre, pattern.metre):
        for stroke, end in zip(bar, [*(later.position for later in bar[1:]), beats], strict=True):
            begun, lasting = round(STEPS * stroke.position), round(STEPS * (end - stroke.position))
            yield onsets.get((pattern.metre, begun), 0.0) + lengths.get(lasting, 0.0)


def _spoken_in(progression: Progression, chords: Mapping[str, Lack]) -> Iterator[float]:
    """What lacks of a progression: of each of its triads."""
    mode = progression.modes[0]
    for heard in heard_numerals(progression.chords, mode):
        yield chords.get(third_of(mode), {}).get(heard, 0.0)
