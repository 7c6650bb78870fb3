"""What a worker does with a job, told through its pipe. Here the worker is the test's own process."""

import os
import signal
from contextlib import suppress
from multiprocessing import Pipe

import pytest

from app.errors import InvalidField, TrackNotFound
from app.services.jobs import worker
from app.services.jobs.base import Job, Outcome, Progress
from app.services.jobs.worker import Began, Broke, Refused, do
from tests.jobs.conftest import a_track


@pytest.fixture
def done(tmp_path, monkeypatch):
    """Does a job with a body; what was said."""
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, worker.KILL)}
    monkeypatch.setattr(worker._Bench, "name", "1-a", raising=False)

    def run(body):
        monkeypatch.setattr(worker._Bench, "body", staticmethod(body), raising=False)
        reader, writer = Pipe(duplex=False)
        do(Job(kind="render", track=a_track(), run=1), tmp_path / "work", writer)
        said = []
        with reader, suppress(EOFError):
            while True:
                said.append(reader.recv())
        return said

    yield run
    for number, action in before.items():
        signal.signal(number, action)


def test_a_job_begins_goes_on_and_ends_in_a_folder_of_its_own(done):
    progress, outcome = Progress(stage="rendering", fraction=0.5), Outcome(files=())

    def body(job, work, report):
        assert list(work.iterdir()) == []
        report(progress)
        return outcome

    assert done(body) == [Began(worker="1-a", pid=os.getpid()), progress, outcome]


@pytest.mark.parametrize("error", [TrackNotFound("track_1"), InvalidField("seed", "must be a number", kind="x")])
def test_errors_with_a_reason_arrive_as_they_were_raised(done, error):
    def body(job, work, report):
        raise error

    (_, said) = done(body)

    assert isinstance(said, Refused)
    arrived = said.error()
    assert type(arrived) is type(error)
    assert str(arrived) == str(error)
    assert vars(arrived) == vars(error)


def test_unforeseen_errors_arrive_with_their_traceback(done):
    (_, said) = done(lambda job, work, report: 1 / 0)

    assert isinstance(said, Broke)
    assert "ZeroDivisionError" in said.traceback
    assert "test_worker.py" in said.traceback


@pytest.mark.parametrize("facts", [{"status": "completed"}, {"plan": {1, 2}}])
def test_facts_that_the_database_would_refuse_are_found_where_they_are_made(done, facts):
    (_, told) = done(lambda job, work, report: report(Progress(stage="planning", fraction=0.1, facts=facts)))
    (_, ended) = done(lambda job, work, report: Outcome(files=(), facts=facts))

    assert isinstance(told, Broke)
    assert isinstance(ended, Broke)


def test_a_result_that_cannot_be_sent_is_an_error(done):
    (_, said) = done(lambda job, work, report: Outcome(files=(lambda: 1,)))

    assert isinstance(said, Broke)


def test_a_worker_at_rest_leaves_in_order_and_one_at_work_dies_at_once(done):
    seen = []

    def body(job, work, report):
        seen.extend([signal.getsignal(signal.SIGTERM), signal.getsignal(worker.KILL)])
        return Outcome(files=())

    done(body)

    assert seen == [signal.SIG_DFL, signal.SIG_DFL]
    assert signal.getsignal(worker.KILL) == signal.SIG_IGN
    with pytest.raises(SystemExit):
        signal.getsignal(signal.SIGTERM)(signal.SIGTERM, None)
