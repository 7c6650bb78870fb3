"""An upgrade while work goes on: the tables first, then one part after the other, old and new ones side by side."""

from collections import Counter

import pytest

from benchmarks.scale.chaos import AUDIT
from tests.distributed import newer
from tests.distributed.conftest import ask, finished
from tests.distributed.test_moving import command

pytestmark = pytest.mark.distributed

NEWER = "tests.distributed.newer"


def all_completed(nodes, track_ids):
    return all(node.wait_for(track_id, finished)["status"] == "completed" for node in nodes for track_id in track_ids)


@pytest.fixture
def upgraded(installation):
    """Old parts that went on while the tables became those of the next version."""
    for statement in AUDIT.split(";\n"):
        installation.sql(statement)
    node, worker = installation.server(), installation.worker()
    waiting = [ask(node) for _ in range(2)]
    for statement in newer.STEPS:
        installation.sql(statement)
    return node, worker, waiting


def test_old_and_new_parts_work_side_by_side_and_no_track_is_lost_or_made_twice(installation, upgraded):
    old, old_worker, waiting = upgraded
    asked = [*waiting, ask(old)]
    assert all_completed([old], asked)  # by the old worker, on the new tables

    new_worker, new = installation.worker(module=NEWER), installation.server(module=NEWER)
    asked += [ask(node) for node in (old, new) for _ in range(3)]
    assert all_completed([old, new], asked)
    old_worker.terminate()
    by_new = [ask(old), ask(new)]
    assert all_completed([old, new], by_new)
    old.terminate()

    asked += [*by_new, ask(new)]
    assert all_completed([new], asked)
    ends = installation.sql("SELECT track_id, status FROM ends")
    assert Counter(ends) == Counter((track_id, "completed") for track_id in asked)
    assert all(len(installation.runs(track_id)) == 1 for track_id in asked)
    new_worker.terminate()


def test_an_old_part_that_ended_meanwhile_says_that_it_is_to_be_updated(installation, upgraded):
    old, _, _ = upgraded

    again = [command(*arguments, **installation.environment) for arguments in (["serve", "--no-workers"], ["worker"])]

    assert [part.returncode for part in again] == [2, 2]
    assert all("was written by a newer version of this program" in part.stderr for part in again)
    assert not any("keepalives" in part.stderr for part in again)  # the address as its owner wrote it
    assert old.client.get("/health").status_code == 200  # those that run go on


def test_a_new_part_waits_for_the_tables(installation):
    for module, arguments in ((NEWER, ["serve", "--no-workers"]), (NEWER, ["worker"])):
        refused = command(*arguments, module=module, **installation.environment)

        assert refused.returncode == 2
        assert "is of an older version" in refused.stderr
        assert "python3 run.py migrate" in refused.stderr
