"""The master ahead of its time is the master, but for the gain that was foretold."""

import numpy as np
import pytest
from numpy.typing import NDArray

from app.models.audio import BLOCK_FRAMES, SAMPLE_RATE, Samples
from app.models.plan import Mastering
from app.services.dsp.true_peak import true_peak
from app.services.mixing import Masterer, Preview, foretold_gain_db, master
from app.utils.units import gain_to_db

MASTERING = Mastering(low_shelf_db=1.0, glue_db=2.0)
FRAMES = 9 * SAMPLE_RATE


@pytest.fixture(scope="module")
def mix() -> Samples:
    """Swelling chords with hits on top, which the limiter has to catch."""
    rng = np.random.default_rng(9)
    time_s = np.arange(FRAMES) / SAMPLE_RATE
    chord = sum(np.sin(2 * np.pi * hertz * time_s) for hertz in (110.0, 277.2, 415.3, 1_108.0))
    swell = 0.4 + 0.3 * np.sin(2 * np.pi * 0.35 * time_s)
    hits = rng.standard_normal((FRAMES, 2)) * np.exp(-(np.arange(FRAMES) % 22_050) / 900)[:, np.newaxis]
    return (0.05 * (chord * swell)[:, np.newaxis] + 0.12 * hits).astype(np.float32)


def blocks(samples: Samples) -> list[Samples]:
    return [samples[at : at + BLOCK_FRAMES] for at in range(0, len(samples), BLOCK_FRAMES)]


def heard_early(mix: Samples, lufs: float, mastering: Mastering = MASTERING) -> list[Samples]:
    preview = Preview(mastering, expected_lufs=lufs, frames=len(mix))
    return [preview.add(block) for block in blocks(mix)]


def right_forecast(mix: Samples) -> float:
    """The forecast by which the gain that the master gets is foretold."""
    gain_db = master(mix.copy(), MASTERING).gain_db
    return foretold_gain_db(MASTERING, 0.0) - gain_db


def level_db(samples: Samples) -> NDArray[np.float64]:
    """Of each tenth of a second."""
    tenths = samples[: len(samples) // 4_410 * 4_410].reshape(-1, 4_410 * 2)
    return np.asarray(10 * np.log10(np.square(tenths, dtype=np.float64).mean(axis=1) + 1e-12))


def test_what_is_heard_early_is_what_the_file_will_be(mix: Samples) -> None:
    early = np.concatenate(heard_early(mix, right_forecast(mix)))
    late = np.concatenate(list(master(mix.copy(), MASTERING)))

    assert early.shape == late.shape
    apart_db = level_db(early) - level_db(late)
    assert np.abs(apart_db).max() < 0.5
    assert np.square(early - late).sum() < 1e-3 * np.square(late).sum()


def test_a_wrong_forecast_is_a_gain_and_little_else(mix: Samples) -> None:
    soft = Mastering(loudness_lufs=-26.0, glue_db=2.0)  # the limiter rests
    right = foretold_gain_db(soft, 0.0) - master(mix.copy(), soft).gain_db
    early = np.concatenate(heard_early(mix, right + 3.0, soft))  # believed louder, so made softer
    late = np.concatenate(list(master(mix.copy(), soft)))

    apart_db = level_db(late) - level_db(early)
    assert np.median(apart_db) == pytest.approx(3.0, abs=0.7)
    assert apart_db[:-2].std() < 0.6


def test_all_but_a_few_milliseconds_of_a_block_is_heard_at_once(mix: Samples) -> None:
    pieces = heard_early(mix, -20.0)

    assert len(pieces[0]) > BLOCK_FRAMES - 0.02 * SAMPLE_RATE
    assert sum(map(len, pieces)) == len(mix)
    assert not pieces[-1][-1].any()


@pytest.mark.parametrize("lufs", [-45.0, -20.0])
def test_no_forecast_is_so_wrong_that_it_clips(mix: Samples, lufs: float) -> None:
    early = np.concatenate(heard_early(mix, lufs))

    assert gain_to_db(true_peak(early)) < MASTERING.ceiling_dbtp


def test_what_the_masterer_has_filtered_is_taken_as_it_is(mix: Samples) -> None:
    whole = mix.copy()
    preview = Preview(MASTERING, expected_lufs=-20.0, frames=len(mix))
    with Masterer(MASTERING, threads=2) as masterer:
        masterer.follow(whole, len(whole))
        assert masterer.filtered(len(whole) - 1)
        # As a broadcast does: the first blocks as they came, all others from the masterer.
        pieces = [preview.add(block) for block in blocks(mix)[:4]]
        pieces += [preview.add(block, filtered=True) for block in blocks(whole)[4:]]

    assert np.concatenate(pieces).tobytes() == np.concatenate(heard_early(mix, -20.0)).tobytes()


def test_a_masterer_that_is_followed_to_the_end_makes_the_same_master(mix: Samples) -> None:
    followed = mix.copy()
    with Masterer(MASTERING, threads=2) as masterer:
        for final in (*range(BLOCK_FRAMES, FRAMES, BLOCK_FRAMES), FRAMES):
            masterer.follow(followed, final)
        together = np.concatenate(list(masterer.finish(followed)))

    assert together.tobytes() == np.concatenate(list(master(mix.copy(), MASTERING))).tobytes()


def test_a_masterer_on_one_thread_follows_nothing(mix: Samples) -> None:
    whole = mix.copy()
    with Masterer(MASTERING) as masterer:
        masterer.follow(whole, len(whole))

        assert not masterer.follows
        assert not masterer.filtered(0)
        np.testing.assert_array_equal(whole, mix)


def test_silence_is_heard_as_silence() -> None:
    early = np.concatenate(heard_early(np.zeros((FRAMES, 2), np.float32), -70.0))

    assert early.shape == (FRAMES, 2)
    assert not early.any()
