"""The Riffusion engine: an image model paints the spectrogram, one Griffin-Lim over all of it makes it sound.

A picture is 5.12 s wide. Longer pieces are painted further: each next picture begins with the end of the last, and a
loop's last one ends with the beginning of the first. Positions below are latent columns, 80 ms each.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from app.errors import MusicError
from app.models.audio import SAMPLE_RATE
from app.services.dsp.mel import BANDS, COLUMNS_PER_S, mel_of_pixels, sound_of_mel
from app.services.encoding.png import grey_png
from app.services.engines.base import Capabilities, ModelSource, Take, TakeRequest
from app.services.engines.catalogue import RIFFUSION_CAPABILITIES
from app.services.engines.on_torch import dice_of, give_back, open_pipeline, weight_bytes
from app.services.engines.shaping import blocks_of, starts_of, tell
from app.utils.seeds import rng_for

#: Columns of a picture that the model learned, and those of them that the next one begins with.
PICTURE_COLUMNS = 512
OVERLAP_COLUMNS = 128

#: Steps and guidance that the model's authors use.
STEPS, GUIDANCE = 50, 7.0

#: Share of the work that is painting; the rest is Griffin-Lim.
_PAINTING = 0.8


class RiffusionEngine:
    """Riffusion, or any Stable Diffusion v1 checkpoint that was taught its spectrograms."""

    capabilities: Capabilities = RIFFUSION_CAPABILITIES

    def __init__(self, source: ModelSource, *, steps: int = STEPS) -> None:
        self._source = source
        self._steps = steps
        self._pipeline: Any = None

    def load(self, *, device: str = "auto", dtype: str = "auto", adapter: str | None = None) -> None:
        """Open the checkpoint; `adapter` is a folder with a LoRA for it."""
        if self._pipeline is not None:
            return
        pipeline = open_pipeline(
            self._source, "StableDiffusionPipeline", device=device, dtype=dtype, halves=("float16", "bfloat16"),
            # It looks for nakedness in photographs.
            safety_checker=None, feature_extractor=None, requires_safety_checker=False,
        )  # fmt: skip
        if adapter is not None:
            pipeline.load_lora_weights(adapter, local_files_only=True, use_safetensors=True)
        self._pipeline = pipeline

    def memory_bytes(self) -> int:
        """Bytes of the weights."""
        return 0 if self._pipeline is None else weight_bytes(self._pipeline)

    def batch_key(self, _request: TakeRequest) -> tuple[object, ...]:
        """None goes with another: a batch rounds otherwise than a piece alone, and takes as long as all of them."""
        return ("riffusion", object())

    def unload(self) -> None:
        """Forget the model."""
        self._pipeline = None
        give_back()

    def generate(self, requests: Sequence[TakeRequest]) -> list[Take | Exception]:
        """One take a request, painted one after the other."""
        self.load()
        return [self._take(request) for request in requests]

    def _take(self, request: TakeRequest) -> Take | Exception:
        canvas = _Canvas.of(request, int(self._pipeline.vae_scale_factor))
        try:
            for number in range(len(canvas.starts)):
                self._paint(request, canvas, number)
            return _sounded(request, canvas)
        except MusicError as error:
            return error

    def _paint(self, request: TakeRequest, canvas: "_Canvas", number: int) -> None:
        """The next picture of a canvas."""
        import torch

        pipeline = self._pipeline
        scale = int(pipeline.vae_scale_factor)
        place = canvas.places(number)
        shape = (pipeline.unet.config.in_channels, BANDS // scale, PICTURE_COLUMNS // scale)
        noise = torch.randn(shape, generator=canvas.dice)[None]
        noise = noise.to(pipeline._execution_device, pipeline.unet.dtype)  # also where parts are offloaded
        known = torch.zeros_like(noise)
        mask = torch.zeros((1, 1, 1, shape[-1]), dtype=torch.bool, device=noise.device)
        if canvas.latents is not None:
            known[0] = canvas.latents[..., place]
            mask[0] = torch.from_numpy(canvas.filled[place])
        painted = noise

        def after_step(_pipeline: Any, step: int, _timestep: Any, tensors: dict[str, Any]) -> dict[str, Any]:
            nonlocal painted
            done = (step + 1) / pipeline.num_timesteps
            tell(request, _PAINTING * ((number + done) / len(canvas.starts)))
            # What is known is put back at each step, as noisy as the picture is by then.
            if step + 1 < len(pipeline.scheduler.timesteps):
                time = pipeline.scheduler.timesteps[step + 1].reshape(1)
                kept = pipeline.scheduler.add_noise(known, noise, time)
            else:
                kept = known
            painted = torch.where(mask, kept, tensors["latents"])
            return {"latents": painted}

        tell(request, _PAINTING * (number / len(canvas.starts)))
        pictures = pipeline(
            prompt=request.description or request.prompt,
            height=BANDS,
            width=PICTURE_COLUMNS,
            num_inference_steps=self._steps,
            guidance_scale=GUIDANCE,
            latents=noise,
            output_type="np",
            callback_on_step_end=after_step,
        ).images
        canvas.add(place, painted[0], np.asarray(pictures[0], np.float32).mean(axis=2))


@dataclass
class _Canvas:
    """A piece being painted."""

    #: Columns of the finished picture, and whether its end joins its beginning.
    columns: int
    circular: bool
    #: Picture columns in a latent column.
    scale: int
    #: Latent columns of the whole canvas.
    width: int
    #: Where each picture begins.
    starts: list[int]
    dice: Any
    filled: NDArray[np.bool_]
    picture: NDArray[np.float32]
    weight: NDArray[np.float32]
    #: float, shape (channels, rows, width), once something is painted.
    latents: Any = field(default=None)

    @classmethod
    def of(cls, request: TakeRequest, scale: int) -> "_Canvas":
        """An empty one for a request."""
        columns = request.plan.duration_s * COLUMNS_PER_S
        tile, overlap = PICTURE_COLUMNS // scale, OVERLAP_COLUMNS // scale
        width = max(tile, -(-columns // scale))
        return cls(
            columns=columns,
            circular=request.plan.loop,
            scale=scale,
            width=width,
            starts=starts_of(width, tile, overlap, circular=request.plan.loop),
            dice=dice_of(request.plan.seed),
            filled=np.zeros(width, np.bool_),
            picture=np.zeros((BANDS, width * scale), np.float32),
            weight=np.zeros(width * scale, np.float32),
        )

    def places(self, number: int) -> NDArray[np.int64]:
        """Latent columns of the canvas that a picture covers, in the picture's order."""
        return (self.starts[number] + np.arange(PICTURE_COLUMNS // self.scale)) % self.width

    def add(self, places: NDArray[np.int64], latents: Any, pixels: NDArray[np.float32]) -> None:
        """Put a picture in its place; where it overlaps with others they fade into each other."""
        kept = np.ones(len(places), np.bool_)
        if self.circular and not self.filled.all() and self.starts[-1] != places[0]:
            # The last picture of a loop is to have something left to join.
            kept = places[0] + np.arange(len(places)) < self.width - OVERLAP_COLUMNS // self.scale
        if self.latents is None:
            self.latents = latents.new_zeros((*latents.shape[:2], self.width))
        self.latents[..., places[kept]] = latents[..., kept]
        self.filled[places[kept]] = True
        columns = (places[kept][:, None] * self.scale + np.arange(self.scale)).ravel()
        edge = np.minimum(np.arange(len(columns)) + 1, np.arange(len(columns), 0, -1))
        fade = np.minimum(edge / OVERLAP_COLUMNS, 1.0).astype(np.float32)
        self.picture[:, columns] += pixels[:, np.repeat(kept, self.scale)] * fade
        self.weight[columns] += fade

    def finished(self) -> NDArray[np.float32]:
        """The whole picture, 0 black … 1 white, exactly as many columns as asked for."""
        whole: NDArray[np.float32] = self.picture / self.weight
        if not self.circular or whole.shape[1] == self.columns:
            return whole[:, : self.columns]
        # A circle is cut nowhere: it is drawn a little narrower, by 2.4 % at most.
        at = np.arange(self.columns) * (whole.shape[1] / self.columns)
        first = np.floor(at).astype(int)
        share = (at - first).astype(np.float32)
        narrower: NDArray[np.float32] = whole[:, first] * (1 - share) + whole[:, (first + 1) % whole.shape[1]] * share
        return narrower


def _sounded(request: TakeRequest, canvas: _Canvas) -> Take:
    """The take of a finished picture."""
    picture = canvas.finished()
    sound = sound_of_mel(
        mel_of_pixels(picture),
        request.plan.duration_s * SAMPLE_RATE,
        rng=rng_for(request.plan.seed, "phases"),
        circular=canvas.circular,
        each_round=lambda fraction: tell(request, _PAINTING + (1.0 - _PAINTING) * fraction),
    )
    request.progress("rendering", 1.0)
    png = grey_png(np.round(picture * 255).astype(np.uint8))
    return Take(blocks=blocks_of(sound[:, None]), sample_rate=SAMPLE_RATE, extras={"mel.png": png})
