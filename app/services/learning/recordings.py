"""Recordings with captions as somebody sent them → clips. Rule: nothing here trusts the files; one is held at a time.

Captions stand in a `metadata.jsonl`, a line `{"file_name": …, "text": …}` a recording, with names as seen from it; or
in a `.txt` of the recording's own name.
"""

import io
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path, PurePosixPath

from app.errors import printable
from app.models.audio import Samples
from app.models.finetune import SkippedFile
from app.services.dsp.sounding import SoundUnusable, heard
from app.services.learning.corpus import files_in, reason_of
from app.services.learning.reading import MOST_MEMORY_BYTES, FileUnusable
from app.utils.memory import within_memory

#: Largest recording and table of captions that are read, in bytes.
MOST_BYTES, MOST_TABLE_BYTES = 100_000_000, 5_000_000
#: Seconds of a recording that are too few, and those that are listened to.
FEWEST_S, MOST_S = 1.0, 300.0
#: Recordings that are learned from.
MOST_CLIPS = 500
#: Letters of a caption.
MOST_LETTERS = 500

_TABLE, _NOTE = "metadata.jsonl", ".txt"


@dataclass(frozen=True, kw_only=True, slots=True)
class Clip:
    """A recording and what it is."""

    name: str
    text: str
    #: float32, shape (frames, channels).
    samples: Samples
    sample_rate: int


class Recordings:
    """What was sent, to be gone through once; `skipped` then tells what was left out."""

    def __init__(self, names: Sequence[str], paths: Sequence[str]) -> None:
        """`names` are those to speak of, `paths` where the files lie."""
        self._sent = [(name, Path(path)) for name, path in zip(names, paths, strict=True)]
        self.skipped: list[SkippedFile] = []
        #: Captions by the name of their recording.
        self._texts: dict[str, str] = {}
        self._read_captions()

    def clips(self, tell: Callable[[float], None]) -> Iterator[Clip]:
        """The recordings that can be learned from, in order; `tell` hears what part is read, 0…1."""
        seen: set[str] = set()
        taken = 0
        for name, read, part in self._files(MOST_BYTES):
            tell(part)
            if _is_caption(name):
                continue
            seen.add(name)
            try:
                if taken >= MOST_CLIPS:
                    raise FileUnusable(f"comes after the {MOST_CLIPS} recordings that are learned from")
                clip = within_memory(MOST_MEMORY_BYTES, partial(self._clip, name, read))
            except (FileUnusable, MemoryError) as error:
                self._skip(name, reason_of(error))
                continue
            taken += 1
            yield clip
        for name in self._texts:
            if name not in seen:
                self._skip(name, "has a caption, but was not sent")

    def _clip(self, name: str, read: Callable[[], bytes]) -> Clip:
        content = read()
        if len(content) > MOST_BYTES:
            raise FileUnusable(f"is larger than {MOST_BYTES // 10**6} MB")
        samples, rate = _heard(content)
        if name not in self._texts:
            raise FileUnusable(f"has no caption: no line in a {_TABLE}, and no {_NOTE} of its name")
        return Clip(name=name, text=self._texts[name], samples=samples, sample_rate=rate)

    def _read_captions(self) -> None:
        for name, read, _part in self._files(MOST_TABLE_BYTES):
            if not _is_caption(name):
                continue
            try:
                content = within_memory(MOST_MEMORY_BYTES, read)
                if len(content) > MOST_TABLE_BYTES:
                    raise FileUnusable(f"is larger than {MOST_TABLE_BYTES // 10**6} MB")
                text = content.decode("utf-8-sig")
            except UnicodeDecodeError:
                self._skip(name, "is not UTF-8")
            except (FileUnusable, MemoryError) as error:
                self._skip(name, reason_of(error))
            else:
                if name.endswith(_TABLE):
                    self._read_table(name, text)
                else:
                    self._texts.setdefault(f"{name.removesuffix(_NOTE)}", " ".join(text.split())[:MOST_LETTERS])
        self._texts = self._by_recording()

    def _read_table(self, name: str, text: str) -> None:
        folder = name.removesuffix(_TABLE)
        for number, line in enumerate(text.splitlines(), 1):
            if not line.strip():
                continue
            try:
                row = json.loads(line)
                file, said = row["file_name"], " ".join(row["text"].split())
                if not said or not isinstance(file, str):
                    raise ValueError(line)
            except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
                self._skip(name, f'has no "file_name" and "text" in line {number}')
                continue
            self._texts[folder + str(PurePosixPath(file))] = said[:MOST_LETTERS]

    def _by_recording(self) -> dict[str, str]:
        """Captions by the full names of recordings: a `.txt` speaks of whatever else has its name."""
        found = dict(self._texts)
        for name, _read, _part in self._files(MOST_BYTES):
            stem = name.rpartition(".")[0]
            if not _is_caption(name) and stem in found:
                found.setdefault(name, found[stem])
        noted = {name for name in found if "." not in name.rpartition("/")[2]}
        return {name: text for name, text in found.items() if name not in noted}

    def _files(self, most_bytes: int) -> Iterator[tuple[str, Callable[[], bytes], float]]:
        for number, (name, path) in enumerate(self._sent):
            for inside, read, part in files_in(name, path, most_bytes):
                yield inside, read, (number + part) / len(self._sent)

    def _skip(self, name: str, reason: str) -> None:
        self.skipped.append(SkippedFile(file=printable(name, 200), reason=reason))


def _is_caption(name: str) -> bool:
    return name.endswith(_NOTE) or name.rpartition("/")[2] == _TABLE


def _heard(content: bytes) -> tuple[Samples, int]:
    """The samples of a file, and how many a second. `FileUnusable`."""
    try:
        return heard(io.BytesIO(content), fewest_s=FEWEST_S, most_s=MOST_S)
    except SoundUnusable as error:
        raise FileUnusable(str(error)) from error
