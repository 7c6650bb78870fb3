"""Float samples → whole numbers: clipped at full scale and rounded to the nearest, always the same way."""

import numpy as np
from numpy.typing import NDArray

from app.models.audio import Samples


def pcm24(samples: Samples) -> NDArray[np.int32]:
    """24-bit samples in the upper bits of 32, as libsndfile takes them."""
    return _rounded(samples, 24).astype(np.int32) << 8


def pcm16(samples: Samples) -> NDArray[np.int16]:
    """16-bit samples."""
    return _rounded(samples, 16).astype(np.int16)


def _rounded(samples: Samples, bits: int) -> Samples:
    # A power of two is exact in float32, and 24 bits are what its mantissa holds: nothing is lost before rounding.
    full_scale = np.float32(1 << (bits - 1))
    scaled: Samples = samples * full_scale
    np.rint(scaled, out=scaled)
    np.clip(scaled, -full_scale, full_scale - 1, out=scaled)
    return scaled
