"""What the engines on PyTorch share: opening a pipeline, where a model goes, dice.

Rule: nothing is downloaded and nothing unpickled; a checkpoint is a folder of safetensors or it is refused.
"""

import gc
import logging
from collections.abc import Sequence
from typing import Any

from app.errors import GenerationFailed, printable
from app.services.engines.base import ModelSource
from app.services.engines.checkpoints import checked_folder

#: Share of a GPU's free memory that weights may fill; beyond it each part visits the GPU in turn.
_ROOM = 0.8

#: Types that a model may be run in.
DTYPES = ("auto", "float32", "float16", "bfloat16")

#: Those of 16 bits that a processor computes in at a bearable pace; float16 is slow there and lacks operations.
ON_PROCESSORS = ("bfloat16",)

log = logging.getLogger(__name__)


def open_pipeline(
    source: ModelSource, family: str, *, device: str, dtype: str, halves: Sequence[str], **options: Any
) -> Any:
    """The pipeline of class `family` in a model's folder, on its device. `GenerationFailed` with the reason.

    `device` is auto, cpu, cuda, cuda:n or mps; `halves` are those of `dtype_named`.
    """
    folder = checked_folder(source, family, index="model_index.json", key="_class_name")
    import diffusers

    where = device_named(device)
    try:
        pipeline = getattr(diffusers, family).from_pretrained(
            str(folder), local_files_only=True, use_safetensors=True, dtype=dtype_named(dtype, where, halves), **options
        )
    except Exception as error:  # whatever a damaged checkpoint raises in whichever library reads it
        raise GenerationFailed(
            f"The weights of {source.name} cannot be read; fetch them again: python3 run.py fetch {source.name} "
            f"({type(error).__name__}: {printable(str(error), 200)})"
        ) from error
    pipeline.set_progress_bar_config(disable=True)
    return placed(pipeline, where)


def device_named(name: str) -> Any:
    """The torch device of a name; `GenerationFailed` naming those there are if this machine lacks it."""
    import torch

    cuda, mps = torch.cuda.is_available(), torch.backends.mps.is_available()
    if name == "auto":
        return torch.device("cuda" if cuda else "mps" if mps else "cpu")
    kind, _, number = name.partition(":")
    count = torch.cuda.device_count() if cuda else 0
    there = ["cpu", *(f"cuda:{index}" for index in range(count)), *(["mps"] if mps else [])]
    if name not in there and (name != "cuda" or not cuda):
        raise GenerationFailed(f"MUSIC_DEVICE is {printable(name)!r}, but this machine has {', '.join(there)}")
    return torch.device(kind, int(number)) if number else torch.device(kind)


def dtype_named(name: str, device: Any, halves: Sequence[str]) -> Any:
    """The torch type of a name of `DTYPES`. `GenerationFailed` for any other name.

    `halves` are the types of 16 bits in which the family neither overflows nor lacks an operation, the best first.
    "auto" is the best of them on a CUDA device, else float32; so is, with a warning, what is not among them, and
    on a processor what is not among `ON_PROCESSORS`.
    """
    import torch

    if name not in DTYPES:
        raise GenerationFailed(f"dtype must be one of {', '.join(DTYPES)}, got {printable(name)!r}")
    best = halves[0] if device.type == "cuda" else "float32"
    safe = name in ("auto", "float32") or (name in halves and (device.type != "cpu" or name in ON_PROCESSORS))
    if not safe:
        log.warning("MUSIC_DTYPE=%s is not safe for this model on %s; it runs in %s", name, device.type, best)
    return getattr(torch, name if safe and name != "auto" else best)


def placed(pipeline: Any, device: Any) -> Any:
    """The pipeline on its device; part by part where a GPU's free memory does not hold it whole."""
    import torch

    if device.type == "cuda" and weight_bytes(pipeline) > _ROOM * torch.cuda.mem_get_info(device)[0]:
        pipeline.enable_model_cpu_offload(device=device)
        return pipeline
    return pipeline.to(device)


def weight_bytes(pipeline: Any) -> int:
    """Memory that a pipeline's weights take."""
    modules = (part for part in pipeline.components.values() if hasattr(part, "parameters"))
    return sum(weight.nbytes for module in modules for weight in (*module.parameters(), *module.buffers()))


def give_back() -> None:
    """Give memory that nothing refers to back to the machine."""
    import torch

    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()


def dice_of(seed: int) -> Any:
    """The torch dice of one request. Drawn on the CPU, so that a seed means the same on every device."""
    import torch

    return torch.Generator("cpu").manual_seed(seed)
