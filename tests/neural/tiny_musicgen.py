"""A tiny random MusicGen checkpoint, built by the family's own classes."""

from benchmarks.random_musicgen import random_codec
from tests.neural.words import t5_tokenizer


def save_tiny_musicgen(folder, work, *, channels=1, tied_width=False, melody=False):
    """The checkpoint in `folder`, of one channel or two; `work` is not needed.

    With `tied_width` the text encoder is as wide as the decoder, so that nothing stands between them; with `melody` it
    is of the family that follows tunes.
    """
    import torch
    from transformers import (
        MusicgenDecoderConfig,
        MusicgenForCausalLM,
        MusicgenForConditionalGeneration,
        MusicgenMelodyConfig,
        MusicgenMelodyDecoderConfig,
        MusicgenMelodyForCausalLM,
        MusicgenMelodyForConditionalGeneration,
        T5Config,
        T5EncoderModel,
    )

    torch.manual_seed(0)
    tokenizer, size = t5_tokenizer()
    width = 32 if tied_width else 16
    text = T5EncoderModel(
        T5Config(vocab_size=size, d_model=width, d_kv=8, d_ff=32, num_layers=1, num_heads=2, pad_token_id=0)
    )
    codec = random_codec(
        num_filters=4, hidden_size=8, codebook_dim=8, codebook_size=64, num_lstm_layers=1, num_residual_layers=1,
        target_bandwidths=[1.2],
    )  # fmt: skip
    decoder_kind, config_kind = MusicgenForCausalLM, MusicgenDecoderConfig
    if melody:
        decoder_kind, config_kind = MusicgenMelodyForCausalLM, MusicgenMelodyDecoderConfig
    decoder = decoder_kind(
        config_kind(
            vocab_size=64,
            hidden_size=32,
            ffn_dim=32,
            num_hidden_layers=2,
            num_attention_heads=2,
            num_codebooks=4 * channels,
            audio_channels=channels,
            max_position_embeddings=2048,
            pad_token_id=64,
            bos_token_id=64,
        )
    )
    if melody:
        config = MusicgenMelodyConfig(
            text_encoder=text.config, audio_encoder=codec.config, decoder=decoder.config, chroma_length=24
        )
        model = MusicgenMelodyForConditionalGeneration(config, text_encoder=text, audio_encoder=codec, decoder=decoder)
        torch.nn.init.normal_(model.audio_enc_to_dec_proj.weight)  # as loud as the words
    else:
        model = MusicgenForConditionalGeneration(text_encoder=text, audio_encoder=codec, decoder=decoder)
    model.save_pretrained(folder, safe_serialization=True)
    tokenizer.save_pretrained(folder)
    return folder
