"""Removals: files that go are written down first, with the change that made them useless, and crossed out when gone."""

from collections.abc import Callable

from app.services.jobs.inbox import Inbox
from app.services.jobs.janitor import Janitor
from app.services.jobs.ledger import Ledger
from app.services.storage.rows import JobRow


class Removals:
    """Brings ledger and janitor together. The dispatcher's thread uses it."""

    def __init__(self, ledger: Ledger, janitor: Janitor, inbox: Inbox) -> None:
        self._ledger = ledger
        self._janitor = janitor
        self._inbox = inbox

    def carry_out(self, removal: JobRow, then: Callable[[], None] = lambda: None) -> None:
        """Remove the files of a removal that is written down; `then` whether or not it could be done now."""
        calls = [then]

        def tried(gone: bool) -> None:
            call = calls.pop() if calls else _nothing
            self._inbox.put(lambda: self._cross_out(removal, gone, call))

        self._janitor.remove(removal, tried)

    def _cross_out(self, removal: JobRow, gone: bool, then: Callable[[], None]) -> None:
        if gone:
            self._ledger.write(lambda changes: changes.drop_job(removal.id), durable=False)
        then()


def _nothing() -> None:
    """Nobody waits any more."""
