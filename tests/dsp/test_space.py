"""Convolution, reverb and echo."""

import numpy as np
import pytest
from scipy.signal import butter, fftconvolve, sosfilt

from app.services.dsp.convolution import PARTITION_FRAMES, Convolution, partition
from app.services.dsp.delay import PingPongDelay
from app.services.dsp.reverb import Reverb, room_response
from tests.dsp.sounds import db, impulse, in_blocks, noise, rms, sine


def decay_s(response):
    """Time to fall by 60 dB in the octaves around 500 Hz and 1 kHz (ISO 3382, T30)."""
    heard = sosfilt(butter(4, [353, 1_414], "bandpass", fs=44_100, output="sos"), response)
    left = np.cumsum(np.square(heard)[::-1])[::-1]
    level = 10 * np.log10(left / left[0] + 1e-12)
    return 2 * (np.argmax(level < -35) - np.argmax(level < -5)) / 44_100


def test_convolution_gives_what_the_textbook_gives():
    samples, response = noise(2.0, seed=1), noise(1.3, seed=2, level=0.01)

    wet = in_blocks(Convolution(partition(response)).process, samples, 32_768)

    expected = fftconvolve(samples, response, axes=0)[: len(samples)]
    np.testing.assert_allclose(wet, expected, atol=1e-5)


def test_convolution_sounds_the_same_on_the_whole_and_on_the_half_grid():
    samples, response = noise(2.2), partition(noise(0.9, seed=2, level=0.01))

    whole = in_blocks(Convolution(response).process, samples, 2 * PARTITION_FRAMES)
    half = in_blocks(Convolution(response).process, samples, PARTITION_FRAMES)

    np.testing.assert_allclose(half, whole, atol=1e-6)


def test_nothing_can_follow_a_broken_off_block():
    convolution = Convolution(partition(noise(0.1)))
    convolution.process(noise(0.1))

    with pytest.raises(ValueError, match="last block"):
        convolution.process(noise(0.1))


def test_the_tail_rings_out_and_then_all_is_silent_and_starts_afresh():
    response = partition(noise(1.0, level=0.01))
    convolution = Convolution(response)
    silence = np.zeros((32_768, 2), np.float32)
    first = convolution.process(impulse(32_768))

    tails = [convolution.process(silence) for _ in range(4)]

    assert tails[0].any()
    assert not tails[-1].any()
    np.testing.assert_array_equal(convolution.process(impulse(32_768)), first)


@pytest.mark.parametrize("reverb_s", [0.4, 1.8, 5.0])
@pytest.mark.parametrize("brightness", [0.0, 0.5, 1.0])
def test_a_room_falls_by_60_db_in_its_time(reverb_s, brightness):
    response = room_response(reverb_s=reverb_s, predelay_ms=20.0, brightness=brightness)

    assert decay_s(response[:, 0]) == pytest.approx(reverb_s, rel=0.15)
    assert decay_s(response[:, 1]) == pytest.approx(reverb_s, rel=0.15)


def test_a_room_answers_after_its_predelay():
    response = room_response(reverb_s=1.0, predelay_ms=50.0, brightness=0.5)

    assert not response[:2_200].any()
    assert response[2_205:2_800].any()


def test_a_brighter_room_rings_longer_at_the_top():
    highs = butter(4, 6_000, "highpass", fs=44_100, output="sos")

    dark, bright = (
        rms(sosfilt(highs, room_response(reverb_s=2.0, predelay_ms=0.0, brightness=b)[22_050:, 0])) for b in (0.0, 1.0)
    )

    assert db(bright / dark) > 12


def test_both_sides_of_a_room_are_strangers_and_equally_strong():
    left, right = room_response(reverb_s=1.5, predelay_ms=10.0, brightness=0.5).T

    assert abs(np.corrcoef(left, right)[0, 1]) < 0.1
    assert np.square(left).sum() == pytest.approx(1.0, rel=1e-3)
    assert np.square(right).sum() == pytest.approx(1.0, rel=1e-3)


def test_a_reverb_returns_steady_noise_as_loud_as_it_was_sent():
    send = noise(6.0)

    wet = in_blocks(Reverb(reverb_s=1.0, predelay_ms=10.0, brightness=0.5).process, send, 32_768)

    assert db(rms(wet[88_200:]) / rms(send)) == pytest.approx(0.0, abs=1.0)


def test_a_voice_on_the_left_fills_the_whole_room_but_more_on_its_side():
    send = noise(3.0) * np.array([1.0, 0.0], np.float32)

    left, right = in_blocks(Reverb(reverb_s=1.0, predelay_ms=10.0, brightness=0.5).process, send, 32_768).T

    assert 3 < db(rms(left) / rms(right)) < 9


def test_echoes_come_on_the_beat_first_left_then_right_each_softer():
    delay = PingPongDelay(delay_frames=11_025, feedback=0.5)
    burst = sine(1_000.0, 1.5) * (np.arange(66_150) < 2_000)[:, np.newaxis].astype(np.float32)

    echoes = delay.process(burst)

    levels = [[rms(echoes[at : at + 2_000, side]) for side in (0, 1)] for at in (0, 11_025, 22_050, 33_075)]
    assert levels[0] == [0.0, 0.0]
    assert max(levels[1][1], levels[2][0], levels[3][1]) < 1e-9
    assert db(levels[1][0] / rms(burst[:2_000])) == pytest.approx(0.0, abs=0.5)
    assert db(levels[2][1] / levels[1][0]) == pytest.approx(-6.0, abs=0.1)
    assert db(levels[3][0] / levels[2][1]) == pytest.approx(-6.0, abs=0.1)


@pytest.mark.parametrize("delay_frames", [300, 11_025, 50_000])
def test_echoes_are_the_same_whatever_the_blocks(delay_frames):
    send = noise(2.0)

    whole = PingPongDelay(delay_frames=delay_frames, feedback=0.4).process(send)
    parts = in_blocks(PingPongDelay(delay_frames=delay_frames, feedback=0.4).process, send, 32_768)

    np.testing.assert_allclose(parts, whole, atol=1e-6)


def test_echoes_die_away_to_exact_silence():
    delay = PingPongDelay(delay_frames=4_410, feedback=0.5)
    silence = np.zeros((32_768, 2), np.float32)
    delay.process(noise(0.5))

    tails = [delay.process(silence) for _ in range(6)]

    assert tails[0].any()
    assert not tails[-1].any()
