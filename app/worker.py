"""The process of a worker: works until a signal ends it, then drains."""

import asyncio
import signal
import sys
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress

from app.config import Settings
from app.wiring import make_worker


async def work(
    settings: Settings,
    names: Sequence[str],
    concurrency: int | None,
    *,
    beside: bool = False,
    say: Callable[[str], None],
) -> int:
    """Take jobs from the shared queue until SIGTERM or SIGINT; `say` hears when it begins. The exit status.

    One that runs `beside` an API node goes with it: when its standard input is closed.
    """
    node = make_worker(settings, names, concurrency)
    if settings.worker_metrics_port is not None:
        from app.services.watching import serve_worker_figures

        serve_worker_figures(node, settings.worker_metrics_port)
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        with suppress(NotImplementedError):  # Windows
            loop.add_signal_handler(number, node.stop)
    if beside:
        watch = threading.Thread(
            target=_at_end_of_input, args=(lambda: loop.call_soon_threadsafe(node.stop),), daemon=True
        )
        watch.start()
    working = asyncio.create_task(node.run())
    ready = asyncio.create_task(node.ready.wait())
    await asyncio.wait({working, ready}, return_when=asyncio.FIRST_COMPLETED)
    if ready.done():
        say("The worker takes jobs. Ctrl+C stops it.")
    ready.cancel()
    await working
    return 0


def _at_end_of_input(call: Callable[[], object]) -> None:
    while sys.stdin.buffer.read(4096):
        pass
    with suppress(RuntimeError):  # it has ended by itself
        call()
