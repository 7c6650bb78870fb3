"""Scratch space is empty at the start and gone at the end."""

import pytest

from app.errors import StorageFailed
from app.services import jobs, storage
from app.services.storage import WorkFolders


def test_what_a_dead_process_left_is_cleared(tmp_path):
    folders = WorkFolders(tmp_path / "work")
    folders.clear()
    folders.path("old").mkdir()
    (folders.path("old") / "half.wav").write_bytes(b"half")

    folders.clear()

    assert list((tmp_path / "work").iterdir()) == []


def test_removing_is_idempotent(tmp_path):
    folders = WorkFolders(tmp_path)
    folders.path("one").mkdir()

    folders.remove("one")
    folders.remove("one")

    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_cannot_be_made_is_said(tmp_path):
    (tmp_path / "work").write_text("a file")

    with pytest.raises(StorageFailed, match="work"):
        WorkFolders(tmp_path / "work").clear()


@pytest.mark.parametrize("package", [jobs, storage])
def test_the_menu_offers_what_it_names_and_nothing_else(package):
    assert all(getattr(package, name).__name__ == name for name in package.__all__)
    with pytest.raises(AttributeError, match="no attribute 'Nothing'"):
        package.Nothing  # noqa: B018
