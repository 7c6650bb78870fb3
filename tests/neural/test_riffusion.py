"""Riffusion on a tiny random checkpoint, opened by the code that opens the real one."""

import numpy as np
import pytest

pytest.importorskip("torch", reason="torch is not installed: python3 run.py install riffusion")
pytest.importorskip("diffusers", reason="diffusers is not installed: python3 run.py install riffusion")

from app.errors import Cancelled
from app.models.audio import SAMPLE_RATE
from app.services.dsp.mel import BANDS, COLUMNS_PER_S
from app.services.engines.base import ModelSource
from app.services.engines.riffusion import RiffusionEngine
from tests.encoding.test_png import chunks
from tests.neural.asking import Asked, assert_moves, samples_of, takes
from tests.neural.tiny_riffusion import save_tiny_riffusion


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    work = tmp_path_factory.mktemp("riffusion")
    return ModelSource(name="riffusion-v1", folder=save_tiny_riffusion(work / "model", work / "parts"))


@pytest.fixture(scope="module")
def engine(source):
    engine = RiffusionEngine(source, steps=2)
    engine.load(device="cpu")
    yield engine
    engine.unload()
    assert engine.memory_bytes() == 0


def picture_of(take):
    import struct
    import zlib

    parts = dict(chunks(take.extras["mel.png"]))
    columns, rows = struct.unpack(">II", parts[b"IHDR"][:8])
    lines = np.frombuffer(zlib.decompress(parts[b"IDAT"]), np.uint8).reshape(rows, columns + 1)
    return lines[:, 1:].astype(np.float32) / 255


@pytest.fixture(scope="module")
def alone(engine):
    asked = Asked(seconds=5, seed=7)
    (take,) = takes(engine, asked)
    return asked, take, samples_of(take)


def test_a_take_is_as_long_as_asked_and_sounds(alone):
    _asked, take, samples = alone

    assert take.sample_rate == SAMPLE_RATE
    assert samples.shape == (5 * SAMPLE_RATE, 2)
    assert samples.dtype == np.float32
    assert np.isfinite(samples).all()
    assert np.sqrt(np.mean(samples**2)) > 1e-3


def test_its_progress_moves(alone):
    assert_moves(alone[0].told)


def test_the_picture_comes_along(alone):
    assert picture_of(alone[1]).shape == (BANDS, 5 * COLUMNS_PER_S)


def test_the_same_seed_gives_the_same_bytes_and_another_does_not(engine, alone):
    same, other = (samples_of(takes(engine, Asked(seconds=5, seed=seed))[0]) for seed in (7, 8))

    np.testing.assert_array_equal(same, alone[2])
    assert not np.allclose(other, alone[2], atol=0.05)


def test_a_longer_piece_is_painted_further(engine):
    asked = Asked("techno with a very long wish, 140 bpm", seconds=9, seed=8)

    (take,) = takes(engine, asked)

    assert samples_of(take).shape == (9 * SAMPLE_RATE, 2)
    assert picture_of(take).shape == (BANDS, 9 * COLUMNS_PER_S)
    assert_moves(asked.told)


def test_the_painting_of_a_cancelled_track_ends_midway(engine):
    cancelled = Asked(seconds=9, cancel_at=0.3)

    (answer,) = takes(engine, cancelled)

    assert isinstance(answer, Cancelled)
    assert cancelled.told[-1][1] < 0.6


def test_what_is_asked_for_together_is_made_one_after_the_other_and_a_cancelled_one_is_left_out(engine, alone):
    gone, stays = takes(engine, Asked(seconds=9, seed=8, cancel_at=0.3), Asked(seconds=5, seed=7))

    assert isinstance(gone, Cancelled)
    np.testing.assert_array_equal(samples_of(stays), alone[2])


def test_a_track_may_be_cancelled_while_its_sound_is_sought(engine):
    cancelled = Asked(seconds=5, cancel_at=0.85)

    (answer,) = takes(engine, cancelled)

    assert isinstance(answer, Cancelled)
    assert cancelled.told[-1][1] < 0.9


@pytest.mark.parametrize("seconds", [5, 7])
def test_a_loop_meets_its_beginning(engine, seconds):
    (take,) = takes(engine, Asked(seconds=seconds, loop=True))
    samples, picture = samples_of(take)[:, 0], picture_of(take)

    assert len(samples) == seconds * SAMPLE_RATE
    steps = np.abs(np.diff(picture, axis=1)).mean(axis=0)
    seam = np.abs(picture[:, 0] - picture[:, -1]).mean()
    assert seam <= steps.max()
    assert abs(samples[0] - samples[-1]) <= np.abs(np.diff(samples)).max()
