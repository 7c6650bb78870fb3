"""Magenta RealTime 2 itself, on a tiny random checkpoint, in its own environment."""

import numpy as np
import pytest

from app.errors import GenerationFailed
from app.services.engines.base import ModelSource
from app.services.engines.magenta import MagentaEngine
from app.services.engines.magenta.other_side import OtherSide, Refused
from tests.neural.families import skip_unless_installed
from tests.neural.tiny_magenta import HERE, PYTHON, save_tiny_magenta

#: Of a second of sound.
FRAMES = 10


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory):
    skip_unless_installed("magenta")
    return save_tiny_magenta(tmp_path_factory.mktemp("magenta") / "model", None)


@pytest.fixture(scope="module")
def other(checkpoint):
    other = OtherSide("tiny", PYTHON, HERE / "mocked_magenta.py")
    opened, _ = other.order("open", folder=str(checkpoint), size="mrt2_small", device="cpu")
    assert opened["sample_rate"] == 48_000
    assert opened["memory_bytes"] > 200_000_000
    yield other
    assert other.close() == 0


def piece(other, words, seed, *stretches):
    other.order("begin", words=words, seed=seed)
    sounds = [np.frombuffer(other.order("more", frames=frames)[1], "<f4").reshape(-1, 2) for frames in stretches]
    return np.concatenate(sounds)


def test_the_state_that_is_passed_on_leaves_no_seam(other):
    whole = piece(other, "calm piano", 7, FRAMES)
    joined = piece(other, "calm piano", 7, 3, 1, FRAMES - 4)

    assert whole.shape == (FRAMES * 1920, 2)
    assert np.sqrt(np.mean(whole**2)) > 1e-3
    np.testing.assert_array_equal(whole, joined)


def test_it_sounds_from_the_first_frame(other):
    first = piece(other, "calm piano", 7, 1)

    assert first.shape == (1920, 2)
    assert np.abs(first[:480]).max() > 1e-3


def test_words_and_all_bits_of_the_seed_matter(other):
    one = piece(other, "calm piano", 7, FRAMES)

    for words, seed in (("fast techno", 7), ("calm piano", 8), ("calm piano", 7 + (1 << 40))):
        assert not np.array_equal(one, piece(other, words, seed, FRAMES))


def test_what_it_cannot_do_leaves_the_piece_as_it_was(other):
    begun = piece(other, "calm piano", 7, 2)
    with pytest.raises(Refused):
        other.order("more", frames="many")
    after = np.frombuffer(other.order("more", frames=2)[1], "<f4").reshape(-1, 2)

    np.testing.assert_array_equal(np.concatenate([begun, after]), piece(other, "calm piano", 7, 4))


def test_a_device_that_jax_does_not_have_is_named(checkpoint):
    engine = MagentaEngine(ModelSource(name="tiny", folder=checkpoint, python=PYTHON), size="mrt2_small")

    with pytest.raises(GenerationFailed, match="on cpu or cuda; MUSIC_DEVICE is mps"):
        engine.load(device="mps")
