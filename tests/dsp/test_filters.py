import numpy as np
import pytest

from app.services.dsp import biquad
from app.services.dsp.filters import StreamingFilter
from tests.dsp.sounds import db, gain_at, impulse, in_blocks, noise, rms, sine


@pytest.mark.parametrize("design", [biquad.high_pass, biquad.low_pass])
def test_a_pass_filter_is_3_db_down_at_its_corner(design):
    assert gain_at(design(500.0), 500.0) == pytest.approx(-3.01, abs=0.01)


def test_a_high_pass_falls_by_12_db_an_octave_and_stops_direct_current():
    design = biquad.high_pass(400.0)

    assert gain_at(design, 50.0) - gain_at(design, 25.0) == pytest.approx(12.0, abs=0.1)
    assert gain_at(design, 8_000.0) == pytest.approx(0.0, abs=0.01)
    assert gain_at(design, 0.0) < -200


def test_a_low_pass_lets_the_lows_through_and_stops_the_top():
    design = biquad.low_pass(400.0)

    assert gain_at(design, 20.0) == pytest.approx(0.0, abs=0.01)
    assert gain_at(design, 3_200.0) == pytest.approx(-36.1, abs=1.0)


@pytest.mark.parametrize("gain_db", [-12.0, 6.0])
def test_a_shelf_reaches_its_gain_on_its_side_and_half_of_it_at_its_corner(gain_db):
    low, high = biquad.low_shelf(200.0, gain_db), biquad.high_shelf(6_000.0, gain_db)

    assert [gain_at(low, hz) for hz in (5.0, 200.0, 8_000.0)] == pytest.approx([gain_db, gain_db / 2, 0.0], abs=0.05)
    assert [gain_at(high, hz) for hz in (200.0, 6_000.0, 22_000.0)] == pytest.approx(
        [0.0, gain_db / 2, gain_db], abs=0.05
    )


def test_a_bell_lifts_its_centre_only():
    design = biquad.bell(1_000.0, 9.0)

    assert gain_at(design, 1_000.0) == pytest.approx(9.0, abs=0.01)
    assert abs(gain_at(design, 30.0)) < 0.05
    assert abs(gain_at(design, 20_000.0)) < 0.05


def test_a_corner_beyond_nyquist_still_gives_a_stable_filter():
    roots = np.roots(biquad.low_pass(30_000.0)[0, 3:])

    assert np.abs(roots).max() < 1


def test_a_filter_sounds_the_same_whatever_the_blocks():
    sections = biquad.cascade(biquad.high_pass(80.0), biquad.bell(900.0, 6.0), biquad.high_shelf(5_000.0, -4.0))
    samples = noise(1.0)

    whole = StreamingFilter(sections).process(samples)

    for size in (64, 1_000, 32_768):
        np.testing.assert_array_equal(in_blocks(StreamingFilter(sections).process, samples, size), whole)


def test_a_streamed_filter_has_the_gain_it_was_designed_for():
    heard = StreamingFilter(biquad.bell(1_000.0, 6.0)).process(sine(1_000.0, 1.0))

    assert db(rms(heard[4_410:]) / rms(sine(1_000.0, 1.0))) == pytest.approx(6.0, abs=0.05)


def test_no_sections_change_nothing():
    samples = noise(0.1)

    assert StreamingFilter(biquad.cascade()).process(samples) is samples


def test_a_low_cut_leaves_no_noise_of_its_own():
    # 30 Hz in single precision is where rounding would show.
    quiet = StreamingFilter(biquad.high_pass(30.0)).process(sine(1_000.0, 4.0))

    residue = (
        quiet[44_100:] - StreamingFilter(biquad.high_pass(30.0)).process(sine(1_000.0, 4.0, level=0.05))[44_100:] * 2
    )
    assert db(rms(residue) / rms(quiet)) < -90


def test_silence_after_sound_becomes_exact_silence():
    effect = StreamingFilter(biquad.high_pass(30.0))
    effect.process(noise(0.5))

    for _ in range(3):
        tail = effect.process(np.zeros((32_768, 2), np.float32))

    assert not tail.any()


def test_reset_forgets_the_past():
    effect = StreamingFilter(biquad.low_pass(100.0))
    first = effect.process(impulse(512))
    effect.reset()

    np.testing.assert_array_equal(effect.process(impulse(512)), first)


def test_channels_that_are_alike_sound_as_each_does_beside_another():
    sections = biquad.cascade(biquad.high_pass(80.0), biquad.bell(900.0, 6.0))
    left, right = noise(1.0)[:, :1], sine(440.0, 1.0)[: len(noise(1.0)), :1]
    alike = StreamingFilter(sections)
    apart = StreamingFilter(sections)

    for same, other in zip(np.array_split(left, 5), np.array_split(right, 5), strict=True):
        both = alike.process(np.hstack((same, same)))
        one = apart.process(np.hstack((same, other)))
        np.testing.assert_array_equal(both, np.hstack((one[:, :1], one[:, :1])))
    # What was alike may part, and goes on from where both stood.
    np.testing.assert_array_equal(
        alike.process(np.hstack((left, right)))[:, :1], apart.process(np.hstack((left, left)))[:, :1]
    )
