"""A backup is whole, whenever it is made; a damaged database is found, refused, and put back."""

import sqlite3
from contextlib import closing
from datetime import datetime, timezone

import pytest

from app.cli import main
from app.errors import StorageFailed
from app.services.storage import TrackStore
from app.services.storage.backups import back_up, damage_in, put_back
from tests.storage.test_tracks import a_job, a_track

NOW = datetime(2026, 8, 27, 10, 30, tzinfo=timezone.utc)
PARTS = ["audio", "finetunes"]


def keep(folder, *numbers):
    """Tracks, each with a file."""
    store = TrackStore(folder / "music.db")
    with store.transaction() as changes:
        for number in numbers:
            changes.add([(track := a_track(number), a_job(track))])
    for number in numbers:
        path = folder / "audio" / "tracks" / f"track_{number}" / "1" / "track.mp3"
        path.parent.mkdir(parents=True)
        path.write_bytes(b"sound" * number)
    return store


def held(folder):
    """Ids of the tracks that a folder's database holds."""
    store = TrackStore(folder / "music.db")
    try:
        return sorted(int(track.id[-16:], 16) for track in store.page(limit=100).tracks)
    finally:
        store.close()


def spoil(database, share=0.5):
    """Overwrite pages in the middle of the file, as a dying disk does."""
    size = database.stat().st_size
    with database.open("r+b") as file:
        file.seek(int(size * share) // 4096 * 4096)
        file.write(b"\xa5" * 4096 * 6)


@pytest.fixture
def place(tmp_path):
    """A data folder with three tracks, and its backup, made while it is open."""
    store = keep(tmp_path / "data", 1, 2, 3)
    back_up(tmp_path / "data", tmp_path / "kept", PARTS)
    yield tmp_path
    store.close()


def test_a_backup_holds_what_was_written_before_it_and_the_next_adds_what_is_new(place):
    store = keep(place / "data", 4)

    assert held(place / "kept") == [1, 2, 3]
    assert back_up(place / "data", place / "kept", PARTS) == 1
    assert held(place / "kept") == [1, 2, 3, 4]
    copied = {path.relative_to(place / "kept") for path in (place / "kept" / "audio").rglob("*.mp3")}
    assert copied == {path.relative_to(place / "data") for path in (place / "data" / "audio").rglob("*.mp3")}
    assert not list(place.rglob("*.part"))
    store.close()


def test_a_backup_is_whole_while_others_write(place):
    """Each transaction adds two tracks; no copy has one without the other."""
    import threading

    store, done = TrackStore(place / "data" / "music.db"), threading.Event()
    wrote = threading.Event()

    def write():
        number = 100
        while not done.is_set():
            with store.transaction() as changes:
                changes.add([(track := a_track(number + n), a_job(track)) for n in range(2)])
            number += 2
            wrote.set()

    writer = threading.Thread(target=write)
    writer.start()
    assert wrote.wait(30)
    try:
        for number in range(3):
            back_up(place / "data", place / f"kept{number}", [])
    finally:
        done.set()
        writer.join()
        store.close()
    for number in range(3):
        kept = held(place / f"kept{number}")
        assert damage_in(place / f"kept{number}" / "music.db") is None
        assert kept[:3] == [1, 2, 3]
        assert len(kept) % 2 == 1


def test_files_that_go_while_they_are_copied_do_no_harm(place, monkeypatch):
    """A track is removed after its neighbour was copied, its whole folder with it."""
    import shutil

    real, tracks = shutil.copyfile, place / "data" / "audio" / "tracks"

    def copy(source, target):
        real(source, target)
        for other in tracks.iterdir():
            if other not in source.parents:
                shutil.rmtree(other)

    monkeypatch.setattr("app.services.storage.backups.shutil.copyfile", copy)

    assert back_up(place / "data", place / "another", PARTS) == 1
    assert held(place / "another") == [1, 2, 3]


@pytest.mark.parametrize("way", ["pages", "head", "half", "other file", "empty log"])
def test_a_damaged_database_is_found_refused_and_put_back(place, way):
    data, database = place / "data", place / "data" / "music.db"
    store = TrackStore(database)
    store.open()
    with store.transaction() as changes:
        for number in range(10, 60):
            changes.add([(track := a_track(number, prompt="p" * 500), a_job(track))])
    store.close()
    with closing(sqlite3.connect(database)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    whole = database.read_bytes()
    {
        "pages": lambda: spoil(database),
        "head": lambda: database.write_bytes(b"\0" * 100 + whole[100:]),
        "half": lambda: database.write_bytes(whole[: len(whole) // 2]),
        "other file": lambda: database.write_bytes(b"RIFF" * 5_000),
        "empty log": lambda: (spoil(database), (place / "data" / "music.db-wal").write_bytes(b"")),
    }[way]()
    spoiled = database.read_bytes()

    broken = TrackStore(database)
    with pytest.raises(StorageFailed, match=r"python3 run\.py restore FOLDER"):
        broken.check()
    broken.close()
    assert damage_in(database) is not None
    with pytest.raises(StorageFailed, match=r"damaged|could not be copied"):
        back_up(data, place / "kept", PARTS)
    assert held(place / "kept") == [1, 2, 3]

    aside = put_back(place / "kept", data, PARTS, NOW)

    assert held(data) == [1, 2, 3]
    assert aside.name == "music.db.before-20260827T103000Z"
    assert aside.read_bytes() == spoiled
    assert not list(data.glob("music.db*.part"))


def test_files_that_were_lost_come_back_and_those_that_there_are_stay(place):
    lost = place / "data" / "audio" / "tracks" / "track_2" / "1" / "track.mp3"
    cut = lost.parents[2] / "track_3" / "1" / "track.mp3"
    lost.unlink()
    cut.write_bytes(b"so")

    put_back(place / "kept", place / "data", PARTS, NOW)

    assert lost.read_bytes() == b"sound" * 2
    assert cut.read_bytes() == b"sound" * 3


def test_a_log_that_belongs_to_the_old_database_is_not_read_into_the_new_one(place):
    store = keep(place / "data", 7)
    reading = sqlite3.connect(place / "data" / "music.db")
    reading.execute("SELECT count(*) FROM tracks").fetchone()  # so that closing the store leaves the log
    store.close()
    assert (place / "data" / "music.db-wal").stat().st_size > 0
    put_back(place / "kept", place / "data", PARTS, NOW)
    reading.close()

    assert held(place / "data") == [1, 2, 3]


@pytest.mark.parametrize("way", ["none", "damaged"])
def test_what_is_no_backup_changes_nothing(place, way):
    kept = place / "kept" / "music.db"
    kept.unlink() if way == "none" else kept.write_bytes(b"SQLite format 3\0" + b"?" * 9_000)

    with pytest.raises(StorageFailed, match=r"There is no backup in|is damaged itself"):
        put_back(place / "kept", place / "data", PARTS, NOW)
    assert held(place / "data") == [1, 2, 3]


def test_the_commands(place, monkeypatch, capsys):
    monkeypatch.setenv("MUSIC_DATA_DIR", str(place / "data"))

    assert main(["backup", str(place / "another")]) == 0
    assert "(3 copied now)" in capsys.readouterr().out
    (place / "data" / "music.db").unlink()
    assert main(["restore", str(place / "another")]) == 0
    assert main(["restore", str(place / "nowhere")]) == 2
    assert "There is no backup in" in capsys.readouterr().err
    assert held(place / "data") == [1, 2, 3]
    monkeypatch.setenv("MUSIC_DATA_DIR", str(place / "empty"))
    assert main(["backup", str(place / "another")]) == 2
    monkeypatch.setenv("MUSIC_DATABASE_URL", "postgresql://music@localhost/music")
    assert main(["restore", str(place / "another")]) == 2
    assert "pg_restore" in capsys.readouterr().err


def test_nothing_is_put_back_under_a_running_server(place, monkeypatch, capsys):
    from app.services.jobs.lock import FolderLock

    monkeypatch.setenv("MUSIC_DATA_DIR", str(place / "data"))
    lock = FolderLock(place / "data")
    lock.acquire()

    assert main(["restore", str(place / "kept")]) == 2
    assert "in use by another server" in capsys.readouterr().err
    lock.release()
