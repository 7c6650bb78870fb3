"""What models' takes are shaped with: loops, windows, and takes that are too short."""

import numpy as np
import pytest

from app.errors import Cancelled
from app.models.audio import BLOCK_FRAMES
from app.services.engines.base import TakeRequest
from app.services.engines.shaping import FADE_S, Watch, blocks_of, lasting, looped
from app.services.planning import make_plan, read

RATE = 1_000


def noise(frames, channels=2):
    return np.random.default_rng(1).normal(0, 0.1, (frames, channels)).astype(np.float32)


def test_one_channel_is_heard_on_both_sides():
    samples = noise(BLOCK_FRAMES + 5, channels=1)

    blocks = [block.mix for block in blocks_of(samples)]

    assert [len(block) for block in blocks] == [BLOCK_FRAMES, 5]
    np.testing.assert_array_equal(np.concatenate(blocks), np.repeat(samples, 2, axis=1))


def test_what_is_long_enough_is_cut():
    samples = noise(5 * RATE)

    np.testing.assert_array_equal(lasting(samples, 3 * RATE, RATE), samples[: 3 * RATE])


def test_what_lacks_a_moment_ends_in_silence():
    samples = noise(5 * RATE)

    longer = lasting(samples, 5 * RATE + RATE // 2, RATE)

    np.testing.assert_array_equal(longer[: 5 * RATE], samples)
    assert not longer[5 * RATE :].any()


@pytest.mark.parametrize("seconds", [6, 13, 30])
def test_what_is_too_short_goes_on_from_its_beginning_as_loud(seconds):
    samples = noise(5 * RATE)

    longer = lasting(samples, seconds * RATE, RATE)

    assert longer.shape == (seconds * RATE, 2)
    np.testing.assert_array_equal(longer[: (5 - FADE_S) * RATE], samples[: (5 - FADE_S) * RATE])
    loudness = np.sqrt((longer.reshape(seconds, -1) ** 2).mean(axis=1))
    assert loudness == pytest.approx(0.1, rel=0.15)


def test_a_loop_goes_over_into_its_beginning():
    moments = np.arange(6 * RATE)[:, None] / RATE
    samples = np.sin(2 * np.pi * 10 * moments).astype(np.float32)  # whole periods a second: its end fits its beginning

    loop = looped(samples, 5 * RATE)

    assert len(loop) == 5 * RATE
    assert abs(loop[0] - loop[-1]) < 0.1
    np.testing.assert_array_equal(loop[RATE:], samples[RATE : 5 * RATE])


def test_a_batch_is_left_once_nobody_waits_for_it():
    gone, shown = [set(), []]
    plan = make_plan(read("piano"), duration_s=5, seed=1, soundfont_sha256=None)
    requests = [
        TakeRequest(
            plan=plan,
            prompt="piano",
            progress=lambda stage, fraction, row=row: shown.append((row, stage, fraction)),
            cancelled=lambda row=row: row in gone,
        )
        for row in range(2)
    ]
    watch = Watch(requests)

    watch.tell({0: 0.1, 1: 0.1})
    gone.add(0)
    watch.tell({0: 0.2, 1: 1.5})

    assert watch.gone(0)
    assert not watch.gone(1)
    assert shown == [(0, "rendering", 0.1), (1, "rendering", 0.1), (1, "rendering", 1.0)]
    gone.add(1)
    with pytest.raises(Cancelled):
        watch.tell({0: 0.3, 1: 0.3})
