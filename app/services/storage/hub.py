"""Files of a hub repository go into the Hugging Face cache, whole or not at all.

The hub's own library keeps nothing of a file whose download was cut short. So each file is brought here first, into the
place where the library looks for it, and goes on where it ended; the library then only puts names to them.
"""

import hashlib
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

from app.errors import FetchFailed, printable, storage_errors

#: Times that a broken connection is taken up again before it is an error, and the seconds between.
ATTEMPTS, PAUSE_S = 5, 1.0
#: Bytes read at once.
READ_BYTES = 1 << 20
#: Seconds without a byte after which a connection counts as broken.
SILENT_S = 60.0


@dataclass(frozen=True, kw_only=True, slots=True)
class Listed:
    """A file of a repository."""

    #: Bytes.
    size: int
    #: Name of its content in the cache: the SHA-256 of large files, Git's own of small ones.
    content: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Listing:
    """What a repository holds at a commit."""

    repository: str
    #: Branch or tag that was asked for, and the commit that it stands for.
    revision: str
    commit: str
    #: Every file by its name.
    files: dict[str, Listed]


def list_repository(repository: str, revision: str) -> Listing:
    """The files of a repository at a branch, tag or commit. `FetchFailed` with the reason."""
    from huggingface_hub import HfApi

    with _hub_errors(repository, revision):
        found = HfApi().model_info(repository, revision=revision, files_metadata=True)
    return Listing(
        repository=repository,
        revision=revision,
        commit=found.sha or revision,
        files={
            file.rfilename: Listed(
                size=file.size or 0, content=file.lfs.sha256 if file.lfs is not None else str(file.blob_id)
            )
            for file in found.siblings or ()
        },
    )


def bring(listing: Listing, names: Sequence[str], hub: Path, heard: Callable[[int], None]) -> Path:
    """Bring the files into the cache below `hub`; the folder that holds them. `heard` is told bytes as they come.

    What is there already is not fetched again, and what was cut short goes on. `FetchFailed`, `StorageFailed`.
    """
    from huggingface_hub import HfApi, hf_hub_url, snapshot_download
    from huggingface_hub.utils import build_hf_headers

    kept = hub / f"models--{listing.repository.replace('/', '--')}"
    with storage_errors("The weights cannot be kept"), _hub_errors(listing.repository, listing.revision):
        for name in names:
            file = listing.files[name]
            if (kept / "snapshots" / listing.commit / name).exists():
                heard(file.size)
                continue
            url = hf_hub_url(listing.repository, name, revision=listing.commit, endpoint=HfApi().endpoint)
            # The key in the headers stays with the hub: on the way to another server it is left out.
            _bring_file(url, kept / "blobs" / file.content, size=file.size, headers=build_hf_headers(), heard=heard)
        return Path(
            snapshot_download(
                listing.repository,
                revision=listing.revision,
                cache_dir=hub,
                allow_patterns=list(names),
                tqdm_class=_no_bar(),
            )
        )


def _bring_file(url: str, target: Path, *, size: int, headers: dict[str, str], heard: Callable[[int], None]) -> None:
    """Bring one file, whose name says what it must hold."""
    from filelock import FileLock

    target.parent.mkdir(parents=True, exist_ok=True)
    part = target.with_name(f"{target.name}.part")
    locks = target.parents[2] / ".locks"  # where the library keeps its own
    locks.mkdir(exist_ok=True)
    with FileLock(locks / f"{part.name}.lock"):
        if target.exists():
            heard(size)
            return
        if part.exists() and part.stat().st_size > size:
            part.unlink()
        heard(part.stat().st_size if part.exists() else 0)
        for attempt in range(1, ATTEMPTS + 1):
            try:
                _go_on(url, part, size=size, headers=headers, heard=heard)
                break
            except httpx.TransportError as error:
                if attempt == ATTEMPTS:
                    raise FetchFailed(f"the connection broke ({error or type(error).__name__}). {_AGAIN}") from error
                time.sleep(PAUSE_S)
        if not _is(part, target.name):
            part.unlink()
            raise FetchFailed(f"what came was damaged and was thrown away. {_AGAIN}")
        part.replace(target)


#: What helps where a download ended early.
_AGAIN = "Run the same command again: it goes on where it ended"


def _go_on(url: str, part: Path, *, size: int, headers: dict[str, str], heard: Callable[[int], None]) -> None:
    """Append to a file what it lacks."""
    there = part.stat().st_size if part.exists() else 0
    if there == size and part.exists():
        return
    asked = {**headers, "Accept-Encoding": "identity"} | ({"Range": f"bytes={there}-"} if there else {})
    with (
        httpx.stream("GET", url, headers=asked, follow_redirects=True, timeout=SILENT_S) as answer,
        part.open("ab") as file,
    ):
        if answer.status_code >= 400:
            raise FetchFailed(f"the hub answered {answer.status_code} for {printable(url)}")
        if there and answer.status_code != 206:  # it sends all of it again
            file.truncate(0)
            heard(-there)
            there = 0
        for chunk in answer.iter_raw():
            file.write(chunk)
            heard(len(chunk))
            there += len(chunk)
    if there != size:
        raise httpx.ReadError(f"it ended after {there} of {size} bytes")


def _is(path: Path, content: str) -> bool:
    """Whether a file holds what a name stands for: a SHA-256, or Git's own name, a SHA-1 that begins with the size."""
    if len(content) == 64:
        digest = hashlib.sha256()
    else:
        digest = hashlib.sha1(b"blob %d\0" % path.stat().st_size, usedforsecurity=False)
    with path.open("rb") as file:
        while chunk := file.read(READ_BYTES):
            digest.update(chunk)
    return digest.hexdigest() == content


def _no_bar() -> type:
    """A bar that shows nothing, for the library's part of the work takes no time."""
    from huggingface_hub.utils import tqdm

    class Hidden(tqdm):  # type: ignore[misc]  # the library comes without types where it is not installed
        def __init__(self, *arguments: object, **options: object) -> None:
            super().__init__(*arguments, **{**options, "disable": True})

    return Hidden


@contextmanager
def _hub_errors(repository: str, revision: str) -> Iterator[None]:
    """Say in the user's words what the hub's library complains of."""
    from huggingface_hub import constants, errors

    where = f"{repository} at {revision}"
    try:
        yield
    except errors.GatedRepoError as error:
        raise FetchFailed(
            f"{repository} is given only to those who accept its terms: do so at https://huggingface.co/{repository}, "
            "then set HF_TOKEN to a key of yours"
        ) from error
    except errors.RepositoryNotFoundError as error:
        raise FetchFailed(f"the hub has no {repository}, or hides it from you (HF_TOKEN)") from error
    except errors.RevisionNotFoundError as error:
        raise FetchFailed(f"the hub has no {where}") from error
    except (errors.HfHubHTTPError, errors.LocalEntryNotFoundError, errors.OfflineModeIsEnabled) as error:
        raise FetchFailed(f"{where} cannot be fetched: {printable(str(error), 200)}") from error
    except FetchFailed:
        raise
    except Exception as error:  # the library's HTTP client has changed, and with it the names of its errors
        if type(error).__module__.partition(".")[0] not in ("httpx", "httpx2", "requests", "httpcore", "httpcore2"):
            raise
        raise FetchFailed(
            f"the hub at {printable(constants.ENDPOINT)} (HF_ENDPOINT names another) cannot be reached: "
            f"{printable(str(error) or type(error).__name__, 200)}"
        ) from error
