"""The Magenta engine: Magenta RealTime 2 plays on and on in the style of some words, and is stopped when it is enough.

Each stretch of sound begins in the state that the last one ended in, so a piece may be of any length and needs no seam.
The model lives in another environment's process: `child.py` is its side, this is ours.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from app.errors import Cancelled, GenerationFailed
from app.models.audio import BLOCK_FRAMES, Block, Samples
from app.services.engines.base import Capabilities, ModelSource, Take, TakeRequest
from app.services.engines.catalogue import MAGENTA_CAPABILITIES
from app.services.engines.magenta.other_side import OtherSide, Refused
from app.services.engines.shaping import blocks_of, looped

#: The program on the other side.
CHILD = Path(__file__).with_name("child.py")

#: Frames of the model, 40 ms each, that are asked for at once: so often is it asked whether somebody still waits.
STRETCH = 5

#: Seconds that a loop is played beyond its end, to fade out over its beginning.
_LOOP_FADE_S = 1


class MagentaEngine:
    """One checkpoint: `size` is its name in the published folder, "mrt2_small" or "mrt2_base"."""

    capabilities: Capabilities = MAGENTA_CAPABILITIES

    def __init__(self, source: ModelSource, *, size: str) -> None:
        self._source = source
        self._size = size
        self._device = "auto"
        self._other: OtherSide | None = None
        self._sample_rate = self.capabilities.sample_rate
        self._memory_bytes = 0

    def load(self, *, device: str | None = None, dtype: str = "auto", adapter: str | None = None) -> None:  # noqa: ARG002
        """Start the process and let it open the checkpoint. `GenerationFailed` with the reason.

        Where the process has died since, the next load starts another on the same device.
        """
        self._device = device or self._device
        if self._other is not None and self._other.runs:
            return
        name, folder, python = self._source.name, self._source.folder, self._source.python
        if python is None or not python.exists():
            raise GenerationFailed(f"{name} has no environment: python3 run.py install magenta")
        if folder is None or not (folder / "checkpoints" / f"{self._size}.safetensors").is_file():
            raise GenerationFailed(f"The weights of {name} are not on this machine: python3 run.py fetch {name}")
        self._other = OtherSide(name, python, CHILD)
        try:
            opened, _ = self._other.order("open", folder=str(folder), size=self._size, device=self._device)
        except Refused as error:
            self.unload()
            raise GenerationFailed(f"{name} cannot be opened ({error}); python3 run.py fetch {name}") from error
        self._sample_rate, self._memory_bytes = int(opened["sample_rate"]), int(opened["memory_bytes"])

    def memory_bytes(self) -> int:
        """Bytes of the weights."""
        return self._memory_bytes

    def batch_key(self, _request: TakeRequest) -> tuple[object, ...]:
        """None goes with another: the model plays one piece at a time."""
        return ("magenta", object())

    def unload(self) -> None:
        """End the process."""
        other, self._other, self._memory_bytes = self._other, None, 0
        if other is not None:
            other.close()

    def generate(self, requests: Sequence[TakeRequest]) -> list[Take | Exception]:
        """One take a request. It is played as its blocks are asked for, so one take must end before the next begins."""
        self.load()
        return [Take(blocks=self._blocks(request), sample_rate=self._sample_rate) for request in requests]

    def _blocks(self, request: TakeRequest) -> Iterator[Block]:
        frames = request.plan.duration_s * self._sample_rate
        if request.plan.loop:
            whole = np.concatenate(list(self._played(request, frames + _LOOP_FADE_S * self._sample_rate)))
            yield from blocks_of(looped(whole, frames))
            return
        held: list[Samples] = []
        for stretch in self._played(request, frames):
            held.append(stretch)
            if sum(map(len, held)) >= BLOCK_FRAMES:
                *whole_blocks, rest = blocks_of(np.concatenate(held))
                yield from whole_blocks
                held = [rest.mix]
        yield from blocks_of(np.concatenate(held))

    def _played(self, request: TakeRequest, frames: int) -> Iterator[Samples]:
        """So many frames of sound in stretches, shape (frames, 2), played as they are asked for. `Cancelled`."""
        self.load()
        other = self._other
        assert other is not None  # noqa: S101 - it was just loaded
        request.progress("rendering", 0.0)
        try:
            other.order("begin", words=request.description or request.prompt, seed=request.plan.seed)
            made = 0
            while made < frames:
                if request.cancelled():
                    raise Cancelled("Cancelled")
                _, sound = other.order("more", frames=STRETCH)
                stretch = np.frombuffer(sound, "<f4").reshape(-1, 2)[: frames - made]
                if not len(stretch):
                    raise GenerationFailed(f"{self._source.name} plays no more")
                made += len(stretch)
                request.progress("rendering", made / frames)
                yield stretch
        except Refused as error:
            raise GenerationFailed(f"{self._source.name} failed ({error})") from error
