"""How processes of the queue come to be, and that none outlives the server.

Where the system can copy a process, one is started first and imports what they all need ("fork server"): each is then a
copy of it, at hand in a few hundredths of a second. Decision: docs/decisions/jobs-in-sqlite.md.
"""

import multiprocessing
import os
import threading
from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # Windows has no fork server
    from multiprocessing.context import ForkServerContext, SpawnContext


def process_context(preload: Sequence[str] = ()) -> "ForkServerContext | SpawnContext":
    """What makes processes. `preload` names the modules to import once; the first to start a process has the say."""
    if "forkserver" not in multiprocessing.get_all_start_methods():  # Windows
        return multiprocessing.get_context("spawn")
    context = multiprocessing.get_context("forkserver")
    if preload:
        context.set_forkserver_preload(list(preload))
    return context


def never_outlive_server() -> None:
    """End this process with the one that asked for it, which need not be its parent."""
    threading.Thread(target=_die_with_server, name="server-watch", daemon=True).start()


def _die_with_server() -> None:
    server = multiprocessing.parent_process()
    if server is not None:
        server.join()
        os._exit(1)
