"""Adapters of MusicGen: LoRAs in folders of safetensors, each for the very weights that it was trained on."""

import hashlib
import json
from pathlib import Path
from typing import Any

from app.errors import GenerationFailed, printable
from app.services.engines.base import ModelSource

#: File that says which weights an adapter is for.
BASE_FILE = "base.json"


def fingerprint(folder: Path) -> str:
    """Tells a checkpoint's weights from others'. Reads a little of each file."""
    digest = hashlib.sha256()
    for file in sorted(folder.glob("*.safetensors")):
        with file.open("rb") as weights:
            size = weights.seek(0, 2)
            digest.update(f"{file.name} {size} ".encode())
            for place in (0, max(size // 2, 0), max(size - 65_536, 0)):
                weights.seek(place)
                digest.update(weights.read(65_536))
    return digest.hexdigest()


def check_base(adapter: Path, source: ModelSource) -> None:
    """`GenerationFailed` unless the adapter was trained on these very weights."""
    try:
        said = json.loads((adapter / BASE_FILE).read_text(encoding="utf-8"))["fingerprint"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise GenerationFailed(f"The adapter {adapter.name} is not whole: its {BASE_FILE} cannot be read") from error
    if source.folder is None or said != fingerprint(source.folder):
        raise GenerationFailed(f"The adapter {adapter.name} was taught on other weights than those of {source.name}")


def put_on(model: Any, adapter: Path, source: ModelSource) -> None:
    """Let a model play with an adapter. `GenerationFailed` where it is another's, or damaged."""
    check_base(adapter, source)
    decoder = model.decoder
    try:
        decoder.load_adapter(str(adapter), adapter_name="default", use_safetensors=True)
    except Exception as error:  # whatever a damaged file raises in whichever library reads it
        if "default" in getattr(decoder, "peft_config", {}):
            decoder.delete_adapter("default")
        raise GenerationFailed(
            f"The adapter {adapter.name} cannot be read ({type(error).__name__}: {printable(str(error), 200)})"
        ) from error
    decoder.eval()
