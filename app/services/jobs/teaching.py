"""The seam of fine-tuning: the same calls where one machine teaches and where many do."""

from collections.abc import Iterable
from typing import BinaryIO, Protocol

from app.models.finetune import Finetune
from app.models.track import Status


class Teaching(Protocol):
    """Takes fine-tunes on and tells of them. Started once, stopped once; its calls are from any thread."""

    def start(self) -> None:
        """Begin. `StorageFailed`."""

    def stop(self) -> None:
        """End; what was accepted is not lost."""

    def submit(self, finetune: Finetune, files: Iterable[BinaryIO]) -> Finetune:
        """Accept a fine-tune; it and its files are durable when this returns. `NameTaken`, `Busy`, `StorageFailed`."""

    def get(self, finetune_id: str) -> Finetune:
        """A fine-tune as it now is. `FinetuneNotFound`, `StorageFailed`."""

    def page(
        self, *, status: Status | None = None, cursor: str | None = None, limit: int = 20, owner: str | None = None
    ) -> tuple[tuple[Finetune, ...], str | None]:
        """Fine-tunes, newest first, and where the next page begins. `InvalidField` for a strange cursor."""

    def cancel(self, finetune_id: str) -> Finetune:
        """End the work on one. Twice is once. `FinetuneNotFound`, `FinetuneAlreadyFinished`."""

    def delete(self, finetune_id: str) -> None:
        """Remove one with what was learned. `FinetuneNotFound`, `Busy`, `StorageFailed`."""

    def bring(self) -> None:
        """Have here, on this machine's disk, all that was taught by now, wherever that was. `StorageFailed`."""
