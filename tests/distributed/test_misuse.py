"""What goes wrong without anybody dying: clocks, disks, rights, a track that no worker survives."""

from importlib.util import find_spec

import pytest

from app.services.jobs.recovery import MOST_VANISHED
from app.services.storage.deliveries import take_up
from app.utils.clock import SystemClock
from tests.distributed.conftest import ask, finished
from tests.distributed.test_moving import command

pytestmark = pytest.mark.distributed


def test_a_track_whose_workers_vanish_again_and_again_is_given_up(installation):
    """Its worker is said to be gone so many times, without one that dies each time."""
    from app.services.jobs.courier import Courier
    from app.services.jobs.recovery import Recovery
    from app.services.storage import AudioFiles

    node = installation.server()
    track_id = ask(node)
    recovery = Recovery(
        installation.store, AudioFiles(installation.folder / "audio"), Courier(), SystemClock(),
        stale_s=0.5, retention_s=float("inf"), storage_limit_bytes=10**12,
    )  # fmt: skip

    for times in range(1, MOST_VANISHED + 2):
        ((job_id, delivery, vanished),) = installation.sql(
            "SELECT id, delivery, vanished FROM jobs WHERE kind = 'render'"
        )
        assert vanished == times - 1
        with installation.store.transaction() as changes:
            assert take_up(changes.connection, job_id, delivery, SystemClock().now()).run == times
        # Fetched by a worker that is not there, as procrastinate notes it.
        installation.sql("UPDATE procrastinate_jobs SET status = 'doing' WHERE status = 'todo'")
        assert recovery.look() == 1

    record = node.wait_for(track_id, finished)
    assert record["status"] == "failed"
    assert record["error"] == f"Its workers vanished {MOST_VANISHED + 1} times and it was given up"
    installation.until(lambda: not (recovery.look() or recovery.clear() or installation.sql("SELECT id FROM jobs")))
    assert installation.sql("SELECT count(*) FROM procrastinate_jobs") == [(0,)]


def test_clocks_apart_by_a_minute_do_no_harm(installation):
    """Who is alive is judged by the database's clock, so a worker ahead or behind is neither taken for dead."""
    node = installation.server()
    ids = {}
    for offset in ("-60", "+60"):
        worker = installation.worker(MUSIC_TEST_CLOCK=offset, module="tests.distributed.late_worker")
        ids[offset] = ask(node)
        assert node.wait_for(ids[offset], finished)["status"] == "completed"
        worker.kill()

    for track_id in ids.values():
        track = installation.store.get(track_id)
        assert (track.attempt, track.progress) == (1, 100)
    assert node.client.get("/metrics").status_code == 200


def test_a_full_disk_on_one_worker_fails_the_track_with_its_reason(installation, tmp_path):
    node = installation.server()
    installation.worker(module="tests.distributed.full_worker")
    track_id = ask(node)

    record = node.wait_for(track_id, finished)

    assert record["status"] == "failed"
    assert "no space is left on the disk" in record["error"]
    installation.until(lambda: not installation.runs(track_id))
    installation.until(lambda: installation.sql("SELECT count(*) FROM jobs") == [(0,)])


def needs_client(*case):
    missing = find_spec("psycopg") is None
    return pytest.param(
        *case, marks=pytest.mark.skipif(missing, reason="requirements/distributed.txt brings PostgreSQL")
    )


@pytest.mark.parametrize(
    ("role", "address", "said"),
    [
        ("serve", "mysql://somebody@db/music", "must begin with postgresql://"),
        ("worker", "not an address", "postgresql://USER:PASSWORD@HOST:PORT/DATABASE"),
        needs_client("serve", "postgresql://music:secret@127.0.0.1:9/music", "cannot be reached"),
        needs_client("worker", "postgresql://music:secret@nowhere.invalid/music", "cannot be reached"),
        needs_client("migrate", "postgresql://music:secret@127.0.0.1:9/music", "cannot be reached"),
    ],
)
def test_a_wrong_address_is_said_at_the_start(role, address, said, tmp_path):
    refused = command(role, MUSIC_DATABASE_URL=address, MUSIC_DATA_DIR=str(tmp_path))

    assert refused.returncode == 2
    assert said in refused.stderr
    assert "secret" not in refused.stderr
    assert "Traceback" not in refused.stderr


def test_a_worker_without_a_place_says_so(installation):
    refused = command("worker", **{**installation.environment, "MUSIC_WORKERS": "0"})

    assert refused.returncode == 2
    assert "name --concurrency" in refused.stderr
