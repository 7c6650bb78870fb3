"""SharedFinetuner: an API node's side of fine-tuning where workers on any machine teach, on PostgreSQL.

Rule: the database is the truth, and files lie where all machines reach them; nothing is remembered here.
"""

import logging
from collections.abc import Iterable
from contextlib import suppress
from typing import BinaryIO

from app.errors import Busy, FinetuneAlreadyFinished, FinetuneNotFound, MusicError, NameTaken, StorageFailed
from app.models.finetune import Finetune
from app.models.track import Status
from app.services.jobs.finetuner import MAX_WAITING
from app.services.storage.taught import TaughtFiles
from app.services.storage.teaching import end_open, hold_name, open_count, taught_runs
from app.services.storage.tracks import TrackStore
from app.utils.clock import Clock

log = logging.getLogger(__name__)


class SharedFinetuner:
    """A `Teaching` whose work is done elsewhere."""

    def __init__(self, store: TrackStore, files: TaughtFiles, clock: Clock) -> None:
        self._store = store
        self._files = files
        self._clock = clock

    def start(self) -> None:
        """Have here what was taught. A store or a database that is away is asked again when somebody needs it."""
        try:
            self.bring()
        except StorageFailed as error:
            log.warning("What models were taught is not here yet: %s", error)

    def stop(self) -> None:
        """Nothing is at work here."""

    def submit(self, finetune: Finetune, files: Iterable[BinaryIO]) -> Finetune:
        """Accept a fine-tune; it and its files are durable when this returns. `NameTaken`, `Busy`, `StorageFailed`."""
        self._files.take_in(finetune.id, files)
        try:
            with self._store.transaction() as changes:
                hold_name(changes.connection, finetune.base, finetune.name)
                if open_count(changes.connection) >= MAX_WAITING:
                    raise Busy(f"{MAX_WAITING} fine-tunes are waiting already; try again in a minute", retry_after_s=60)
                taken = changes.add_finetune(finetune)
                if taken is not None:
                    raise NameTaken(finetune.name, taken.id)
        except MusicError:
            with suppress(StorageFailed):
                self._files.let_go(finetune.id)
            raise
        return finetune

    def get(self, finetune_id: str) -> Finetune:
        """A fine-tune as it now is. `FinetuneNotFound`, `StorageFailed`."""
        found = self._store.finetune(finetune_id)
        if found is None:
            raise FinetuneNotFound(finetune_id)
        return found

    def page(
        self, *, status: Status | None = None, cursor: str | None = None, limit: int = 20, owner: str | None = None
    ) -> tuple[tuple[Finetune, ...], str | None]:
        """Fine-tunes, newest first, and where the next page begins. `InvalidField` for a strange cursor."""
        return self._store.finetune_page(status=status, cursor=cursor, limit=limit, owner=owner)

    def cancel(self, finetune_id: str) -> Finetune:
        """End the work on one, on whatever machine. `FinetuneNotFound`, `FinetuneAlreadyFinished`."""
        finetune = self._end(finetune_id)
        if finetune.stage != "cancelled":
            raise FinetuneAlreadyFinished(f"Fine-tune {finetune_id} is already finished; it cannot be cancelled")
        return finetune

    def delete(self, finetune_id: str) -> None:
        """Remove one with what was learned. `FinetuneNotFound`, `StorageFailed`."""
        self._end(finetune_id, forget=True)
        self.bring()

    def bring(self) -> None:
        """Have here all that was taught by now. `StorageFailed`."""
        with self._store.reading() as connection:
            taught = taught_runs(connection)
        self._files.bring(taught)

    def _end(self, finetune_id: str, *, forget: bool = False) -> Finetune:
        """End one that is not finished; the files that nobody needs then are removed by a worker."""
        now = self._clock.now()
        with self._store.transaction() as changes:
            finetune = end_open(changes.connection, finetune_id, now)
            if finetune is None:
                raise FinetuneNotFound(finetune_id)
            if forget:
                changes.delete_finetune(finetune_id)
            if forget or finetune.finished_at == now:
                changes.owe_removal(finetune_id, 0, now)
        return finetune
