"""Memory: what is freed goes back, and nothing breaks where there is nothing to tell."""

import gc
import sys

import numpy as np
import pytest

from app.utils.memory import give_back_memory, settle_collector, tame_allocator


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
