"""Any part may die at any moment: nothing accepted is lost, nothing is made twice."""

import hashlib
import os
import signal
import time

import pytest

from tests.distributed.conftest import HEARTBEAT_S, ask, finished, in_work

pytestmark = [pytest.mark.distributed, pytest.mark.essential]

#: Long enough to be caught in the act.
LONG = {"duration": 60}


def check_whole(installation, server, track_id):
    """It was completed once: files of one run only, each with the bytes that its record names."""
    record = server.record(track_id)
    assert record["status"] == "completed", record
    track = installation.store.get(track_id)
    for file in track.files:
        content = (installation.folder / "audio" / file.key).read_bytes()
        assert hashlib.sha256(content).hexdigest() == file.sha256
    run = track.files[0].key.split("/")[2]
    installation.until(lambda: installation.runs(track_id) == [run])
    # What was to be removed is written off after it is gone.
    installation.until(lambda: installation.sql("SELECT count(*) FROM jobs") == [(0,)])
    installation.until(lambda: installation.sql("SELECT count(*) FROM procrastinate_jobs") == [(0,)])


def test_a_killed_workers_track_is_made_by_another_and_costs_no_attempt(installation):
    server = installation.server()
    first = installation.worker()
    track_id = ask(server, **LONG)
    server.wait_for(track_id, in_work)
    second = installation.worker()

    first.kill()
    killed_at = time.monotonic()
    server.wait_for(track_id, lambda record: installation.sql("SELECT max(run) FROM jobs") == [(2,)], limit_s=20)
    taken_up_s = time.monotonic() - killed_at
    server.wait_for(track_id, finished)

    assert taken_up_s < 3 * HEARTBEAT_S + 5
    assert installation.store.get(track_id).attempt == 1
    check_whole(installation, server, track_id)
    assert second._process.poll() is None


def test_a_zombie_that_comes_back_overwrites_nothing(installation):
    server = installation.server()
    zombie = installation.worker()
    track_id = ask(server, **LONG)
    server.wait_for(track_id, in_work)
    held = [zombie.pid, *(child.pid for child in zombie.workers())]
    for pid in held:
        os.kill(pid, signal.SIGSTOP)
    installation.worker()

    server.wait_for(track_id, finished)
    before = installation.store.get(track_id)
    for pid in reversed(held):
        os.kill(pid, signal.SIGCONT)
    installation.until(lambda: any("too late" in line for line in zombie.output))

    assert installation.store.get(track_id) == before
    check_whole(installation, server, track_id)


def test_a_worker_that_is_told_to_stop_hands_its_track_back(installation):
    server = installation.server()
    first = installation.worker(MUSIC_DRAIN="0")
    track_id = ask(server, **LONG)
    server.wait_for(track_id, in_work)

    first.terminate()

    assert installation.sql("SELECT state, attempt, vanished FROM jobs WHERE kind = 'render'") == [("queued", 0, 0)]
    installation.worker()
    server.wait_for(track_id, finished)
    check_whole(installation, server, track_id)


def test_a_worker_that_drains_for_long_keeps_its_track(installation):
    server = installation.server()
    first = installation.worker(MUSIC_DRAIN="60")
    track_id = ask(server, duration=300)
    server.wait_for(track_id, in_work)
    installation.worker()

    first._process.send_signal(signal.SIGTERM)

    server.wait_for(track_id, finished)
    assert server.record(track_id)["status"] == "completed"
    assert [file.key.split("/")[2] for file in installation.store.get(track_id).files[:1]] == ["1"]
    first._end()


def test_a_database_that_restarts_loses_nothing_and_downloads_go_on(installation):
    server = installation.server()
    worker = installation.worker()
    done = ask(server)
    server.wait_for(done, finished)
    assert server.client.get(f"/downloads/{done}.mp3").status_code == 200
    running = ask(server, **LONG)
    server.wait_for(running, in_work)
    waiting = [ask(server, seed=seed) for seed in range(3)]

    installation.cluster.stop()
    try:
        refused = server.client.post("/music/generate", json={"prompt": "calm piano", "duration": 5})
        download = server.client.get(f"/downloads/{done}.mp3")
    finally:
        installation.cluster.start()

    assert refused.status_code == 503
    assert int(refused.headers["Retry-After"]) > 0
    assert download.status_code == 200
    for track_id in (running, *waiting):
        last = installation.until(lambda track_id=track_id: (r := try_record(server, track_id)) and finished(r) and r)
        assert last["status"] == "completed", last
    for track_id in (running, *waiting):
        check_whole(installation, server, track_id)
    heard = installation.until(lambda: "News is read again, after " in (log := "".join(server.output)) and log)
    assert heard.count("News cannot be read") == heard.count("News is read again") == 1
    told = installation.until(lambda: (log := "".join(worker.output)) and balanced(log) and log)
    assert told.count("Tried again") <= 3, told  # fetching, writing, beginning to fetch


def balanced(log):
    """Whether all that was away is back."""
    return log.count("Tried again until it is back") == log.count(" again, after ")


def try_record(server, track_id):
    answer = server.client.get(f"/music/tracks/{track_id}")
    return answer.json() if answer.status_code == 200 else {}
