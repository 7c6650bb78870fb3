"""Saturation: the warmth of a circuit driven hard."""

import numpy as np

from app.models.audio import Samples
from app.utils.units import db_to_gain

#: A peak of this height comes out as it went in, whatever the drive: a line at −23 LUFS peaks about here.
_REFERENCE = 0.25

#: Gain into the curve at the least and the fullest drive.
_LOW_DB = -6.0
_HIGH_DB = 22.0


def saturate(samples: Samples, drive: float) -> Samples:
    """Samples bent by a hyperbolic tangent; `drive` is 0…1, and 0 changes nothing.

    Loudness stays roughly as it was: peaks of −12 dBFS keep their height, quiet sound rises, loud sound is held.
    """
    if drive <= 0:
        return samples
    push = db_to_gain(_LOW_DB + (_HIGH_DB - _LOW_DB) * drive)
    bent: Samples = np.multiply(samples, np.float32(push))
    np.tanh(bent, out=bent)
    bent *= np.float32(_REFERENCE / np.tanh(push * _REFERENCE))
    return bent
