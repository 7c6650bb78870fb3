"""A service is killed at points of a track's life drawn by lot: nothing is lost, doubled, half-written or stuck.

A few points here; `python run_tests.py nightly` takes a hundred (DURABILITY_KILLS says how many).
"""

import json
import os
import random
import signal
import subprocess
import sys
from collections import defaultdict
from functools import partial

import pytest

from app.services.storage.hooks import read_messages
from tests.durability.dying import SOUND, body
from tests.durability.server import ROOT
from tests.jobs.conftest import Shop, until
from tests.processes import unfollowed

pytestmark = [
    pytest.mark.slow,
    pytest.mark.uncounted,
    pytest.mark.skipif(os.name == "nt", reason="Windows has no SIGKILL to send to oneself"),
]

KILLS = int(os.environ.get("DURABILITY_KILLS", "2"))
#: Kills of one folder, each in the middle of taking up what the one before left, between two looks at what is there.
TOGETHER = 4
#: Steps of a whole life at the least, in the service and in its worker; later Pythons take fewer than 3.11.
STEPS = {"service": 3_000, "worker": 60}


class Told:
    """What clients were told, over all the services that died."""

    def __init__(self):
        #: By what was said, the tracks of which it was.
        self.of = defaultdict(set)
        self.killed = 0
        self.steps = 0

    def die(self, folder, where, number):
        """Let a service live until that step; what it said counts."""
        done = subprocess.run(
            [sys.executable, "-m", "tests.durability.dying", str(folder), where, str(number)],
            cwd=ROOT, env=unfollowed(),
            capture_output=True, text=True, timeout=180, check=False,
        )  # fmt: skip
        assert done.returncode in (0, -signal.SIGKILL), done.stderr
        self.killed += done.returncode != 0
        for line in done.stdout.splitlines():
            if line.endswith("}"):  # the last may be cut off
                said = json.loads(line)
                if said["what"] == "steps":
                    self.steps = said["track"]
                else:
                    self.of[said["what"]].add(said["track"])


def check(folder, told):
    """Take up what is left, to its end; then every promise holds."""
    shop = Shop(folder, workers=1, body=partial(body, str(folder), 0, None))
    shop.queue.start()
    try:
        known = {track.id: track for track in all_of(shop)}
        until(lambda: not shop.queue.at_work())
        until(lambda: not jobs(shop))
        known = {track.id: track for track in all_of(shop)}
        with shop.store.reading() as connection:
            messages = [message.subject for message in read_messages(connection, owner=None, limit=10_000)]
    finally:
        shop.queue.stop()
        shop.store.close()

    # Nothing is lost, and nothing comes back.
    assert told.of["accepted"] - told.of["removing"] <= set(known)
    assert not told.of["removed"] & set(known)
    assert set(known) <= told.of["asked"]
    # Nothing is stuck; what was promised holds.
    assert {known[name].stage for name in told.of["stopped"]} <= {"cancelled"}
    for track in known.values():
        allowed = {"completed", "cancelled"} if track.id in told.of["stopping"] else {"completed"}
        assert track.stage in allowed, track
    # Nothing is doubled: each end is told once.
    assert len(messages) == len(set(messages))
    assert set(known) <= set(messages) <= told.of["asked"]
    # Nothing is half-written, and nothing is left over.
    named = {file.key for track in known.values() for file in track.files}
    there = {
        path.relative_to(folder / "audio").as_posix(): path for path in (folder / "audio").rglob("*") if path.is_file()
    }
    assert set(there) == named
    assert all(path.read_bytes() == SOUND for path in there.values())
    assert all(
        {file.form for file in known[name].files} == {"mp3", "wav", "ogg"} for name in told.of["formed"] & set(known)
    )
    assert not [path for path in (folder / "work").rglob("*") if path.is_file()]


def all_of(shop):
    found, cursor = [], None
    while True:
        page = shop.store.page(limit=100, cursor=cursor)
        found += page.tracks
        if (cursor := page.next_cursor) is None:
            return found


def jobs(shop):
    from sqlalchemy import text

    with shop.store.reading() as connection:
        return connection.execute(text("SELECT kind, state FROM jobs")).all()


@pytest.mark.parametrize("turn", range(-(-KILLS // TOGETHER)))
def test_a_service_that_dies_anywhere_loses_doubles_and_keeps_back_nothing(turn, tmp_path, record_property):
    dice = random.Random(f"{os.environ.get('DURABILITY_SEED', '7')} {turn}")  # noqa: S311 - it draws where to die
    wanted = min(TOGETHER, KILLS - turn * TOGETHER)
    killed = 0
    for folder in (tmp_path / str(number) for number in range(2 * wanted)):
        told = Told()
        for _ in range(wanted - killed):
            where = "worker" if dice.random() < 0.25 else "service"
            told.die(folder, where, dice.randint(1, STEPS[where]))
        check(folder, told)
        killed += told.killed
        if killed == wanted:
            break
    record_property("kills", killed)
    assert killed == wanted, "hardly any of them died"


def test_a_service_that_lives_takes_as_many_steps_as_are_drawn_from(tmp_path):
    told = Told()
    told.die(tmp_path, "service", 0)

    assert told.killed == 0
    assert told.steps >= STEPS["service"]
    assert all(told.of[what] for what in ("accepted", "formed", "removed", "finished"))
    check(tmp_path, told)
