"""In which type a model computes: what was asked for where its family is safe in it, on its device."""

import logging
from importlib import import_module

import numpy as np
import pytest

pytest.importorskip("torch", reason="torch is not installed: python3 run.py install musicgen")
pytest.importorskip("transformers", reason="transformers is not installed: python3 run.py install musicgen")

from app.errors import GenerationFailed
from app.services.engines import on_torch
from app.services.engines.base import ModelSource
from app.services.engines.musicgen import MusicGenEngine
from app.services.engines.on_torch import dtype_named
from tests.neural.asking import Asked, samples_of, takes
from tests.neural.tiny_musicgen import save_tiny_musicgen

#: Families opened as pipelines: engine, the half that they play in on this processor, and how their engine takes steps.
PIPELINES = {
    "riffusion": ("riffusion", "RiffusionEngine", "bfloat16"),
    "stable-audio": ("stable_audio", "StableAudioEngine", "float16"),
    "ace-step": ("ace_step", "AceStepEngine", "bfloat16"),
}

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

    assert half._model.decoder.config._attn_implementation == "sdpa"
    assert half.memory_bytes() == pytest.approx(whole.memory_bytes() / 2, rel=0.01)
    samples = samples_of(take)
    assert samples.shape == (5 * 32_000, 2)
    assert samples.dtype == np.float32
    assert np.isfinite(samples).all()
    assert samples.std() > 1e-3


@pytest.fixture(scope="module", params=PIPELINES)
def pipeline(request, tmp_path_factory):
    """A family's engine of few steps, opened in its half, and the half's name."""
    pytest.importorskip("diffusers", reason="diffusers is not installed: python3 run.py install riffusion")
    name, made_by, half = PIPELINES[request.param]
    if request.param == "stable-audio":
        pytest.importorskip("torchsde", reason="torchsde is not installed: python3 run.py install stable-audio")
    work = tmp_path_factory.mktemp(name)
    folder = getattr(import_module(f"tests.neural.tiny_{name}"), f"save_tiny_{name}")(work / "model", work / "parts")
    source = ModelSource(name=request.param, folder=folder)
    with pytest.MonkeyPatch.context() as patches:
        patches.setattr(on_torch, "ON_PROCESSORS", ("bfloat16", "float16"))  # it is slow here, but it is here
        engine = getattr(import_module(f"app.services.engines.{name}"), made_by)(source, steps=2)
        engine.load(device="cpu", dtype=half)
    yield engine, half
    engine.unload()


def types_of(engine):
    """Types of all weights but the text encoder's: T5 keeps some of its own in float32."""
    parts = engine._pipeline.components.items()
    modules = [part for name, part in parts if name != "text_encoder" and hasattr(part, "parameters")]
    return {str(weight.dtype).removeprefix("torch.") for module in modules for weight in module.parameters()}


def test_a_pipeline_plays_in_its_half(pipeline):
    engine, half = pipeline

    (take,) = takes(engine, Asked(seconds=5))

    assert types_of(engine) == {half}
    samples = samples_of(take)
    assert samples.shape == (5 * take.sample_rate, 2)
    assert samples.dtype == np.float32
    assert np.isfinite(samples).all()
    assert samples.std() > 1e-3


def test_attention_is_that_of_pytorch_itself(pipeline):
    engine, _half = pipeline
    main = getattr(engine._pipeline, "unet", None) or engine._pipeline.transformer

    assert all(type(made_by).__name__.endswith("2_0") for made_by in main.attn_processors.values())


def test_a_half_in_which_a_family_is_not_safe_is_left_with_a_warning(pipeline, caplog):
    engine, half = pipeline
    with caplog.at_level(logging.WARNING):
        other = type(engine)(engine._source, steps=2)
        other.load(device="cpu", dtype="bfloat16")

    safe = half == "bfloat16"
    assert types_of(other) == {"bfloat16" if safe else "float32"}
    warning = "MUSIC_DTYPE=bfloat16 is not safe for this model on cpu; it runs in float32"
    assert (warning in caplog.messages) is not safe
