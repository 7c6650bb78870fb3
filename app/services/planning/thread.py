"""One thread that plans beside a server's event loop: some milliseconds of CPU a plan, that must hold up no answer."""

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from app.errors import Busy

#: Calls that may wait; a plan takes some milliseconds, so these are done within a second.
MOST_WAITING = 100

Answer = TypeVar("Answer")


class PlanningThread:
    """Does one call after another; one thread alone, for several would only take turns at the interpreter."""

    def __init__(self, most_waiting: int = MOST_WAITING) -> None:
        self._executor = ThreadPoolExecutor(1, thread_name_prefix="planning")
        self._room = threading.BoundedSemaphore(most_waiting)

    async def run(self, call: Callable[[], Answer]) -> Answer:
        """What the call returns or raises. `Busy` where too many wait. Usable from any event loop."""
        if not self._room.acquire(blocking=False):
            raise Busy("Too many plans are being made; try again", retry_after_s=1)
        done = self._executor.submit(call)
        done.add_done_callback(lambda _: self._room.release())
        return await asyncio.wrap_future(done)
