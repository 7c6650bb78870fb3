"""Whether takes side by side are cheaper than one after the other: `python -m benchmarks.batching`.

MusicGen at musicgen-small's real shape, its weights random (none can be had without its licence), opened and played by
the engine itself. Random weights take exactly as long as real ones. Needs the packages of musicgen, 6 GB of memory and
3 GB of disk for a while.
"""

import argparse
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from app.services.engines.base import ModelSource, TakeRequest
from app.services.engines.musicgen import MusicGenEngine
from app.services.planning import make_plan, read
from benchmarks.random_musicgen import random_musicgen

PROMPTS = (
    "calm jazz with piano",
    "fast techno, 140 bpm",
    "sad strings for a film",
    "happy folk with a banjo, for a sunny morning by the river",
)


def main() -> None:
    """Build the model, play, print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.batching", description=__doc__)
    parser.add_argument("--seconds", type=int, default=1, help="length of each take; 1 if left out")
    parser.add_argument("--device", default="cpu", help="cpu, cuda, cuda:1, mps")
    parser.add_argument("--dtype", default="auto", help="auto, float32, float16, bfloat16")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="music-batching-") as folder:
        engine = MusicGenEngine(ModelSource(name="musicgen-small", folder=save_random(Path(folder))))
        engine.load(device=options.device, dtype=options.dtype)
    print(f"{engine.memory_bytes() / 1e9:.1f} GB of weights on {options.device}; {options.seconds} s each", flush=True)
    together = _took(engine, PROMPTS, options.seconds)
    alone = [_took(engine, (prompt,), options.seconds) for prompt in PROMPTS]
    clock_s, work_s = sum(one.clock_s for one in alone), sum(one.work_s for one in alone)
    print(
        f"side by side is {clock_s / together.clock_s:.2f} times as fast as one after the other "
        f"and takes 1/{work_s / together.work_s:.2f} of the processors' work"
    )


def save_random(folder: Path) -> Path:
    """A checkpoint of random weights in musicgen-small's shape, as its publisher lays it out."""
    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    random_musicgen(
        text={"d_model": 768, "d_kv": 64, "d_ff": 3_072, "num_layers": 12, "num_heads": 12},
        codec={"num_filters": 64, "codebook_size": 2_048, "codebook_dim": 128, "target_bandwidths": [2.2]},
        decoder={
            "vocab_size": 2_048,
            "hidden_size": 1_024,
            "ffn_dim": 4_096,
            "num_hidden_layers": 24,
            "num_attention_heads": 16,
            "num_codebooks": 4,
            "pad_token_id": 2_048,
            "bos_token_id": 2_048,
        },
    ).save_pretrained(folder)
    words = sorted({word for prompt in PROMPTS for word in prompt.split()})
    known = Tokenizer(
        models.WordLevel({word: number for number, word in enumerate(["<pad>", "<unk>", *words])}, unk_token="<unk>")  # noqa: S106 - no password
    )
    known.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    PreTrainedTokenizerFast(tokenizer_object=known, pad_token="<pad>", unk_token="<unk>").save_pretrained(folder)  # noqa: S106
    return folder


@dataclass(frozen=True, slots=True)
class Took:
    """What takes cost: seconds on the clock, and seconds that processors worked on them, busy neighbours or not."""

    clock_s: float
    work_s: float

    def __str__(self) -> str:
        return f"{self.clock_s:.1f} s ({self.work_s:.1f} s of processors)"


def _took(engine: MusicGenEngine, prompts: tuple[str, ...], seconds: int) -> Took:
    """What takes cost that are made side by side; said at once, for all of them may take an hour."""
    requests = []
    for seed, prompt in enumerate(prompts):
        plan = make_plan(read(prompt), duration_s=5, seed=seed, soundfont_sha256=None)
        requests.append(
            TakeRequest(
                plan=plan.model_copy(update={"duration_s": seconds}),
                prompt=prompt,
                progress=lambda _stage, _fraction: None,
                cancelled=lambda: False,
            )
        )
    began, worked = time.perf_counter(), time.process_time()
    for take in engine.generate(requests):
        if isinstance(take, Exception):
            raise take
        for _block in take.blocks:
            pass
    took = Took(time.perf_counter() - began, time.process_time() - worked)
    print(f"{len(prompts)} at once: {took}", flush=True)
    return took


if __name__ == "__main__":
    main()
