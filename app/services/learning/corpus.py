"""Files as somebody sent them → tunes: MIDI files, and ZIPs of such. Rule: nothing is unpacked to the disk."""

import zipfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from app.errors import printable
from app.models.finetune import SkippedFile
from app.services.learning.reading import MOST_BYTES, MOST_MEMORY_BYTES, FileUnusable, read_tune
from app.services.learning.teaching import MOST
from app.services.learning.tune import Tune
from app.utils.memory import within_memory

#: Why a file is left out that was made to fill the memory.
TOO_MUCH = "needs too much memory to be read"

#: Files of a ZIP that are looked at, and bytes that all of them may unpack to.
MOST_MEMBERS, MOST_UNPACKED_BYTES = 5_000, 1_000_000_000

#: Notes of all files that are held at once: some 100 MB of them.
MOST_NOTES_IN_ALL = 1_000_000

#: What programs that pack add of their own.
_LITTER = ("__MACOSX/", ".DS_Store", "Thumbs.db", "desktop.ini")


@dataclass(kw_only=True, slots=True)
class Corpus:
    """What was sent, as far as it can be learned from."""

    tunes: list[Tune] = field(default_factory=list)
    skipped: list[SkippedFile] = field(default_factory=list)
    #: Notes of all tunes.
    notes: int = 0


def read_corpus(names: Sequence[str], paths: Sequence[str], tell: Callable[[float], None]) -> Corpus:
    """The tunes of files in order, up to 500, and why others were left out. `tell` hears what part is done, 0…1.

    `names` are those to speak of, `paths` where the files lie.
    """
    corpus = Corpus()
    for number, (name, path) in enumerate(zip(names, paths, strict=True)):
        for inside, member, part in files_in(name, Path(path), MOST_BYTES):
            _take(corpus, inside, member)
            tell((number + part) / len(paths))
    tell(1.0)
    return corpus


def _take(corpus: Corpus, name: str, read: Callable[[], bytes]) -> None:
    try:
        if len(corpus.tunes) >= MOST:
            raise FileUnusable(f"comes after the {MOST} files that are learned from")
        tune = within_memory(MOST_MEMORY_BYTES, lambda: read_tune(read()))
        notes = len(tune.drums) + sum(len(line.notes) for line in tune.lines)
        if corpus.notes + notes > MOST_NOTES_IN_ALL:
            raise FileUnusable(f"comes after the {MOST_NOTES_IN_ALL} notes that are learned from")
        corpus.tunes.append(tune)
        corpus.notes += notes
    except (FileUnusable, MemoryError) as error:
        corpus.skipped.append(SkippedFile(file=printable(name, 200), reason=reason_of(error)))


def reason_of(error: FileUnusable | MemoryError) -> str:
    """Why nothing was learned from a file."""
    return TOO_MUCH if isinstance(error, MemoryError) else str(error)


def files_in(name: str, path: Path, most_bytes: int) -> Iterator[tuple[str, Callable[[], bytes], float]]:
    """(name, how to read it, what part of the whole ends with it) of a file, or of each file in it that is a ZIP.

    Of each at most `most_bytes` + 1 are read. Reading raises `FileUnusable`, and works until the next is asked for.
    """
    with path.open("rb") as file:
        head = file.read(4)
    if head != b"PK\x03\x04":
        yield name, lambda: _bounded(path, most_bytes), 1.0
        return
    try:
        packed = within_memory(MOST_MEMORY_BYTES, lambda: zipfile.ZipFile(path))
    except MemoryError:
        yield name, _unusable(TOO_MUCH), 1.0
        return
    except Exception:  # noqa: BLE001 - zipfile raises what its table meets: BadZipFile, UnicodeDecodeError, …
        yield name, _unusable("is a broken or truncated ZIP"), 1.0
        return
    with packed:
        yield from _of_zip(name, packed, most_bytes)


def _of_zip(name: str, packed: zipfile.ZipFile, most_bytes: int) -> Iterator[tuple[str, Callable[[], bytes], float]]:
    unpacked = 0
    # Not by `is_dir`, which older Pythons ask for the last letter of a name that may have none.
    members = [one for one in packed.infolist() if not one.filename.endswith("/")]
    members = [one for one in members if not one.filename.startswith(_LITTER)]
    members = [one for one in members if one.filename.rpartition("/")[2] not in _LITTER]
    for number, member in enumerate(members):
        inside = f"{name}/{member.filename}"
        unpacked += member.file_size
        if number >= MOST_MEMBERS:
            yield inside, _unusable(f"comes after the {MOST_MEMBERS} files of a ZIP that are looked at"), 1.0
            return
        if unpacked > MOST_UNPACKED_BYTES:
            yield inside, _unusable(f"would unpack its ZIP to more than {MOST_UNPACKED_BYTES // 10**6} MB"), 1.0
            return
        yield inside, _reader(packed, member, most_bytes), (number + 1) / len(members)


def _reader(packed: zipfile.ZipFile, member: zipfile.ZipInfo, most_bytes: int) -> Callable[[], bytes]:
    def read() -> bytes:
        if member.flag_bits & 1:
            raise FileUnusable("is encrypted")
        try:
            with packed.open(member) as file:
                return file.read(most_bytes + 1)  # whatever the ZIP says of its size
        except MemoryError:
            raise
        except Exception as error:  # zipfile raises what its decompressors meet
            raise FileUnusable("cannot be unpacked") from error

    return read


def _bounded(path: Path, most_bytes: int) -> bytes:
    with path.open("rb") as file:
        return file.read(most_bytes + 1)


def _unusable(reason: str) -> Callable[[], bytes]:
    def read() -> bytes:
        raise FileUnusable(reason)

    return read
