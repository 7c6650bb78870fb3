"""What is heard of a track while it is made, by the whole road in one process."""

import io
import threading
from dataclasses import replace
from datetime import datetime, timezone
from pathlib import Path

import numpy as np
import pytest
import soundfile

from app.errors import StorageFailed
from app.models.asked import Asked
from app.models.audio import BLOCK_FRAMES, SAMPLE_RATE
from app.models.track import STREAM_GAIN
from app.services.engines.catalogue import CATALOGUE
from app.services.generator import new_track
from app.services.instruments import find_soundfont
from app.services.jobs.base import Job, Outcome, Progress
from app.services.pipeline import MOST_OFF_DB, told_off
from app.services.storage import AudioFiles
from app.services.storage.segments import Segments, segments_of
from app.services.workshop import Workshop, run_job

NOW = datetime(2026, 1, 1, tzinfo=timezone.utc)
DURATION_S = 8
COUNT = segments_of(DURATION_S * SAMPLE_RATE)


class Made:
    """A render in a folder of its own; `early` names the forms asked for before it begins."""

    def __init__(self, folder: Path, *early: str, threads: int = 2, hear=lambda _made, _said: None, **changes) -> None:
        self.files = AudioFiles(folder / "audio")
        asked = changes.pop("asked", None)
        track = new_track(CATALOGUE["composer"], "calm piano and strings, 90 bpm", DURATION_S, 5, NOW, asked=asked)
        self.track = replace(track, id="track_1f", **changes)
        self.said: list[Progress] = []
        for form in early:
            self.ask(form)
        workshop = Workshop(soundfont=find_soundfont(None), files=str(folder / "audio"), threads=threads)
        work = folder / "work"
        work.mkdir(parents=True)

        def report(said: Progress) -> None:
            self.said.append(said)
            hear(self, said)

        self.outcome: Outcome = run_job(workshop, Job(kind="render", track=self.track, run=1), work, report)
        self.keys = {file.form: file.key for file in self.outcome.files}

    def ask(self, form: str) -> None:
        Segments(self.files, self.track.id, form).ask()

    def segments(self, form: str) -> list[bytes]:
        folder = self.files.folder / "live" / self.track.id / form
        names = sorted((path.name for path in folder.glob("[0-9]*")), key=int)
        assert names == [str(number) for number in range(len(names))]
        return [(folder / name).read_bytes() for name in names]

    def file(self, form: str) -> bytes:
        return (self.files.folder / self.keys[form]).read_bytes()


def decoded(content: bytes) -> np.ndarray:
    return soundfile.read(io.BytesIO(content), dtype="float32")[0]


@pytest.fixture(scope="module")
def unheard(tmp_path_factory):
    return Made(tmp_path_factory.mktemp("unheard"))


@pytest.fixture(scope="module")
def heard(tmp_path_factory):
    return Made(tmp_path_factory.mktemp("heard"), "mp3", "wav")


def test_the_files_are_the_same_whether_somebody_listens_or_not(heard, unheard):
    assert heard.outcome.facts["wav_sha256"] == unheard.outcome.facts["wav_sha256"]
    assert {form: heard.file(form) for form in heard.keys} == {form: unheard.file(form) for form in unheard.keys}


def test_nothing_is_made_for_nobody(unheard):
    assert not (unheard.files.folder / "live").exists()


@pytest.mark.parametrize("form", ["mp3", "wav"])
def test_what_is_heard_is_the_music_of_the_file_apart_by_a_gain(heard, form):
    segments = heard.segments(form)
    early, late = decoded(b"".join(segments)), decoded(heard.file(form))
    measured = heard.outcome.facts["measured"]
    off_db = measured["gain_db"] - measured[STREAM_GAIN]

    assert len(segments) == COUNT
    assert early.shape == late.shape == (DURATION_S * SAMPLE_RATE, 2)
    gain = float(np.vdot(early, late) / np.vdot(early, early))
    assert 20 * np.log10(gain) == pytest.approx(off_db, abs=1.0)
    mono = [one.sum(axis=1)[5 * SAMPLE_RATE :][: SAMPLE_RATE // 2].astype(np.float64) for one in (early, late)]
    lags = np.correlate(mono[1][100:-100], mono[0], "valid")
    assert lags.argmax() == 100, "to the sample"
    # The limiter and the glue of a master do a little more or less.
    tenths = [one[: len(one) // 4_410 * 4_410].reshape(-1, 4_410 * 2).astype(np.float64) for one in (early, late)]
    gains = (tenths[0] * tenths[1]).sum(axis=1) / np.square(tenths[0]).sum(axis=1).clip(1e-9)
    rest = tenths[1] - gains[:, np.newaxis] * tenths[0]
    assert 10 * np.log10(np.square(rest).sum() / np.square(tenths[1]).sum()) < -20
    assert np.ptp(20 * np.log10(gains[5:-20])) < 3


def test_the_first_segment_can_be_heard_by_itself(heard):
    first = decoded(heard.segments("mp3")[0])

    assert len(first) > 1.3 * SAMPLE_RATE
    assert np.abs(first[: SAMPLE_RATE // 2]).max() > 1e-3


@pytest.mark.parametrize("threads", [1, 2])
def test_who_comes_later_hears_the_same_from_the_beginning(heard, tmp_path, threads):
    blocks = []

    def come_late(made, said):
        if said.stage == "rendering":
            blocks.append(said)
            if len(blocks) == 3:
                made.ask("mp3")

    late = Made(tmp_path, threads=threads, hear=come_late)

    assert late.segments("mp3") == heard.segments("mp3")
    assert late.outcome.facts["wav_sha256"] == heard.outcome.facts["wav_sha256"]


def test_who_comes_when_it_is_nearly_made_gets_the_file(tmp_path):
    def come_too_late(made, said):
        if said.stage == "mastering":
            made.ask("mp3")

    assert not Made(tmp_path, hear=come_too_late).segments("mp3")


def test_it_is_told_as_soon_as_there_is_something_to_hear(heard):
    told = [said.facts["measured"] for said in heard.said if "measured" in said.facts]
    place = next(index for index, said in enumerate(heard.said) if "measured" in said.facts)

    assert told == [{STREAM_GAIN: heard.outcome.facts["measured"][STREAM_GAIN]}]
    assert sum(said.stage == "rendering" for said in heard.said[:place]) <= 4
    assert heard.said[place].stage == "rendering"
    assert [said.fraction for said in heard.said] == sorted(said.fraction for said in heard.said)


@pytest.mark.parametrize(
    "changes", [{"asked": Asked(loop=True)}, {"paced_until": datetime(2030, 1, 1, tzinfo=timezone.utc)}]
)
def test_a_loop_and_a_track_that_keeps_its_pace_are_heard_only_when_finished(tmp_path, changes):
    made = Made(tmp_path, "mp3", **changes)

    assert not made.segments("mp3")
    assert not any(STREAM_GAIN in said.facts.get("measured", {}) for said in made.said)


def test_a_store_that_takes_nothing_spoils_nothing(tmp_path, unheard, monkeypatch):
    def refuse(_self, _number, _content):
        raise StorageFailed("no room")

    monkeypatch.setattr(Segments, "write", refuse)

    made = Made(tmp_path, "mp3")

    assert made.outcome.facts["wav_sha256"] == unheard.outcome.facts["wav_sha256"]
    assert not [thread for thread in threading.enumerate() if thread.name.startswith(("preview", "segments"))]


def test_the_record_warns_of_a_gain_that_was_foretold_wrong(tmp_path, monkeypatch, heard):
    monkeypatch.setattr("app.services.engines.composer.expected_lufs", lambda _plan, _events: -30.0)

    made = Made(tmp_path, "mp3")
    off_db = made.outcome.facts["measured"]["gain_db"] - made.outcome.facts["measured"][STREAM_GAIN]

    assert abs(off_db) > MOST_OFF_DB
    assert made.outcome.facts["warnings"] == (told_off(off_db),)
    assert made.outcome.facts["wav_sha256"] == heard.outcome.facts["wav_sha256"]


def test_a_segment_is_a_block(heard):
    assert COUNT == -(-DURATION_S * SAMPLE_RATE // BLOCK_FRAMES)
    assert len(heard.segments("wav")[1]) == 6 * BLOCK_FRAMES
