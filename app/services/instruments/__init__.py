"""Note events become dry audio: sampled from a soundfont or synthesised."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from app.services.instruments.soundfont import find_soundfont, fingerprint_of

if TYPE_CHECKING:
    from app.services.instruments.base import DryPart, NoteEvent
    from app.services.instruments.catalogue import open_part
    from app.services.instruments.sf2 import SoundFont
    from app.services.instruments.soundfont import load_soundfont
    from app.services.instruments.sources import CACHE

__all__ = [
    "CACHE",
    "DryPart",
    "NoteEvent",
    "SoundFont",
    "find_soundfont",
    "fingerprint_of",
    "load_soundfont",
    "open_part",
]

_HOMES = {
    "CACHE": "sources",
    "DryPart": "base",
    "NoteEvent": "base",
    "SoundFont": "sf2",
    "load_soundfont": "soundfont",
    "open_part": "catalogue",
}


def __getattr__(name: str) -> Any:
    # The server comes for the font's file alone; SciPy would add a second to its start.
    if name in _HOMES:
        return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
