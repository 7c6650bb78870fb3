"""The batcher: who runs together, and that nobody pays for a neighbour."""

import threading
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace

import numpy as np
import pytest

from app.errors import Cancelled, GenerationFailed
from app.models.audio import Block
from app.services.engines import batching
from app.services.engines.base import Capabilities, Take, TakeRequest
from app.services.engines.batching import Batcher, shortage_in


class OutOfMemoryError(RuntimeError):
    """Named like torch's."""


class Recorder:
    """An engine that notes its batches and does as its requests say; `gate` holds it at work."""

    def __init__(self, **capabilities):
        self.capabilities = Capabilities(**{"batch": 4, "seed_in_batch": True, **capabilities})
        self.batches, self.threads = [], set()
        self.gate = threading.Event()
        self.gate.set()
        self.at_gate = threading.Event()
        self.unloaded = threading.Event()
        self.loads = 0
        self.room = 100
        self.wrong_count = False

    def load(self, **_options):
        self.loads += 1

    def memory_bytes(self):
        return 2_500_000_000

    def batch_key(self, request):
        return (request.plan.duration_s > 60,)

    def generate(self, requests):
        self.threads.add(threading.current_thread())
        self.batches.append([request.prompt for request in requests])
        self.at_gate.set()
        assert self.gate.wait(30)
        if any(request.prompt == "bug" for request in requests):
            raise ZeroDivisionError("oh")
        if len(requests) > self.room:
            raise OutOfMemoryError("CUDA out of memory. Tried to allocate 9.00 GiB\nand more")
        answers = [self._answer(request) for request in requests]
        return answers[1:] if self.wrong_count else answers

    def _answer(self, request):
        if request.cancelled():
            return Cancelled("Cancelled")
        if request.prompt == "fails":
            return GenerationFailed("no")
        if request.prompt == "short":
            error = GenerationFailed("wrapped")
            error.__cause__ = MemoryError()
            return error
        return Take(blocks=self._blocks(request))

    def _blocks(self, request):
        if request.prompt == "late":
            raise GenerationFailed("in the middle")
        yield Block(mix=np.full((4, 2), len(request.prompt), np.float32))

    def unload(self):
        self.unloaded.set()


def a_request(prompt="piano", *, seconds=30, seed_named=False, cancelled=lambda: False):
    return TakeRequest(
        plan=SimpleNamespace(duration_s=seconds),
        prompt=prompt,
        seed_named=seed_named,
        progress=lambda stage, fraction: None,
        cancelled=cancelled,
    )


def keep(take):
    return float(next(take.blocks).mix[0, 0])


class Bench:
    def __init__(self, engine=None, *, wait_s=0.0, most=4, load=None):
        self.engine = engine or Recorder()
        self.batcher = Batcher("small", self.engine, load=load or self.engine.load, wait_s=wait_s, most=most)
        self.threads = ThreadPoolExecutor(16)
        self.works = {}

    def ask(self, prompt="piano", *, alone=False, **options):
        request = a_request(prompt, **options)
        seen = self.works.setdefault(prompt, [])
        return self.threads.submit(self.batcher.take, request, keep, at_work=seen.append, alone=alone)

    def ask_while_busy(self, *asks):
        """Ask one after the other while the engine is at work; their futures."""
        self.engine.at_gate.clear()
        self.engine.gate.clear()
        busy = self.ask("busy")
        assert self.engine.at_gate.wait(30)
        futures = []
        for ask in asks:
            futures.append(ask())
            while len(self.batcher.waiting) < len(futures):
                pass
        self.engine.batches.clear()
        self.engine.gate.set()
        busy.result(30)
        return futures


@pytest.fixture
def open_bench():
    benches = []

    def open_one(*arguments, **options):
        benches.append(Bench(*arguments, **options))
        return benches[-1]

    yield open_one
    for bench in benches:
        bench.engine.gate.set()
        bench.batcher.close()
        bench.threads.shutdown()


def test_those_that_wait_together_run_together(open_bench):
    bench = open_bench()
    futures = bench.ask_while_busy(*(lambda p=p: bench.ask(p) for p in ("a", "bb", "ccc", "dddd", "eeeee")))

    assert [future.result(30).made for future in futures] == [1, 2, 3, 4, 5]
    assert bench.engine.batches == [["a", "bb", "ccc", "dddd"], ["eeeee"]]
    assert bench.engine.loads == 1
    assert len(bench.engine.threads) == 1  # the engine's own


def test_a_batch_is_as_large_as_both_owner_and_engine_allow(open_bench):
    assert open_bench(most=2).batcher.most == 2
    assert open_bench(most=64).batcher.most == 4


def test_other_keys_wait_for_their_own_batch(open_bench):
    bench = open_bench()
    futures = bench.ask_while_busy(
        lambda: bench.ask("a"), lambda: bench.ask("long", seconds=90), lambda: bench.ask("b")
    )
    for future in futures:
        future.result(30)

    assert bench.engine.batches == [["a", "b"], ["long"]]


def test_work_is_shared_out_by_length(open_bench):
    bench = open_bench()
    short, long = bench.ask_while_busy(lambda: bench.ask("a", seconds=10), lambda: bench.ask("b", seconds=30))

    assert 0 < short.result(30).work_s < long.result(30).work_s


def test_a_full_batch_waits_for_nobody_and_a_lone_one_for_its_time(open_bench):
    bench = open_bench(wait_s=3_600, most=2)
    futures = [bench.ask("a"), bench.ask("b")]

    assert {future.result(30).made for future in futures} == {1}


def test_one_that_runs_alone_does_not_wait_for_others(open_bench):
    bench = open_bench(wait_s=3_600)

    assert bench.ask("a", alone=True).result(30).made == 1


def test_a_named_seed_runs_alone_where_the_engine_cannot_promise_it_in_a_batch(open_bench):
    bench = open_bench(Recorder(seed_in_batch=False))
    futures = bench.ask_while_busy(
        lambda: bench.ask("a"), lambda: bench.ask("named", seed_named=True), lambda: bench.ask("b")
    )
    for future in futures:
        future.result(30)

    assert bench.engine.batches == [["a", "b"], ["named"]]


def test_each_has_its_own_error(open_bench):
    bench = open_bench()
    good, fails, late = bench.ask_while_busy(*(lambda p=p: bench.ask(p) for p in ("good", "fails", "late")))

    assert good.result(30).made == 4
    assert str(fails.exception(30)) == "no"
    assert str(late.exception(30)) == "in the middle"


def test_an_unforeseen_error_is_everybodys_and_the_engine_goes_on(open_bench):
    bench = open_bench()
    futures = bench.ask_while_busy(lambda: bench.ask("a"), lambda: bench.ask("bug"))

    assert [type(future.exception(30)) for future in futures] == [ZeroDivisionError] * 2
    assert bench.ask("again").result(30).made == 5
    bench.engine.wrong_count = True
    assert "gave 0 answers to 1" in str(bench.ask("lost").exception(30))


def test_who_is_cancelled_while_waiting_is_answered_at_once_and_not_made(open_bench):
    bench = open_bench()
    gone = threading.Event()
    bench.engine.gate.clear()
    busy = bench.ask("busy")
    assert bench.engine.at_gate.wait(30)
    waiting = bench.ask("waiting", cancelled=gone.is_set)
    while not bench.batcher.waiting:
        pass
    gone.set()
    bench.batcher.nudge()

    assert isinstance(waiting.exception(30), Cancelled)
    bench.engine.gate.set()
    assert busy.result(30).made == 4
    assert bench.engine.batches == [["busy"]]
    # Without a nudge it is seen when its batch begins.
    assert isinstance(bench.ask("late", cancelled=lambda: True).exception(30), Cancelled)
    assert bench.engine.batches == [["busy"]]


def test_out_of_memory_halves_the_batch_and_later_ones_are_smaller(open_bench):
    bench = open_bench()
    bench.engine.room = 1
    futures = bench.ask_while_busy(*(lambda p=p: bench.ask(p) for p in ("a", "b", "c", "d")))

    assert [future.result(30).made for future in futures] == [1, 1, 1, 1]
    assert [len(batch) for batch in bench.engine.batches] == [4, 2, 1, 1, 2, 1, 1]
    assert bench.batcher.most == 1


def test_one_that_needs_too_much_fails_alone_with_the_figures(open_bench):
    bench = open_bench()
    good, short = bench.ask_while_busy(lambda: bench.ask("good"), lambda: bench.ask("short", seconds=45))

    assert good.result(30).made == 4
    assert str(short.exception(30)) == (
        "45 s of music by small need more memory than there is (out of memory; the model itself holds 2.5 GB). "
        "Ask for less at once, or set MUSIC_DEVICE to a device with more"
    )
    assert bench.engine.batches == [["good", "short"], ["short"]]


def test_those_cancelled_before_the_halves_are_left_out(open_bench):
    bench = open_bench()
    bench.engine.room = 1
    gone = threading.Event()
    first, second = bench.ask_while_busy(
        lambda: bench.ask("a"), lambda: bench.ask("b", cancelled=lambda: bool(bench.engine.batches) or gone.is_set())
    )

    assert first.result(30).made == 1
    assert isinstance(second.exception(30), Cancelled)


def test_memory_that_frameworks_keep_is_given_back(open_bench, monkeypatch):
    emptied = []
    cuda = SimpleNamespace(is_available=lambda: True, empty_cache=lambda: emptied.append(True))
    monkeypatch.setitem(batching.sys.modules, "torch", SimpleNamespace(cuda=cuda))
    bench = open_bench()
    bench.engine.room = 0

    assert "9.00 GiB" in str(bench.ask("a").exception(30))
    assert emptied == [True]


def test_loading_is_charged_to_those_who_wait_for_it_and_no_longer(open_bench):
    held = threading.Event()
    bench = open_bench(load=lambda: held.wait(30))
    first = bench.ask("a")
    while not bench.works.get("a"):
        pass
    held.set()
    first.result(30)

    assert bench.works["a"] == [True, False, True, False]


def test_an_engine_that_cannot_be_loaded_refuses_all(open_bench):
    def load():
        raise GenerationFailed("no weights")

    bench = open_bench(load=load)

    assert str(bench.ask("a").exception(30)) == "no weights"
    assert str(bench.ask("b").exception(30)) == "no weights"
    assert bench.engine.unloaded.wait(30)


def test_an_engine_may_be_loaded_before_anybody_asks(open_bench):
    loaded = threading.Event()
    bench = open_bench(load=loaded.set)
    bench.batcher.load()

    assert loaded.wait(30)
    assert bench.ask("a").result(30).made == 1


def test_a_closed_batcher_unloads_and_takes_nothing(open_bench):
    bench = open_bench()
    bench.ask("a").result(30)
    bench.batcher.close()

    assert bench.engine.unloaded.is_set()
    with pytest.raises(GenerationFailed, match="is being unloaded"):
        bench.batcher.take(a_request(), keep, at_work=lambda _: None)


@pytest.mark.parametrize(
    ("error", "shortage"),
    [
        (MemoryError(), "out of memory"),
        (OutOfMemoryError("CUDA out of memory. Tried 2 GiB\nhint"), "CUDA out of memory. Tried 2 GiB"),
        (RuntimeError("RESOURCE_EXHAUSTED: Out of memory"), "RESOURCE_EXHAUSTED: Out of memory"),
        (RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory: 9 bytes"), None),
        (ValueError("a memory of you"), ""),
    ],
)  # fmt: skip
def test_what_counts_as_memory_that_ran_out(error, shortage):
    assert shortage_in(error) == ((shortage or None) if shortage is not None else str(error))
