"""A model's take on its way from the process that made it to the one that finishes it: a folder with raw samples.

Raw, for it is read once and thrown away: float32, two channels, at the engine's own rate. 300 s are 58 to 115 MB.
"""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from app.models.audio import BLOCK_FRAMES, Block, Samples
from app.models.track import FORMS

_SOUND, _FACTS, _DELIVERED = "take.f32", "take.json", "take"


@dataclass(frozen=True, kw_only=True, slots=True)
class HeldTake:
    """A take that lies in a folder."""

    folder: Path
    frames: int
    sample_rate: int
    #: Measured facts for the track's record, by name.
    measured: dict[str, float]
    #: Forms of further files that lie beside it.
    extras: tuple[str, ...]

    def blocks(self, *, raw: bool = False) -> Iterator[Block]:
        """Its blocks, read as they are asked for. What is not a number is silence, unless it is wanted `raw`."""
        with (self.folder / _SOUND).open("rb") as file:
            while read := file.read(BLOCK_FRAMES * 8):
                mix: Samples = np.frombuffer(read, dtype=np.float32).reshape(-1, 2)
                yield Block(mix=mix if raw else np.nan_to_num(mix, posinf=0.0, neginf=0.0))

    def further(self, form: str) -> bytes:
        """A further file, whole."""
        return (self.folder / form).read_bytes()


def hold_take(
    blocks: Iterable[Block], folder: Path, *, sample_rate: int, measured: dict[str, float], extras: dict[str, bytes]
) -> HeldTake:
    """Write a take into a folder, which is made. Blocks are written as they are made.

    `ValueError` for an extra file of a form that tracks do not have, or samples that are not shaped (frames, 2).
    """
    unknown = set(extras) - set(FORMS)
    if unknown:
        raise ValueError(f"not a form of a track: {', '.join(sorted(unknown))}")
    folder.mkdir(parents=True, exist_ok=True)
    frames = 0
    with (folder / _SOUND).open("wb") as file:
        for block in blocks:
            if block.mix.ndim != 2 or block.mix.shape[1] != 2:
                raise ValueError(f"a take's blocks are shaped (frames, 2), got {block.mix.shape}")
            file.write(np.ascontiguousarray(block.mix, dtype=np.float32).tobytes())
            frames += len(block.mix)
    for form, content in extras.items():
        (folder / form).write_bytes(content)
    facts = {"frames": frames, "sample_rate": sample_rate, "measured": measured, "extras": sorted(extras)}
    (folder / _FACTS).write_text(json.dumps(facts), encoding="utf-8")
    return _held(folder)


def deliver(take: HeldTake, folder: Path) -> None:
    """Make a take the one that `delivered` finds in the folder of its run."""
    take.folder.rename(folder / _DELIVERED)


def delivered(folder: Path) -> HeldTake:
    """The take that was delivered in the folder of a run."""
    return _held(folder / _DELIVERED)


def _held(folder: Path) -> HeldTake:
    facts = json.loads((folder / _FACTS).read_text(encoding="utf-8"))
    return HeldTake(
        folder=folder,
        frames=facts["frames"],
        sample_rate=facts["sample_rate"],
        measured=facts["measured"],
        extras=tuple(facts["extras"]),
    )
