"""Which voices of a take sound, from the energy that each brings through its channel."""

from collections.abc import Iterable, Iterator

import numpy as np

from app.models.audio import Block

#: A voice quieter than this against all voices together is not heard.
AUDIBLE_DB = -50.0


class VoiceShares:
    """Adds up the energies of a take's blocks as they pass."""

    def __init__(self) -> None:
        self._energies: dict[str, float] = {}

    def follow(self, blocks: Iterable[Block]) -> Iterator[Block]:
        """The blocks, untouched."""
        for block in blocks:
            for name, energy in block.energies.items():
                self._energies[name] = self._energies.get(name, 0.0) + energy
            yield block

    @property
    def shares_db(self) -> dict[str, float]:
        """Each voice's energy against that of all, in dB; −200 for silence. Empty where the engine told none."""
        total = sum(self._energies.values())
        return {
            name: round(float(10 * np.log10(energy / total)), 1) if energy > 0 else -200.0
            for name, energy in self._energies.items()
        }
