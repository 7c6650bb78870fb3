"""The finetuner: what is accepted is learned from, once, whatever dies meanwhile."""

import os
import secrets
import signal
from dataclasses import replace
from datetime import datetime, timezone
from functools import partial
from io import BytesIO

import pytest

from app.errors import Busy, FinetuneAlreadyFinished, FinetuneNotFound, InvalidField, NameTaken, StorageFailed
from app.models.finetune import Finetune
from app.services.jobs import finetuner as finetuning
from app.services.jobs.finetuner import Finetuner
from app.services.storage import LessonFiles, TrackStore
from app.utils.clock import SystemClock
from tests.jobs.conftest import until
from tests.jobs.lessons import STYLE, body


def a_finetune(name, files=("a.mid", "b.mid")):
    return Finetune(
        id=f"finetune_{secrets.token_hex(8)}", name=name, base="composer", style=None, strength=0.8, seed=1,
        files=files, created_at=datetime.now(timezone.utc),
    )  # fmt: skip


class School:
    """A finetuner and its folder."""

    def __init__(self, folder, *, timeout_s=60.0):
        self.folder = folder
        self.files = LessonFiles(folder / "finetunes")
        self.store = TrackStore(folder / "music.db")
        self.tuner = Finetuner(
            self.store, self.files, partial(body, str(folder)), timeout_s=timeout_s, clock=SystemClock()
        )
        self.tuner.start()

    def submit(self, name):
        return self.tuner.submit(a_finetune(name), [BytesIO(b"one "), BytesIO(b"two")])

    def done(self, finetune):
        return until(lambda: (now := self.tuner.get(finetune.id)).finished and now)

    def begun(self, finetune):
        return until(lambda: (now := self.tuner.get(finetune.id)).progress == 25 and now)

    def runs(self):
        path = self.folder / "runs"
        return [line.split() for line in path.read_text().splitlines()] if path.exists() else []

    def uploads(self):
        folder = self.folder / "finetunes" / "uploads"
        return [path.name for path in folder.iterdir()] if folder.exists() else []

    def styles(self):
        return sorted(path.name for path in self.files.styles.glob("*"))

    def close(self):
        self.tuner.stop()
        self.store.close()


@pytest.fixture
def school(tmp_path):
    school = School(tmp_path)
    yield school
    school.close()


def test_files_are_learned_from_and_let_go(school):
    made = school.done(school.submit("succeed"))

    assert (made.status, made.stage, made.progress, made.error) == ("completed", "completed", 100, None)
    assert made.learned == {"said": "one two"}
    assert [(file.file, file.reason) for file in made.skipped] == [("b.mid", "is empty")]
    assert made.started_at <= made.finished_at
    assert school.styles() == [f"succeed.{STYLE}.json"]
    assert school.uploads() == []


def test_they_are_made_one_after_the_other_in_order(school):
    finetunes = [school.submit(name) for name in ("wait-1", "wait-2", "succeed")]
    school.begun(finetunes[0])
    assert school.tuner.get(finetunes[1].id).stage == "queued"

    (school.folder / "go").touch()
    made = [school.done(one) for one in finetunes]

    assert [one.status for one in made] == ["completed"] * 3
    assert [run[0] for run in school.runs()] == [one.id for one in finetunes]
    assert [one.id for one in school.tuner.page()[0]] == [one.id for one in finetunes[::-1]]


def test_a_reason_to_show_is_shown_at_once(school):
    made = school.done(school.submit("refuse"))

    assert (made.status, made.stage, made.attempt) == ("failed", "failed", 1)
    assert made.error == "Nothing could be learned: a.mid is empty"
    assert (school.styles(), school.uploads()) == ([], [])


@pytest.mark.parametrize("name", ["die", "break"])
def test_what_crashes_is_tried_three_times(school, name):
    made = school.done(school.submit(name))

    assert (made.status, made.attempt) == ("failed", 3)
    assert made.error == "The learning crashed 3 times and was given up"
    assert len(school.runs()) == 3
    assert school.done(school.submit("succeed")).status == "completed"


def test_what_does_not_get_on_is_ended(tmp_path):
    school = School(tmp_path, timeout_s=0.1)
    made = school.done(school.submit("wait"))
    school.close()

    assert (made.status, made.attempt) == ("failed", 3)


def test_work_is_cancelled_running_and_waiting(school):
    running, waiting = school.submit("wait-1"), school.submit("wait-2")
    school.begun(running)

    assert school.tuner.cancel(running.id).stage == "cancelled"
    assert school.tuner.cancel(waiting.id).stage == "cancelled"

    assert school.tuner.cancel(running.id).error == "Cancelled"
    assert len(school.runs()) == 1
    with pytest.raises(ProcessLookupError):
        os.kill(int(school.runs()[0][1]), 0)
    assert school.uploads() == []


def test_a_finished_one_is_not_cancelled_but_removed_with_its_style(school):
    made = school.done(school.submit("succeed"))
    with pytest.raises(FinetuneAlreadyFinished, match="already finished"):
        school.tuner.cancel(made.id)

    school.tuner.delete(made.id)

    assert school.styles() == []
    with pytest.raises(FinetuneNotFound):
        school.tuner.get(made.id)


def test_an_adapter_is_kept_beside_its_base_and_removed_with_its_fine_tune(school):
    wish = replace(a_finetune("train"), base="musicgen-small")
    made = school.done(school.tuner.submit(wish, [BytesIO(b"one "), BytesIO(b"two")]))

    kept = school.files.adapters / "musicgen-small" / "train" / "base.json"
    assert (made.status, kept.read_text(), school.uploads(), school.styles()) == ("completed", "one two", [], [])
    school.tuner.delete(made.id)
    assert not kept.parent.exists()


def test_one_in_work_is_ended_before_it_is_removed(school):
    running = school.submit("wait")
    school.begun(running)

    school.tuner.delete(running.id)

    with pytest.raises(FinetuneNotFound):
        school.tuner.get(running.id)
    assert school.uploads() == []


def test_what_does_not_end_in_time_is_not_removed_yet(school, monkeypatch):
    running = school.submit("wait")
    school.begun(running)
    monkeypatch.setattr(finetuning, "_ENDS_WITHIN_S", 0.0)

    with pytest.raises(Busy, match="still being ended"):
        school.tuner.delete(running.id)

    assert school.done(running).stage == "cancelled"
    school.tuner.delete(running.id)
    assert school.tuner.page()[0] == ()


def test_a_name_is_had_once_unless_it_failed(school):
    first = school.done(school.submit("succeed"))
    with pytest.raises(NameTaken, match=first.id):
        school.submit("succeed")
    assert school.uploads() == []

    school.done(school.submit("refuse"))
    assert school.done(school.submit("refuse")).status == "failed"


def test_what_was_accepted_outlives_a_stop_at_no_cost(tmp_path):
    school = School(tmp_path)
    running, waiting = school.submit("wait-1"), school.submit("wait-2")
    school.begun(running)
    school.close()
    (tmp_path / "finetunes" / "uploads" / "finetune_of_nobody").mkdir()
    (tmp_path / "go").touch()

    again = School(tmp_path)
    made = [again.done(one) for one in (running, waiting)]
    again.close()

    assert [(one.status, one.attempt) for one in made] == [("completed", 1)] * 2
    assert again.uploads() == []


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="Windows has no SIGKILL")
def test_a_killed_process_costs_one_run_of_three(school):
    running = school.submit("wait")
    school.begun(running)
    os.kill(int(school.runs()[0][1]), signal.SIGKILL)
    until(lambda: len(school.runs()) == 2)
    (school.folder / "go").touch()

    made = school.done(running)

    assert (made.status, made.attempt) == ("completed", 2)


def test_too_many_may_not_wait(school, monkeypatch):
    monkeypatch.setattr(finetuning, "MAX_WAITING", 1)
    school.submit("wait")

    with pytest.raises(Busy, match="waiting already"):
        school.submit("succeed")


def test_a_disk_that_refuses_takes_nothing_in(school, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("app.services.storage.lessons.write_sent", full)
    with pytest.raises(StorageFailed, match="no space is left"):
        school.submit("succeed")

    assert school.uploads() == []
    assert school.tuner.page()[0] == ()


def test_pages_go_on_where_the_last_one_ended(school):
    made = [school.done(school.submit(f"refuse-{number}")) for number in range(3)]

    first, following = school.tuner.page(limit=2)
    rest, end = school.tuner.page(limit=2, cursor=following)

    assert [one.id for one in (*first, *rest)] == [one.id for one in made[::-1]]
    assert end is None
    assert school.tuner.page(status="completed")[0] == ()
    with pytest.raises(InvalidField):
        school.tuner.page(cursor="x")
