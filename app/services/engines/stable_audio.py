"""The Stable Audio engine: a diffusion model over latents of 44.1 kHz stereo sound.

The model hears 47.55 s at once. Longer pieces are made window by window, each beginning with the end of the last: at
every step what is already there is put back, as noisy as the rest is by then. Positions are latent columns, 46 ms each.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from app.errors import Cancelled
from app.models.audio import Samples
from app.services.engines.base import Capabilities, ModelSource, Take, TakeRequest
from app.services.engines.catalogue import STABLE_AUDIO_CAPABILITIES
from app.services.engines.on_torch import dice_of, give_back, open_pipeline, weight_bytes
from app.services.engines.shaping import blocks_of, looped, starts_of, tell

#: Steps and guidance of the model's card.
STEPS, GUIDANCE = 100, 7.0

#: Seconds that the model hears: 1,024 columns of 2,048 frames.
WINDOW_S = 47.55

#: Share of a window that begins with the end of the one before.
_OVERLAP = 0.25

#: Seconds that a loop is played beyond its end, to fade out over its beginning.
_LOOP_FADE_S = 1.0


class StableAudioEngine:
    """Stable Audio Open, or another checkpoint of its pipeline."""

    capabilities: Capabilities = STABLE_AUDIO_CAPABILITIES

    def __init__(self, source: ModelSource, *, steps: int = STEPS) -> None:
        self._source = source
        self._steps = steps
        self._pipeline: Any = None

    def load(self, *, device: str = "auto", dtype: str = "auto", adapter: str | None = None) -> None:  # noqa: ARG002 - the engine protocol; this family has no adapters
        """Open the checkpoint."""
        if self._pipeline is None:
            self._pipeline = open_pipeline(
                self._source, "StableAudioPipeline", device=device, dtype=dtype, halves=("float16",)
            )

    def memory_bytes(self) -> int:
        """Bytes of the weights."""
        return 0 if self._pipeline is None else weight_bytes(self._pipeline)

    def batch_key(self, _request: TakeRequest) -> tuple[object, ...]:
        """None goes with another: a batch rounds otherwise than a piece alone, and takes as long as all of them."""
        return ("stable-audio", object())

    def unload(self) -> None:
        """Forget the model."""
        self._pipeline = None
        give_back()

    def generate(self, requests: Sequence[TakeRequest]) -> list[Take | Exception]:
        """One take a request, one after the other."""
        self.load()
        return [self._take(request) for request in requests]

    def _take(self, request: TakeRequest) -> Take | Exception:
        piece = _Piece.of(request, self._pipeline)
        try:
            for number in range(len(piece.starts)):
                self._go_on(request, piece, number)
        except Cancelled as error:
            return error
        return _finished(request, piece, self._pipeline)

    def _go_on(self, request: TakeRequest, piece: "_Piece", number: int) -> None:
        """The next window of a piece."""
        import torch

        pipeline = self._pipeline
        model = pipeline.transformer
        noise = torch.randn((model.config.in_channels, model.config.sample_size), generator=piece.dice)[None]
        noise = noise.to(pipeline._execution_device, model.dtype)
        known = torch.zeros_like(noise)
        mask = torch.zeros((1, 1, noise.shape[-1]), dtype=torch.bool, device=noise.device)
        before = piece.before(number)
        if before is not None:
            known[0, :, : before.shape[-1]] = before
            mask[0, :, : before.shape[-1]] = True
        ended = noise
        steps = self._steps

        def after_step(step: int, _timestep: Any, latents: Any) -> None:
            nonlocal ended
            tell(request, (number + (step + 1) / steps) / len(piece.starts))
            # This pipeline takes nothing back from its callback, so that what is known goes into its own tensor.
            sigma = pipeline.scheduler.sigmas[step + 1].to(latents)
            latents.copy_(torch.where(mask, known + sigma * noise, latents))
            ended = latents

        tell(request, number / len(piece.starts))
        audios = pipeline(
            prompt=request.description or request.prompt,
            audio_end_in_s=piece.window_s,
            num_inference_steps=steps,
            guidance_scale=GUIDANCE,
            latents=noise,
            # The scheduler draws noise of its own at every step, from the seed of this one.
            generator=[piece.dice_at(number)],
            callback=after_step,
        ).audios
        piece.add(number, ended[0].clone(), audios[0].float().cpu().numpy().T)


@dataclass
class _Piece:
    """A piece in the making."""

    seed: int
    #: Where each window begins, and how many columns it has.
    starts: list[int]
    columns: int
    #: Frames in a column.
    hop: int
    #: Seconds asked of the model: those of the piece if one window holds it, else None for a whole window.
    window_s: float | None
    dice: Any
    #: float32, shape (frames, 2): what is there so far.
    samples: Samples = field(default_factory=lambda: np.zeros((0, 2), np.float32))
    #: Latents of the last window, shape (channels, columns).
    latents: Any = None

    @classmethod
    def of(cls, request: TakeRequest, pipeline: Any) -> "_Piece":
        """An empty one for a request."""
        hop, columns = int(pipeline.vae.hop_length), int(pipeline.transformer.config.sample_size)
        seconds = _seconds_of(request)
        width = -(-round(seconds * pipeline.vae.config.sampling_rate) // hop)
        starts = starts_of(width, columns, round(columns * _OVERLAP), circular=False)
        return cls(
            seed=request.plan.seed,
            starts=starts,
            columns=columns,
            hop=hop,
            window_s=seconds if len(starts) == 1 else None,
            dice=dice_of(request.plan.seed),
        )

    def dice_at(self, number: int) -> Any:
        """The scheduler's dice for a window: others than those its latents are drawn from."""
        return dice_of((self.seed + 1 + number) * 0x9E3779B97F4A7C15 % 2**63)

    def before(self, number: int) -> Any:
        """Latents that a window begins with, shape (channels, columns); None for the first."""
        return None if number == 0 else self.latents[:, self.starts[number] - self.starts[number - 1] :]

    def add(self, number: int, latents: Any, samples: NDArray[np.float32]) -> None:
        """Put a window in its place; it fades in over the end of what is there."""
        at = self.starts[number] * self.hop
        overlap = max(len(self.samples) - at, 0)
        rising = np.linspace(0.0, 1.0, overlap, dtype=np.float32)[:, None]
        faded = self.samples[at:] * (1 - rising) + samples[:overlap] * rising
        self.samples = np.concatenate((self.samples[:at], faded, samples[overlap:]))
        self.latents = latents


def _seconds_of(request: TakeRequest) -> float:
    return request.plan.duration_s + (_LOOP_FADE_S if request.plan.loop else 0.0)


def _finished(request: TakeRequest, piece: _Piece, pipeline: Any) -> Take:
    rate = int(pipeline.vae.config.sampling_rate)
    frames = request.plan.duration_s * rate
    samples = piece.samples[: round(_seconds_of(request) * rate)]
    request.progress("rendering", 1.0)
    return Take(blocks=blocks_of(looped(samples, frames) if request.plan.loop else samples), sample_rate=rate)
