"""Clocks: the real one runs, the frozen one obeys."""

from datetime import timedelta, timezone

from app.utils.clock import FrozenClock, SystemClock


def test_a_frozen_clock_moves_only_when_told():
    clock = FrozenClock()
    before, began = clock.now(), clock.monotonic()

    clock.advance(90)

    assert clock.now() - before == timedelta(seconds=90)
    assert clock.monotonic() - began == 90


def test_the_systems_clock_tells_utc_and_never_goes_back():
    clock = SystemClock()

    assert clock.now().tzinfo is timezone.utc
    assert clock.monotonic() <= clock.monotonic()
