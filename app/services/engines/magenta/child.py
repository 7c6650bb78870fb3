"""The other side of the Magenta engine: holds Magenta RealTime 2 in the Python of `.venv-magenta`.

Run as a program. Orders come in on standard input, answers go out on standard output, both as messages: two lengths of
four bytes, big end first, then a head in JSON and a body in bytes.

    {"do": "open", "folder", "size", "device"}  →  {"said": "open", "sample_rate", "memory_bytes"}
    {"do": "begin", "words", "seed"}            →  {"said": "begun"}      a piece begins, and the last one is forgotten
    {"do": "more", "frames"}                    →  {"said": "sound"}      its next frames of 40 ms
    whatever fails                              →  {"said": "failed", "why"}

A body of sound is little-endian 32-bit floats, shape (frames, 2). The end of standard input ends the program.

Rule: nothing here but the standard library and what magenta-rt brings; the service's own packages are not there.
"""

import json
import os
import queue
import signal
import struct
import sys
import threading
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, BinaryIO, Protocol

_LENGTHS = struct.Struct(">II")

#: What was said: a head and a body.
Message = tuple[dict[str, Any], bytes]


class Plays(Protocol):
    """A model, and the piece that it plays."""

    sample_rate: int
    #: Bytes of its weights.
    memory_bytes: int

    def begin(self, words: str, seed: int) -> None:
        """Begin a piece."""

    def more(self, frames: int) -> bytes:
        """Go on with it."""


def read_message(pipe: BinaryIO) -> Message | None:
    """(head, body) of the next message; None at the end."""
    lengths = pipe.read(_LENGTHS.size)
    if len(lengths) < _LENGTHS.size:
        return None
    head, body = _LENGTHS.unpack(lengths)
    content = pipe.read(head + body)
    return (json.loads(content[:head]), content[head:]) if len(content) == head + body else None


def write_message(pipe: BinaryIO, head: dict[str, Any], body: bytes = b"") -> None:
    """Send a message."""
    content = json.dumps(head).encode()
    pipe.write(_LENGTHS.pack(len(content), len(body)) + content + body)
    pipe.flush()


def serve(orders: Iterable[Message], answers: BinaryIO, open_model: Callable[[str, str, str], Plays]) -> None:
    """Do what is ordered until nothing more comes. `open_model` gives the model for a folder, a size and a device."""
    model: Any = None
    for order, _ in orders:
        body = b""
        try:
            if order["do"] == "open":
                model = open_model(order["folder"], order["size"], order["device"])
                said = {"said": "open", "sample_rate": model.sample_rate, "memory_bytes": model.memory_bytes}
            elif order["do"] == "begin":
                model.begin(order["words"], order["seed"])
                said = {"said": "begun"}
            else:
                body = model.more(order["frames"])
                said = {"said": "sound"}
        except Exception as error:  # noqa: BLE001 - the other side decides what comes of it
            said = {"said": "failed", "why": f"{type(error).__name__}: {error}"}
        write_message(answers, said, body)


def orders_from(pipe: BinaryIO, end: Callable[[], None]) -> Iterator[Message]:
    """Messages as they come. At their end `end` is called at once, though the last order be not done yet."""
    come: queue.SimpleQueue[Message | None] = queue.SimpleQueue()

    def listen() -> None:
        while (message := read_message(pipe)) is not None:
            come.put(message)
        come.put(None)
        end()

    threading.Thread(target=listen, name="orders", daemon=True).start()
    while (message := come.get()) is not None:
        yield message


class Model:
    """Magenta RealTime 2, and the piece that it plays."""

    def __init__(self, folder: str, size: str, device: str) -> None:
        import jax

        place_on(jax, device)
        from magenta_rt import musiccoca, paths
        from magenta_rt.config import MUSICCOCA
        from magenta_rt.jax import spectrostream, system

        root = Path(folder)
        paths.set_magenta_home(root)
        model_class(size, root / "checkpoints" / f"{size}.json")
        self._jax: Any = jax
        self._style_key = MUSICCOCA.key
        # Where a checkpoint brings the mapper, words are mapped to where the sounds lie that they mean.
        self._mapped = (paths.musiccoca_dir() / "mapper.tflite").exists()
        self._system: Any = system.MagentaRT2System(
            size=size, style_model=musiccoca.MusicCoCa(paths.musiccoca_dir()), checkpoint=f"{size}.safetensors"
        )
        self.sample_rate = int(self._system._sample_rate)
        self.memory_bytes = int(sum(weight.nbytes for weight in jax.tree.leaves(self._system._params)))
        #: Frames that the codec hears before it plays: so long it is silent at first.
        self._late = int(spectrostream.stft_spectrostream_40ms_generic_48khz_stereo_config().decoder_lookahead)
        self._begun = jax.jit(self._before_the_first)
        self._style: list[int] = []
        self._at: Any = None

    def _before_the_first(self, params: Any, key: Any) -> Any:
        """The state before a piece's first frame. The library makes the same one each time, with the same dice."""
        sampler, jax = self._system._sampler, self._jax
        return sampler.apply(
            params, 1, jax.ShapeDtypeStruct([self._system._num_channels], jax.numpy.int32), constants={},
            training=False, rngs={"params": key, "random": key}, method=sampler.get_initial_state,
        )  # fmt: skip

    def begin(self, words: str, seed: int) -> None:
        """Begin a piece in the style of some words; `seed` is 0…2^63 − 1."""
        low, high = seed & 0xFFFF_FFFF, seed >> 32
        style = self._system.embed_style(words, use_mapper=self._mapped, seed=low)
        self._style = self._system.tokenize_style(style).tolist()
        key = self._jax.random.fold_in(self._jax.random.PRNGKey(low), high)
        self._at = self._begun(self._system._params, key)
        self.more(self._late)

    def more(self, frames: int) -> bytes:
        """The next frames of the piece."""
        sound, self._at = self._system.generate(
            conditioning={self._style_key: self._style}, frames=frames, state=self._at
        )
        played: bytes = sound.samples.astype("<f4").tobytes()
        return played


def place_on(jax: Any, device: str) -> None:
    """Let JAX work on a device: auto, cpu, cuda or cuda:n. ValueError for one that it does not know."""
    kind, _, number = device.partition(":")
    if kind not in ("auto", "cpu", "cuda"):
        raise ValueError(f"Magenta RealTime runs on JAX, on cpu or cuda; MUSIC_DEVICE is {device}")
    if kind != "auto":
        jax.config.update("jax_platforms", kind)
    if number:
        there = jax.devices()
        if int(number) >= len(there):
            raise ValueError(f"MUSIC_DEVICE is {device}, but JAX sees {len(there)} of that kind")
        jax.config.update("jax_default_device", there[int(number)])


def model_class(size: str, sizes: Path) -> Any:
    """The family's class for a size. Where a file of sizes lies beside the checkpoint, its layers are as that says.

    It holds, for each of encoder, decoder_temporal and decoder_depth, fields of magenta-rt's `ModelSpec`.
    """
    from magenta_rt.config import ModelSpec
    from magenta_rt.jax.model import MODEL_REGISTRY

    if sizes.exists():
        given = json.loads(sizes.read_text(encoding="utf-8"))
        specs = {
            f"{part}_size": ModelSpec(**{"ffn_use_gated_activation": False, **fields}) for part, fields in given.items()
        }
        MODEL_REGISTRY[size] = type("OwnSizes", (MODEL_REGISTRY[size],), specs)
    return MODEL_REGISTRY[size]


def main() -> None:
    """Serve the process that started this one."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the server, which ends us
    # Left to itself, JAX takes three quarters of a GPU at once.
    os.environ.setdefault("XLA_PYTHON_CLIENT_PREALLOCATE", "false")
    with os.fdopen(os.dup(1), "wb") as answers:
        os.dup2(2, 1)  # what libraries print is no answer
        # With the other side gone, whatever we are about has no use.
        serve(orders_from(sys.stdin.buffer, lambda: os._exit(0)), answers, Model)


if __name__ == "__main__":
    main()
