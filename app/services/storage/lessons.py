"""LessonFiles: what was sent to learn from, while it is needed, and the styles that were learned."""

import os
import shutil
from collections.abc import Collection, Iterable
from pathlib import Path
from typing import BinaryIO
from uuid import uuid4

from app.errors import storage_errors
from app.services.storage.sent import write_sent


class LessonFiles:
    """A folder of the service's data. `StorageFailed` where it cannot be written."""

    def __init__(self, folder: Path) -> None:
        self._uploads = folder / "uploads"
        #: Where the styles lie that the composer learned.
        self.styles = folder / "composer"
        #: Where the adapters lie that other models learned: MODEL/NAME.
        self.adapters = folder / "adapters"

    def take_in(self, finetune_id: str, files: Iterable[BinaryIO]) -> None:
        """Keep files until they are learned from. All of them, or none."""
        target = self._uploads / finetune_id
        with storage_errors("The files could not be kept"):
            try:
                target.mkdir(parents=True)
                for number, file in enumerate(files):
                    write_sent(file, target / f"{number:04}")
            except BaseException:
                shutil.rmtree(target, ignore_errors=True)
                raise

    def paths(self, finetune_id: str, count: int) -> tuple[str, ...]:
        """Where the files lie, in order."""
        return tuple(str(self._uploads / finetune_id / f"{number:04}") for number in range(count))

    def work(self, finetune_id: str) -> str:
        """Folder of what was reached so far, removed with the files."""
        return str(self._uploads / finetune_id / "work")

    def keep_adapter(self, model: str, name: str, folder: str) -> None:
        """Take over the folder of an adapter; whoever looks sees all of it or nothing."""
        with storage_errors("The adapter could not be kept"):
            target = self.adapters / model / name
            shutil.rmtree(target, ignore_errors=True)
            target.parent.mkdir(parents=True, exist_ok=True)
            Path(folder).rename(target)

    def drop_adapter(self, model: str, name: str) -> None:
        """Remove an adapter."""
        with storage_errors("The adapter could not be removed"):
            target = self.adapters / model / name
            if target.is_dir():
                shutil.rmtree(target)

    def let_go(self, finetune_id: str) -> None:
        """Remove what was sent; nobody needs it any more."""
        shutil.rmtree(self._uploads / finetune_id, ignore_errors=True)

    def let_go_of_others(self, finetune_ids: Collection[str]) -> None:
        """Remove what was sent for any but these: a server was killed before it wrote down what it is for."""
        if self._uploads.is_dir():
            for folder in self._uploads.iterdir():
                if folder.name not in finetune_ids:
                    shutil.rmtree(folder, ignore_errors=True)

    def keep_style(self, file_name: str, content: str) -> None:
        """Write a learned style; whoever looks sees all of it or nothing."""
        with storage_errors("The learned style could not be kept"):
            self.styles.mkdir(parents=True, exist_ok=True)
            fresh = self.styles / f".{uuid4().hex}"
            try:
                with fresh.open("w", encoding="utf-8") as file:
                    file.write(content)
                    file.flush()
                    os.fsync(file.fileno())
                fresh.replace(self.styles / file_name)
            finally:
                fresh.unlink(missing_ok=True)

    def drop_style(self, name: str) -> None:
        """Remove the learned style that people call `name`."""
        with storage_errors("The learned style could not be removed"):
            for path in self.styles.glob(f"{name}.*.json"):
                path.unlink(missing_ok=True)
