"""Sound as arrays: always float32, always (frames, channels)."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

#: Frames a second of every finished track (Opus alone is stored at 48,000).
SAMPLE_RATE = 44_100

#: Frames of a block, the unit that playing, mixing, mastering, encoding and streaming pass on: 1.5 s. Smaller blocks
#: are shorter calls, at whose ends threads wait for each other; docs/decisions/one-thread-plays.md.
BLOCK_FRAMES = 65_536

#: float32, shape (frames, channels); full scale is −1…1.
Samples: TypeAlias = NDArray[np.float32]


@dataclass(frozen=True, kw_only=True, slots=True)
class Audio:
    """A stretch of sound."""

    #: float32, shape (frames, channels).
    samples: Samples
    #: Frames a second.
    sample_rate: int = SAMPLE_RATE

    @property
    def duration_s(self) -> float:
        """Length in seconds."""
        return len(self.samples) / self.sample_rate


@dataclass(frozen=True, kw_only=True, slots=True)
class Block:
    """Up to BLOCK_FRAMES frames of a take, before mastering."""

    #: float32, shape (frames, 2).
    mix: Samples
    #: Voice name to its audio after its channel, each shaped like `mix`; empty unless stems were asked for.
    stems: Mapping[str, Samples] = field(default_factory=dict)
    #: Voice name to the sum of its squared samples after its channel, over both sides; empty where nobody knows.
    energies: Mapping[str, float] = field(default_factory=dict)
