"""In which type a model computes: what was asked for where its family is safe in it, on its device."""

import logging

import numpy as np
import pytest

pytest.importorskip("torch", reason="torch is not installed: python3 run.py install musicgen")
pytest.importorskip("transformers", reason="transformers is not installed: python3 run.py install musicgen")

from app.errors import GenerationFailed
from app.services.engines.base import ModelSource
from app.services.engines.musicgen import MusicGenEngine
from app.services.engines.on_torch import dtype_named
from tests.neural.asking import Asked, samples_of, takes
from tests.neural.tiny_musicgen import save_tiny_musicgen

BOTH, ONE = ("float16", "bfloat16"), ("bfloat16",)


@pytest.mark.parametrize(
    ("asked", "device", "halves", "given", "warned"),
    [
        ("auto", "cuda", BOTH, "float16", False),
        ("auto", "cuda", ONE, "bfloat16", False),
        ("auto", "mps", BOTH, "float32", False),
        ("auto", "cpu", BOTH, "float32", False),
        ("float32", "cuda", BOTH, "float32", False),
        ("float16", "cuda", BOTH, "float16", False),
        ("float16", "cuda", ONE, "bfloat16", True),
        ("float16", "mps", BOTH, "float16", False),
        ("float16", "mps", ONE, "float32", True),
        ("float16", "cpu", BOTH, "float32", True),
        ("bfloat16", "cpu", BOTH, "bfloat16", False),
        ("bfloat16", "cpu", ("float16",), "float32", True),
        ("bfloat16", "cuda", ("float16",), "float16", True),
    ],
)
def test_a_type_is_what_was_asked_for_or_the_nearest_that_is_safe(asked, device, halves, given, warned, caplog):
    import torch

    with caplog.at_level(logging.WARNING):
        assert dtype_named(asked, torch.device(device), halves) is getattr(torch, given)

    assert [f"runs in {given}" in line for line in caplog.messages] == ([True] if warned else [])


def test_no_other_name_is_taken():
    import torch

    with pytest.raises(GenerationFailed, match="must be one of auto, float32, float16, bfloat16, got 'int8'"):
        dtype_named("int8", torch.device("cpu"), BOTH)


def test_musicgen_plays_in_bfloat16_in_half_the_memory(tmp_path):
    source = ModelSource(name="musicgen-small", folder=save_tiny_musicgen(tmp_path / "model", None))
    whole, half = MusicGenEngine(source), MusicGenEngine(source)
    whole.load(device="cpu")
    half.load(device="cpu", dtype="bfloat16")

    (take,) = takes(half, Asked(seconds=5))

    assert half.memory_bytes() == pytest.approx(whole.memory_bytes() / 2, rel=0.01)
    samples = samples_of(take)
    assert samples.shape == (5 * 32_000, 2)
    assert samples.dtype == np.float32
    assert np.isfinite(samples).all()
    assert samples.std() > 1e-3
