"""How a section takes its chords: round and round, every second time in other words; or over a pedal."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import chain

from app.models.plan import SectionKind
from app.services.composing.changes import Held
from app.services.composing.layout import Stretch
from app.services.composing.reharmonising import LEAST_DISTINCT, varied
from app.services.styles.idioms import Device
from app.services.theory.chords import Chord
from app.services.theory.keys import Key
from app.utils.seeds import rng_for

#: With fewer different chords than this, a section that hears its progression only once varies all but the first.
POOR = 4

#: What is heard within so many seconds is heard together.
WINDOW_S = 30.0

#: Sections that people know again by their chords; others may say a poor progression in new words each time.
KEEPSAKES: frozenset[SectionKind] = frozenset({"chorus", "drop", "theme"})

#: The bass that stays under a section of a kind, in scale degrees, where the style likes pedals.
PEDALS: dict[SectionKind, int] = {"intro": 1, "break": 1, "build": 5}


def in_rounds(
    held: list[Held], stretch: Stretch, key: Key, devices: Mapping[Device, float], *, bar_s: float, seed: int
) -> list[Held]:
    """The chords of a section, to be gone through again and again: plain, varied, plain, varied otherwise.

    A progression heard only once is varied in its second half, if few of its chords are heard together.
    """
    pedal = _pedal(stretch, key, devices, seed)
    if pedal is not None:
        return [(Chord(chord.root, chord.kind, pedal), bars) for chord, bars in held]
    rng = rng_for(seed, "reharmony", stretch.section.material)
    if stretch.bars > sum(bars for _, bars in held) + 1e-9:
        again, once_more = (varied(held, key, devices, bar_s=bar_s, rng=rng) for _ in range(2))
        return [*held, *chain.from_iterable(again), *held, *chain.from_iterable(once_more)]
    heard = list(_until(held, stretch.bars))
    at_once = {chord for chord, _ in _until(held, min(stretch.bars, WINDOW_S / bar_s))}
    if len(at_once) >= LEAST_DISTINCT:
        return held
    plain = 1 if len(at_once) < POOR else len(list(_until(held, stretch.bars / 2)))
    pieces: list[tuple[Held, ...]] = []
    for _ in range(2 if stretch.heard % 2 and stretch.section.kind not in KEEPSAKES else 1):
        together = _windows(heard, WINDOW_S / bar_s)
        pieces = [piece for window in together for piece in varied(window, key, devices, bar_s=bar_s, rng=rng)]
    return [*heard[:plain], *chain.from_iterable(pieces[plain:]), *held[len(heard) :]]


def _pedal(stretch: Stretch, key: Key, devices: Mapping[Device, float], seed: int) -> int | None:
    """Pitch class of the bass that stays under a section, if it has one."""
    degree = PEDALS.get(stretch.section.kind)
    rng = rng_for(seed, "pedal", *stretch.key)
    if degree is None or rng.random() >= devices.get("pedal", 0.0):
        return None
    return key.scale[degree - 1]


def _windows(held: Sequence[Held], bars: float) -> list[list[Held]]:
    """The chords in groups that are heard together, each about so many bars long."""
    groups: list[list[Held]] = [[]]
    for chord, length in held:
        if groups[-1] and sum(part for _, part in groups[-1]) + length > bars + 1e-9:
            groups.append([])
        groups[-1].append((chord, length))
    if len(groups) > 1 and len(groups[-1]) == 1:
        # One chord alone has no neighbours to be told by.
        groups[-2:] = [[*groups[-2], *groups[-1]]]
    return groups


def _until(held: Sequence[Held], bars: float) -> Iterator[Held]:
    """The chords that begin within so many bars."""
    at = 0.0
    for chord, length in held:
        if at >= bars - 1e-9:
            return
        yield chord, length
        at += length
