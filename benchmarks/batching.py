"""Whether takes side by side are cheaper than one after the other: `python -m benchmarks.batching`.

MusicGen at musicgen-small's real shape, its weights random (none can be had without its licence), opened and played by
the engine itself. Random weights take exactly as long as real ones. Needs the packages of musicgen, 6 GB of memory and
3 GB of disk for a while.
"""

import argparse
import tempfile
import time
from pathlib import Path

from app.services.engines.base import ModelSource, TakeRequest
from app.services.engines.musicgen import MusicGenEngine
from app.services.planning import make_plan, read

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
    _took_s(engine, PROMPTS[:1], 1)  # the first one finds nothing warm
    together = _took_s(engine, PROMPTS, options.seconds)
    alone = [_took_s(engine, (prompt,), options.seconds) for prompt in PROMPTS]
    print(
        f"{len(PROMPTS)} takes of {options.seconds} s on {options.device}, {engine.memory_bytes() / 1e9:.1f} GB of "
        f"weights: {together:.1f} s side by side; alone {', '.join(f'{one:.1f}' for one in alone)} s, "
        f"{sum(alone):.1f} s in all: side by side is {sum(alone) / together:.2f} times as fast"
    )


def save_random(folder: Path) -> Path:
    """A checkpoint of random weights in musicgen-small's shape, as its publisher lays it out."""
    import torch
    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import (
        EncodecConfig,
        EncodecModel,
        MusicgenDecoderConfig,
        MusicgenForCausalLM,
        MusicgenForConditionalGeneration,
        PreTrainedTokenizerFast,
        T5Config,
        T5EncoderModel,
    )

    text = T5EncoderModel(T5Config(d_model=768, d_kv=64, d_ff=3072, num_layers=12, num_heads=12))
    codec = EncodecModel(
        EncodecConfig(
            sampling_rate=32_000,
            audio_channels=1,
            normalize=False,
            upsampling_ratios=[8, 5, 4, 4],
            num_filters=64,
            codebook_size=2_048,
            codebook_dim=128,
            target_bandwidths=[2.2],
            use_causal_conv=False,
            chunk_length_s=None,
        )
    )
    for layer in codec.quantizer.layers:  # they begin as zeros
        layer.codebook.embed.copy_(torch.randn_like(layer.codebook.embed))
    decoder = MusicgenForCausalLM(
        MusicgenDecoderConfig(
            vocab_size=2_048,
            hidden_size=1_024,
            ffn_dim=4_096,
            num_hidden_layers=24,
            num_attention_heads=16,
            num_codebooks=4,
            pad_token_id=2_048,
            bos_token_id=2_048,
        )
    )
    model = MusicgenForConditionalGeneration(text_encoder=text, audio_encoder=codec, decoder=decoder)
    model.save_pretrained(folder)
    words = sorted({word for prompt in PROMPTS for word in prompt.split()})
    known = Tokenizer(
        models.WordLevel({word: number for number, word in enumerate(["<pad>", "<unk>", *words])}, unk_token="<unk>")  # noqa: S106 - no password
    )
    known.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    PreTrainedTokenizerFast(tokenizer_object=known, pad_token="<pad>", unk_token="<unk>").save_pretrained(folder)  # noqa: S106
    return folder


def _took_s(engine: MusicGenEngine, prompts: tuple[str, ...], seconds: int) -> float:
    """Seconds in which takes are made side by side."""
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
    began = time.perf_counter()
    for take in engine.generate(requests):
        if isinstance(take, Exception):
            raise take
        for _block in take.blocks:
            pass
    return time.perf_counter() - began


if __name__ == "__main__":
    main()
