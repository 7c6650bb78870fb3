"""Files that a finished track does not know go; its own, those in the making, and those of others stay."""

from datetime import datetime, timedelta, timezone

import pytest

from app.services.jobs.orphans import GRACE_S, Orphans
from app.services.storage.files import AudioFiles
from app.utils.clock import FrozenClock
from tests.storage.test_tracks import a_file, a_track, add, finish


@pytest.fixture(params=["folder", pytest.param("s3", marks=[pytest.mark.distributed, pytest.mark.essential])])
def files(request, tmp_path):
    if request.param == "s3":
        return AudioFiles(f"s3://{request.getfixturevalue('bucket')}/music")
    return AudioFiles(tmp_path / "audio")


@pytest.fixture
def keep(files, tmp_path):
    def put(key):
        path = tmp_path / "made"
        path.write_bytes(b"sound")
        files.put(path, key)

    return put


def test_what_its_track_does_not_know_goes_once_it_is_old(store, files, keep):
    done, empty, working = add(store, a_track(1), a_track(2), a_track(3))
    known = a_file(done)
    finish(store, done, files=(known,))
    finish(store, empty)
    run = int(known.key.split("/")[2])
    for key in (
        known.key,
        f"tracks/{done.id}/{run + 1}/track.mp3",
        f"tracks/{empty.id}/1/track.mp3",
        f"tracks/{working.id}/1/track.mp3",
        "tracks/track_elsewhere/1/track.mp3",
    ):
        keep(key)
    now = datetime.now(timezone.utc)

    early = Orphans(store, files, FrozenClock(now + timedelta(seconds=GRACE_S / 2))).remove()
    late = Orphans(store, files, FrozenClock(now + timedelta(seconds=GRACE_S + 60))).remove()

    assert (early, late) == (0, 2)
    assert files.runs() == {(done.id, run), (working.id, 1), ("track_elsewhere", 1)}
