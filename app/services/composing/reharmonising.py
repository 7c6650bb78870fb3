"""A progression in other words: what its chords may become when it comes round again, by the style's own devices.

Rule: a varied chord lasts as long as the plain one, and the first chord of a progression keeps its root.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain, pairwise

import numpy as np

from app.services.composing.changes import Held
from app.services.composing.drawing import drawn
from app.services.styles.idioms import Device
from app.services.theory.chords import Chord
from app.services.theory.keys import Key
from app.services.theory.scales import third_of

#: A round of chords should have at least so many different ones, where the devices allow it.
LEAST_DISTINCT = 5

#: A chord is divided only if each half still lasts this long, in seconds.
SHORTEST_HALF_S = 0.95

#: One that gives way early keeps at least this long, in seconds.
SHORTEST_EARLY_S = 0.7

#: Chords are divided until they change about so often, in changes a minute.
MOST_PER_MINUTE = 36.0

#: Draws among which the one with most new chords, and one that comes early, is taken.
_DRAWS = 6

#: The most that the chances of all devices add up to at one chord.
_MOST = 0.8

#: What a chord of a kind may grow into, as far as the key has the notes.
RICHER: dict[str, tuple[str, ...]] = {
    "maj": ("add9", "maj7", "6", "sus2"), "min": ("m7", "madd9"), "m7": ("m9", "m11"), "maj7": ("maj9", "69"),
    "7": ("9", "13"), "5": ("sus2", "min", "maj"), "add9": ("maj9", "sus2"), "madd9": ("m7", "m9"),
    "9": ("13", "9sus4"), "m9": ("m11", "m7"), "maj9": ("69", "maj7"),
}  # fmt: skip

#: Chords of the parallel key, by semitones above the tonic and third: (root, third) becomes (root, third).
BORROWED: dict[str, dict[tuple[int, str], tuple[int, str]]] = {
    "major": {(5, "maj"): (5, "min"), (9, "min"): (8, "maj"), (7, "maj"): (10, "maj"), (4, "min"): (3, "maj")},
    "minor": {(5, "min"): (5, "maj"), (8, "maj"): (1, "maj"), (7, "min"): (7, "maj"), (10, "maj"): (7, "maj")},
}  # fmt: skip

_SEVENTHS = {"maj": "maj7", "min": "m7"}

#: What stands for a chord: nothing if the device does not suit it.
_Rewritten = tuple[Held, ...] | None


@dataclass(frozen=True, slots=True)
class _Place:
    """A chord among its neighbours."""

    chord: Chord
    bars: float
    before: Chord
    after: Chord
    key: Key
    rng: np.random.Generator

    def halves(self, first: Chord, second: Chord) -> tuple[Held, ...]:
        """Two chords in its time."""
        return ((first, self.bars / 2), (second, self.bars / 2))

    @property
    def third(self) -> str:
        """Whether it is major or minor; nothing for bare and suspended chords."""
        return "maj" if 4 in self.chord.intervals else "min" if 3 in self.chord.intervals else ""

    @property
    def dominant(self) -> bool:
        """Whether it is a dominant seventh."""
        return 4 in self.chord.intervals and 10 in self.chord.intervals


def varied(
    held: Sequence[Held], key: Key, devices: Mapping[Device, float], *, bar_s: float, rng: np.random.Generator
) -> list[tuple[Held, ...]]:
    """What stands for each chord of a progression when it comes round again; the same length in all."""
    plain = {chord for chord, _ in held}
    best: list[tuple[Held, ...]] = [(chord,) for chord in held]
    most = -1
    for _ in range(_DRAWS):
        rewritten = [_rewritten(index, held, key, devices, bar_s, rng) for index in range(len(held))]
        pieces = _unhurried(rewritten, held, bar_s)
        new = len({chord for chord, _ in chain.from_iterable(pieces)} - plain)
        early = any(len(piece) > 1 and piece[-1][0] == after[0][0] for piece, after in pairwise([*pieces, pieces[0]]))
        score = new + 2 * early
        if score > most:
            best, most = pieces, score
        if new > 0 and len(plain) + new >= LEAST_DISTINCT and (early or "early" not in devices):
            break
    return best


def _unhurried(pieces: list[tuple[Held, ...]], held: Sequence[Held], bar_s: float) -> list[tuple[Held, ...]]:
    """The pieces with no more divided chords than the pace has room for; the last ones, that lead on, stay divided."""
    mean_s = sum(bars for _, bars in held) * bar_s / len(held)
    room = len(held) * max(mean_s * MOST_PER_MINUTE / 60.0 - 1.0, 0.0)
    following = [piece[0][0] for piece in (*pieces[1:], pieces[0])]
    # A chord that only comes early makes no change more.
    divided = [
        index
        for index, (piece, after) in enumerate(zip(pieces, following, strict=True))
        if len(piece) > 1 and piece[-1][0] != after
    ]
    # Where the pace is about right, one chord a round may still be divided.
    allowed = max(1 if mean_s * MOST_PER_MINUTE >= 60.0 else 0, round(room))
    kept = divided[len(divided) - min(len(divided), allowed) :]
    return [(held[index],) if index in divided and index not in kept else piece for index, piece in enumerate(pieces)]


def _rewritten(
    index: int, held: Sequence[Held], key: Key, devices: Mapping[Device, float], bar_s: float, rng: np.random.Generator
) -> tuple[Held, ...]:
    chord, bars = held[index]
    place = _Place(chord, bars, held[index - 1][0], held[(index + 1) % len(held)][0], key, rng)
    divisible = bars * bar_s >= 2 * SHORTEST_HALF_S
    found: list[tuple[float, tuple[Held, ...]]] = []
    for device, chance in devices.items():
        if device not in _DEVICES or (index == 0 and device not in _FAITHFUL):
            continue
        if device == "early" and index == len(held) - 1:
            # What follows a round is not always its own beginning.
            continue
        rewritten = _DEVICES[device](place)
        roomy = divisible or (device == "early" and bars * bar_s >= 2 * SHORTEST_EARLY_S)
        if rewritten is None or (len(rewritten) > 1 and not roomy):
            continue
        if device != "early" and rewritten[-1][0] == place.after:
            continue
        if index and rewritten[0][0] == place.before and len(rewritten) == 1:
            continue
        found.append((chance, rewritten))
    if not found or rng.random() >= min(sum(chance for chance, _ in found), _MOST):
        return ((chord, bars),)
    return drawn(rng, [rewritten for _, rewritten in found], [chance for chance, _ in found])


def _rooted(root: int, kind: str) -> Chord:
    return Chord(root % 12, kind, root % 12)


def _secondary_dominant(at: _Place) -> _Rewritten:
    """The dominant of the next chord in the second half."""
    diminished = 6 in at.after.intervals and 7 not in at.after.intervals
    if at.after.root == at.chord.root or diminished:
        return None
    dominant = _rooted(at.after.root + 7, "7")
    if dominant.root == at.chord.root and at.dominant:
        return None
    return at.halves(at.chord, dominant)


def _two_five(at: _Place) -> _Rewritten:
    """The second and fifth degrees of the next chord, where this one was already heard."""
    if at.before.root != at.chord.root or at.after.root == at.chord.root:
        return None
    minor = 3 in at.after.intervals
    return at.halves(_rooted(at.after.root + 2, "m7b5" if minor else "m7"), _rooted(at.after.root + 7, "7"))


def _passing_diminished(at: _Place) -> _Rewritten:
    """A diminished chord between two roots a tone apart, or between the fourth degree and the tonic."""
    rising = (at.after.root - at.chord.root) % 12 == 2
    homeward = (at.chord.root - at.key.root) % 12 == 5 and at.after.root == at.key.root
    return at.halves(at.chord, _rooted(at.chord.root + 1, "dim7")) if rising or homeward else None


def _tritone(at: _Place) -> _Rewritten:
    """A dominant that falls a fifth, answered by the one a tritone away, so that the bass slides home."""
    falls = (at.chord.root - at.after.root) % 12 == 7
    return at.halves(at.chord, _rooted(at.chord.root + 6, "7")) if falls and at.dominant else None


def _relative(at: _Place) -> _Rewritten:
    """The chord a third away that shares two notes: vi for I, III for i."""
    if not at.third or at.dominant:
        return None
    steps = ((-3, "min"), (4, "min")) if at.third == "maj" else ((3, "maj"), (-4, "maj"))
    options = []
    for step, plain in steps:
        other = _rooted(at.chord.root + step, _SEVENTHS[plain] if len(at.chord.classes) > 3 else plain)
        if set(other.classes) <= set(at.key.scale):
            options.append(other)
    return ((options[int(at.rng.integers(len(options)))], at.bars),) if options else None


def _borrowed(at: _Place) -> _Rewritten:
    """A chord of the parallel key: in the second half, or for the whole time where the root moves."""
    place = BORROWED[third_of(at.key.mode)].get(((at.chord.root - at.key.root) % 12, at.third))
    if place is None or set(at.chord.classes) - set(at.key.scale):
        return None
    semitones, third = place
    # A borrowed dominant stays a triad: its seventh would be the wrong one.
    seventh = len(at.chord.classes) > 3 and semitones != 7
    other = _rooted(at.key.root + semitones, _SEVENTHS[third] if seventh else third)
    return at.halves(at.chord, other) if other.root == at.chord.root else ((other, at.bars),)


def _suspension(at: _Place) -> _Rewritten:
    """The fourth held over the third, then let down."""
    fourth = (at.chord.root + 5) % 12
    if at.chord.bass != at.chord.root or at.third != "maj" or fourth not in at.key.scale:
        return None
    return at.halves(_rooted(at.chord.root, "7sus4" if at.dominant else "sus4"), at.chord)


def _inversion(at: _Place) -> _Rewritten:
    """The third in the bass in the second half, if that brings the bass nearer to the next root."""
    if at.chord.bass != at.chord.root or not at.third or at.after.root == at.chord.root:
        return None
    away = min((at.chord.third - at.after.bass) % 12, (at.after.bass - at.chord.third) % 12)
    return at.halves(at.chord, Chord(at.chord.root, at.chord.kind, at.chord.third)) if 0 < away <= 3 else None


def _colour(at: _Place) -> _Rewritten:
    """The same chord with other notes added, if the key has them."""
    known = set(at.key.scale) | set(at.chord.classes)
    options = [
        other
        for kind in RICHER.get(at.chord.kind, ())
        if set((other := Chord(at.chord.root, kind, at.chord.bass)).classes) <= known
    ]
    return ((options[int(at.rng.integers(len(options)))], at.bars),) if options else None


def _early(at: _Place) -> _Rewritten:
    """The next chord half of the time before its own."""
    return at.halves(at.chord, at.after) if at.after.root != at.chord.root else None


_DEVICES: dict[Device, Callable[[_Place], _Rewritten]] = {
    "secondary_dominant": _secondary_dominant, "two_five": _two_five, "passing_diminished": _passing_diminished,
    "tritone": _tritone, "relative": _relative, "borrowed": _borrowed, "suspension": _suspension,
    "inversion": _inversion, "colour": _colour, "early": _early,
}  # fmt: skip

#: Devices that leave a chord its root, so that they may touch the first chord of a progression.
_FAITHFUL: frozenset[Device] = frozenset({"colour", "inversion", "early"})
