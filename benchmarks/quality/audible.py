"""Which voices of a mix can be heard: each one's spectrum, in critical bands, against all the others together.

Rule: a voice is heard at a moment if in some critical band it reaches what masks it there. Tones are masked by noise
about 5 dB louder within their band (Zwicker and Fastl, *Psychoacoustics*, chapter 4).
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

#: Upper edges of the critical bands in Hz (Zwicker 1961).
BARK_HZ = (
    100, 200, 300, 400, 510, 630, 770, 920, 1080, 1270, 1480, 1720, 2000, 2320, 2700, 3150, 3700, 4400, 5300, 6400,
    7700, 9500, 12000, 15500,
)  # fmt: skip

#: A voice is heard if it is no further below the others in a band, and no further below the whole mix's usual level.
MASKED_DB, FLOOR_DB = -5.0, -45.0

#: A voice sounds at a moment if it is no further below its own loudest.
_SOUNDS_DB = -35.0

#: It is audible if it is heard in so much of the moments at which it sounds, and in so much of the piece.
HEARD_OF_OWN, HEARD_OF_ALL = 0.3, 0.06

#: Frames of a moment.
_MOMENT = 4096


@dataclass(frozen=True, kw_only=True, slots=True)
class Hearing:
    """How well a voice is heard."""

    #: Share of the piece at which it sounds, and at which it is heard among the others, 0…1.
    sounds: float
    heard: float

    @property
    def audible(self) -> bool:
        """Whether a listener would say that it plays."""
        return self.heard >= HEARD_OF_ALL and self.heard >= HEARD_OF_OWN * self.sounds


class Voices:
    """Listens to a mix's stems, block by block."""

    def __init__(self, names: Iterable[str], rate: int) -> None:
        self._names = tuple(names)
        frequencies = np.fft.rfftfreq(_MOMENT, 1 / rate)
        edges = np.searchsorted(frequencies, (20, *BARK_HZ))
        self._bands = [slice(low, high) for low, high in pairwise(edges)]
        self._window = np.hanning(_MOMENT).astype(np.float32)[:, None]
        self._unread: dict[str, NDArray[np.float32]] = {name: np.empty((0, 2), np.float32) for name in self._names}
        self._powers: dict[str, list[NDArray[np.float64]]] = {name: [] for name in self._names}

    def add(self, stems: Mapping[str, NDArray[np.float32]]) -> None:
        """The next block of every voice, shape (frames, 2) each."""
        for name in self._names:
            sound = np.concatenate((self._unread[name], stems[name]))
            whole = len(sound) // _MOMENT
            moments = sound[: whole * _MOMENT].reshape(whole, _MOMENT, 2) * self._window
            spectrum = (np.abs(np.fft.rfft(moments, axis=1)) ** 2).sum(axis=2)
            self._powers[name].append(np.stack([spectrum[:, band].sum(axis=1) for band in self._bands], axis=1))
            self._unread[name] = sound[whole * _MOMENT :]

    def hearings(self) -> dict[str, Hearing]:
        """Every voice's hearing."""
        powers = {name: np.concatenate(parts) for name, parts in self._powers.items()}
        together = np.sum(list(powers.values()), axis=0)
        usual = float(together.sum(axis=1).mean()) + 1e-12
        return {name: _hearing(own, together - own, usual) for name, own in powers.items()}


def _hearing(own: NDArray[np.float64], others: NDArray[np.float64], usual: float) -> Hearing:
    level = own.sum(axis=1)
    sounds = level > 10 ** (_SOUNDS_DB / 10) * max(float(level.max(initial=0.0)), 1e-12)
    sounds &= level > 10 ** ((FLOOR_DB - 15) / 10) * usual
    heard = ((own >= 10 ** (MASKED_DB / 10) * others) & (own >= 10 ** (FLOOR_DB / 10) * usual)).any(axis=1)
    return Hearing(sounds=float(sounds.mean()), heard=float((heard & sounds).mean()))
