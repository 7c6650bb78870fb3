import numpy as np
import pytest
from scipy.signal import butter, sosfilt

from app.models.audio import BLOCK_FRAMES
from app.models.plan import Mastering
from app.services.dsp.loudness import LoudnessMeter
from app.services.mixing import Masterer, master, measure
from tests.dsp.sounds import db, noise, peak_dbtp, rms, sine


def plucks(seconds, *, every_s, decay_s):
    """Decaying notes with a percussive start: short peaks and much silence."""
    rng = np.random.default_rng(4)
    samples = np.zeros((round(seconds * 44_100), 2), np.float32)
    time_s = np.arange(round(6 * decay_s * 44_100)) / 44_100
    for start in range(0, len(samples) - len(time_s), round(every_s * 44_100)):
        note = np.exp(-time_s / decay_s) * np.sin(2 * np.pi * 220 * 2 ** (rng.integers(24) / 12) * time_s)
        note += 0.3 * np.exp(-time_s / 0.004) * rng.standard_normal(len(time_s))
        samples[start : start + len(time_s)] += note[:, np.newaxis].astype(np.float32)
    return samples


def whispers_and_shouts():
    return np.concatenate((noise(8.0, level=0.002), noise(4.0, level=0.3), noise(4.0, level=0.01)))


PIECES = {
    "loud": lambda: noise(10.0, level=1.5),
    "quiet": lambda: noise(10.0, level=1e-4),
    "faint": lambda: noise(10.0, level=2e-6),
    "sparse": lambda: plucks(20.0, every_s=2.0, decay_s=0.3),
    "percussive": lambda: plucks(12.0, every_s=0.5, decay_s=0.06),
    "short": lambda: noise(5.0, level=0.1),
    "very dynamic": whispers_and_shouts,
    "deep": lambda: sine(50.0, 8.0) + noise(8.0, level=0.01),
}


def mastered(mix, **settings):
    return np.concatenate(list(master(mix.copy(), Mastering(**settings))))


def loudness(samples):
    meter = LoudnessMeter()
    meter.add(samples)
    return meter.integrated_lufs


@pytest.mark.parametrize("piece", PIECES)
def test_any_piece_reaches_its_loudness_below_its_ceiling_and_ends_in_silence(piece):
    mix = PIECES[piece]()

    heard = mastered(mix)

    assert loudness(heard) == pytest.approx(-14.0, abs=0.2)
    assert peak_dbtp(heard) <= -1.0
    assert heard.shape == mix.shape
    assert heard.dtype == np.float32
    assert not heard[-1].any()


@pytest.mark.parametrize("loop", [True, False])
def test_threads_change_not_a_bit(loop):
    mix = whispers_and_shouts()

    alone, together = (
        np.concatenate(list(master(mix.copy(), Mastering(low_shelf_db=2.0), loop=loop, threads=threads)))
        for threads in (1, 2)
    )

    assert alone.tobytes() == together.tobytes()


@pytest.mark.parametrize(("lufs", "ceiling"), [(-23.0, -1.0), (-16.0, -3.0), (-9.0, -1.0)])
def test_loudness_and_ceiling_are_those_asked_for(lufs, ceiling):
    heard = mastered(noise(6.0, level=0.1), loudness_lufs=lufs, ceiling_dbtp=ceiling)

    assert loudness(heard) == pytest.approx(lufs, abs=0.2)
    assert peak_dbtp(heard) <= ceiling


def test_the_ceiling_comes_before_the_loudness():
    clicks = np.zeros((10 * 44_100, 2), np.float32)
    clicks[:: 2 * 44_100] = 1.0

    heard = mastered(clicks)

    assert loudness(heard) < -20
    assert -3.0 < peak_dbtp(heard) <= -1.0


@pytest.mark.parametrize("seed", range(3))
def test_the_sharpest_hats_stay_below_the_ceiling(seed):
    # Bursts of noise above 7 kHz, driven hard: most of what they are lies between the samples.
    hats = sosfilt(butter(2, 7_000, "highpass", fs=44_100, output="sos"), noise(3.0, level=0.2, seed=seed), axis=0)
    bursts = np.exp(-(np.arange(len(hats)) % 11_025) / 300)[:, np.newaxis]

    heard = mastered((hats * bursts).astype(np.float32), loudness_lufs=-10.0)

    assert peak_dbtp(heard) <= -1.0


def test_what_cannot_be_made_louder_is_not_crushed():
    # Clicks that no gain makes loud, over hiss that only limiting them to nothing would bring up.
    hiss = noise(10.0, level=1e-4)
    clicks = hiss.copy()
    clicks[22_050 :: 2 * 44_100] += 1.0
    faint = clicks * np.float32(0.1)

    between = slice(44_100, 88_200)
    raised, raised_faint = (rms(mastered(mix, glue_db=0.0)[between]) for mix in (clicks, faint))

    assert db(raised / rms(hiss[between])) < 20
    assert db(raised_faint / raised) == pytest.approx(0.0, abs=0.1)


def test_silence_stays_silence():
    heard = master(np.zeros((100_000, 2), np.float32), Mastering())

    assert not np.concatenate(list(heard)).any()
    assert heard.measured["loudness_lufs"] == -70.0
    assert all(np.isfinite(number) for number in heard.measured.values())


def test_a_piece_with_room_is_only_turned_up():
    # Its peaks lie 3 dB above its loudness: the limiter and, without glue, the compressor have nothing to do.
    tone = sine(997.0, 6.0, level=0.01)

    heard = mastered(tone, glue_db=0.0, fade_out_s=0.0)[44_100:-44_100]

    gain = rms(heard) / rms(tone)
    assert db(rms(heard[:44_100]) / rms(heard[-44_100:])) == pytest.approx(0.0, abs=0.01)
    assert np.abs(heard).max() == pytest.approx(0.01 * gain, rel=0.01)


def test_quiet_passages_stay_quieter_than_loud_ones():
    mix = whispers_and_shouts()
    quiet, loud = slice(44_100, 7 * 44_100), slice(9 * 44_100, 11 * 44_100)

    heard = mastered(mix, glue_db=1.5)

    before, after = (db(rms(x[loud]) / rms(x[quiet])) for x in (mix, heard))
    assert before - after == pytest.approx(1.5, abs=0.8)


def test_glue_reaches_as_far_down_as_asked():
    mix = np.concatenate((noise(4.0, level=0.01), noise(4.0, level=0.2)))
    contrast = []
    for glue_db in (0.0, 4.0):
        heard = mastered(mix, glue_db=glue_db, loudness_lufs=-20.0)
        contrast.append(db(rms(heard[5 * 44_100 : 6 * 44_100]) / rms(heard[44_100 : 3 * 44_100])))

    assert contrast[0] - contrast[1] == pytest.approx(4.0, abs=0.5)


def test_the_end_fades_over_the_time_asked_for():
    heard = mastered(sine(997.0, 8.0), fade_out_s=3.0, glue_db=0.0)
    level = [rms(heard[second * 44_100 :][:4_410]) for second in range(8)]

    assert level[4] == pytest.approx(level[2], rel=0.01)
    # A raised cosine: half way down at half time.
    middle = rms(heard[round(6.5 * 44_100) - 441 :][:882])
    assert middle / level[2] == pytest.approx(0.5, abs=0.02)
    assert rms(heard[-882:]) < 0.01 * level[2]


def test_a_fade_longer_than_the_piece_covers_it_all():
    heard = mastered(noise(2.0), fade_out_s=20.0)

    assert np.isfinite(heard).all()
    assert rms(heard[:22_050]) > 3 * rms(heard[-22_050:])


def test_a_piece_that_begins_with_a_step_does_not_click():
    step = sine(200.0, 3.0, phase=np.pi / 2, level=0.5)
    soft = sine(200.0, 3.0, level=0.5)

    assert np.abs(mastered(step)[:3]).max() < 0.05
    assert np.abs(mastered(step)[44:441]).max() > 0.6 * mastered(step).max()
    # Where there is no step, nothing is taken from the beginning: 10 frames in, the sine has risen to 0.28.
    assert mastered(soft)[10, 0] / mastered(soft)[:4_410].max() == pytest.approx(0.28, abs=0.05)


def test_direct_current_and_rumble_are_removed():
    mix = noise(6.0, level=0.05) + np.float32(0.2)

    heard = master(mix, Mastering())
    samples = np.concatenate(list(heard))

    assert np.abs(samples[44_100:].mean(axis=0)).max() < 1e-4
    assert heard.measured["dc"] < 1e-3


def test_the_bass_stands_in_the_middle():
    left_only = np.array([1.0, 0.0], np.float32)
    bass, treble = mastered(sine(50.0, 4.0) * left_only), mastered(sine(2_000.0, 4.0) * left_only)

    def right_against_left(samples):
        return db(rms(samples[44_100:88_200, 1]) / rms(samples[44_100:88_200, 0]))

    assert right_against_left(bass) > -4
    assert right_against_left(treble) < -25


@pytest.mark.parametrize(("setting", "frequency_hz"), [("low_shelf_db", 50.0), ("high_shelf_db", 15_000.0)])
def test_tone_shelves_lift_their_end(setting, frequency_hz):
    mix = sine(frequency_hz, 4.0) + sine(1_000.0, 4.0)

    def balance(**settings):
        spectrum = np.abs(np.fft.rfft(mastered(mix, glue_db=0.0, **settings)[44_100:88_200, 0]))
        return db(spectrum[round(frequency_hz)] / spectrum[1_000])

    assert balance(**{setting: 4.0}) - balance() == pytest.approx(4.0, abs=0.5)


def test_what_it_measured_is_what_a_fresh_meter_finds():
    heard = master(plucks(8.0, every_s=0.5, decay_s=0.2), Mastering())
    with pytest.raises(RuntimeError, match="read all blocks"):
        _ = heard.measured

    samples = np.concatenate(list(heard.blocks()))

    assert heard.measured == measure(samples)
    assert heard.measured["true_peak_dbtp"] <= -1.0


def test_blocks_keep_to_the_grid():
    lengths = [len(block) for block in master(noise(4.0), Mastering())]

    assert lengths == [BLOCK_FRAMES, BLOCK_FRAMES, 4 * 44_100 - 2 * BLOCK_FRAMES]


def test_the_same_mix_gives_the_same_bytes():
    mix = whispers_and_shouts()

    assert mastered(mix).tobytes() == mastered(mix).tobytes()


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("seconds", [0.5, 9.3])
def test_a_mix_that_is_followed_as_it_is_filled_is_mastered_alike(threads, seconds):
    mix = noise(seconds, level=0.2)
    grown = np.zeros_like(mix)
    settings = Mastering(low_shelf_db=1.5, glue_db=2.0)

    with Masterer(settings, threads=threads) as masterer:
        for first in range(0, len(mix), 10_000):
            grown[first : first + 10_000] = mix[first : first + 10_000]
            masterer.follow(grown, min(first + 10_000, len(mix)))
        heard = np.concatenate(list(masterer.finish(grown)))

    np.testing.assert_array_equal(heard, np.concatenate(list(master(mix, settings))))
