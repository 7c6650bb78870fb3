"""TaughtFiles: what was sent to learn from and what was learned, where several machines share the files of tracks.

Models look for what they were taught in folders of their own machine. So each node keeps a copy there of what the
database says was learned: `bring` makes it so.
"""

import shutil
import tempfile
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from threading import Lock
from typing import BinaryIO

from app.errors import storage_errors
from app.models.finetune import Learned
from app.services.storage.files import AudioFiles, lesson_key, taught_key
from app.services.storage.lessons import LessonFiles
from app.services.storage.sent import write_sent
from app.services.storage.teaching import Taken
from app.services.styles import style_file
from app.utils.chance import random_token

#: File beside an adapter's that says which run learned it.
_FROM = "taught-by.txt"


class TaughtFiles:
    """One a node; from any thread. `StoreAway` where trying again may help, else `StorageFailed`."""

    def __init__(self, files: AudioFiles, own: LessonFiles) -> None:
        self._files = files
        self._own = own
        self._lock = Lock()
        #: What was brought here, by fine-tune and run; None before the first look.
        self._here: set[tuple[str, int]] | None = None

    # -- what is sent -------------------------------------------------------------------------------------------

    def take_in(self, finetune_id: str, files: Iterable[BinaryIO]) -> None:
        """Keep files until they are learned from. All of them, or none."""
        try:
            for number, file in enumerate(files):
                with _scratch() as folder:
                    with storage_errors("The files could not be kept"):
                        write_sent(file, folder / "sent")
                    self._files.put(folder / "sent", lesson_key(finetune_id, number))
        except BaseException:
            self.let_go(finetune_id)
            raise

    def fetch_sent(self, finetune_id: str, count: int, folder: Path) -> tuple[str, ...]:
        """Bring what was sent into a folder that is there: where each file lies, in order."""
        paths = [folder / f"{number:04}" for number in range(count)]
        for number, path in enumerate(paths):
            self._files.fetch(lesson_key(finetune_id, number), path)
        return tuple(map(str, paths))

    def let_go(self, finetune_id: str) -> None:
        """Remove what was sent; nobody needs it any more."""
        self._files.delete_lesson(finetune_id)

    # -- what was learned ---------------------------------------------------------------------------------------

    def keep(self, taken: Taken, learned: Learned) -> None:
        """Keep what a run learned, where all nodes reach it."""
        finetune, run = taken.finetune, taken.run
        with _scratch() as folder:
            with storage_errors("What was learned could not be kept"):
                if learned.adapter is None:
                    path = folder / style_file(finetune.name, learned.style_name)
                    path.write_text(learned.style_json, encoding="utf-8")
                    paths = [path]
                else:
                    paths = sorted(path for path in Path(learned.adapter).iterdir() if path.is_file())
            for path in paths:
                self._files.copy(path, taught_key(finetune.id, run, path.name))

    def bring(self, taught: Sequence[Taken]) -> None:
        """Have all that was learned on this machine's own disk, and nothing else."""
        wanted = {(one.finetune.id, one.run) for one in taught}
        with self._lock:
            if wanted == self._here:
                return
            fresh = [one for one in taught if (one.finetune.id, one.run) not in (self._here or ())]
            for one in fresh:
                if one.finetune.base == "composer":
                    self._bring_style(one)
                else:
                    self._bring_adapter(one)
            self._remove_others({(one.finetune.base, one.finetune.name) for one in taught})
            self._here = wanted

    def _bring_style(self, taken: Taken) -> None:
        finetune, folder = taken.finetune, self._own.styles
        with storage_errors("The learned style could not be kept"):
            folder.mkdir(parents=True, exist_ok=True)
        names = self._files.taught_names(finetune.id, taken.run)
        for name in names:
            if not (folder / name).exists():
                self._files.fetch(taught_key(finetune.id, taken.run, name), folder / name)
        for path in folder.glob(f"{finetune.name}.*.json"):
            if path.name not in names:  # of one that had this name before
                path.unlink(missing_ok=True)

    def _bring_adapter(self, taken: Taken) -> None:
        finetune = taken.finetune
        target, mark = self._own.adapters / finetune.base / finetune.name, f"{finetune.id}/{taken.run}"
        if _mark_of(target) == mark:
            return
        with storage_errors("The adapter could not be kept"):
            target.parent.mkdir(parents=True, exist_ok=True)
            draft = target.parent / f".{random_token()}"
            draft.mkdir()
            try:
                for name in self._files.taught_names(finetune.id, taken.run):
                    self._files.fetch(taught_key(finetune.id, taken.run, name), draft / name)
                (draft / _FROM).write_text(mark, encoding="utf-8")
                shutil.rmtree(target, ignore_errors=True)
                try:
                    draft.rename(target)
                except OSError:
                    if _mark_of(target) != mark:  # else another process of this folder was faster
                        raise
            finally:
                shutil.rmtree(draft, ignore_errors=True)

    def _remove_others(self, named: Collection[tuple[str, str]]) -> None:
        for path in self._own.styles.glob("*.learned-*.json"):
            if ("composer", path.name.split(".")[0]) not in named:
                path.unlink(missing_ok=True)
        for folder in self._own.adapters.glob("*/[!.]*"):
            if (folder.parent.name, folder.name) not in named:
                shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def _scratch() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="music-lesson-") as folder:
        yield Path(folder)


def _mark_of(folder: Path) -> str | None:
    """Which run learned the adapter in a folder; None where there is none."""
    try:
        return (folder / _FROM).read_text(encoding="utf-8")
    except OSError:
        return None
