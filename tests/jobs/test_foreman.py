"""What rarely happens: workers that die at an awkward moment, and a database that is away just then.

The dispatcher's parts are real but for the pool: its workers are pipes in the test's hands.
"""

import logging
import subprocess
import sys
import time
from concurrent.futures import Future
from contextlib import contextmanager
from types import SimpleNamespace

import pytest
from sqlalchemy import event
from sqlalchemy.engine import Engine

from app.errors import StorageFailed, TrackNotFound
from app.services.jobs.base import Outcome, Progress
from app.services.jobs.desk import Desk
from app.services.jobs.endings import Endings
from app.services.jobs.engine_floor import EngineFloor
from app.services.jobs.floor import Floor
from app.services.jobs.foreman import Foreman
from app.services.jobs.ledger import Ledger
from app.services.jobs.memory import TrackMemory
from app.services.jobs.pool import MOST_BROKEN, UNSEEN_S, PipedRun, WorkerPool
from app.services.jobs.worker import Began, Broke
from app.services.storage import TrackStore, WorkFolders
from app.utils.clock import FrozenClock
from tests.jobs.conftest import a_track


class Hands(WorkerPool):
    """A pool whose workers are the test."""

    def __init__(self):
        super().__init__(None, None, workers=2, timeout_s=60, settled=lambda run: None)
        self.given = []
        self.refuses = False
        self.stuck = False
        self._number = 1

    @property
    def broken(self):
        return self.stuck

    def hand(self, job, folder):
        if self.refuses:
            raise RuntimeError("no process can be had")
        run = PipedRun(job, folder, self, timeout_s=self.timeout_s, pool=self._number)
        run.task = Future()
        self.given.append(run)
        return run

    def start_anew(self):
        self._number += 1
        self._broken += 1


class Quiet:
    """A janitor, and those he reports to."""

    def carry_out(self, removal, then=lambda: None):
        then()

    def clear(self, folder):
        pass


class Moody(TrackStore):
    """A database that is away when told so."""

    away = False
    #: Transactions begun.
    begun = 0

    @contextmanager
    def transaction(self, *, durable=True):
        if self.away:
            raise StorageFailed("the disk is away")
        self.begun += 1
        with super().transaction(durable=durable) as changes:
            yield changes


@pytest.fixture
def floor(tmp_path):
    store = Moody(tmp_path / "music.db")
    yield Floor(
        clock=FrozenClock(),
        store=store,
        folders=WorkFolders(tmp_path / "work"),
        memory=TrackMemory(),
        ledger=Ledger(store),
        janitor=Quiet(),
        removals=Quiet(),
        engines=EngineFloor(None, timeout_s=60),
    )
    store.close()


@pytest.fixture
def team(floor):
    pool = Hands()
    foreman = Foreman(floor, pool, Endings(floor, max_attempts=3), workers=2)
    desk = Desk(floor, foreman, workers=2, max_queue=10)

    def turn():
        foreman.listen()
        foreman.note()
        foreman.hand_out()
        floor.ledger.commit()

    def submit(**changes):
        answer = Future()
        desk.submit(a_track(**changes), answer)
        floor.ledger.commit()
        return answer.result(0)

    with subprocess.Popen([sys.executable, "-c", ""]) as nobody:
        nobody.wait()
    yield SimpleNamespace(
        pool=pool, foreman=foreman, desk=desk, turn=turn, submit=submit, floor=floor, nobody=nobody.pid
    )
    for run in pool.given:
        run.close()


def die(run):
    run.writer.close()


def begin(team, run, worker="1-a"):
    run.writer.send(Began(worker=worker, pid=team.nobody))
    said = run.writer
    run._writer = SimpleNamespace(close=lambda: None)  # a process of its own would hold the other end now
    team.turn()
    run._writer = said


def test_a_lone_track_is_accepted_and_begun_by_one_commit_and_two_statements(team):
    first = team.submit()  # makes the tables
    team.turn()
    team.desk.cancel(first.id, Future())
    team.turn()
    team.pool.given.clear()
    answer, said = Future(), []

    def note(_connection, _cursor, statement, *_):
        said.append(statement)

    before = team.floor.store.begun
    event.listen(Engine, "before_cursor_execute", note)
    try:
        team.desk.submit(a_track(), answer)
        team.turn()
    finally:
        event.remove(Engine, "before_cursor_execute", note)

    assert team.floor.store.begun - before == 1
    assert [" ".join(statement.split()[:3]) for statement in said[1:]] == ["INSERT INTO tracks", "INSERT INTO jobs"]
    (run,) = team.pool.given
    assert run.job.track.id == answer.result(0).id
    assert answer.result(0).stage == "queued"
    assert team.floor.memory.get(run.job.track.id).started_at is not None
    stored = team.floor.store.get(run.job.track.id)
    assert (stored.started_at, stored.attempt) == (team.floor.clock.now(), 1)
    begin(team, run)
    run.writer.send(Outcome(files=()))
    team.turn()
    assert team.floor.store.get(run.job.track.id).status == "completed"


def test_what_could_not_be_accepted_is_not_begun_and_leaves_no_trace(team):
    refused, taken = Future(), Future()
    team.desk.submit(a_track(model=None), refused)  # the database takes none without
    team.desk.submit(a_track(), taken)
    team.turn()

    assert isinstance(refused.exception(0), StorageFailed)
    assert team.pool.given == []
    team.foreman._not_before = 0.0
    team.turn()
    assert [run.job.track.id for run in team.pool.given] == [taken.result(0).id]
    assert team.floor.line.count("") == 0


@pytest.mark.parametrize("accepted_before", [True, False])
def test_what_was_to_begin_waits_again_where_the_commit_fails_before_it(team, caplog, accepted_before):
    answer = Future()
    team.desk.submit(a_track(), answer)
    if accepted_before:
        team.floor.ledger.commit()
    team.floor.ledger.write(lambda changes: 1 / 0)
    team.turn()
    track = answer.result(0)
    assert team.pool.given == []
    assert team.floor.store.get(track.id).started_at is None
    assert team.floor.line.position(team.floor.renders[track.id]) == 1
    assert "Work cannot begin" in caplog.text

    team.foreman._not_before = 0.0
    team.turn()
    assert [run.job.run for run in team.pool.given] == [1]


def test_a_neighbour_of_one_who_was_ended_is_not_to_blame(team):
    first, second = team.submit(), team.submit()
    team.turn()
    one, two = team.pool.given
    begin(team, one, "1-a")
    begin(team, two, "1-a")  # the worker had just left the first
    team.desk.cancel(first.id, Future())
    die(two)
    team.turn()

    now = team.floor.memory.get(second.id)
    assert (now.status, now.attempt) == ("processing", 1)
    assert [run.job.run for run in team.pool.given if run.job.track.id == second.id] == [1, 2]


def test_a_death_that_nobody_saw_is_noticed_after_a_while(team, monkeypatch):
    track = team.submit()
    team.turn()
    (run,) = team.pool.given
    begin(team, run)
    run.deadline = time.monotonic()
    team.turn()
    assert run.late
    assert not run.over

    run.deadline -= UNSEEN_S
    team.turn()

    assert run.over
    assert [run.job.run for run in team.pool.given] == [1, 2]
    assert team.floor.memory.get(track.id).attempt == 2


def test_a_job_that_no_worker_takes_up_gets_a_new_pool_and_costs_nothing_at_first(team):
    track = team.submit()
    attempts = []
    while not team.floor.memory.get(track.id).finished:
        team.turn()
        attempts.append(team.floor.memory.get(track.id).attempt)
        team.pool.given[-1].deadline = time.monotonic()
        team.turn()

    assert attempts == [1] * MOST_BROKEN + [2, 3]
    assert team.floor.memory.get(track.id).error == "The render crashed three times and was given up"


def test_a_job_left_in_a_broken_pool_is_handed_to_the_next(team):
    team.submit()
    team.turn()
    assert team.foreman.wait_s() <= 1
    team.pool.stuck = True
    team.foreman.listen()
    team.pool.stuck = False
    team.turn()

    assert [run.over for run in team.pool.given] == [True, False]
    assert team.pool.given[1].job.track.attempt == 1


def test_a_pool_that_was_started_anew_leaves_its_runs_without_blame(team):
    track = team.submit()
    team.turn()
    (run,) = team.pool.given
    begin(team, run)
    team.pool.start_anew()
    die(run)
    team.turn()

    assert team.floor.memory.get(track.id).attempt == 1
    assert len(team.pool.given) == 2


def test_a_run_that_the_pool_gave_up_is_over_though_its_pipe_is_open(team):
    track = team.submit()
    team.turn()
    (run,) = team.pool.given
    begin(team, run)
    team.foreman.settled(run)
    team.floor.ledger.commit()

    assert run.over
    assert team.floor.memory.get(track.id).stage == "queued"


def test_when_no_process_can_be_had_the_work_waits(team, monkeypatch):
    track = team.submit()
    team.pool.refuses = True
    team.turn()
    team.turn()
    assert team.pool.given == []
    assert team.foreman.wait_s() <= 1

    team.pool.refuses = False
    monkeypatch.setattr(team.foreman, "_not_before", 0.0)
    team.turn()

    assert len(team.pool.given) == 1
    assert team.floor.memory.get(track.id).attempt == 1


def test_when_the_database_is_away_work_waits(team, monkeypatch):
    track = team.submit()
    team.floor.store.away = True
    team.turn()
    assert team.pool.given == []
    assert team.floor.line.position(team.floor.renders[track.id]) == 1

    team.floor.store.away = False
    monkeypatch.setattr(team.foreman, "_not_before", 0.0)
    team.turn()

    assert len(team.pool.given) == 1


def test_a_form_of_a_track_that_vanished_from_the_database_is_not_found(team):
    track = team.submit()
    team.turn()
    (run,) = team.pool.given
    begin(team, run)
    run.writer.send(Outcome(files=(), facts={"on_demand": ("ogg",)}))
    team.turn()
    answer = Future()
    team.desk.make_file(track.id, "ogg", answer)
    with team.floor.store.transaction() as changes:
        changes.delete_track(track.id)
    team.turn()
    team.turn()

    with pytest.raises(TrackNotFound):
        answer.result(0)


def test_an_encoding_that_makes_nothing_says_so(team):
    track = team.submit()
    team.turn()
    begin(team, team.pool.given[-1])
    team.pool.given[-1].writer.send(Outcome(files=(), facts={"on_demand": ("ogg",)}))
    team.turn()
    answer = Future()
    team.desk.make_file(track.id, "ogg", answer)
    team.turn()
    begin(team, team.pool.given[-1])
    team.pool.given[-1].writer.send(Progress(stage="encoding", fraction=0.5))
    team.pool.given[-1].writer.send(Outcome(files=()))
    team.turn()

    assert str(answer.exception(0)) == "The encoding made no ogg"
    assert team.floor.memory.get(track.id).progress == 100


class Riddle:
    """Cannot be read back."""

    def __reduce__(self):
        return _unreadable, ()


def _unreadable():
    raise ValueError("nobody can read this")


def test_what_cannot_be_read_counts_as_an_error_of_the_job(team, caplog):
    team.submit()
    team.turn()
    (run,) = team.pool.given
    begin(team, run)
    run.writer.send(Riddle())
    team.turn()

    assert "nobody can read this" in caplog.text
    assert run.over


def test_news_of_a_run_that_nobody_wants_is_not_heard(team):
    track = team.submit()
    team.turn()
    (run,) = team.pool.given
    begin(team, run)
    answer = Future()
    team.desk.cancel(track.id, answer)
    run.writer.send(Progress(stage="encoding", fraction=0.9))
    run.writer.send(Outcome(files=()))
    team.turn()

    assert answer.result(0).progress == 0
    assert team.floor.memory.get(track.id) == answer.result(0)


def test_progress_never_falls_and_is_100_only_with_completion(team):
    track = team.submit()
    team.turn()
    shown = []
    for fraction in (0.6, 0.3, 1.0):
        if fraction == 0.3:  # a second run begins from its start
            die(team.pool.given[-1])
            team.turn()
        begin(team, team.pool.given[-1])
        team.pool.given[-1].writer.send(Progress(stage="rendering", fraction=fraction))
        team.turn()
        shown.append(team.floor.memory.get(track.id).progress)
    assert shown == [60, 60, 99]

    team.pool.given[-1].writer.send(Outcome(files=()))
    team.turn()
    assert team.floor.memory.get(track.id).progress == 100


def test_a_taken_back_run_without_a_worker_takes_no_workers_time(team):
    first, *_ = [team.submit() for _ in range(3)]
    team.turn()
    assert len(team.pool.given) == 2
    team.desk.cancel(first.id, Future())
    team.turn()

    assert len(team.pool.given) == 3


def test_a_change_that_can_never_be_written_is_dropped_and_the_rest_is_written(team, caplog):
    ledger, written = team.floor.ledger, []
    ledger.write(lambda changes: 1 / 0)
    ledger.write(lambda changes: changes.drop_job("none"), lambda _: written.append(True))

    ledger.commit()

    assert written == [True]
    assert ledger.clear
    assert "can never be written" in caplog.text


def test_an_error_in_what_follows_a_change_stops_nothing(team, caplog):
    ledger, written = team.floor.ledger, []
    ledger.write(lambda changes: None, lambda _: 1 / 0)
    ledger.write(lambda changes: None, lambda _: written.append(True))

    ledger.commit()

    assert written == [True]
    assert any(record.levelno == logging.ERROR for record in caplog.records)


def test_changes_that_wait_for_the_database_keep_their_order(team, monkeypatch):
    ledger, written, store = team.floor.ledger, [], team.floor.store
    fails = [True]

    def first(changes):
        if fails[0]:
            changes._connection.exec_driver_sql("INSERT INTO nowhere VALUES (1)")

    ledger.write(first, lambda _: written.append("first"))
    ledger.write(lambda changes: None, lambda _: written.append("second"))
    ledger.commit()
    assert written == []
    assert 0 < ledger.wait_s <= 1

    fails[0] = False
    ledger.commit()
    assert written == []  # not before the time is up
    monkeypatch.setattr(ledger, "_not_before", 0.0)
    ledger.commit()

    assert written == ["first", "second"]
    assert ledger.wait_s is None
    assert store.page().tracks == ()


def test_an_unforeseen_error_is_not_charged_to_the_next_track(team):
    first, second = team.submit(), team.submit()
    team.turn()
    for run in list(team.pool.given):
        begin(team, run, worker=f"{run.job.track.id}")
    team.pool.given[0].writer.send(Broke(traceback="oh"))
    team.turn()

    assert team.floor.memory.get(first.id).attempt == 2
    assert team.floor.memory.get(second.id).attempt == 1
