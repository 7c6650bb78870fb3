"""MusicGen Melody on a tiny random checkpoint: it hears tunes, and follows them by the family's own arithmetic."""

from dataclasses import replace

import numpy as np
import pytest

pytest.importorskip("torch", reason="torch is not installed: python3 run.py install musicgen")
pytest.importorskip("transformers", reason="transformers is not installed: python3 run.py install musicgen")

from app.errors import GenerationFailed
from app.services.engines.base import AudioPrompt, ModelSource
from app.services.engines.musicgen import MusicGenEngine, MusicGenMelodyEngine
from app.services.engines.musicgen_melody import Melody
from app.services.engines.musicgen_tokens import CodeWriter, Row
from tests.neural.asking import Asked, assert_moves, samples_of, takes
from tests.neural.tiny_musicgen import save_tiny_musicgen
from tests.recordings import tone

RATE = 32_000
#: C, C sharp, D …
A, E, G = 9, 4, 7


def opened(folder, **options):
    engine = MusicGenMelodyEngine(ModelSource(name="musicgen-melody", folder=folder), **options)
    engine.load(device="cpu")
    return engine


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return save_tiny_musicgen(tmp_path_factory.mktemp("melody") / "model", None, melody=True)


@pytest.fixture(scope="module")
def engine(folder):
    return opened(folder)


def tune(*pitches_hz, seconds=1.0, rate=44_100):
    return np.concatenate([tone(seconds, hz=hz, rate=rate, channels=2) for hz in pitches_hz])


def asked(samples=None, *, use="melody", **wishes):
    one = Asked(**{"seconds": 5, **wishes})
    if samples is not None:
        one.request = replace(one.request, audio=AudioPrompt(use=use, samples=samples, sample_rate=44_100))
    return one


def test_the_notes_of_a_tune_are_heard_one_after_the_other(engine):
    heard = Melody(engine._model, tune(440.0, 659.26, 392.0), 44_100).window(0.0)

    assert heard.shape == (24, 12)
    assert heard.sum(dim=1).tolist() == [1.0] * 24
    notes = heard.argmax(dim=1).tolist()
    assert [notes[place] for place in (3, 11, 19)] == [A, E, G]  # 0.128 s apart


def test_octaves_are_the_same_note_and_loudness_is_none(engine):
    heard = [
        Melody(engine._model, tone(2.0, hz=hz, rate=RATE, peak=peak), RATE).window(0.0).argmax(dim=1)[2:13].tolist()
        for hz, peak in ((220.0, 0.5), (440.0, 0.5), (880.0, 0.01))
    ]

    assert heard == [[A] * 11] * 3


def test_a_short_tune_begins_again_and_later_windows_hear_what_comes_then(engine):
    melody = Melody(engine._model, tune(440.0, 659.26), 44_100)
    hop_s, spectra = 4_096 / RATE, 16  # two seconds

    whole = melody.window(0.0)
    assert (whole[spectra:] == whole[: 24 - spectra]).all()
    assert (melody.window(4 * hop_s)[: spectra - 4] == whole[4:spectra]).all()
    assert (melody.window((spectra + 3) * hop_s) == melody.window(3 * hop_s)).all()


def test_what_is_shorter_than_a_spectrum_is_heard_too(engine):
    heard = Melody(engine._model, tone(0.3, hz=440.0, rate=RATE), RATE).window(0.0)

    assert heard[0].argmax() == A


@pytest.mark.parametrize("with_tune", [True, False])
def test_it_writes_what_the_familys_own_generation_writes(engine, with_tune):
    """Without chance (the likeliest code each time), against `generate` of transformers."""
    import torch

    model, tokenizer = engine._model, engine._tokenizer
    melody = Melody(model, tune(440.0, 659.26, 392.0), 44_100) if with_tune else Melody(model)
    writer = CodeWriter(model)
    read = tokenizer(["calm piano"], return_tensors="pt")
    rows = [Row(known=torch.zeros((4, 0), dtype=torch.long), frames=20, dice=torch.Generator().manual_seed(1))]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("app.services.engines.musicgen_tokens.TOP_K", 1)
        understood = writer.understood(tokenizer, ["calm piano"], [melody.window(0.0)])
        (codes,) = writer.go_on(understood, rows, lambda _made: [])
    features = {"input_features": melody.window(0.0)[None]} if with_tune else {}
    own = model.generate(**read, **features, do_sample=False, guidance_scale=3.0, max_new_tokens=23)
    sound = model.audio_encoder.decode(codes[None, None], [None]).audio_values

    torch.testing.assert_close(sound, own, atol=1e-5, rtol=0)


def test_takes_follow_their_tune_and_the_same_seed_gives_the_same_bytes(engine):
    one, again, other, without = (
        samples_of(takes(engine, asked(samples))[0]) for samples in (tune(440.0), tune(440.0), tune(523.25), None)
    )

    assert one.shape == (5 * RATE, 2)
    np.testing.assert_array_equal(one, again)
    assert not np.allclose(one, other, atol=1e-3)
    assert not np.allclose(one, without, atol=1e-3)


def test_a_piece_beyond_the_window_is_told_the_tune_of_each_window(folder, monkeypatch):
    engine = opened(folder, window_s=3.0, kept_s=1.2)
    begins, window = [], Melody.window
    monkeypatch.setattr(Melody, "window", lambda melody, start_s: begins.append(start_s) or window(melody, start_s))
    long = asked(tune(440.0, 659.26), seconds=7)

    (take,) = takes(engine, long)

    assert samples_of(take).shape == (7 * RATE, 2)
    assert begins == pytest.approx([0.0, 1.8, 3.6, 5.4])
    assert_moves(long.told)


def test_it_goes_on_from_a_clip_too(engine):
    one, other = (samples_of(takes(engine, asked(samples, use="continue"))[0]) for samples in (tune(440.0), None))

    assert one.shape == other.shape == (5 * RATE, 2)
    assert not np.allclose(one, other, atol=1e-3)


def test_the_two_families_are_told_apart(folder, tmp_path):
    with pytest.raises(GenerationFailed, match="holds musicgen_melody, not musicgen"):
        MusicGenEngine(ModelSource(name="musicgen-small", folder=folder)).load(device="cpu")
    plain = save_tiny_musicgen(tmp_path / "plain", None)
    with pytest.raises(GenerationFailed, match="holds musicgen, not musicgen_melody"):
        opened(plain)
