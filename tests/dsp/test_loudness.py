import numpy as np
import pytest

from app.services.dsp.loudness import SILENCE_LUFS, LoudnessMeter, integrated_lufs, k_weighting, loudness_range_lu
from tests.dsp.sounds import noise, sine


def meter_of(samples, rate=44_100, size=32_768):
    meter = LoudnessMeter(sample_rate=rate, channels=samples.shape[1])
    for first in range(0, len(samples), size):
        meter.add(samples[first : first + size])
    return meter


def level(dbfs):
    return 10 ** (dbfs / 20)


def test_the_weighting_is_the_standards_own_at_48_khz():
    # ITU-R BS.1770-4, tables 1 and 2.
    np.testing.assert_allclose(
        k_weighting(48_000),
        [
            [1.53512485958697, -2.69169618940638, 1.19839281085285, 1.0, -1.69065929318241, 0.73248077421585],
            [1.0, -2.0, 1.0, 1.0, -1.99004745483398, 0.99007225036621],
        ],
        atol=1e-8,
    )


@pytest.mark.parametrize("rate", [32_000, 44_100, 48_000])
def test_a_sine_of_997_hz_reads_its_level_in_stereo_and_3_less_in_one_channel(rate):
    # BS.1770-4: 0 dBFS in one channel reads −3.01; both channels add 3.01.
    tone = sine(997.0, 5.0, level=level(-20), rate=rate)
    one_side = tone * np.array([1.0, 0.0], np.float32)

    assert meter_of(tone, rate).integrated_lufs == pytest.approx(-20.0, abs=0.02)
    assert meter_of(one_side, rate).integrated_lufs == pytest.approx(-23.01, abs=0.02)
    assert meter_of(tone[:, :1], rate).integrated_lufs == pytest.approx(-23.01, abs=0.02)


def test_low_tones_count_less_and_high_tones_more():
    mid, low, high = (meter_of(sine(hz, 4.0, level=level(-20))).integrated_lufs for hz in (997.0, 40.0, 8_000.0))

    assert low < mid - 4
    assert high == pytest.approx(mid + 3.3, abs=0.3)


@pytest.mark.parametrize(
    "steps",
    [
        # EBU Tech 3341, cases 3 to 5: dBFS and seconds of each step; all must read −23.0 ± 0.1 LUFS.
        [(-36, 10), (-23, 60), (-36, 10)],
        [(-72, 10), (-36, 10), (-23, 60), (-36, 10), (-72, 10)],
        [(-26, 20), (-20, 20.1), (-26, 20)],
    ],
)
def test_the_gates_work_as_ebu_3341_asks(steps):
    tone = np.concatenate([sine(1_000.0, seconds, level=level(dbfs)) for dbfs, seconds in steps])

    assert meter_of(tone).integrated_lufs == pytest.approx(-23.0, abs=0.1)


@pytest.mark.parametrize(
    ("levels", "expected"),
    # EBU Tech 3342, cases 1 to 4: steps of 20 s each, ± 1 LU.
    [((-20, -30), 10), ((-20, -15), 5), ((-40, -20), 20), ((-50, -35, -20, -35, -50), 15)],
)
def test_the_loudness_range_is_what_ebu_3342_asks(levels, expected):
    tone = np.concatenate([sine(1_000.0, 20.0, level=level(dbfs)) for dbfs in levels])

    assert meter_of(tone).range_lu == pytest.approx(expected, abs=1.0)


def test_short_term_loudness_follows_the_last_three_seconds():
    tone = np.concatenate([sine(1_000.0, 6.0, level=level(-30)), sine(1_000.0, 6.0, level=level(-18))])

    short_term = meter_of(tone).short_term_lufs

    assert len(short_term) == 12 * 10 - 29
    assert short_term[0] == pytest.approx(-30, abs=0.1)
    assert short_term[-1] == pytest.approx(-18, abs=0.1)


def test_silence_reads_the_lowest_number_and_no_range():
    meter = meter_of(np.zeros((88_200, 2), np.float32))

    assert meter.integrated_lufs == SILENCE_LUFS
    assert meter.range_lu == 0.0


def test_nothing_at_all_reads_like_silence():
    assert integrated_lufs(np.empty(0)) == SILENCE_LUFS
    assert loudness_range_lu(np.empty(0)) == 0.0


def test_a_piece_shorter_than_a_gating_block_is_measured_whole():
    assert meter_of(sine(997.0, 0.25, level=level(-20))).integrated_lufs == pytest.approx(-20.0, abs=0.3)


def test_the_meter_hears_the_same_whatever_the_blocks():
    samples = noise(2.0)

    whole = meter_of(samples, size=len(samples)).hop_power

    np.testing.assert_allclose(meter_of(samples, size=1_000).hop_power, whole, rtol=1e-5)
