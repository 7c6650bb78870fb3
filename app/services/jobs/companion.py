"""Companion: a process that runs beside this one, is started again when it ends, and never outlives it."""

import asyncio
import logging
import time
from asyncio.subprocess import PIPE, Process
from collections.abc import Sequence
from contextlib import suppress

#: First and longest wait in seconds before it is started again.
FIRST_S, LONGEST_S = 1.0, 30.0
#: Seconds of life after which the next wait is the first again.
SETTLED_S = 60.0

log = logging.getLogger(__name__)


class Companion:
    """Its standard input is closed when it should go, by `stop` or by the end of this process: it must watch that."""

    def __init__(self, command: Sequence[str], *, patience_s: float, first_s: float = FIRST_S) -> None:
        """`patience_s` is what it may take to go before it is killed."""
        self._command = command
        self._patience_s = patience_s
        self._first_s = first_s
        self._stopping = asyncio.Event()

    async def run(self) -> None:
        """Keep it running until `stop`; returns when it is gone."""
        wait_s = self._first_s
        while not self._stopping.is_set():
            began = time.monotonic()
            process = await asyncio.create_subprocess_exec(*self._command, stdin=PIPE)
            ended, told = asyncio.ensure_future(process.wait()), asyncio.ensure_future(self._stopping.wait())
            try:
                await asyncio.wait({ended, told}, return_when=asyncio.FIRST_COMPLETED)
            finally:
                ended.cancel()
                told.cancel()
                await self._let_go(process)
            if self._stopping.is_set():
                return
            wait_s = self._first_s if time.monotonic() - began > SETTLED_S else min(LONGEST_S, 2 * wait_s)
            log.warning("The worker ended with %s; another is started in %.0f s", process.returncode, wait_s)
            with suppress(asyncio.TimeoutError):
                await asyncio.wait_for(self._stopping.wait(), wait_s)

    def stop(self) -> None:
        """Let it go, and start no other."""
        self._stopping.set()

    async def _let_go(self, process: Process) -> None:
        if process.stdin is not None:
            process.stdin.close()
        try:
            await asyncio.wait_for(process.wait(), self._patience_s)
        except asyncio.TimeoutError:
            log.warning("The worker does not go and is killed")
            process.kill()
            await process.wait()
