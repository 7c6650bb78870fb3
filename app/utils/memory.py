"""Keeping a worker small and quick: glibc's allocator, told to give memory back, and Python's garbage collector."""

import contextlib
import ctypes
import gc
import sys

_M_MMAP_THRESHOLD = -3
_M_ARENA_MAX = -8
#: Arrays above this go straight back when freed: a whole mix. Smaller ones stay, for fresh pages are slow.
_LARGE_BYTES = 16 << 20


def tame_allocator() -> None:
    """Make the C library keep little of what is freed."""
    with contextlib.suppress(OSError, AttributeError):
        glibc = _glibc()
        glibc.mallopt(_M_ARENA_MAX, 1)
        glibc.mallopt(_M_MMAP_THRESHOLD, _LARGE_BYTES)


def settle_collector() -> None:
    """What a warm process holds will stay: let the garbage collector look at it no more, and at the rest less often.

    Composing five minutes of music makes a million short-lived objects; looking through all takes a sixth of the time.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 50)


def give_back_memory() -> None:
    """Hand what the process has freed back to the system."""
    gc.collect()
    with contextlib.suppress(OSError, AttributeError):
        _glibc().malloc_trim(0)


def _glibc() -> ctypes.CDLL:
    if not sys.platform.startswith("linux"):
        raise OSError("not glibc")
    return ctypes.CDLL("libc.so.6")
