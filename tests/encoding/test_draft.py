import errno
import hashlib
import json
from pathlib import Path

import pytest

from app.errors import StorageFailed
from app.services.encoding import file_facts, write_json
from app.services.encoding.draft import Draft


def test_json_is_readable_keeps_its_order_and_says_every_language(tmp_path: Path) -> None:
    write_json(tmp_path / "plan.json", {"title": "夜 – été", "bars": [1, 2], "a": None})

    text = (tmp_path / "plan.json").read_bytes().decode("utf-8")
    assert json.loads(text) == {"title": "夜 – été", "bars": [1, 2], "a": None}
    assert text.startswith('{\n  "title": "夜 – été"')
    assert text.endswith("}\n")
    assert "\r" not in text


def test_facts_are_the_length_and_sha_256_of_the_bytes(tmp_path: Path) -> None:
    content = b"music" * 500_000
    (tmp_path / "file").write_bytes(content)

    assert file_facts(tmp_path / "file") == (2_500_000, hashlib.sha256(content).hexdigest())


def test_facts_of_a_missing_file_are_a_clear_reason(tmp_path: Path) -> None:
    with pytest.raises(StorageFailed, match=r"^gone\.mp3 could not be read: it is not there$"):
        file_facts(tmp_path / "gone.mp3")


def test_what_cannot_be_written_as_json_leaves_the_old_file_and_nothing_else(tmp_path: Path) -> None:
    write_json(tmp_path / "plan.json", {"old": True})

    with pytest.raises(TypeError):
        write_json(tmp_path / "plan.json", {"new": object()})

    assert list(tmp_path.iterdir()) == [tmp_path / "plan.json"]
    assert json.loads((tmp_path / "plan.json").read_text()) == {"old": True}


@pytest.mark.parametrize(
    ("number", "reason"),
    [
        (errno.ENOSPC, "no space is left on the disk"),
        (errno.EROFS, "the disk is read-only"),
        (errno.EACCES, "the folder is not writable"),
        (errno.EIO, "Input/output error"),
    ],
)
def test_a_disk_that_refuses_is_named_with_its_reason(number: int, reason: str, tmp_path: Path) -> None:
    def write() -> None:
        with Draft(tmp_path / "track.mid") as draft:
            draft.file.write_bytes(b"half")
            raise OSError(number, "Input/output error", "/srv/secret/track.mid")

    with pytest.raises(StorageFailed) as failure:
        write()

    assert str(failure.value) == f"track.mid could not be written: {reason}"
    assert list(tmp_path.iterdir()) == []


def test_a_folder_where_the_file_should_be_is_a_clear_reason_and_leaves_no_draft(tmp_path: Path) -> None:
    (tmp_path / "plan.json" / "inside").mkdir(parents=True)

    with pytest.raises(StorageFailed, match=r"^plan\.json could not be written"):
        write_json(tmp_path / "plan.json", {})

    assert list(tmp_path.iterdir()) == [tmp_path / "plan.json"]
