"""MusicGen with random weights, in any shape: tiny for tests, as published for measuring."""

from collections.abc import Mapping
from typing import Any


def random_codec(**shape: Any) -> Any:
    """The codec of 32 kHz sound; `shape` is what `EncodecConfig` takes besides."""
    import torch
    from transformers import EncodecConfig, EncodecModel

    codec = EncodecModel(
        EncodecConfig(
            sampling_rate=32_000,
            audio_channels=1,
            normalize=False,
            upsampling_ratios=[8, 5, 4, 4],
            use_causal_conv=False,
            chunk_length_s=None,
            **shape,
        )
    )
    for layer in codec.quantizer.layers:  # they begin as zeros, which would make all codes sound alike
        layer.codebook.embed.copy_(torch.randn_like(layer.codebook.embed))
    return codec


def random_musicgen(*, text: Mapping[str, Any], codec: Mapping[str, Any], decoder: Mapping[str, Any]) -> Any:
    """The whole model; each argument is what its part's config takes."""
    from transformers import (
        MusicgenDecoderConfig,
        MusicgenForCausalLM,
        MusicgenForConditionalGeneration,
        T5Config,
        T5EncoderModel,
    )

    return MusicgenForConditionalGeneration(
        text_encoder=T5EncoderModel(T5Config(**text)),
        audio_encoder=random_codec(**codec),
        decoder=MusicgenForCausalLM(MusicgenDecoderConfig(**decoder)),
    )
