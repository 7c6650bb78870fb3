"""A model's take lies in a folder until somebody finishes it."""

import numpy as np
import pytest

from app.models.audio import BLOCK_FRAMES, Block
from app.services.encoding import deliver, delivered, hold_take


def noise(frames, seed=1):
    return np.random.default_rng(seed).uniform(-1, 1, (frames, 2)).astype(np.float32)


def hold(folder, *mixes, **options):
    values = {"sample_rate": 32_000, "measured": {"steps": 3.0}, "extras": {}}
    return hold_take((Block(mix=mix) for mix in mixes), folder, **{**values, **options})


def test_a_take_comes_back_as_it_was(tmp_path):
    mixes = noise(10_000), noise(BLOCK_FRAMES, 2), noise(7, 3)
    deliver(hold(tmp_path / "first", *mixes, extras={"mel.png": b"picture"}), tmp_path)
    take = delivered(tmp_path)

    assert (take.frames, take.sample_rate, take.measured) == (10_007 + BLOCK_FRAMES, 32_000, {"steps": 3.0})
    blocks = [block.mix for block in take.blocks()]
    assert all(len(block) <= BLOCK_FRAMES for block in blocks)
    np.testing.assert_array_equal(np.concatenate(blocks), np.concatenate(mixes))
    assert {form: take.further(form) for form in take.extras} == {"mel.png": b"picture"}


def test_what_is_no_number_is_silence_when_it_is_finished(tmp_path):
    mix = noise(5)
    mix[1] = np.nan, np.inf
    take = hold(tmp_path / "first", mix)

    (block,) = take.blocks()
    assert block.mix[1].tolist() == [0, 0]
    (raw,) = take.blocks(raw=True)
    np.testing.assert_array_equal(raw.mix, mix)


def test_an_empty_take_has_no_blocks(tmp_path):
    take = hold(tmp_path / "first")

    assert list(take.blocks()) == []


def test_what_is_no_take_is_refused(tmp_path):
    with pytest.raises(ValueError, match=r"not a form of a track: cover\.gif"):
        hold(tmp_path / "first", extras={"cover.gif": b""})
    with pytest.raises(ValueError, match=r"shaped \(frames, 2\), got \(4, 1\)"):
        hold(tmp_path / "second", np.zeros((4, 1), np.float32))
