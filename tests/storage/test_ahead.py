"""A file that goes up to a store while it is written: the same bytes, or none."""

import hashlib
from pathlib import Path

import pytest

from app.errors import StorageFailed
from app.services.storage import AudioFiles
from app.services.storage.ahead import Ahead

CONTENT = b"HEAD" + bytes(range(256)) * 9_000


class Object:
    """What a store makes of what it is sent; `refuses` from so many bytes on."""

    def __init__(self, refuses: int | None = None) -> None:
        self.content = b""
        self.there = False
        self._refuses = refuses

    def write(self, buffer: bytes, /) -> int:
        if self._refuses is not None and len(self.content) >= self._refuses:
            raise OSError("the store is away")
        self.content += buffer
        return len(buffer)

    def close(self) -> None:
        self.there = True


@pytest.fixture
def growing(tmp_path: Path) -> Path:
    path = tmp_path / "bare"
    path.write_bytes(b"????" + CONTENT[4:100])
    return path


def grown(ahead: Ahead, path: Path) -> Path:
    """The file, written bit by bit, and then in its place."""
    for start in range(100, len(CONTENT), 70_000):
        with path.open("ab") as file:
            file.write(CONTENT[start : start + 70_000])
        ahead.follow(path)
    with path.open("r+b") as file:
        file.write(b"HEAD")
    return path.rename(path.with_name("track.wav"))


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def test_what_was_sent_while_it_grew_is_the_file_and_appears_with_its_end(growing: Path) -> None:
    made = Object()
    ahead = Ahead("tracks/a/1/track.wav", lambda: made, b"HEAD")
    ahead.follow(growing)
    path = grown(ahead, growing)

    assert not made.there
    assert ahead.finish(path, sha256(CONTENT))
    assert made.there
    assert made.content == CONTENT


def test_it_is_sent_before_the_file_is_finished(growing: Path) -> None:
    made = Object()
    ahead = Ahead("tracks/a/1/track.wav", lambda: made, b"HEAD")
    ahead.follow(growing)
    ahead._turns[0].result()

    assert made.content == CONTENT[:100]
    ahead.drop()


def test_what_is_not_the_file_never_appears(growing: Path) -> None:
    made = Object()
    ahead = Ahead("tracks/a/1/track.wav", lambda: made, b"FEET")
    path = grown(ahead, growing)

    assert not ahead.finish(path, sha256(CONTENT))
    assert not made.there


@pytest.mark.parametrize("refuses", [0, 500_000])
def test_a_store_that_refuses_gets_the_file_whole_later(growing: Path, refuses: int) -> None:
    made = Object(refuses)
    ahead = Ahead("tracks/a/1/track.wav", lambda: made, b"HEAD")
    path = grown(ahead, growing)

    assert not ahead.finish(path, sha256(CONTENT))
    assert not made.there


def test_a_store_that_refuses_the_end_gets_the_file_whole_later(growing: Path) -> None:
    class Unending(Object):
        def close(self) -> None:
            raise OSError("the store is away")

    ahead = Ahead("tracks/a/1/track.wav", Unending, b"HEAD")
    path = grown(ahead, growing)

    assert not ahead.finish(path, sha256(CONTENT))


def test_what_is_dropped_never_appears(growing: Path) -> None:
    made = Object()
    ahead = Ahead("tracks/a/1/track.wav", lambda: made, b"HEAD")
    ahead.follow(growing)
    ahead.drop()
    ahead.drop()

    assert not made.there


def test_nothing_goes_ahead_into_a_folder(tmp_path: Path) -> None:
    assert AudioFiles(tmp_path).ahead("tracks/a/1/track.wav", b"HEAD") is None
    with pytest.raises((ValueError, StorageFailed)):
        AudioFiles("memory:///").ahead("../track.wav", b"HEAD")
