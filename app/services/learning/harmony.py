"""How the files change chords: progressions drawn from a chain of their transitions, none of them copied."""

from collections import Counter, defaultdict
from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from app.models.plan import Mode
from app.services.learning.hearing import ALL_HEARD, Heard, chords, slot_beats
from app.services.learning.tune import Tune
from app.services.styles.idioms import Harmony, Progression
from app.services.theory.scales import MODES
from app.utils.seeds import rng_for

#: Progressions that are drawn for each mode, and their bars.
DRAWN, BARS = 32, 8

_DEGREES = ("I", "II", "III", "IV", "V", "VI", "VII")

#: Modes that tunes are heard in.
_HEARD_MODES: tuple[Mode, ...] = ("major", "minor")

Transitions = dict[Heard, Counter[Heard]]


def learned_harmony(tunes: Sequence[Tune], base: Harmony, seed: int) -> Harmony:
    """The tunes' harmonic language, drawn with the seed's dice."""
    progressions: list[Progression] = []
    cadences: list[Progression] = []
    for mode in _HEARD_MODES:
        own = [tune for tune in tunes if tune.third == mode]
        if own:
            progressions += _drawn(own, mode, seed)
            cadences += _cadences(own, mode)
    pace = float(np.mean([_changes_per_minute(tune) for tune in tunes]))
    return base.model_copy(
        update={
            "progressions": tuple(progressions),
            "cadences": tuple(cadences),
            "turnarounds": (),
            "turnaround_chance": 0.0,
            "changes_per_minute": round(min(80.0, max(2.0, pace)), 3),
            "colours": {"plain": 1.0},
            "final_colour": "",
            "devices": {},
            "modulations": (),
            "static": False,
        }
    )


def numeral(heard: Heard, mode: Mode) -> str:
    """A triad as the numeral of a mode.

    >>> numeral(Heard(7, "maj"), "minor"), numeral(Heard(10, "maj"), "major"), numeral(Heard(11, "dim"), "minor")
    ('V', 'bVII', '#viio')
    """
    scale = MODES[mode]
    if heard.degree in scale:
        text = _DEGREES[scale.index(heard.degree)]
    elif (heard.degree + 1) % 12 in scale and heard.degree != 11:
        text = "b" + _DEGREES[scale.index((heard.degree + 1) % 12)]
    else:
        text = "#" + _DEGREES[scale.index(heard.degree - 1)]
    return text if heard.kind == "maj" else text.lower() + ("o" if heard.kind == "dim" else "")


def heard_numerals(chords: str, mode: Mode) -> list[Heard]:
    """The triads of a progression, one as often as it holds long; what is none that is heard is left out.

    >>> [heard.degree for heard in heard_numerals("I | IV V", "major")]
    [0, 0, 5, 7]
    """
    known = {numeral(heard, mode): heard for heard in ALL_HEARD}
    bars = [bar.split() for bar in chords.split("|")]
    most = max(len(bar) for bar in bars)
    return [known[text] for bar in bars for text in (bar * most if len(bar) == 1 else bar) if text in known]


def transitions_of(tunes: Sequence[Tune]) -> Transitions:
    """How often each triad was followed by each, slot by slot; a triad that stays follows itself."""
    found: Transitions = defaultdict(Counter)
    for tune in tunes:
        sounding = [heard for heard in chords(tune) if heard is not None]
        for before, after in pairwise(sounding):
            found[before][after] += 1
    return found


def _drawn(tunes: Sequence[Tune], mode: Mode, seed: int) -> list[Progression]:
    """Walks through the chain of the tunes' transitions that set out from the tonic."""
    chain = transitions_of(tunes)
    home = Heard(0, "maj" if mode == "major" else "min")
    slots = max(1, round(tunes[0].metre.beats / slot_beats(tunes[0])))
    found = []
    for number in range(DRAWN):
        rng = rng_for(seed, "learned harmony", mode, str(number))
        walk = [home]
        while len(walk) < BARS * slots:
            after = chain.get(walk[-1]) or Counter({home: 1})
            options = sorted(after, key=lambda heard: (heard.degree, heard.kind))
            weights = np.array([after[option] for option in options], float)
            walk.append(options[int(rng.choice(len(options), p=weights / weights.sum()))])
        bars = [walk[at : at + slots] for at in range(0, len(walk), slots)]
        found.append(Progression(chords=" | ".join(_bar(bar, mode) for bar in bars), modes=(mode,), elastic=False))
    return found


def _bar(heard: Sequence[Heard], mode: Mode) -> str:
    """The numerals of a bar; one that holds throughout is said once."""
    numerals = [numeral(chord, mode) for chord in heard]
    return numerals[0] if len(set(numerals)) == 1 else " ".join(numerals)


def _cadences(tunes: Sequence[Tune], mode: Mode) -> list[Progression]:
    """What came before the last tonic, most usual first."""
    found: Counter[str] = Counter()
    for tune in tunes:
        sounding = [heard for heard in chords(tune) if heard is not None and heard.degree]
        if sounding:
            found[numeral(sounding[-1], mode)] += 1
    return [Progression(chords=text, modes=(mode,), weight=float(n)) for text, n in sorted(found.items())]


def _changes_per_minute(tune: Tune) -> float:
    sounding = chords(tune)
    changes = sum(a != b for a, b in pairwise(sounding)) + 1
    return changes / (len(sounding) * slot_beats(tune)) * tune.tempo_bpm
