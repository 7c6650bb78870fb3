"""MusicGen on tiny random checkpoints, opened by the code that opens the real ones."""

import json
import shutil
from dataclasses import replace

import numpy as np
import pytest

pytest.importorskip("torch", reason="torch is not installed: python3 run.py install musicgen")
pytest.importorskip("transformers", reason="transformers is not installed: python3 run.py install musicgen")

from app.errors import Cancelled, GenerationFailed
from app.services.engines.base import AudioPrompt, ModelSource
from app.services.engines.musicgen import MusicGenEngine
from app.services.engines.musicgen_tokens import CodeWriter, Row
from tests.neural.asking import Asked, assert_moves, samples_of, takes
from tests.neural.tiny_musicgen import save_tiny_musicgen

RATE = 32_000


def opened(folder, **options):
    engine = MusicGenEngine(ModelSource(name="musicgen-small", folder=folder), **options)
    engine.load(device="cpu")
    return engine


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return save_tiny_musicgen(tmp_path_factory.mktemp("musicgen") / "model", None)


@pytest.fixture(scope="module")
def engine(folder):
    engine = opened(folder)
    yield engine
    assert engine.memory_bytes() > 0
    engine.unload()
    assert engine.memory_bytes() == 0


@pytest.fixture(scope="module")
def alone(engine):
    asked = Asked(seconds=5, seed=7)
    (take,) = takes(engine, asked)
    return asked, take, samples_of(take)


def test_a_take_is_as_long_as_asked_and_sounds(alone):
    _asked, take, samples = alone

    assert take.sample_rate == RATE
    assert samples.shape == (5 * RATE, 2)
    assert samples.dtype == np.float32
    assert np.isfinite(samples).all()
    assert samples.std() > 1e-3


def test_its_progress_moves_with_every_token(alone):
    assert_moves(alone[0].told)
    assert len(alone[0].told) > 200


def test_the_same_seed_gives_the_same_bytes_and_another_does_not(engine, alone):
    same, other = (samples_of(takes(engine, Asked(seconds=5, seed=seed))[0]) for seed in (7, 8))

    np.testing.assert_array_equal(same, alone[2])
    assert not np.allclose(other, alone[2], atol=1e-3)


def test_neighbours_of_any_words_and_length_do_not_change_a_piece(engine, alone):
    neighbour = Asked("techno with a very long wish, 140 bpm", seconds=8, seed=8)

    long, short = takes(engine, neighbour, Asked(seconds=5, seed=7))

    np.testing.assert_allclose(samples_of(short), alone[2], atol=1e-6)
    assert samples_of(long).shape == (8 * RATE, 2)
    assert_moves(neighbour.told)


def test_who_names_a_seed_or_brings_a_clip_goes_alone(engine):
    def key(**wishes):
        return engine.batch_key(Asked(**wishes).request)

    assert key() == key(seconds=9)
    assert key(seed_named=True) != key(seed_named=True)
    assert key(seed_named=True) != key()


def test_the_words_are_heard(engine, alone):
    (other,) = takes(engine, Asked("slow sad strings", seconds=5, seed=7))

    assert not np.allclose(samples_of(other), alone[2], atol=1e-3)


def test_a_piece_beyond_the_window_goes_on_from_its_own_end(folder):
    engine = opened(folder, window_s=3.0, kept_s=1.2)
    long = Asked(seconds=7)
    first, whole = (samples_of(takes(engine, asked)[0]) for asked in (Asked(seconds=5), long))

    assert whole.shape == (7 * RATE, 2)
    # It begins as the shorter piece does, but for what the codec hears of what follows.
    np.testing.assert_allclose(whole[: 2 * RATE], first[: 2 * RATE], atol=0.05)
    assert_moves(long.told)


def test_known_codes_stay_as_they_are(engine):
    import torch

    writer = CodeWriter(engine._model)
    understood = writer.understood(engine._tokenizer, ["piano", "a much longer wish"])
    known = torch.randint(0, 64, (2, 4, 9))
    rows = [Row(known=known[i], frames=(3, 6)[i], dice=torch.Generator().manual_seed(i)) for i in range(2)]
    steps = []

    one, two = writer.go_on(understood, rows, lambda made: steps.append(made) or [])

    assert (one.shape, two.shape) == ((4, 12), (4, 15))
    assert torch.equal(one[:, :9], known[0])
    assert torch.equal(two[:, :9], known[1])
    assert int(torch.stack([one[:, 9:].max(), two[:, 9:].max()]).max()) < 64
    # Three steps pass before the last codebook has its first frame.
    assert steps == [[0, 0], [0, 0], [0, 0], [1, 1], [2, 2], [3, 3], [3, 4], [3, 5], [3, 6]]


def test_it_writes_what_the_familys_own_generation_writes(folder):
    """Without chance (the likeliest code each time), against `generate` of transformers."""
    import torch

    engine = opened(folder)
    model, tokenizer = engine._model, engine._tokenizer
    writer = CodeWriter(model)
    read = tokenizer(["calm piano"], return_tensors="pt")
    rows = [Row(known=torch.zeros((4, 0), dtype=torch.long), frames=20, dice=torch.Generator().manual_seed(1))]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("app.services.engines.musicgen_tokens.TOP_K", 1)
        (codes,) = writer.go_on(writer.understood(tokenizer, ["calm piano"]), rows, lambda _made: [])
    own = model.generate(**read, do_sample=False, guidance_scale=3.0, max_new_tokens=23)
    sound = model.audio_encoder.decode(codes[None, None], [None]).audio_values

    torch.testing.assert_close(sound, own, atol=1e-5, rtol=0)


def test_a_long_piece_sounds_as_if_it_were_decoded_at_once(engine, monkeypatch):
    (whole,) = takes(engine, Asked(seconds=6))
    monkeypatch.setattr("app.services.engines.musicgen._STRETCH_FRAMES", 150)

    (parts,) = takes(engine, Asked(seconds=6))

    np.testing.assert_allclose(samples_of(parts), samples_of(whole), atol=0.02)


def test_two_channels_differ(tmp_path):
    engine = opened(save_tiny_musicgen(tmp_path / "stereo", None, channels=2, tied_width=True))

    (take,) = takes(engine, Asked(seconds=5))

    samples = samples_of(take)
    assert samples.shape == (5 * RATE, 2)
    assert not np.allclose(samples[:, 0], samples[:, 1], atol=1e-3)


@pytest.mark.parametrize("channels", [1, 2])
def test_a_clip_is_gone_on_from(tmp_path, channels):
    engine = opened(save_tiny_musicgen(tmp_path / "model", None, channels=channels))
    clip = AudioPrompt(
        use="continue", samples=0.1 * np.random.default_rng(1).standard_normal((44_100, 1)).astype(np.float32),
        sample_rate=44_100,
    )  # fmt: skip
    plain, asked = Asked(seconds=5), Asked(seconds=5)
    asked.request = replace(asked.request, audio=clip)

    one, other = (samples_of(takes(engine, request)[0]) for request in (plain, asked))

    assert one.shape == other.shape == (5 * RATE, 2)
    assert not np.allclose(one, other, atol=1e-3)


def test_the_codes_of_a_clips_end_are_the_head_of_the_take_and_are_cut_off_again(engine, monkeypatch):
    """As in the family's own generation, which takes a clip as `input_values`."""
    import torch

    clip = 0.1 * np.random.default_rng(1).standard_normal((14 * RATE, 1)).astype(np.float32)
    asked = Asked(seconds=5)
    asked.request = replace(asked.request, audio=AudioPrompt(use="continue", samples=clip, sample_rate=RATE))
    heads, whole, go_on = [], [], CodeWriter.go_on

    def watched(writer, understood, rows, heard):
        heads.extend(row.known for row in rows)
        written = go_on(writer, understood, rows, heard)
        whole.extend(written)
        return written

    monkeypatch.setattr(CodeWriter, "go_on", watched)
    (take,) = takes(engine, asked)

    values = torch.from_numpy(clip[-12 * RATE :].T)[None]
    codes = engine._model.audio_encoder.encode(values).audio_codes[0, 0]
    assert len(heads) == 1
    assert torch.equal(heads[0], codes)
    # The codec hears both together, and only what follows the clip is delivered.
    sound = engine._model.audio_encoder.decode(whole[0][None, None], [None]).audio_values[0, 0].detach().numpy()
    samples = samples_of(take)
    assert len(samples) == 5 * RATE
    np.testing.assert_allclose(samples[:, 0], sound[codes.shape[1] * 640 :][: 5 * RATE], atol=0.02)


def test_a_loop_meets_its_beginning(engine):
    (take,) = takes(engine, Asked(seconds=5, loop=True))
    samples = samples_of(take)[:, 0]

    assert len(samples) == 5 * RATE
    assert abs(samples[0] - samples[-1]) <= np.abs(np.diff(samples)).max()


def test_a_cancelled_track_ends_midway_and_leaves_its_neighbour_be(engine, alone):
    cancelled = Asked("drums", seconds=9, seed=3, cancel_at=0.3)

    gone, stays = takes(engine, cancelled, Asked(seconds=5, seed=7))

    assert isinstance(gone, Cancelled)
    assert cancelled.told[-1][1] < 0.35
    np.testing.assert_allclose(samples_of(stays), alone[2], atol=1e-6)


def test_nobody_works_on_for_nobody(engine):
    one, two = Asked(seconds=9, cancel_at=0.1), Asked(seconds=9, cancel_at=0.2)

    assert [type(answer) for answer in takes(engine, one, two)] == [Cancelled, Cancelled]
    assert two.told[-1][1] < 0.3


def damaged(folder, tmp_path):
    return shutil.copytree(folder, tmp_path / "damaged")


def test_a_missing_checkpoint_names_the_command_that_fetches_it(tmp_path):
    with pytest.raises(GenerationFailed, match=r"python3 run\.py fetch musicgen-small"):
        opened(tmp_path / "nowhere")


def test_a_truncated_checkpoint_is_told(folder, tmp_path):
    broken = damaged(folder, tmp_path)
    weights = broken / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-1000])

    with pytest.raises(GenerationFailed, match="cannot be read"):
        opened(broken)


@pytest.mark.parametrize("config", ["", "[1]", json.dumps({"model_type": "bert"})])
def test_another_familys_checkpoint_is_told(folder, tmp_path, config):
    broken = damaged(folder, tmp_path)
    (broken / "config.json").write_text(config)

    with pytest.raises(GenerationFailed, match=r"no checkpoint|not musicgen"):
        opened(broken)


def test_a_pickle_is_refused(folder, tmp_path):
    broken = damaged(folder, tmp_path)
    (broken / "model.safetensors").rename(broken / "pytorch_model.bin")

    with pytest.raises(GenerationFailed, match="pickle"):
        opened(broken)


def test_a_device_that_is_not_there_is_told(folder):
    with pytest.raises(GenerationFailed, match="this machine has cpu"):
        MusicGenEngine(ModelSource(name="musicgen-small", folder=folder)).load(device="cuda:7")
