"""Which packaged style a corpus is most like: it lends what files do not say, the form, the feel and the sound."""

from collections.abc import Mapping, Sequence
from math import log2

from app.models.score import DRUM_ROLES
from app.services.learning.tune import Tune
from app.services.styles import Style
from app.services.theory.instruments import INSTRUMENTS
from app.services.theory.scales import third_of

#: What a style may be unlike in, and how much that counts.
_TEMPO, _METRE, _DRUMS, _PLAYERS, _MODE = 1.0, 1.5, 1.5, 2.0, 0.5

#: General MIDI has its programs in families of eight: pianos, bells, organs …
_FAMILY = 8


def nearest(tunes: Sequence[Tune], styles: Mapping[str, Style]) -> str:
    """Name of the style that is least unlike the tunes; of equals the first by name."""
    return min(sorted(styles), key=lambda name: unlikeness(tunes, styles[name]))


def unlikeness(tunes: Sequence[Tune], style: Style) -> float:
    """How far a style is from tunes by tempo, metre, drums, players and third: 0 for none at all."""
    return sum(_of_one(tune, style) for tune in tunes) / len(tunes)


def _of_one(tune: Tune, style: Style) -> float:
    tempo = style.tempo_bpm
    nearest_bpm = min(max(tune.tempo_bpm, tempo.low), tempo.high)
    metres = sum(style.time_signatures.values())
    drums = style.ensemble["drums"].presence if "drums" in style.ensemble else 0.0
    modes = sum(style.modes.values())
    third = sum(share for mode, share in style.modes.items() if third_of(mode) == tune.third)
    return (
        _TEMPO * abs(log2(tune.tempo_bpm / nearest_bpm))
        + _METRE * (1 - style.time_signatures.get(tune.time_signature, 0.0) / metres)
        + _DRUMS * abs(drums - bool(tune.drums))
        + _PLAYERS * _strangers(tune, style)
        + _MODE * (1 - third / modes)
    )


def _strangers(tune: Tune, style: Style) -> float:
    """Share of the tune's notes that are played by a family of instruments which the style does not have."""
    families = {
        INSTRUMENTS[instrument].program // _FAMILY
        for role, seat in style.ensemble.items()
        if role not in DRUM_ROLES
        for instrument in seat.instruments
    }
    notes = sum(len(line.notes) for line in tune.lines)
    known = sum(len(line.notes) for line in tune.lines if line.program // _FAMILY in families)
    return 1 - known / notes
