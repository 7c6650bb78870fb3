"""Models in processes of their own, as the queue keeps them: loaded once, evicted, unloaded, killed, placed."""

import os
import signal
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from app.services.jobs import engine_floor, engine_process
from app.services.jobs.worker import Began, Rests
from tests.jobs.conftest import Shop, until
from tests.jobs.residents import HELD_BYTES, fakes
from tests.tones import lines

psutil = pytest.importorskip("psutil", reason="psutil (requirements/dev.txt) watches the processes")


@pytest.fixture
def open_studio(open_shop):
    """Opens queues with models; `workers` finish the takes."""

    def open_one(**changes):
        folder = open_shop.folder
        residents = fakes(folder, **{name: changes.pop(name) for name in list(changes) if name in SETTINGS})
        return open_shop(**{"workers": 1, "residents": residents, **changes})

    open_one.folder = open_shop.folder
    return open_one


SETTINGS = ("device", "idle_s", "memory_bytes", "preload", "size_bytes", "at_once", "resident", "lives_with")


@pytest.fixture(scope="module")
def shared(tmp_path_factory):
    """One for all tests that need nothing special; each has a model of its own."""
    folder = tmp_path_factory.mktemp("shared")
    shop = Shop(folder, workers=1, residents=fakes(folder))
    shop.queue.start()
    yield shop
    shop.queue.stop()
    shop.store.close()


def loads(shop, model=None):
    """(model, pid, device) of each load."""
    found = [(name, int(pid), device) for name, pid, device in map(str.split, lines(shop.folder, "loads"))]
    return [one for one in found if model in (None, one[0])]


def state(shop, model="m1"):
    known = shop.queue.loaded().get(model)
    return known and known.state


def test_a_model_is_loaded_once_for_many_tracks_and_a_worker_finishes_each(shared):
    shop = shared
    tracks = [shop.done("make", model="m11", duration=30) for _ in range(2)]

    assert [track.status for track in tracks] == ["completed"] * 2
    assert len(loads(shop, "m11")) == 1
    assert [track.warnings for track in tracks] == [("by a fake",)] * 2
    assert [track.seed for track in tracks] == [99, 99]
    assert shop.store.get(tracks[0].id).warnings == ("by a fake",)
    assert shop.seen(tracks[0])[0][0] == "render"
    assert [track.attempt for track in tracks] == [1, 1]
    until(lambda: not list((shop.folder / "work").iterdir()))
    known = shop.queue.loaded()["m11"]
    assert (known.state, known.devices, known.memory_bytes) == ("loaded", ("cpu",), HELD_BYTES)
    assert (known.load_s, known.speed, known.running) == (0.5, pytest.approx(10), 0)
    assert shop.queue.load("m11").pace_s == pytest.approx(0.1)
    assert shop.queue.load("m11").loading_s == 0
    assert shop.queue.load().pace_s is None


def test_a_model_that_was_taught_lives_with_the_one_that_it_was_taught_on(open_studio):
    shop = open_studio(
        resident=lambda model: model.startswith("m1"), lives_with=lambda model: model.partition(":")[0]
    )  # fmt: skip
    made = [shop.done("make", model=model, duration=30) for model in ("m1", "m1:mine", "m1")]

    assert [track.status for track in made] == ["completed"] * 3
    assert len(loads(shop)) == 1
    assert set(shop.queue.loaded()) == {"m1"}
    assert shop.queue.load("m1:mine").pace_s == shop.queue.load("m1").pace_s == pytest.approx(0.1)


def test_how_fast_a_model_is_outlives_the_server(open_studio):
    shop = open_studio()
    track = shop.done("succeed", model="m1")
    assert shop.queue.load("m1").pace_s == pytest.approx(0.1, abs=0.01)
    shop.queue.stop()
    shop.store.close()

    again = open_studio()

    speed = again.store.speeds()["m1"]
    assert track.status == "completed"
    assert until(lambda: again.queue.load("m1").pace_s) == pytest.approx(1 / speed)
    assert again.queue.loaded() == {}


def test_two_tracks_are_at_work_at_once_and_the_third_waits_its_turn(shared):
    shop = shared
    tracks = [shop.submit("hold go-m12", model="m12") for _ in range(3)]

    def at_work():  # any two: threads of one process begin as they like
        return sum(shop.queue.get(track.id).progress >= 50 for track in tracks)

    until(lambda: at_work() == 2)
    fourth = shop.submit("make")  # no model's, and so not behind them

    assert shop.finished(fourth).status == "completed"
    assert shop.queue.loaded()["m12"].running == 3  # two at work leave room for two to wait
    assert at_work() == 2
    shop.let("go-m12")
    assert [shop.finished(track).status for track in tracks] == ["completed"] * 3
    assert len(loads(shop, "m12")) == 1


def test_each_model_has_its_own_line(open_studio):
    shop = open_studio(at_once=1)
    tracks = [shop.submit("hold go", model="m1") for _ in range(4)]
    until(lambda: shop.queue.load("m1").queued == 2)
    other = shop.done("make", model="m2")

    assert other.status == "completed"
    assert [shop.queue.position(track.id) for track in tracks] == [None, None, 1, 2]
    assert shop.queue.load("m1").backlog_s > 0
    assert shop.queue.load("m2").queued == 0
    shop.let("go")
    for track in tracks:
        assert shop.finished(track).status == "completed"


def test_a_killed_process_costs_an_attempt_and_three_are_too_many(shared):
    shop = shared
    twice, always = shop.done("kill 2", model="m13"), shop.done("kill 9", model="m13")

    assert (twice.status, twice.attempt) == ("completed", 3)
    assert (always.status, always.error) == ("failed", "The render crashed three times and was given up")
    assert len(loads(shop, "m13")) == 5


def test_a_process_that_dies_with_nothing_in_work_is_nobodys_fault_at_first(shared, caplog):
    shop = shared
    track = shop.done("quiet", model="m14")

    assert track.error == "The render crashed three times and was given up"
    assert len(loads(shop, "m14")) == 5  # two of them were not charged


def test_a_death_at_rest_counts_though_nobody_had_asked_for_the_news():
    floor = engine_floor.EngineFloor(None, timeout_s=1.0)

    def die():
        process = SimpleNamespace(number=1, model="m", condemned=False, runs={}, let_go=lambda _: None)
        process.runs[1] = run = engine_process.EngineRun(None, Path("x"), floor, process, timeout_s=1.0)
        run.hear(Began(worker="w", pid=1))
        assert len(list(run.news())) == 1
        run.hear(Rests())  # comes together with the end
        floor._processes.append(process)
        floor._gone(process)
        return floor.blameless(run)

    assert [die() for _ in range(4)] == [True, True, False, False]


def test_a_model_that_cannot_be_loaded_fails_its_tracks_and_comes_back_when_it_can(shared):
    shop = shared
    broken = shop.folder / "broken-m15"
    broken.touch()
    failed = shop.done("make", model="m15")
    broken.unlink()

    assert failed.error == "no weights"
    assert shop.done("make", model="m15").status == "completed"


def test_what_a_process_says_that_cannot_be_read_is_an_error_of_its_runs(shared, caplog):
    shop = shared
    track = shop.done("riddle", model="m16")

    assert track.error == "Internal error while rendering; the log has the details"
    assert "nobody can read this" in caplog.text


def test_a_cancelled_run_is_dropped_by_word_and_its_model_stays(shared):
    shop = shared
    cancelled, other = shop.submit("hold never", model="m17"), shop.submit("hold go-m17", model="m17")
    shop.at(cancelled, 50)

    assert shop.queue.cancel(cancelled.id).result(10).stage == "cancelled"
    shop.let("go-m17")
    assert shop.finished(other).status == "completed"
    assert len(loads(shop, "m17")) == 1
    until(lambda: not list((shop.folder / "work").iterdir()))


def test_a_run_that_does_not_hear_is_stopped_with_its_process(open_studio, monkeypatch):
    monkeypatch.setattr(engine_floor, "STUBBORN_S", 0.05)
    shop = open_studio()
    deaf = shop.submit("deaf", model="m1")
    shop.at(deaf, 50)
    beside = shop.submit("hold go", model="m1")
    shop.at(beside, 50)
    shop.queue.cancel(deaf.id).result(10)
    shop.let("go")

    assert shop.finished(beside).attempt == 1  # as long as somebody needs it, it goes on
    until(lambda: state(shop) == "unloaded")
    assert shop.done("make", model="m1").status == "completed"


def test_a_run_that_does_not_move_is_given_up(open_studio):
    shop = open_studio(job_timeout_s=0.3)
    track = shop.done("deaf", model="m1")

    assert track.error == "The render took longer than 0.3 s three times and was given up"


def test_an_idle_model_is_unloaded_and_loaded_again(open_studio):
    shop = open_studio(idle_s=0.01)
    assert shop.done("make", model="m1").status == "completed"
    until(lambda: state(shop) == "unloaded")
    until(lambda: lines(shop.folder, "unloads"))  # its process says so in its own time
    assert shop.queue.load("m1").loading_s == 0.5

    assert shop.done("make", model="m1").status == "completed"
    assert len(loads(shop)) == 2


def test_a_model_that_does_not_leave_is_ended(open_studio, monkeypatch):
    monkeypatch.setattr(engine_process, "LEAVES_WITHIN_S", 0.05)
    shop = open_studio(idle_s=0.01)
    (shop.folder / "clings-m1").touch()
    shop.done("make", model="m1")
    pid = loads(shop)[0][1]

    until(lambda: not psutil.pid_exists(pid))


def test_models_that_are_preloaded_are_there_before_anybody_asks_and_stay(open_studio):
    shop = open_studio(preload=("m1", "m2"), idle_s=0.0)
    until(lambda: {model for model, _, _ in loads(shop)} == {"m1", "m2"})
    until(lambda: state(shop, "m1") == state(shop, "m2") == "loaded")

    assert shop.done("make", model="m2").status == "completed"
    assert len(loads(shop)) == 2


def test_the_least_recently_used_model_makes_room(open_studio):
    shop = open_studio(memory_bytes=2 * HELD_BYTES, size_bytes=lambda _: HELD_BYTES)
    for model in ("m1", "m2", "m1", "m3"):
        assert shop.done("make", model=model).status == "completed"

    assert [state(shop, model) for model in ("m1", "m2", "m3")] == ["loaded", "unloaded", "loaded"]
    assert [model for model, _, _ in loads(shop)] == ["m1", "m2", "m3"]


def test_who_waits_for_memory_is_not_overtaken(open_studio):
    shop = open_studio(memory_bytes=HELD_BYTES, size_bytes=lambda _: HELD_BYTES)
    at_work = shop.submit("hold go", model="m1")
    shop.at(at_work, 50)
    waiting = shop.submit("make", model="m2")
    late = shop.submit("make", model="m1")
    shop.done("make")  # a few turns later …
    assert shop.queue.position(waiting.id) == shop.queue.position(late.id) == 1
    shop.let("go")

    assert [shop.finished(track).status for track in (at_work, waiting, late)] == ["completed"] * 3
    assert [model for model, _, _ in loads(shop)] == ["m1", "m2", "m1"]


def test_a_model_that_turns_out_too_large_sends_the_idle_ones_away(open_studio):
    shop = open_studio(memory_bytes=HELD_BYTES)  # nobody knew what they need
    shop.done("make", model="m1")
    shop.done("make", model="m2")

    until(lambda: state(shop, "m1") == "unloaded")
    assert state(shop, "m2") == "loaded"


def test_several_gpus_are_several_workers(open_studio):
    (open_studio.folder / "devices").write_text("cuda:0 cuda:1")
    shop = open_studio(device="auto")
    shop.done("make", model="m1")  # now it is known what there is
    tracks = [shop.submit("hold go", model="m1") for _ in range(2)]
    for track in tracks:
        shop.at(track, 50)

    assert [device for _, _, device in loads(shop)] == ["auto", "cuda:1"]
    assert shop.queue.loaded()["m1"].devices == ("cuda:0", "cuda:1")
    assert shop.queue.load("m1").workers == 2
    shop.let("go")
    assert [shop.finished(track).status for track in tracks] == ["completed"] * 2


def test_no_process_to_be_had_means_waiting(open_studio, monkeypatch, caplog):
    shop = open_studio()
    refuse = {"now": True}

    def reluctant(*arguments, **options):
        if refuse["now"]:
            raise OSError("no more processes")
        return engine_process.EngineProcess(*arguments, **options)

    monkeypatch.setattr(engine_floor, "EngineProcess", reluctant)
    monkeypatch.setattr(engine_floor, "PATIENCE_S", 0.05)
    track = shop.submit("make", model="m1")
    until(lambda: "No process can be had for m1" in caplog.text)
    assert shop.queue.get(track.id).stage == "queued"
    refuse["now"] = False

    assert shop.finished(track).attempt == 1


def test_a_take_outlives_the_worker_that_was_to_finish_it(shared):
    shop = shared
    track = shop.done("crash 1", model="m18")  # to the model it means nothing, to the worker's body a crash

    assert (track.status, track.attempt) == ("completed", 2)
    assert len(shop.seen(track)) == 2


def test_a_take_that_is_being_finished_can_be_cancelled(shared):
    shop = shared
    track = shop.submit("wait go-m19", model="m19")
    until(lambda: shop.seen(track))
    shop.queue.cancel(track.id).result(10)

    assert shop.queue.get(track.id).stage == "cancelled"
    until(lambda: not list((shop.folder / "work").iterdir()))


def test_a_take_that_waits_to_be_finished_can_be_cancelled(shared):
    shop = shared
    busy = shop.submit("wait go-m20")
    until(lambda: shop.seen(busy))
    track = shop.submit("make", model="m20")
    shop.at(track, 90)
    until(lambda: shop.queue.load().queued == 1)
    shop.queue.cancel(track.id).result(10)
    shop.let("go-m20")

    assert shop.finished(busy).status == "completed"
    assert shop.seen(track) == []


SERVER = """
import sys, time
from pathlib import Path
from tests.jobs.conftest import Shop
from tests.jobs.residents import fakes

if __name__ == "__main__":
    folder = Path(sys.argv[1])
    shop = Shop(folder, workers=1, residents=fakes(folder, preload=("m2",)))
    shop.queue.start()
    print(shop.submit("hold go", model="m1").id, flush=True)
    time.sleep(600)
"""


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM])
def test_no_engine_process_outlives_its_server_and_its_tracks_are_taken_up_again(open_studio, how, tmp_path_factory):
    program = tmp_path_factory.mktemp("program") / "server.py"
    program.write_text(SERVER)
    environment = {**os.environ, "PYTHONPATH": str(Path.cwd())}
    with subprocess.Popen(
        [sys.executable, str(program), str(open_studio.folder)], stdout=subprocess.PIPE, text=True, env=environment
    ) as server:
        try:
            track_id = server.stdout.readline().strip()
            folder = SimpleNamespace(folder=open_studio.folder)
            until(lambda: {model for model, _, _ in loads(folder)} == {"m1", "m2"})
            children = psutil.Process(server.pid).children(recursive=True)
            server.send_signal(how)
            server.wait(30)
        finally:
            server.kill()
    psutil.wait_procs(children, 10)
    assert [child for child in children if child.is_running() and child.status() != psutil.STATUS_ZOMBIE] == []

    (open_studio.folder / "go").touch()
    shop = open_studio()
    track = until(lambda: (now := shop.queue.get(track_id)) and now.finished and now)
    assert (track.status, track.attempt) == ("completed", 1)


def test_a_stopping_queue_ends_its_models(open_studio):
    shop = open_studio(preload=("m2",))
    shop.at(shop.submit("hold never", model="m1"), 50)
    until(lambda: len(loads(shop)) == 2)
    shop.queue.stop()

    assert not [pid for _, pid, _ in loads(shop) if psutil.pid_exists(pid)]
    assert {known.state for known in shop.queue.loaded().values()} <= {"unloaded"}


def test_a_queue_without_models_knows_none(open_shop):
    shop = open_shop(start=False)

    assert shop.queue.loaded() == {}
    assert shop.queue.load("m1").workers == 2
