"""Magenta: our side drives a real program over real pipes; the other side speaks to a model that plays figures."""

import io
import os
import sys
import threading
import types
from pathlib import Path

import numpy as np
import pytest

from app.errors import Cancelled, GenerationFailed
from app.models.audio import BLOCK_FRAMES
from app.services.engines.base import ModelSource
from app.services.engines.catalogue import CATALOGUE
from app.services.engines.magenta import MagentaEngine, child, engine
from app.services.engines.models import Models
from app.services.engines.weights import wanted_files
from tests.neural.asking import Asked, samples_of, takes

RATE = 48_000

#: A program that plays a ramp of its seed, and fails, ends or hangs where the words say so.
PROGRAM = f"""
import os, struct, sys
sys.path.insert(0, {str(Path(child.__file__).parent)!r})
import child

class Ramp:
    sample_rate, memory_bytes = {RATE}, 123
    def __init__(self, folder, size, device):
        if "damaged" in folder:
            raise ValueError("a damaged header")
        self.device = device
    def begin(self, words, seed):
        self.words, self.seed, self.at = words, seed, 0
        if "unspeakable" in words:
            raise KeyError(words)
        if "fatal" in words:
            os._exit(3)
    def more(self, frames):
        if "nothing" in self.words:
            return b""
        numbers = range(self.at, self.at + frames * 1920)
        self.at += frames * 1920
        return b"".join(struct.pack("<ff", self.seed, number / 1e6) for number in numbers)

child.serve(child.orders_from(sys.stdin.buffer, lambda: os._exit(0)), sys.stdout.buffer, Ramp)
"""


@pytest.fixture
def source(tmp_path, monkeypatch):
    (tmp_path / "program.py").write_text(PROGRAM)
    monkeypatch.setattr(engine, "CHILD", tmp_path / "program.py")
    return ModelSource(name="magenta-rt2-small", folder=written(tmp_path / "model"), python=Path(sys.executable))


@pytest.fixture
def magenta(source):
    magenta = MagentaEngine(source, size="mrt2_small")
    yield magenta
    magenta.unload()
    assert magenta.memory_bytes() == 0


def written(folder):
    (folder / "checkpoints").mkdir(parents=True)
    (folder / "checkpoints" / "mrt2_small.safetensors").touch()
    return folder


def ramp(seconds, seed):
    frames = np.arange(seconds * RATE)
    return np.stack([np.full(len(frames), seed), frames / 1e6], axis=1).astype(np.float32)


def test_stretches_join_without_a_seam_and_progress_moves(magenta):
    magenta.load(device="cpu")
    asked = Asked(seconds=5, seed=7)

    (take,) = takes(magenta, asked)
    blocks = [block.mix for block in take.blocks]

    assert magenta.memory_bytes() == 123
    assert take.sample_rate == RATE
    np.testing.assert_array_equal(np.concatenate(blocks), ramp(5, 7))
    assert {len(block) for block in blocks[:-1]} == {BLOCK_FRAMES}
    fractions = [fraction for _stage, fraction in asked.told]
    assert fractions == sorted(fractions)
    assert (fractions[0], fractions[-1]) == (0.0, 1.0)
    assert len(fractions) == 1 + 5 * 25 / engine.STRETCH


def test_it_plays_while_it_is_heard(magenta):
    asked = Asked(seconds=60)

    (take,) = takes(magenta, asked)
    assert asked.told == []
    next(take.blocks)

    assert 0 < asked.told[-1][1] < 0.05


def test_a_loops_end_flows_into_its_beginning(magenta):
    (take,) = takes(magenta, Asked(seconds=5, seed=7, loop=True))
    loop = samples_of(take)

    assert len(loop) == 5 * RATE
    assert loop[0, 1] == pytest.approx(5 * RATE / 1e6, rel=1e-3)  # what came after the end
    np.testing.assert_array_equal(loop[RATE:], ramp(5, 7)[RATE:])


def test_a_cancelled_piece_ends_at_once_and_the_next_one_is_whole(magenta):
    gone = Asked(seconds=60, cancel_at=0.1)

    (take,) = takes(magenta, gone)
    with pytest.raises(Cancelled):
        samples_of(take)
    assert 0.1 <= gone.told[-1][1] < 0.11

    (take,) = takes(magenta, Asked(seconds=5, seed=8))
    np.testing.assert_array_equal(samples_of(take), ramp(5, 8))


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("unspeakable words", r"magenta-rt2-small failed \(KeyError: 'unspeakable words'\)"),
        ("fatal words", "The process of magenta-rt2-small ended with code 3"),
        ("nothing", "magenta-rt2-small plays no more"),
    ],
)
def test_what_fails_on_the_other_side_fails_one_piece_alone(magenta, words, said):
    (take,) = takes(magenta, Asked(words))
    with pytest.raises(GenerationFailed, match=said):
        samples_of(take)

    (take,) = takes(magenta, Asked(seconds=5, seed=8))
    np.testing.assert_array_equal(samples_of(take), ramp(5, 8))


def test_a_process_that_was_killed_is_named_and_replaced(magenta):
    magenta.load()
    (take,) = takes(magenta, Asked(seconds=60))
    next(take.blocks)
    magenta._other._process.kill()

    with pytest.raises(GenerationFailed, match=r"was ended by signal 9; its memory may have run out"):
        samples_of(take)

    (take,) = takes(magenta, Asked(seconds=5, seed=8))
    np.testing.assert_array_equal(samples_of(take), ramp(5, 8))


def test_one_that_does_not_leave_is_ended(source, monkeypatch, tmp_path):
    from app.services.engines.magenta import other_side

    stubborn = tmp_path / "stubborn.py"
    stubborn.write_text("import threading; threading.Event().wait()")
    monkeypatch.setattr(other_side, "LEAVES_WITHIN_S", 0.01)
    other = other_side.OtherSide("magenta-rt2-small", source.python, stubborn)

    assert other.close() == -9
    assert not other.runs


def test_what_is_missing_is_named_with_the_command(source, tmp_path, monkeypatch):
    def failure(**changes):
        kept = {"name": source.name, "folder": source.folder, "python": source.python, **changes}
        with pytest.raises(GenerationFailed) as failed:
            MagentaEngine(ModelSource(**kept), size="mrt2_small").load()
        return str(failed.value)

    assert "run.py install magenta" in failure(python=None)
    assert "run.py install magenta" in failure(python=tmp_path / "no" / "python")
    assert "run.py fetch magenta-rt2-small" in failure(folder=tmp_path)
    assert "could not be started" in failure(python=tmp_path)
    assert "a damaged header" in failure(folder=written(tmp_path / "damaged"))


def test_each_piece_goes_alone(magenta):
    assert magenta.batch_key(Asked().request) != magenta.batch_key(Asked().request)


def test_the_source_names_the_python_of_the_engines_environment(tmp_path):
    row = CATALOGUE["magenta-rt2-small"]

    assert Models(home=tmp_path).source(row).python.is_relative_to(tmp_path / ".venv-magenta")
    assert Models().source(row).python is None
    assert Models(home=tmp_path).source(CATALOGUE["musicgen-small"]).python is None


def test_of_the_repository_one_size_and_the_encoder_of_words_are_fetched():
    names = [
        "README.md", "checkpoints/mrt2_base.safetensors", "checkpoints/mrt2_small.safetensors",
        "models/mrt2_small/mrt2_small.mlxfn", "models/mrt2_small/mrt2_small_state.safetensors",
        "resources/musiccoca/spm.model", "resources/musiccoca/text_encoder.tflite",
        "resources/spectrostream/encoder.safetensors",
    ]  # fmt: skip

    assert wanted_files(names, CATALOGUE["magenta-rt2-small"].weights) == [
        "checkpoints/mrt2_small.safetensors",
        "resources/musiccoca/spm.model",
        "resources/musiccoca/text_encoder.tflite",
    ]


# -- the other side ----------------------------------------------------------------------------------------------


def sent(*heads):
    pipe = io.BytesIO()
    for head in heads:
        child.write_message(pipe, head, b"a body")
    return pipe.getvalue()


class Plays:
    sample_rate, memory_bytes = RATE, 9

    def begin(self, words, seed):
        self.piece = f"{words}/{seed}"

    def more(self, frames):
        return f"{self.piece}/{frames}".encode()


def test_orders_are_done_in_order_and_failures_are_told():
    orders = [
        {"do": "more", "frames": 1},
        {"do": "open", "folder": "f", "size": "s", "device": "cpu"},
        {"do": "begin", "words": "calm", "seed": 3},
        {"do": "more", "frames": 5},
    ]
    opened, answers = [], io.BytesIO()

    def open_model(*what):
        opened.append(what)
        return Plays()

    child.serve(((order, b"") for order in orders), answers, open_model)

    answers.seek(0)
    failed, open_, begun, sound = (child.read_message(answers) for _ in orders)
    assert failed[0]["said"] == "failed"
    assert opened == [("f", "s", "cpu")]
    assert open_ == ({"said": "open", "sample_rate": RATE, "memory_bytes": 9}, b"")
    assert begun == ({"said": "begun"}, b"")
    assert sound == ({"said": "sound"}, b"calm/3/5")
    assert child.read_message(answers) is None


@pytest.mark.parametrize("cut", [1, 7, 12, 20])
def test_a_message_that_is_cut_off_is_the_end(cut):
    assert child.read_message(io.BytesIO(sent({"do": "more"})[:cut])) is None


def test_the_end_of_orders_is_noticed_before_the_last_is_done():
    ended = threading.Event()
    orders = child.orders_from(io.BytesIO(sent({"do": "a"}, {"do": "b"})), ended.set)

    assert next(orders)[0] == {"do": "a"}
    assert ended.wait(60)  # and "b" still stands there
    assert [order for order, _ in orders] == [{"do": "b"}]


class Jax:
    """The little of JAX that is spoken to."""

    def __init__(self, gpus=2):
        self.told = {}
        self.config = types.SimpleNamespace(update=self.told.__setitem__)
        self.devices = lambda: [f"gpu {number}" for number in range(gpus)]
        self.tree = types.SimpleNamespace(leaves=lambda tree: list(tree.values()))
        self.random = types.SimpleNamespace(PRNGKey=lambda seed: (seed,), fold_in=lambda key, more: (*key, more))
        self.numpy = types.SimpleNamespace(int32="int32")
        self.ShapeDtypeStruct = lambda shape, dtype: (tuple(shape), dtype)
        self.jit = lambda function: function


@pytest.mark.parametrize(
    ("device", "told"),
    [
        ("auto", {}),
        ("cpu", {"jax_platforms": "cpu"}),
        ("cuda", {"jax_platforms": "cuda"}),
        ("cuda:1", {"jax_platforms": "cuda", "jax_default_device": "gpu 1"}),
    ],
)
def test_the_model_goes_where_it_is_told(device, told):
    jax = Jax()

    child.place_on(jax, device)

    assert jax.told == told


@pytest.mark.parametrize(("device", "said"), [("cuda:2", "JAX sees 2"), ("mps", "on cpu or cuda")])
def test_a_device_that_is_not_there_is_named(device, said):
    with pytest.raises(ValueError, match=said):
        child.place_on(Jax(), device)


@pytest.fixture
def library(monkeypatch):
    """What of magenta-rt is spoken to; it remembers what it was asked."""
    asked = []

    class System:
        def __init__(self, *, size, style_model, checkpoint):
            asked.append((size, style_model, checkpoint))
            self._params, self._num_channels, self._sample_rate = {"a": np.zeros(3, np.float32)}, 4, 48_000.0
            self._sampler = types.SimpleNamespace(get_initial_state="initial", apply=self.apply)

        def apply(self, params, batch, spec, *, constants, training, rngs, method):
            return [method, spec, rngs["random"]]

        def embed_style(self, words, *, use_mapper, seed):
            asked.append((words, use_mapper, seed))
            return words

        def tokenize_style(self, style):
            return np.array([len(style)])

        def generate(self, *, conditioning, frames, state):
            asked.append((conditioning, frames, state))
            return types.SimpleNamespace(samples=np.full((frames, 2), 0.5, np.float32)), [*state, "later"]

    def module(name, **content):
        made = types.ModuleType(name)
        vars(made).update(content)
        monkeypatch.setitem(sys.modules, name, made)
        return made

    paths = module("magenta_rt.paths", set_magenta_home=lambda root: setattr(paths, "root", root))
    paths.musiccoca_dir = lambda: paths.root / "resources" / "musiccoca"
    coca = module("magenta_rt.musiccoca", MusicCoCa=lambda folder: f"words of {folder.name}")
    style = types.SimpleNamespace(key="style")
    module("magenta_rt.config", MUSICCOCA=style, ModelSpec=lambda **fields: fields)
    system = module("magenta_rt.jax.system", MagentaRT2System=System)
    model = module("magenta_rt.jax.model", MODEL_REGISTRY={"mrt2_small": type("Small", (), {"depth": 1})})
    codec = types.SimpleNamespace(decoder_lookahead=1)
    codecs = {"stft_spectrostream_40ms_generic_48khz_stereo_config": lambda: codec}
    module("magenta_rt.jax", system=system, model=model, spectrostream=types.SimpleNamespace(**codecs))
    module("magenta_rt", paths=paths, musiccoca=coca)
    monkeypatch.setitem(sys.modules, "jax", Jax())
    return types.SimpleNamespace(asked=asked, registry=model.MODEL_REGISTRY)


def test_a_piece_is_played_from_its_own_dice_and_handed_on_from_state_to_state(library, tmp_path):
    model = child.Model(str(tmp_path), "mrt2_small", "cpu")
    model.begin("calm", (5 << 32) + 7)
    first, second = model.more(3), model.more(2)

    assert (model.sample_rate, model.memory_bytes) == (RATE, 12)
    assert np.frombuffer(first + second, "<f4").tolist() == [0.5] * 10
    initial = ["initial", ((4,), "int32"), (7, 5)]
    assert library.asked == [
        ("mrt2_small", "words of musiccoca", "mrt2_small.safetensors"),
        ("calm", False, 7),
        ({"style": [4]}, 1, initial),  # the codec is silent at first
        ({"style": [4]}, 3, [*initial, "later"]),
        ({"style": [4]}, 2, [*initial, "later", "later"]),
    ]


def test_words_are_mapped_where_the_checkpoint_brings_a_mapper(library, tmp_path):
    mapper = tmp_path / "resources" / "musiccoca" / "mapper.tflite"
    mapper.parent.mkdir(parents=True)
    mapper.touch()

    child.Model(str(tmp_path), "mrt2_small", "auto").begin("calm", 7)

    assert library.asked[1] == ("calm", True, 7)


def test_a_checkpoint_of_other_sizes_says_them_beside_it(library, tmp_path):
    published = library.registry["mrt2_small"]
    assert child.model_class("mrt2_small", tmp_path / "none.json") is published

    (tmp_path / "sizes.json").write_text('{"encoder": {"num_layers": 1}}')
    own = child.model_class("mrt2_small", tmp_path / "sizes.json")

    assert issubclass(own, published)
    assert own.encoder_size == {"ffn_use_gated_activation": False, "num_layers": 1}
    assert library.registry["mrt2_small"] is own


def test_the_program_answers_on_standard_output_alone(monkeypatch):
    given, taken = os.pipe()
    monkeypatch.setattr(child.signal, "signal", lambda *_: None)
    monkeypatch.setattr(child.os, "dup", lambda _: taken)
    moved = []
    monkeypatch.setattr(child.os, "dup2", lambda *which: moved.append(which))
    ended = threading.Event()
    monkeypatch.setattr(child.os, "_exit", lambda _: ended.set())
    monkeypatch.setattr(child.os, "environ", {})
    orders = io.BytesIO(sent({"do": "open", "folder": "f", "size": "s", "device": "cpu"}))
    monkeypatch.setattr(child.sys, "stdin", types.SimpleNamespace(buffer=orders))
    monkeypatch.setattr(child, "Model", lambda *_: Plays())

    child.main()
    assert ended.wait(60)

    with os.fdopen(given, "rb") as answers:
        assert child.read_message(answers)[0]["said"] == "open"
    assert moved == [(2, 1)]
    assert child.os.environ == {"XLA_PYTHON_CLIENT_PREALLOCATE": "false"}
