"""What is kept: tracks and jobs in a database, audio in a file store."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from app.services.storage.files import AudioFiles, StoredFile
    from app.services.storage.folders import WorkFolders
    from app.services.storage.lessons import LessonFiles
    from app.services.storage.tracks import TrackPage, TrackStore

__all__ = ["AudioFiles", "LessonFiles", "StoredFile", "TrackPage", "TrackStore", "WorkFolders"]

_HOMES = {
    "AudioFiles": "files",
    "LessonFiles": "lessons",
    "StoredFile": "files",
    "TrackPage": "tracks",
    "TrackStore": "tracks",
    "WorkFolders": "folders",
}


def __getattr__(name: str) -> Any:
    # Workers come for AudioFiles alone; the database toolkit would cost each of them 0.3 s and 25 MB.
    if name in _HOMES:
        return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
