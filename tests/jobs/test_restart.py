"""A server may end in any way and at any time: what was accepted is completed, and no process stays behind."""

import os
import signal
import subprocess
import sys

import pytest

from app.errors import DataFolderInUse, StorageFailed
from app.services.jobs.lock import FolderLock
from tests.jobs.conftest import a_track, until

psutil = pytest.importorskip("psutil", reason="psutil (requirements/dev.txt) watches the processes")


@pytest.fixture
def serve(tmp_path):
    """Starts servers on one folder; (process, what it said before "ready")."""
    started = []

    def start(*prompts, workers=1):
        command = [sys.executable, "-m", "tests.jobs.server", str(tmp_path), str(workers), *prompts]
        # Most are killed: coverage would slow them down and could not be told.
        environment = {name: value for name, value in os.environ.items() if "COVERAGE" not in name}
        process = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True)
        started.append(process)
        said = []
        for line in process.stdout:
            if line.strip() == "ready":
                break
            said.append(line.strip())
        return process, said

    yield start
    for process in started:
        process.kill()
        process.wait(10)
        process.stdout.close()


def children(process):
    return psutil.Process(process.pid).children(recursive=True)


def all_gone(processes):
    return not any(p.is_running() and p.status() != psutil.STATUS_ZOMBIE for p in processes)


def test_a_server_killed_in_mid_render_again_and_again_completes_its_tracks(serve, open_shop, tmp_path):
    seen = {}
    process, ids = serve("wait", "wait", "succeed")
    watcher = open_shop(start=False)
    for kill in range(1, 4):
        until(lambda kill=kill: sum(len(watcher.seen(Named(i))) for i in ids) >= kill)
        first = until(lambda: (t := watcher.store.get(ids[0])) and t.stage == "rendering" and t.progress >= 50 and t)
        seen.setdefault(ids[0], []).append(first.progress)
        workers = children(process)
        process.send_signal(signal.SIGKILL)
        process.wait(10)
        until(lambda workers=workers: all_gone(workers), within_s=5)
        process, _ = serve()
    workers = children(process)
    process.send_signal(signal.SIGKILL)
    process.wait(10)
    until(lambda: all_gone(workers), within_s=5)

    shop = open_shop(workers=1)
    assert shop.queue.get(ids[0]).progress >= max(seen[ids[0]])
    shop.let("go")
    tracks = [shop.finished(Named(track_id)) for track_id in ids]

    assert [track.status for track in tracks] == ["completed"] * 3
    assert tracks[0].attempt == 1
    assert len(shop.seen(tracks[0])) >= 4
    for track in tracks:
        (file,) = track.files
        run = file.key.split("/")[2]
        until(lambda track=track, run=run: {name.split("/")[0] for name in shop.stored(track)} == {run})


class Named:
    """Stands for a track of which only the id is known."""

    def __init__(self, track_id):
        self.id = track_id


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGKILL])
def test_no_worker_outlives_its_server(serve, how):
    process, _ = serve("wait", workers=2)
    workers = until(lambda: len(found := children(process)) >= 3 and found)

    process.send_signal(how)
    process.wait(10)

    until(lambda: all_gone(workers), within_s=20)


def test_a_program_that_just_ends_leaves_nothing_behind(serve, open_shop):
    process, ids = serve("wait", "leave", workers=2)

    assert process.wait(20) == 0

    shop = open_shop(workers=1)
    assert shop.queue.get(ids[0]).status == "processing"
    shop.let("go")
    assert shop.finished(Named(ids[0])).attempt == 1


def test_a_second_server_on_the_folder_is_told_so(serve, open_shop, tmp_path):
    process, _ = serve()
    shop = open_shop(start=False)

    with pytest.raises(DataFolderInUse, match=rf"{tmp_path} is in use by another server.*MUSIC_DATA_DIR"):
        shop.queue.start()

    process.send_signal(signal.SIGKILL)
    process.wait(10)
    shop.queue.start()
    assert shop.done().status == "completed"


def test_a_lock_can_be_passed_on(tmp_path):
    first, second = FolderLock(tmp_path), FolderLock(tmp_path)
    first.acquire()
    with pytest.raises(DataFolderInUse):
        second.acquire()
    first.release()
    first.release()
    second.acquire()
    second.release()


def test_a_folder_that_cannot_be_made_is_told_so(tmp_path, open_shop):
    (tmp_path / "taken").write_text("a file")

    with pytest.raises(StorageFailed, match="cannot be written"):
        open_shop(tmp_path / "taken" / "data")


def test_a_database_that_is_none_is_told_so_and_the_folder_let_go(tmp_path, open_shop):
    (tmp_path / "music.db").write_text("no database, but a file of some length " * 50)

    with pytest.raises(StorageFailed, match="not a database"):
        open_shop()

    FolderLock(tmp_path).acquire()


def test_stopping_lets_running_work_finish_for_a_while(open_shop):
    shop = open_shop(workers=1)
    track = shop.submit("wait")
    shop.at(track, 50)
    waiting = shop.submit("wait")
    shop.let("go")

    shop.queue.stop(drain_s=20)

    assert shop.store.get(track.id).status == "completed"
    assert shop.store.get(waiting.id).status == "processing"
    assert shop.seen(waiting) == []


def test_stopping_puts_back_what_does_not_finish_and_ends_every_worker(open_shop):
    shop = open_shop(workers=2)
    track = shop.submit("wait")
    shop.at(track, 50)
    (_, _, worker, _), *_ = shop.seen(track)

    shop.queue.stop()
    shop.queue.stop()

    assert not psutil.pid_exists(worker)
    kept = shop.store.get(track.id)
    assert (kept.status, kept.stage, kept.progress, kept.attempt) == ("processing", "queued", 50, 0)
    assert shop.stored(track) == []
    again = open_shop(workers=1)
    again.let("go")
    assert again.finished(track).attempt == 1


def test_a_queue_that_cannot_be_put_in_order_at_the_end_is_at_the_next_start(open_shop, monkeypatch, caplog):
    shop = open_shop(workers=1)
    track = shop.submit("wait")
    shop.at(track, 50)
    monkeypatch.setattr(shop.store, "recover", lambda now: _away())

    shop.queue.stop()

    assert "the next start does it: the disk is away" in caplog.text
    again = open_shop(workers=1)
    again.let("go")
    assert again.finished(track).attempt == 1


def _away():
    raise StorageFailed("the disk is away")


def test_starting_twice_is_starting(open_shop):
    shop = open_shop(workers=1)
    shop.queue.start()

    assert shop.done().status == "completed"


def test_what_was_submitted_before_the_start_is_taken_up(open_shop):
    shop = open_shop(start=False)
    accepted = shop.queue.submit(a_track())
    shop.queue.start()

    assert shop.finished(accepted.result(10)).status == "completed"


def test_the_order_of_acceptance_is_kept_over_a_restart(open_shop):
    shop = open_shop(workers=1)
    busy = shop.submit("wait never")
    shop.at(busy, 50)
    tracks = [shop.submit("wait never") for _ in range(4)]
    shop.queue.stop()

    again = open_shop(workers=1)

    again.at(busy, 50)
    until(lambda: again.queue.load().queued == 4)
    assert [again.queue.position(track.id) for track in tracks] == [1, 2, 3, 4]
