"""Chance from the operating system, asked for in larger pieces."""

import os
import threading

#: Bytes asked for at once. Each time the thread lets go of the interpreter, which in a busy server it gets back late.
SUPPLY_BYTES = 4096


class _Supply:
    """Random bytes nobody can foresee, each handed out once. Used from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._left = b""
        if hasattr(os, "register_at_fork"):
            os.register_at_fork(after_in_child=self._forget)  # parent and child must not hand out the same

    def _forget(self) -> None:
        self._lock = threading.Lock()
        self._left = b""

    def take(self, count: int) -> bytes:
        """So many of them, at most `SUPPLY_BYTES`."""
        with self._lock:
            if len(self._left) < count:
                self._left = os.urandom(SUPPLY_BYTES)
            taken, self._left = self._left[:count], self._left[count:]
            return taken


_SUPPLY = _Supply()


def random_token() -> str:
    """Sixteen hexadecimal digits that nobody can foresee."""
    return _SUPPLY.take(8).hex()


def random_bits(count: int) -> int:
    """A whole number that nobody can foresee, 0…2^count − 1."""
    return int.from_bytes(_SUPPLY.take((count + 7) // 8), "big") >> (-count % 8)
