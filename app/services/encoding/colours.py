"""Colours as numbers: shares of red, green and blue, 0…1, float arrays of shape (…, 3)."""

import numpy as np
from numpy.typing import NDArray

#: From silence to full strength: night blue, violet, rose, amber, near white. Each is brighter than the one before.
_HEAT = np.array(
    [
        [0.02, 0.02, 0.07],
        [0.16, 0.07, 0.33],
        [0.48, 0.12, 0.45],
        [0.82, 0.27, 0.36],
        [0.97, 0.58, 0.27],
        [1.0, 0.96, 0.8],
    ]
)

#: Neighbours on this wheel are told apart on dark ground, also by most who see few colours.
WHEEL = np.array(
    [
        [0.40, 0.76, 0.98], [0.98, 0.70, 0.33], [0.55, 0.88, 0.55], [0.95, 0.52, 0.66], [0.76, 0.66, 0.98],
        [0.96, 0.90, 0.45], [0.38, 0.85, 0.80], [0.90, 0.62, 0.50],
    ]
)  # fmt: skip


def heat(strength: NDArray[np.floating]) -> NDArray[np.float64]:
    """A colour for each strength, 0…1; shape (…) to (…, 3)."""
    places = np.linspace(0, 1, len(_HEAT))
    return np.stack([np.interp(strength, places, _HEAT[:, channel]) for channel in range(3)], axis=-1)


def hsv(hue: NDArray[np.floating], saturation: float, value: float) -> NDArray[np.float64]:
    """Colours of hues in turns (0 and 1 are red), of one saturation and one brightness, 0…1 each."""
    distance = np.abs((np.asarray(hue)[..., np.newaxis] * 6 - np.array([0.0, 2.0, 4.0]) + 3) % 6 - 3)
    colours: NDArray[np.float64] = value * (1 - saturation + saturation * np.clip(2 - distance, 0, 1))
    return colours


def to_bytes(colours: NDArray[np.floating]) -> NDArray[np.uint8]:
    """Shares as whole numbers, 0…255."""
    whole: NDArray[np.uint8] = (np.clip(colours, 0, 1) * 255 + 0.5).astype(np.uint8)
    return whole
