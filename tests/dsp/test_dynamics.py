import numpy as np
import pytest

from app.services.dsp.cells import (
    CELL_FRAMES,
    apply_gains,
    cell_count,
    cell_power,
    inner_edges,
    ramp_between,
)
from app.services.dsp.ducking import Ducking
from app.services.dsp.dynamics import compressor_gains, limiter_gains, power_percentile_db
from tests.dsp.sounds import db, noise, sine

CELLS_PER_SECOND = 44_100 / CELL_FRAMES


def steady(level_db, seconds):
    return np.full(int(seconds * CELLS_PER_SECOND), 10 ** (level_db / 10), np.float32)


def test_the_power_of_a_cell_is_its_mean_square():
    assert cell_power(sine(1_378.125, 1.0, level=0.5))[10] == pytest.approx(2 * 0.5**2 / 2, rel=0.01)
    assert len(cell_power(noise(1.0))) == cell_count(44_100)


def test_gains_run_in_straight_lines_between_edges():
    ramp = ramp_between(np.array([0.0, 1.0, 1.0, 0.5], np.float32), 3 * CELL_FRAMES)

    assert np.all(np.diff(ramp[:CELL_FRAMES]) > 0)
    assert np.all(ramp[CELL_FRAMES : 2 * CELL_FRAMES] == 1.0)
    assert abs(np.diff(ramp)).max() < 1 / CELL_FRAMES + 1e-6


@pytest.mark.parametrize("order", ["C", "F"])
def test_applied_gains_reach_both_channels_alike(order):
    samples = np.array(np.ones((200, 2), np.float32), order=order)
    edges = np.array([1.0, 0.5, 0.5, 0.25, 0.25], np.float32)

    scaled = apply_gains(samples, edges)

    np.testing.assert_array_equal(scaled[:, 0], ramp_between(edges, 200))
    np.testing.assert_array_equal(scaled[:, 0], scaled[:, 1])
    np.testing.assert_array_equal(apply_gains(samples, np.full(5, 0.5, np.float32)), samples * np.float32(0.5))


def test_inner_edges_never_rise_above_their_cells():
    gains = np.random.default_rng(1).random(50).astype(np.float32)

    ramp = ramp_between(inner_edges(gains), 50 * CELL_FRAMES)

    assert np.all(ramp <= np.repeat(gains, CELL_FRAMES) + 1e-6)


def test_a_compressor_halves_what_lies_above_its_threshold():
    gains = compressor_gains(steady(-10.0, 2.0), threshold_db=-30.0, ratio=2.0)

    assert db(gains[-1]) == pytest.approx(-10.0, abs=0.05)


def test_a_compressor_leaves_quiet_sound_alone():
    gains = compressor_gains(steady(-40.0, 1.0), threshold_db=-30.0, ratio=4.0)

    np.testing.assert_allclose(gains, 1.0)


def test_a_compressor_goes_down_fast_and_comes_back_slowly():
    power = np.concatenate([steady(-60.0, 0.5), steady(-10.0, 1.0), steady(-60.0, 1.0)])
    gains = compressor_gains(power, threshold_db=-30.0, ratio=2.0)
    start, end = int(0.5 * CELLS_PER_SECOND), int(1.5 * CELLS_PER_SECOND)

    assert db(gains[start + int(0.03 * CELLS_PER_SECOND)]) < -8
    assert db(gains[end + int(0.15 * CELLS_PER_SECOND)]) < -3
    assert db(gains[-1]) > -0.5


def test_percentiles_look_at_sounding_cells_only():
    power = np.concatenate([steady(-20.0, 1.0), steady(-200.0, 9.0)])

    assert power_percentile_db(power, 50) > -60
    assert power_percentile_db(np.zeros(100, np.float32), 50) == -200.0


def test_a_limiter_keeps_every_cell_below_the_ceiling():
    peaks = np.random.default_rng(2).pareto(2.0, 4_000).astype(np.float32)

    gains = limiter_gains(peaks, gain_db=6.0, ceiling_db=-1.0, release_db_per_s=80.0)

    assert db((peaks * gains).max()) <= -1.0 + 1e-4
    assert db(gains.max()) <= 6.0 + 1e-4


def test_a_limiter_leaves_alone_what_fits():
    peaks = np.full(100, 0.2, np.float32)

    np.testing.assert_allclose(
        limiter_gains(peaks, gain_db=3.0, ceiling_db=-1.0, release_db_per_s=80.0), 1.41254, rtol=1e-5
    )


def test_a_limiter_bends_before_the_peak_and_lets_go_at_its_pace():
    peaks = np.full(2_000, 0.01, np.float32)
    peaks[500] = 2.0

    levels_db = 20 * np.log10(limiter_gains(peaks, gain_db=0.0, ceiling_db=0.0, release_db_per_s=80.0))

    assert levels_db[500] == pytest.approx(-6.02, abs=0.01)
    assert levels_db[495] == 0.0
    assert np.all(np.diff(levels_db[495:501]) <= 1e-6)
    back = np.flatnonzero(levels_db[500:] > -0.01)[0] / CELLS_PER_SECOND
    assert back == pytest.approx(6.02 / 80 + 0.02, abs=0.01)
    assert levels_db[-1] == 0.0


def test_a_steady_bass_note_is_not_bent_by_the_limiter():
    # 40 Hz peaks every 12.5 ms: the gain must hold from one to the next, or the wave itself would be reshaped.
    wave = np.abs(np.sin(2 * np.pi * 40 * np.arange(44_100) / 44_100))
    peaks = wave[: 689 * CELL_FRAMES].reshape(-1, CELL_FRAMES).max(axis=1).astype(np.float32)

    gains = limiter_gains(peaks, gain_db=6.0, ceiling_db=0.0, release_db_per_s=80.0)[100:-100]

    assert db(gains.max() / gains.min()) < 0.1


def test_more_gain_never_gives_less_anywhere():
    peaks = np.random.default_rng(3).pareto(2.0, 2_000).astype(np.float32)

    softer, louder = (limiter_gains(peaks, gain_db=g, ceiling_db=-1.0, release_db_per_s=80.0) for g in (3.0, 9.0))

    assert np.all(louder >= softer * (1 - 1e-6))


def test_a_kick_pushes_the_others_down_and_they_come_back():
    ducking = Ducking([44_100], tempo_bpm=120)
    push = ducking.push(0, 88_200)
    at = 44_100 // CELL_FRAMES

    assert push[at + 1] == 1.0
    assert push[at - 10] == 0.0
    assert push[at + int(0.2 * CELLS_PER_SECOND)] == pytest.approx(0.5, abs=0.1)
    assert push[at + int(0.4 * CELLS_PER_SECOND)] == 0.0
    assert abs(np.diff(push[at + 2 :])).max() < 0.02


def test_the_others_give_way_just_before_the_kick():
    kick = 100 * CELL_FRAMES
    push = Ducking([kick], tempo_bpm=120).push(0, 2 * kick)

    assert 0.3 < push[99] < 1.0
    assert push[100] == 1.0
    assert push[96] == 0.0


def test_the_push_is_the_same_whatever_the_blocks():
    ducking = Ducking([100, 20_000, 40_000], tempo_bpm=100)

    joined = np.concatenate([ducking.push(first, 6_400)[:-1] for first in range(0, 64_000, 6_400)])

    np.testing.assert_array_equal(joined, ducking.push(0, 64_000)[:-1])


def test_no_kicks_push_nothing():
    assert not Ducking([], tempo_bpm=120).push(0, 1_000).any()
