"""Tunes → Style: what was learned, mixed with a packaged style. Same tunes, base, strength and seed: the same style."""

from collections import Counter
from collections.abc import Iterable, Sequence
from hashlib import sha256

import numpy as np

from app.services.learning.harmony import learned_harmony
from app.services.learning.melody import learned_melody
from app.services.learning.mixing import mixed
from app.services.learning.players import learned_bass, learned_chords, learned_drums, learned_ensemble
from app.services.learning.practising import Hear, practised
from app.services.learning.tune import Tune
from app.services.styles import Style
from app.services.styles.schema import TempoRange

#: Fewest and most files that a style is learned from.
FEWEST, MOST = 1, 500


def learn(
    tunes: Sequence[Tune], *, base: Style, strength: float, seed: int, title: str, hear: Hear | None = None
) -> Style:
    """The style of 1…500 tunes, mixed with `base`: `strength` 1 is theirs alone, 0 the base's.

    `hear` writes pieces in a style that is tried out; without it nothing is tried. The name holds the digest of all
    that the style says, so that a name always means the same style. ValueError for numbers out of range.
    """
    if not FEWEST <= len(tunes) <= MOST:
        raise ValueError(f"a style is learned from {FEWEST}..{MOST} files, got {len(tunes)}")
    if not 0 <= strength <= 1:
        raise ValueError(f"strength must be 0..1, got {strength}")
    own = _named(_learned(tunes, base, seed), title)
    if hear is not None and strength > 0:
        own = practised(own, tunes, lambda style: hear(_named(style, title)))
    return _named(mixed(base, own, strength), title)


def _named(style: Style, title: str) -> Style:
    nameless = style.model_copy(update={"title": title, "name": ""})
    digest = sha256(nameless.model_dump_json().encode()).hexdigest()
    return nameless.model_copy(update={"name": f"learned-{digest[:16]}"})


def _learned(tunes: Sequence[Tune], base: Style, seed: int) -> Style:
    """What the tunes alone say; their form, their sound and the players' feel are the base's."""
    low, typical, high = (float(tempo) for tempo in np.percentile([tune.tempo_bpm for tune in tunes], (10, 50, 90)))
    return base.model_copy(
        update={
            "tempo_bpm": TempoRange(low=round(low, 3), typical=round(typical, 3), high=round(high, 3)),
            "time_signatures": _shares(tune.time_signature for tune in tunes),
            "modes": _shares(tune.third for tune in tunes),
            "swing": 0.0,
            "counted": True,
            "dropouts": (),
            "ensemble": learned_ensemble(tunes, base.ensemble),
            "harmony": learned_harmony(tunes, base.harmony, seed),
            "melody": learned_melody(tunes, base.melody),
            "bass": learned_bass(tunes, base.bass),
            "chords": learned_chords(tunes, base.chords),
            "drums": learned_drums(tunes, base.drums),
        }
    )


def _shares(values: Iterable[str]) -> dict[str, float]:
    counted = Counter(values)
    return {key: count / counted.total() for key, count in sorted(counted.items())}
