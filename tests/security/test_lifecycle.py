"""Any order of calls, restarts in between, against the real service: every promise about a track's life holds.

A few orders here; `python run_tests.py nightly` takes many (SECURITY_ORDERS says how many).
"""

import os
import tempfile
from pathlib import Path

import pytest

pytest.importorskip("hypothesis", reason="requirements/dev.txt brings hypothesis")

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test

from app.config import Settings
from app.services.storage.hooks import read_messages
from tests.access.conftest import Place
from tests.jobs.conftest import until

pytestmark = [pytest.mark.security, pytest.mark.slow, pytest.mark.uncounted]

ORDERS = int(os.environ.get("SECURITY_ORDERS", "2"))
#: Orders of one test, so that a long night shows how far it is.
TOGETHER = 10
HOOK = "http://127.0.0.1:9/nobody"


class Life(RuleBasedStateMachine):
    """A server, and what a client knows of its tracks."""

    def __init__(self):
        super().__init__()
        self.folder = tempfile.TemporaryDirectory(prefix="music-life-")
        #: Last status seen of each track.
        self.seen = {}
        self.removed = set()
        self.keys = {}
        self.open()

    def open(self, **changes):
        place = {"data_dir": Path(self.folder.name), "workers": 1, "webhooks": True, "webhook_allow": "127.0.0.1"}
        self.place = Place(Settings(**place, **changes))
        self.place.client.__enter__()

    def teardown(self):
        self.place.client.__exit__(None, None, None)
        self.folder.cleanup()

    def some(self, number):
        known = sorted(self.seen)
        return known[number % len(known)]

    @rule(model=st.sampled_from(["composer", "simulator"]), key=st.sampled_from([None, "a", "b"]))
    def make(self, model, key):
        body = {"prompt": "calm piano", "duration": 5, "model": model, "webhook_url": HOOK}
        headers = {"Idempotency-Key": f"{key}-{model}"} if key else {}
        answer = self.place.ask("POST", "/music/generate", json=body, headers=headers)
        assert answer.status_code == 200
        track_id = answer.json()["track_id"]
        if key:
            assert self.keys.setdefault((key, model), track_id) == track_id
        if track_id not in self.removed:
            self.seen.setdefault(track_id, {"status": "processing", "progress": 0})

    @precondition(lambda self: self.seen)
    @rule(number=st.integers(0, 50))
    def cancel(self, number):
        track_id = self.some(number)
        answer = self.place.ask("POST", f"/music/tracks/{track_id}/cancel")
        assert answer.status_code in (200, 409)
        if answer.status_code == 200:
            assert answer.json()["stage"] == "cancelled"

    @precondition(lambda self: self.seen)
    @rule(number=st.integers(0, 50))
    def delete(self, number):
        track_id = self.some(number)
        assert self.place.ask("DELETE", f"/music/tracks/{track_id}").status_code == 204
        del self.seen[track_id]
        self.removed.add(track_id)

    @precondition(lambda self: self.seen)
    @rule(number=st.integers(0, 50))
    def wait(self, number):
        track_id = self.some(number)
        until(lambda: self.place.ask("GET", f"/music/status/{track_id}").json()["status"] != "processing")

    @precondition(lambda self: self.seen)
    @rule(number=st.integers(0, 50))
    def fetch(self, number):
        track_id = self.some(number)
        answer = self.place.ask("GET", f"/downloads/{track_id}.mp3")
        assert answer.status_code in (200, 404, 409)

    @rule()
    def restart(self):
        self.place.client.__exit__(None, None, None)
        self.open()

    @precondition(lambda self: any(one["status"] != "processing" for one in self.seen.values()))
    @rule()
    def grow_old(self):
        """For a while, whatever is finished is too old to be kept; what is in work may be, by then."""
        finished = {track_id for track_id, one in self.seen.items() if one["status"] != "processing"}
        self.place.client.__exit__(None, None, None)
        self.open(retention="0.001s")
        until(lambda: not finished & self.listed())
        self.restart()
        gone = set(self.seen) - self.listed()
        assert finished <= gone
        self.removed |= gone
        self.seen = {track_id: one for track_id, one in self.seen.items() if track_id not in gone}

    def listed(self):
        return {track["track_id"] for track in self.place.ask("GET", "/music/tracks?limit=100").json()["tracks"]}

    @invariant()
    def statuses_go_forward(self):
        for track_id, before in self.seen.items():
            now = self.place.ask("GET", f"/music/status/{track_id}").json()
            assert now["status"] in ("processing", "completed", "failed")
            if before["status"] != "processing":
                assert now["status"] == before["status"]
            assert now["progress"] >= before["progress"]
            assert (now["progress"] == 100) == (now["status"] == "completed")
            assert (now["download_url"] is not None) == (now["status"] == "completed")
            assert now["status"] != "failed" or now["stage"] == "cancelled"
            self.seen[track_id] = now

    @invariant()
    def what_was_removed_is_gone_and_the_rest_is_listed(self):
        assert self.listed() == set(self.seen)
        assert all(self.place.ask("GET", f"/music/status/{name}").status_code == 404 for name in self.removed)

    @invariant()
    def each_end_is_told_once(self):
        with self.place.service._backend.store.reading() as connection:
            told = [message.subject for message in read_messages(connection, owner=None, limit=200)]
        assert len(told) == len(set(told))
        assert {name for name, one in self.seen.items() if one["status"] != "processing"} <= set(told)


@pytest.mark.parametrize("turn", range(-(-ORDERS // TOGETHER)))
def test_any_order_of_calls_keeps_every_promise(turn, record_property):
    orders = min(TOGETHER, ORDERS - turn * TOGETHER)
    run_state_machine_as_test(
        Life,
        settings=settings(
            max_examples=orders,
            stateful_step_count=12,
            deadline=None,
            database=None,
            derandomize=ORDERS <= 2,
            suppress_health_check=list(HealthCheck),
        ),
    )
    record_property("orders", orders)
