"""Stable Audio and ACE-Step on tiny random checkpoints, opened by the code that opens the real ones."""

from importlib import import_module

import numpy as np
import pytest

pytest.importorskip("torch", reason="torch is not installed: python3 run.py install stable-audio")
pytest.importorskip("diffusers", reason="diffusers is not installed: python3 run.py install stable-audio")

from app.errors import Cancelled, GenerationFailed
from app.services.engines import CATALOGUE
from app.services.engines.base import ModelSource
from tests.neural.asking import Asked, assert_moves, samples_of, takes

FAMILIES = {
    "stable-audio": ("tiny_stable_audio", "stable_audio", "StableAudioEngine"),
    "ace-step": ("tiny_ace_step", "ace_step", "AceStepEngine"),
}


#: A wish that leaves no figure to the dice.
WISH = "calm jazz with piano, 100 bpm, D minor, 4/4"


@pytest.fixture(scope="module", params=FAMILIES)
def family(request, tmp_path_factory):
    """The engine's class and the source of its tiny checkpoint."""
    builder, module, name = FAMILIES[request.param]
    if request.param == "stable-audio":
        pytest.importorskip("torchsde", reason="torchsde is not installed: python3 run.py install stable-audio")
    work = tmp_path_factory.mktemp(builder)
    save = getattr(import_module(f"tests.neural.{builder}"), f"save_{builder}")
    folder = save(work / "model", work / "parts")
    made_by = getattr(import_module(f"app.services.engines.{module}"), name)
    return made_by, ModelSource(name=request.param, folder=folder)


@pytest.fixture(scope="module")
def engine(family):
    made_by, source = family
    engine = made_by(source, steps=4)
    engine.load(device="cpu")
    yield engine
    engine.unload()
    assert engine.memory_bytes() == 0


@pytest.fixture(scope="module")
def alone(engine):
    asked = Asked(WISH, seconds=5, seed=7)
    (take,) = takes(engine, asked)
    return asked, take, samples_of(take)


def test_a_take_is_as_long_as_asked_and_sounds(engine, alone):
    _asked, take, samples = alone

    assert take.sample_rate == engine.capabilities.sample_rate
    assert samples.shape == (5 * take.sample_rate, 2)
    assert np.isfinite(samples).all()
    assert np.sqrt(np.mean(samples**2)) > 1e-3
    assert engine.memory_bytes() > 10_000


def test_its_progress_moves(alone):
    assert_moves(alone[0].told)


def test_the_same_seed_gives_the_same_samples_and_another_does_not(engine, alone):
    same, other = (samples_of(takes(engine, Asked(WISH, seconds=5, seed=seed))[0]) for seed in (7, 8))

    np.testing.assert_array_equal(same, alone[2])
    assert not np.allclose(other, alone[2], atol=1e-3)


def test_a_cancelled_track_ends_midway(engine):
    cancelled = Asked(seconds=5, cancel_at=0.3)

    (answer,) = takes(engine, cancelled)

    assert isinstance(answer, Cancelled)
    assert cancelled.told[-1][1] < 0.8


def test_what_is_asked_for_together_is_made_one_after_the_other_and_a_cancelled_one_is_left_out(engine, alone):
    gone, stays = takes(engine, Asked(seconds=9, seed=8, cancel_at=0.3), Asked(WISH, seconds=5, seed=7))

    assert isinstance(gone, Cancelled)
    np.testing.assert_array_equal(samples_of(stays), alone[2])


def test_a_loop_meets_its_beginning(engine):
    (take,) = takes(engine, Asked(seconds=5, loop=True))

    samples = samples_of(take)
    assert len(samples) == 5 * take.sample_rate
    assert np.abs(samples[0] - samples[-1]).max() <= np.abs(np.diff(samples, axis=0)).max()


def test_weights_of_another_family_are_refused_with_the_reason(family, tmp_path):
    made_by, source = family
    (tmp_path / "model_index.json").write_text('{"_class_name": "SomethingElse"}')

    with pytest.raises(GenerationFailed, match="holds SomethingElse, not "):
        made_by(ModelSource(name=source.name, folder=tmp_path)).load(device="cpu")


def test_the_window_of_stable_audio_is_not_its_end(family):
    made_by, source = family
    if source.name != "stable-audio":
        pytest.skip("the other family makes whole pieces at once")
    engine = made_by(source, steps=2)
    asked = Asked(seconds=60)

    (take,) = takes(engine, asked)

    samples = samples_of(take)
    assert len(samples) == 60 * take.sample_rate
    seconds = np.sqrt(np.mean(samples.reshape(60, -1) ** 2, axis=1))
    assert seconds.min() > 1e-4
    assert_moves(asked.told)


def test_the_catalogue_says_what_the_engines_say(family):
    made_by, source = family
    row = next(row for row in CATALOGUE.values() if row.engine == source.name)

    assert made_by.capabilities is row.capabilities
    assert isinstance(row.make(source), made_by)
