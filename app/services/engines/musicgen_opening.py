"""A MusicGen checkpoint in a folder → the model on its device, and its tokenizer."""

from typing import Any, Literal

from app.errors import GenerationFailed, printable
from app.services.engines.base import ModelSource
from app.services.engines.checkpoints import checked_folder
from app.services.engines.on_torch import device_named, dtype_named

#: What a checkpoint's config.json calls itself: the plain family, or the one that can follow a melody.
MusicgenFamily = Literal["musicgen", "musicgen_melody"]


def open_musicgen(
    source: ModelSource, *, device: str, dtype: str, family: MusicgenFamily = "musicgen"
) -> tuple[Any, Any]:
    """The model in a folder, on its device, and its tokenizer. `GenerationFailed` with the reason.

    Nothing is downloaded and nothing unpickled: a folder of safetensors, or it is refused.
    """
    folder = checked_folder(source, family, index="config.json", key="model_type")
    from transformers import AutoTokenizer, MusicgenForConditionalGeneration, MusicgenMelodyForConditionalGeneration
    from transformers.utils.logging import disable_progress_bar

    kind = MusicgenForConditionalGeneration if family == "musicgen" else MusicgenMelodyForConditionalGeneration
    disable_progress_bar()
    where = device_named(device)
    try:
        tokenizer = AutoTokenizer.from_pretrained(str(folder), local_files_only=True)
        model = kind.from_pretrained(
            str(folder),
            local_files_only=True,
            use_safetensors=True,
            dtype=dtype_named(dtype, where, ("float16", "bfloat16")),
            attn_implementation={"decoder": "sdpa"},  # the codec has no such attention
        )
    except Exception as error:  # whatever a damaged checkpoint raises in whichever library reads it
        raise GenerationFailed(
            f"The weights of {source.name} cannot be read; fetch them again: python3 run.py fetch {source.name} "
            f"({type(error).__name__}: {printable(str(error), 200)})"
        ) from error
    return model.to(where).eval(), tokenizer
