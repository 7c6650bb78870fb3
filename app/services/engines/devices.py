"""Which devices there are, as the framework that an engine brought along sees them. Imports none itself."""

import os
import sys
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True, slots=True)
class Devices:
    """Where models can be."""

    #: Names that engines are loaded with: "cuda:0", "mps", "cpu".
    names: tuple[str, ...]
    #: Bytes that the first of them has; 0 where nobody knows.
    memory_bytes: int


def devices_seen() -> Devices:
    """Devices of this machine: all GPUs that the loaded framework can use, else the CPU."""
    torch = sys.modules.get("torch")
    if torch is not None and torch.cuda.is_available():
        count = torch.cuda.device_count()
        total = int(torch.cuda.get_device_properties(0).total_memory)
        return Devices(names=tuple(f"cuda:{number}" for number in range(count)), memory_bytes=total)
    if torch is not None and torch.backends.mps.is_available():
        return Devices(names=("mps",), memory_bytes=_machine_bytes())
    return Devices(names=("cpu",), memory_bytes=_machine_bytes())


def settled_device(asked: str, seen: Devices) -> str:
    """The device that a name of `MUSIC_DEVICE` means: "auto" and "cuda" are the first there is.

    >>> settled_device("auto", Devices(names=("cuda:0", "cuda:1"), memory_bytes=0))
    'cuda:0'
    """
    return seen.names[0] if asked == "auto" or (asked == "cuda" and seen.names[0].startswith("cuda")) else asked


def _machine_bytes() -> int:
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):  # Windows has no sysconf
        return 0
