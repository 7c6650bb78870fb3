"""How clearly a score tells its beat: what begins when, how strongly, and after how many beats that comes back.

After Lartillot, Eerola, Toiviainen and Fornari, "Multi-feature modeling of pulse clarity" (2008): the attacks of a
piece as a curve, and how much the curve resembles itself some time later. People tap where it does, and rather near
two beats a second than far from it.
"""

import numpy as np
from numpy.typing import NDArray

from app.models.score import DRUM_ROLES
from app.services.composing.judging.hearing import Hearing
from app.services.theory.drum_keys import DRUM_KEYS

#: Cells of the grid in a beat: sixteenths and triplets both fall on it.
_CELLS_A_BEAT = 12

#: After so many cells the beat comes back: a half, one, two; and what may be taken for it: the dotted eighth, the
#: dotted quarter, and two and four of a triplet.
_OWN, _RIVALS = (6, 12, 24), (8, 9, 16, 18)

#: How often people tap of themselves (Moelants, *Preferred tempo reconsidered*, 2002); less willingly far from it.
_PREFERRED_BPM = 120.0

#: How much of the spectrum a stroke fills, and a note; a stroke that is not named fills all of it.
_FILLED = {
    "kick": 0.5, "kick_soft": 0.5, "rim": 0.5, "hat": 0.5, "ride": 0.5, "ride_2": 0.5, "tambourine": 0.5, "pedal": 0.3,
    "cabasa": 0.3, "maracas": 0.3, "shaker": 0.3,
}  # fmt: skip
_FILLED_BY_KEY = {DRUM_KEYS[name]: filled for name, filled in _FILLED.items()}
_FILLED_BY_NOTE = 0.25

#: Fewer attacks a beat than this are no pulse.
_SPARSEST = 0.75


def pulse(hearing: Hearing) -> float | None:
    """How much better the beat, its half or its double comes back than what might be taken for the beat: a ratio."""
    metre = hearing.setting.metre
    if set(metre.lengths) != {1.0}:  # beats that divide in three, and beats of two lengths
        return None
    curve = _attacks(hearing)
    if np.count_nonzero(curve) < _SPARSEST * hearing.score.length_beats:
        return None
    likeness = _self_likeness(np.convolve(curve, (0.5, 1.0, 0.5), "same"))
    own, rival = (
        max(float(likeness[cells]) * _willing(hearing, cells) for cells in places) for places in (_OWN, _RIVALS)
    )
    return own / max(rival, 1e-3)


def _attacks(hearing: Hearing) -> NDArray[np.float64]:
    """What begins in each cell: the square of its force, as much as it fills; of a voice's chord its strongest note."""
    cells = int(np.ceil(hearing.score.length_beats * _CELLS_A_BEAT)) + 2 * max(*_OWN, *_RIVALS)
    curve = np.zeros(cells)
    roles = {voice.name: voice.role for voice in hearing.setting.plan.ensemble}
    for part in hearing.score.parts:
        drums = roles[part.voice] in DRUM_ROLES
        struck = np.zeros(cells)
        for note in part.notes:
            cell = round(note.start_beat * _CELLS_A_BEAT)
            force = (note.velocity / 127.0) ** 2
            if drums:
                struck[cell] += _FILLED_BY_KEY.get(note.pitch, 1.0) * force
            else:
                struck[cell] = max(struck[cell], _FILLED_BY_NOTE * force)
        curve += struck
    return curve


def _self_likeness(curve: NDArray[np.float64]) -> NDArray[np.float64]:
    """How much a curve resembles itself so many cells later, 1 for no cells later."""
    about = curve - curve.mean()
    spectrum = np.abs(np.fft.rfft(about, 2 * len(about))) ** 2
    found = np.fft.irfft(spectrum)[: len(curve)]
    return np.asarray(found / max(float(found[0]), 1e-12))


def _willing(hearing: Hearing, cells: int) -> float:
    """How willingly people tap so often."""
    octaves = np.log2(hearing.setting.plan.tempo_bpm * _CELLS_A_BEAT / cells / _PREFERRED_BPM)
    return float(np.exp(-0.5 * octaves**2))
