"""Keeping a worker small and quick: glibc's allocator, told to give memory back, and Python's garbage collector.

And keeping what somebody sent from filling the machine's memory.
"""

import contextlib
import ctypes
import gc
import logging
import multiprocessing
import sys
from collections.abc import Callable, Iterator
from functools import lru_cache
from pathlib import Path
from typing import TypeVar

T = TypeVar("T")

log = logging.getLogger(__name__)

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


@contextlib.contextmanager
def bounded_memory(more_bytes: int) -> Iterator[None]:
    """While inside, this process gets no more than so much beyond what it holds: what needs more meets a MemoryError.

    Only on Linux, which keeps such a limit and tells the size (macOS takes `RLIMIT_AS` and does not keep it, Windows
    has none); and only in a process that another started for its work, for the limit is the whole process's.
    """
    if sys.platform != "linux" or multiprocessing.parent_process() is None:
        yield
        return
    import resource

    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0])
    soft, hard = resource.getrlimit(resource.RLIMIT_AS)
    wanted = pages * resource.getpagesize() + more_bytes
    resource.setrlimit(resource.RLIMIT_AS, (wanted if soft == resource.RLIM_INFINITY else min(wanted, soft), hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, (soft, hard))


@lru_cache(maxsize=1)
def warn_if_unbounded() -> None:
    """Say once, before the first file that somebody sent is opened, that this system does not bound its reader."""
    if sys.platform != "linux":
        log.warning(
            "What is sent is read without a bound on memory: only Linux keeps one. Time, size and length are bounded "
            "as everywhere; take files from strangers on Linux (docs/security.md)"
        )


def within_memory(more_bytes: int, call: Callable[[], T]) -> T:
    """What a call gives within `bounded_memory`. A `MemoryError` lets go of all that the call had made, at once.

    Otherwise its traceback would hold that, and leave no room to leave by.
    """
    with bounded_memory(more_bytes):
        try:
            return call()
        except MemoryError as error:
            raise error.with_traceback(None) from None


def _glibc() -> ctypes.CDLL:
    if not sys.platform.startswith("linux"):
        raise OSError("not glibc")
    return ctypes.CDLL("libc.so.6")
