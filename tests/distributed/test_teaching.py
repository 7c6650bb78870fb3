"""Fine-tunes where many machines teach: whoever takes one, it is learned once, and every node has what was learned."""

import secrets
from dataclasses import replace
from datetime import datetime, timezone
from functools import partial
from io import BytesIO

import pytest

from app.config import Settings
from app.errors import FinetuneAlreadyFinished, FinetuneNotFound, NameTaken
from app.models.finetune import Finetune
from app.services.jobs.shared_finetuner import SharedFinetuner
from app.services.jobs.teacher import Teacher
from app.services.storage import AudioFiles, LessonFiles, TrackStore
from app.services.storage.deliveries import left, removals, seen
from app.services.storage.folders import WorkFolders
from app.services.storage.taught import TaughtFiles
from app.upkeep import move_in
from app.utils.clock import SystemClock
from tests.distributed.conftest import ask, finished
from tests.jobs import lessons
from tests.jobs.conftest import until
from tests.jobs.lessons import STYLE
from tests.learning.corpora import jig

pytestmark = pytest.mark.distributed


def a_finetune(name, base="composer"):
    return Finetune(
        id=f"finetune_{secrets.token_hex(8)}", name=name, base=base, style=None, strength=0.8, seed=1,
        files=("a.mid", "b.mid"), created_at=datetime.now(timezone.utc),
    )  # fmt: skip


class Node:
    """A machine of its own, with both sides: what an API node asks, and what a worker does."""

    def __init__(self, school, name):
        self.id = name
        self.store = TrackStore(school.address)
        self.own = LessonFiles(school.folder / name / "finetunes")
        files = TaughtFiles(AudioFiles(school.audio), self.own)
        self.desk = SharedFinetuner(self.store, files, SystemClock())
        self.teacher = Teacher(
            self.store, files, WorkFolders(school.folder / name / "work"), partial(lessons.body, str(school.folder)),
            bases=["composer", "musicgen-small"], timeout_s=60.0, stale_s=60.0, clock=SystemClock(),
        )  # fmt: skip

    def teach(self):
        with self.store.transaction() as changes:
            seen(changes.connection, self.id, self.id, ["composer"], 1)
        self.teacher.start(self.id)

    def vanish(self):
        """What others see of a machine that is cut off."""
        with self.store.transaction() as changes:
            left(changes.connection, self.id)

    def submit(self, name, base="composer"):
        return self.desk.submit(a_finetune(name, base), [BytesIO(b"one "), BytesIO(b"two")])

    def done(self, finetune):
        return until(lambda: (now := self.desk.get(finetune.id)).finished and now)

    def styles(self):
        self.desk.bring()
        return sorted(path.name for path in self.own.styles.glob("*"))


class School:
    """Two machines that share a database and a place for files, and nothing else."""

    def __init__(self, cluster, folder):
        self.folder = folder
        self.audio = folder / "shared" / "audio"
        self.address = cluster.database()
        TrackStore(self.address).migrate()
        self.one, self.other = Node(self, "one"), Node(self, "other")

    def runs(self):
        path = self.folder / "runs"
        return len(path.read_text().splitlines()) if path.exists() else 0

    def kept(self):
        """Files of fine-tunes that all reach."""
        found = [path for kind in ("lessons", "taught") for path in (self.audio / kind).rglob("*")]
        return sorted(path.relative_to(self.audio).as_posix() for path in found if path.is_file())

    def owed(self):
        with self.one.store.transaction() as changes:
            return [(removal.subject_id, removal.run) for removal in removals(changes.connection)]

    def end(self):
        for node in (self.one, self.other):
            node.teacher.stop()
            node.store.close()


@pytest.fixture
def school(cluster, tmp_path):
    school = School(cluster, tmp_path)
    yield school
    school.end()


def test_what_one_machine_accepts_another_teaches_and_all_have(school):
    wish = school.one.submit("succeed")
    assert school.kept() == [f"lessons/{wish.id}/0000", f"lessons/{wish.id}/0001"]
    school.other.teach()

    made = school.one.done(wish)

    assert (made.status, made.stage, made.progress, made.attempt) == ("completed", "completed", 100, 1)
    assert made.learned == {"said": "one two"}
    assert school.one.styles() == school.other.styles() == [f"succeed.{STYLE}.json"]
    until(lambda: school.kept() == [f"taught/{wish.id}/1/succeed.{STYLE}.json"])


def test_what_is_removed_on_one_machine_is_gone_on_all(school):
    school.one.teach()
    wish = school.one.submit("succeed")
    school.one.done(wish)
    assert school.other.styles()

    school.other.desk.delete(wish.id)

    assert school.one.styles() == school.other.styles() == []
    assert (wish.id, 0) in school.owed()
    with pytest.raises(FinetuneNotFound):
        school.one.desk.get(wish.id)


def test_an_adapter_is_brought_whole_and_replaced_by_one_of_its_name(school):
    school.one.teach()
    first = school.one.submit("train", "musicgen-small")
    school.one.done(first)
    for node in (school.one, school.other):
        node.desk.bring()
        assert (node.own.adapters / "musicgen-small" / "train" / "base.json").read_text() == "one two"
    school.one.desk.delete(first.id)
    again = school.one.desk.submit(a_finetune("train", "musicgen-small"), [BytesIO(b"three "), BytesIO(b"four")])
    school.one.done(again)

    school.other.desk.bring()

    assert (school.other.own.adapters / "musicgen-small" / "train" / "base.json").read_text() == "three four"


def test_one_whose_machine_vanished_is_taught_by_another_and_costs_no_attempt(school):
    wish = school.one.submit("wait")
    school.one.teach()
    until(lambda: school.runs() == 1)

    school.one.vanish()
    school.other.teach()
    until(lambda: school.runs() == 2)
    (school.folder / "go").touch()
    made = school.one.done(wish)

    assert (made.status, made.attempt) == ("completed", 1)
    until(lambda: school.kept() == [f"taught/{wish.id}/2/wait.{STYLE}.json"] or (wish.id, 1) in school.owed())
    assert school.one.styles() == [f"wait.{STYLE}.json"]


@pytest.mark.parametrize("name", ["die", "break"])
def test_what_crashes_is_tried_three_times(school, name):
    school.one.teach()

    made = school.other.done(school.other.submit(name))

    assert (made.status, made.attempt, school.runs()) == ("failed", 3, 3)
    assert made.error == "The learning crashed 3 times and was given up"


def test_a_reason_to_show_is_shown_at_once(school):
    school.one.teach()

    made = school.other.done(school.other.submit("refuse"))

    assert (made.status, made.error) == ("failed", "Nothing could be learned: a.mid is empty")
    assert school.runs() == 1


def test_another_machine_cancels_what_is_being_taught(school):
    school.one.teach()
    wish = school.one.submit("wait")
    until(lambda: school.runs() == 1)

    ended = school.other.desk.cancel(wish.id)

    assert (ended.status, ended.stage, ended.error) == ("failed", "cancelled", "Cancelled")
    assert school.other.desk.cancel(wish.id) == ended
    following = school.other.submit("succeed")  # the teacher is free again, though nobody said go
    assert school.one.done(following).status == "completed"
    with pytest.raises(FinetuneAlreadyFinished):
        school.one.desk.cancel(following.id)
    assert school.one.desk.get(wish.id) == ended


def test_a_machine_that_stops_hands_back_what_it_teaches(school):
    school.one.teach()
    wish = school.one.submit("wait")
    until(lambda: school.runs() == 1)

    school.one.teacher.stop()

    waiting = school.other.desk.get(wish.id)
    assert (waiting.status, waiting.stage, waiting.attempt) == ("processing", "queued", 0)
    (school.folder / "go").touch()
    school.other.teach()
    assert (made := school.other.done(wish)).status == "completed"
    assert made.attempt == 1


def test_a_name_is_given_once_whichever_machine_is_asked(school):
    school.one.submit("wait")

    with pytest.raises(NameTaken):
        school.other.submit("wait")

    assert len(school.kept()) == 2


def test_a_moved_installation_brings_its_models_and_what_is_still_to_be_learned(school, installation, tmp_path):
    old = LessonFiles(tmp_path / "old" / "finetunes")
    store = TrackStore(tmp_path / "old" / "music.db")
    done, waiting = a_finetune("succeed"), a_finetune("later")
    old.keep_style(f"succeed.{STYLE}.json", "{}")
    old.take_in(waiting.id, [BytesIO(b"one "), BytesIO(b"two")])
    with store.transaction() as changes:
        changes.add_finetune(done)
        changes.add_finetune(waiting)
    with store.transaction() as changes:
        changes.keep_finetune(replace(done, status="completed", stage="completed", progress=100, learned={}))
    store.close()

    settings = Settings(
        data_dir=tmp_path / "new", database_url=installation.address, storage_url=f"file://{school.audio}"
    )
    move_in(settings, tmp_path / "old")

    school.address = installation.address
    here = Node(school, "here")
    assert here.styles() == [f"succeed.{STYLE}.json"]
    here.teach()
    assert here.done(waiting).learned == {"said": "one two"}
    assert here.styles() == [f"later.{STYLE}.json", f"succeed.{STYLE}.json"]
    here.teacher.stop()
    here.store.close()


def test_a_model_taught_through_one_node_makes_music_through_another(installation, s3_server, tmp_path):
    bucket = {**s3_server.environment, "MUSIC_STORAGE_URL": f"s3://{s3_server.bucket()}/music"}
    one, other = installation.server(**bucket), installation.server(**bucket)
    installation.worker(**bucket, MUSIC_DATA_DIR=str(tmp_path / "worker"))
    tunes = [("files", (f"{seed}.mid", jig(seed))) for seed in range(2)]

    accepted = one.client.post("/music/finetunes", data={"name": "my-band"}, files=tunes)
    assert accepted.status_code == 200, accepted.text
    path = f"/music/finetunes/{accepted.json()['finetune_id']}"
    made = installation.until(lambda: (record := other.client.get(path).json())["status"] != "processing" and record)

    assert made["status"] == "completed", made
    assert "composer:my-band" in [model["name"] for model in one.client.get("/music/models").json()["models"]]
    track_id = ask(other, model="composer:my-band")
    track = one.wait_for(track_id, finished)
    assert track["status"] == "completed", track
    assert track["plan"]["style"] == made["learned"]["style"]
    assert other.client.delete(path).status_code == 204
    refused = one.client.post("/music/generate", json={"prompt": "calm", "model": "composer:my-band"})
    assert refused.status_code == 422
