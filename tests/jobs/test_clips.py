"""The shelf of clips: durable, bounded, swept; and the process that opens what nobody trusts."""

import hashlib
import os
import time
from dataclasses import replace
from datetime import timedelta
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest

from app.errors import Busy, ClipNotFound, InvalidField, StorageFailed
from app.models.clip import ClipFacts
from app.services.jobs import clips as shelves
from app.services.jobs import decoder as decoding
from app.services.jobs.clips import ClipShelf
from app.services.jobs.decoder import ClipDecoder
from app.services.storage import AudioFiles, TrackStore
from app.services.storage.files import clip_key
from app.services.workshop import run_clip
from app.utils.clock import FrozenClock
from tests.jobs.conftest import until
from tests.recordings import recording, tone

FACTS = ClipFacts(format="wav", seconds=2.0, sample_rate=44_100, channels=2)


def obey(source, target):
    """Do what the file says."""
    said = source.read_text()
    if said == "die":
        os._exit(9)
    if said == "hang":
        time.sleep(600)
    if said == "swell":
        return len(np.ones(10**9))
    if said == "break":
        raise RuntimeError("an error nobody foresaw")
    if said == "refuse":
        raise InvalidField("file", "is silent")
    target.write_text(said * 100)
    return FACTS


@pytest.fixture
def decode(tmp_path):
    def run(said, **limits):
        (tmp_path / "sent").write_text(said)
        return ClipDecoder(obey, **limits).decode(tmp_path / "sent", tmp_path / "kept")

    return run


def test_a_good_file_is_opened_in_another_process(decode, tmp_path):
    assert decode("fine") == FACTS
    assert (tmp_path / "kept").read_text() == "fine" * 100


@pytest.mark.parametrize(
    ("said", "limits", "reason"),
    [
        ("refuse", {}, "is silent"),
        ("die", {}, "its reader broke down"),
        ("hang", {"time_s": 2.0}, "longer than 2 s"),
        ("break", {}, "cannot be read as a recording"),
        pytest.param(
            "swell", {"memory_bytes": 500_000_000}, "too much memory",
            marks=pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="only Linux limits memory"),
        ),
    ],
)  # fmt: skip
def test_whatever_a_file_does_to_its_reader_the_server_has_a_reason(decode, said, limits, reason):
    with pytest.raises(InvalidField, match=reason) as refused:
        decode(said, **limits)

    assert refused.value.field == "file"


def test_who_waits_too_long_is_told_to_come_again(tmp_path, monkeypatch):
    monkeypatch.setattr(decoding, "WAIT_S", 0.0)
    decoder = ClipDecoder(obey)
    with decoder._one, pytest.raises(Busy):
        decoder.decode(tmp_path / "sent", tmp_path / "kept")


class Shelf:
    def __init__(self, folder, **limits):
        self.clock = FrozenClock()
        self.store = TrackStore(folder / "music.db")
        self.files = AudioFiles(str(folder / "audio"))
        self.folder = folder / "audio" / "clips"
        self.shelf = ClipShelf(
            self.store, self.files, ClipDecoder(obey), clock=self.clock,
            **{"retention_s": 3_600.0, "storage_limit_bytes": 10**9, **limits},
        )  # fmt: skip

    def take(self, said="fine"):
        return self.shelf.take("a.wav", BytesIO(said.encode()))

    def later(self, **span):
        self.clock.advance(timedelta(**span).total_seconds())

    def there(self):
        return {path.name for path in self.folder.iterdir()} if self.folder.exists() else set()


@pytest.fixture
def shelf(tmp_path):
    shelf = Shelf(tmp_path)
    yield shelf
    shelf.store.close()


def test_what_is_taken_is_kept_with_its_facts_until_it_is_removed(shelf, tmp_path):
    clip = shelf.take()

    assert (clip.name, clip.facts, clip.size, clip.stored_bytes) == ("a.wav", FACTS, 4, 400)
    assert clip.sha256 == hashlib.sha256(b"fine").hexdigest()
    assert shelf.shelf.get(clip.id) == clip
    shelf.files.fetch(clip_key(clip.id), tmp_path / "again")
    assert (tmp_path / "again").read_text() == "fine" * 100

    shelf.shelf.delete(clip.id)

    assert shelf.there() == set()
    for call in (shelf.shelf.get, shelf.shelf.use, shelf.shelf.delete):
        with pytest.raises(ClipNotFound, match=clip.id):
            call(clip.id)


def test_what_is_refused_leaves_nothing(shelf, monkeypatch):
    with pytest.raises(InvalidField):
        shelf.take("refuse")

    def full(*_):
        raise StorageFailed("no space is left on the disk")

    monkeypatch.setattr(shelf.files, "put", full)
    with pytest.raises(StorageFailed):
        shelf.take()
    assert shelf.store.clips_longest_unused() == []
    assert shelf.there() == set()


def test_its_age_counts_from_its_last_use(shelf):
    used, unused = shelf.take(), shelf.take()
    assert shelf.shelf.expires_at(used) == used.created_at + timedelta(hours=1)
    shelf.later(minutes=40)
    assert shelf.shelf.use(used.id).used_at == used.created_at + timedelta(minutes=40)
    shelf.later(minutes=40)

    shelf.shelf.sweep()

    assert shelf.there() == {used.id}
    assert shelf.shelf.get(used.id).used_at > used.used_at
    with pytest.raises(ClipNotFound):
        shelf.shelf.get(unused.id)


def test_without_an_age_it_is_kept_for_ever(tmp_path):
    shelf = Shelf(tmp_path, retention_s=float("inf"))
    clip = shelf.take()
    shelf.later(days=10_000)

    shelf.shelf.sweep()

    assert shelf.shelf.expires_at(clip) is None
    assert shelf.there() == {clip.id}
    shelf.store.close()


def test_the_longest_unused_make_room_but_never_the_latest(tmp_path):
    shelf = Shelf(tmp_path, storage_limit_bytes=10_000)  # of which clips have a tenth: two of 400 bytes
    taken = []
    for _ in range(3):
        taken.append(shelf.take())
        shelf.later(seconds=1)
    assert shelf.there() == {clip.id for clip in taken[1:]}

    large = shelf.take("fine" * 10)

    assert shelf.there() == {large.id}
    shelf.store.close()


def test_a_shelf_sweeps_by_itself_and_lives_through_trouble(shelf, monkeypatch):
    sweeps = []
    monkeypatch.setattr(shelves, "EVERY_S", 0.01)
    sweep = shelf.shelf.sweep

    def trouble():
        sweeps.append(1)
        if len(sweeps) == 1:
            raise StorageFailed("no")
        sweep()

    clip = shelf.take()
    shelf.later(hours=2)
    monkeypatch.setattr(shelf.shelf, "sweep", trouble)

    shelf.shelf.start()

    until(lambda: clip.id not in shelf.there())
    shelf.shelf.stop()


def test_the_body_that_the_service_hands_in_opens_real_recordings(tmp_path):
    (tmp_path / "sent").write_bytes(recording(tone(1.25, channels=2), kind="flac"))

    facts = ClipDecoder(run_clip).decode(tmp_path / "sent", tmp_path / "kept")

    assert facts == replace(FACTS, format="flac", seconds=1.25, sample_rate=22_050)
    assert (tmp_path / "kept").stat().st_size > 1_000
