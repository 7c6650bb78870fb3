"""The ACE-Step engine: a flow-matching model over latents of 48 kHz stereo sound, up to ten minutes at once.

Besides the words it takes tempo, key and metre as figures of their own; the plan has them all.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from app.errors import Cancelled
from app.models.plan import Mode, Plan
from app.services.engines.base import Capabilities, ModelSource, Take, TakeRequest
from app.services.engines.catalogue import ACE_STEP_CAPABILITIES
from app.services.engines.on_torch import dice_of, give_back, open_pipeline, weight_bytes
from app.services.engines.shaping import blocks_of, looped, tell

#: Steps of the checkpoints whose guidance is distilled into the weights ("turbo"), and guidance of the others.
STEPS, GUIDANCE = 8, 7.0

#: Shortest piece that the model learned; shorter ones are cut from it.
SHORTEST_S = 10

#: Seconds that a loop is played beyond its end, to fade out over its beginning.
_LOOP_FADE_S = 1

#: What the model reads where others find lyrics.
_NO_LYRICS = "[Instrumental]"

_MINOR: frozenset[Mode] = frozenset({"minor", "dorian", "phrygian", "harmonic_minor"})


class AceStepEngine:
    """ACE-Step 1.5 in the layout of diffusers."""

    capabilities: Capabilities = ACE_STEP_CAPABILITIES

    def __init__(self, source: ModelSource, *, steps: int = STEPS) -> None:
        self._source = source
        self._steps = steps
        self._pipeline: Any = None

    def load(self, *, device: str = "auto", dtype: str = "auto", adapter: str | None = None) -> None:
        """Open the checkpoint; `adapter` is a folder with a LoRA for it."""
        if self._pipeline is not None:
            return
        pipeline = open_pipeline(self._source, "AceStepPipeline", device=device, dtype=dtype, halves=("bfloat16",))
        if adapter is not None:
            pipeline.load_lora_weights(adapter, local_files_only=True, use_safetensors=True)
        self._pipeline = pipeline

    def memory_bytes(self) -> int:
        """Bytes of the weights."""
        return 0 if self._pipeline is None else weight_bytes(self._pipeline)

    def batch_key(self, _request: TakeRequest) -> tuple[object, ...]:
        """None goes with another: a batch rounds otherwise than a piece alone, and takes as long as all of them."""
        return ("ace-step", object())

    def unload(self) -> None:
        """Forget the model."""
        self._pipeline = None
        give_back()

    def generate(self, requests: Sequence[TakeRequest]) -> list[Take | Exception]:
        """One take a request, one after the other."""
        self.load()
        return [self._take(request) for request in requests]

    def _take(self, request: TakeRequest) -> Take | Exception:
        def after_step(pipeline: Any, step: int, _timestep: Any, _tensors: dict[str, Any]) -> dict[str, Any]:
            tell(request, (step + 1) / (pipeline.num_timesteps + 1))
            return {}

        tempo_bpm, key, beats = _figures(request.plan)
        try:
            tell(request, 0.0)
            audios = self._pipeline(
                prompt=request.description or request.prompt,
                lyrics=_NO_LYRICS,
                audio_duration=float(_seconds_of(request)),
                bpm=tempo_bpm,
                keyscale=key,
                timesignature=beats,
                num_inference_steps=self._steps,
                guidance_scale=1.0 if self._pipeline.is_turbo else GUIDANCE,
                generator=dice_of(request.plan.seed),
                callback_on_step_end=after_step,
            ).audios
        except Cancelled as error:
            return error
        return self._finished(request, audios[0])

    def _finished(self, request: TakeRequest, audio: Any) -> Take:
        rate = int(self._pipeline.sample_rate)
        samples = np.ascontiguousarray(audio.float().cpu().numpy().T)
        frames = request.plan.duration_s * rate
        request.progress("rendering", 1.0)
        if request.plan.loop:
            samples = looped(samples[: frames + _LOOP_FADE_S * rate], frames)
        return Take(blocks=blocks_of(samples[:frames]), sample_rate=rate)


def _seconds_of(request: TakeRequest) -> int:
    return max(SHORTEST_S, request.plan.duration_s + (_LOOP_FADE_S if request.plan.loop else 0))


def _figures(plan: Plan) -> tuple[int, str, str]:
    """Tempo, key and metre as the model learned them: 120, "A minor", "4"."""
    third = "minor" if plan.mode in _MINOR else "major"
    return round(plan.tempo_bpm), f"{plan.tonic} {third}", plan.time_signature.partition("/")[0]
