"""Files that are whole or not there: written in a folder of their own, moved into place when they are done."""

import hashlib
import json
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any

from app.errors import storage_errors


class Draft:
    """A file in the making. Nothing is seen at `path` before `finish`; leaving by an exception leaves nothing.

    A disk that is full or not writable raises `StorageFailed`.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        with storage_errors(f"{path.name} could not be written"):
            #: A folder beside the file, for whatever its making needs.
            self.folder = Path(tempfile.mkdtemp(prefix=".draft-", dir=path.parent))
        #: Where the file is written; moved to `path` at the end.
        self.file = self.folder / path.name

    def finish(self) -> None:
        """Move the file into place and remove the folder."""
        try:
            with storage_errors(f"{self.path.name} could not be written"):
                self.file.replace(self.path)
        finally:
            self.discard()

    def discard(self) -> None:
        """Remove all traces. Idempotent."""
        shutil.rmtree(self.folder, ignore_errors=True)

    def __enter__(self) -> "Draft":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        if error is None:
            self.finish()
            return
        self.discard()
        if isinstance(error, OSError):
            with storage_errors(f"{self.path.name} could not be written"):
                raise error


def write_bytes(path: Path, content: bytes) -> None:
    """Write a file as it is. `StorageFailed`."""
    with Draft(path) as draft:
        draft.file.write_bytes(content)


def write_json(path: Path, content: Mapping[str, Any]) -> None:
    """Write readable JSON in UTF-8, keys in the order given. `StorageFailed`."""
    with Draft(path) as draft:
        draft.file.write_text(json.dumps(content, ensure_ascii=False, indent=2) + "\n", encoding="utf-8", newline="\n")


def file_facts(path: Path) -> tuple[int, str]:
    """Length in bytes and SHA-256 (hexadecimal) of a file. `StorageFailed`."""
    digest = hashlib.sha256()
    size = 0
    with storage_errors(f"{path.name} could not be read"), path.open("rb") as file:
        while piece := file.read(1 << 20):
            digest.update(piece)
            size += len(piece)
    return size, digest.hexdigest()
