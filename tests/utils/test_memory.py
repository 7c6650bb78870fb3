"""Memory: what is freed goes back, and nothing breaks where there is nothing to tell."""

import gc
import sys

import numpy as np
import pytest

from app.utils.memory import (
    bounded_memory,
    give_back_memory,
    settle_collector,
    tame_allocator,
    warn_if_unbounded,
    within_memory,
)


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only glibc is told")
def test_freed_memory_goes_back_to_the_system():
    psutil = pytest.importorskip("psutil", reason="psutil (requirements/dev.txt) measures memory")
    process = psutil.Process()
    pieces = [np.ones(100_000, np.uint8) for _ in range(2_000)]
    keeper = np.ones(100_000, np.uint8)  # above the others, so that the heap does not shrink by itself
    full = process.memory_info().rss
    del pieces

    give_back_memory()

    assert process.memory_info().rss < full - 100_000_000
    assert keeper.all()


def test_systems_without_glibc_are_left_alone(monkeypatch):
    monkeypatch.setattr(sys, "platform", "win32")

    tame_allocator()
    give_back_memory()


def test_what_a_warm_process_holds_is_not_looked_at_again():
    before = gc.get_threshold()
    held = [[] for _ in range(10_000)]
    try:
        settle_collector()

        assert gc.get_freeze_count() >= len(held)
        assert not any(one is held for one in gc.get_objects())
    finally:
        gc.unfreeze()
        gc.set_threshold(*before)


@pytest.mark.parametrize("system", ["darwin", "win32"])
def test_a_system_that_bounds_no_memory_says_so_once_and_reads_all_the_same(system, monkeypatch, caplog):
    monkeypatch.setattr(sys, "platform", system)
    warn_if_unbounded.cache_clear()

    for _ in range(2):
        warn_if_unbounded()
    with bounded_memory(1):
        read = within_memory(1, lambda: np.ones(1_000_000, np.uint8))

    assert [record.levelname for record in caplog.records] == ["WARNING"]
    assert "without a bound on memory" in caplog.text
    assert read.all()


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux bounds memory")
def test_a_system_that_bounds_memory_says_nothing(caplog):
    warn_if_unbounded.cache_clear()

    warn_if_unbounded()

    assert not caplog.records
