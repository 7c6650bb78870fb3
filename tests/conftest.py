"""What every test starts from: no settings but the defaults, everything kept below a temporary folder."""

import gc
import os
import re
import sqlite3
import sys
import threading
import warnings
from collections import Counter
from contextlib import closing
from pathlib import Path

import pytest

with warnings.catch_warnings():
    # Newer Starlettes would rather have httpx2, which is young; the first import is the one that says so.
    warnings.simplefilter("ignore")
    from fastapi.testclient import TestClient

from app.config import Settings
from app.main import create_app
from tests.fakes import FakeService

#: Looking for rubbish among modules and thousands of tests that all stay would take a tenth of the time.
gc.disable()

#: Files whose tests start servers and wait for them, the longest first.
LONGEST = (
    "test_twenty_kills.py",
    "test_kill.py",
    "test_integration.py",
    "test_examples.py",
    "test_services.py",
    "test_music.py",
    "test_performance.py",
)


#: Each threat, and the test that shows what stops it.
THREATS = Path(__file__).resolve().parents[1] / "docs" / "security.md"

#: Coverage follows so many cases of a test that is run for every style, every instrument, every bad input: it doubles
#: their time, and the others reach the same lines.
COUNTED_CASES = 6


@pytest.hookimpl(optionalhook=True)  # without pytest-xdist there are no workers
def pytest_xdist_setupnodes():
    """pytest-cov follows the tests' own processes, which begin now; coverage, told to, would follow them once more."""
    for name in [name for name in os.environ if name.startswith("COVERAGE_PROCESS")]:
        del os.environ[name]


@pytest.hookimpl(wrapper=True, trylast=True)  # the innermost: pytest-cov puts the files together after the loop
def pytest_runtestloop(session):
    """Tests kill processes, some while they write down which lines they ran: a torn file would end everything."""
    outcome = yield
    if not hasattr(session.config, "workerinput"):
        base = session.config.rootpath / os.environ.get("COVERAGE_FILE", ".coverage")
        for path in base.parent.glob(f"{base.name}.*"):
            if not is_whole(path):
                path.unlink()
    return outcome


def is_whole(path: Path) -> bool:
    """Whether a database can be read to its end."""
    try:
        with closing(sqlite3.connect(path)) as connection:
            return connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    except sqlite3.DatabaseError:
        return False


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item):
    """Nobody follows the lines of an `uncounted` test. pytest-cov's own mark ends one of the two that it has set."""
    if item.get_closest_marker("uncounted") is None:
        return (yield)
    here, there = sys.gettrace(), threading.gettrace()
    sys.settrace(None)
    threading.settrace(None)
    try:
        return (yield)
    finally:
        sys.settrace(here)
        threading.settrace(there)


def pytest_collection_finish():
    """What is there by now stays: rubbish is looked for in what comes after it."""
    gc.freeze()
    gc.enable()


def pytest_terminal_summary(terminalreporter):
    """How much was drawn by chance, of all tests that tell it: a night's figures."""
    drawn = Counter()
    for report in terminalreporter.getreports("passed") + terminalreporter.getreports("failed"):
        drawn.update(dict(report.user_properties))
    if drawn:
        terminalreporter.write_line("drawn: " + ", ".join(f"{count:,} {what}" for what, count in drawn.items()))


def pytest_collection_modifyitems(items):
    """The longest files begin first, so that no core waits for the other's at the end.

    What the table of threats names is run by `run_tests.py security`, wherever it lies.
    """
    cases = Counter()
    threats = set(re.findall(r"`(tests/[\w/]+\.py::test_\w+)`", THREATS.read_text(encoding="utf-8")))
    for item in items:
        test = item.nodeid.partition("[")[0]
        cases[test] += 1
        if cases[test] > COUNTED_CASES:
            item.add_marker("uncounted")
        if test in threats:
            item.add_marker("security")
    items.sort(key=lambda item: LONGEST.index(item.path.name) if item.path.name in LONGEST else len(LONGEST))


def clear_settings(monkeypatch):
    for name in [name for name in os.environ if name.startswith("MUSIC_")]:
        monkeypatch.delenv(name)
    monkeypatch.setitem(Settings.model_config, "env_file", None)


@pytest.fixture(autouse=True)
def no_settings_from_outside(monkeypatch):
    """Neither the environment nor a `.env` of whoever runs the tests changes their result."""
    clear_settings(monkeypatch)


@pytest.fixture
def settings(tmp_path):
    return Settings(data_dir=tmp_path / "data")


@pytest.fixture
def service(tmp_path):
    """The real service on a queue that does what the test tells it, through `service.queue`."""
    return FakeService(tmp_path)


@pytest.fixture
def queue(service):
    return service.queue


@pytest.fixture(scope="session")
def served():
    """One application for all tests; making it takes longer than most requests do."""
    with pytest.MonkeyPatch.context() as clean:
        clear_settings(clean)
        return create_app(Settings())


@pytest.fixture
def app(served, service, monkeypatch):
    """The application, on this test's service."""
    monkeypatch.setattr(served.state.service, "_service", service)
    return served


@pytest.fixture
def client(app):
    """A client of an application whose lifespan was never entered."""
    return TestClient(app)


@pytest.fixture
def track_id(client):
    """A track that was just accepted."""
    return client.post("/music/generate", json={"prompt": "relaxing piano melody for meditation"}).json()["track_id"]
