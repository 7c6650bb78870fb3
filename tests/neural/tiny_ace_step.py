"""A tiny random ACE-Step checkpoint, built by the family's own classes: its real rates, few and narrow layers."""

from tests.neural.words import plain_tokenizer

#: Channels of the latents.
LATENT = 8


def save_tiny_ace_step(folder, work):
    """The checkpoint in `folder`; `work` is an empty folder for what is needed on the way."""
    import torch
    from diffusers import AceStepPipeline, AutoencoderOobleck, FlowMatchEulerDiscreteScheduler
    from diffusers.models.transformers.ace_step_transformer import AceStepTransformer1DModel
    from diffusers.pipelines.ace_step.modeling_ace_step import AceStepConditionEncoder
    from transformers import Qwen3Config, Qwen3Model

    torch.manual_seed(0)
    tokenizer, size = plain_tokenizer()
    heads = {"num_attention_heads": 2, "num_key_value_heads": 1, "head_dim": 8}
    conditions = AceStepConditionEncoder(
        hidden_size=16, intermediate_size=16, text_hidden_dim=16, timbre_hidden_dim=LATENT,
        num_lyric_encoder_hidden_layers=1, num_timbre_encoder_hidden_layers=1, **heads,
    )  # fmt: skip
    torch.nn.init.normal_(conditions.silence_latent)
    pipeline = AceStepPipeline(
        vae=AutoencoderOobleck(
            encoder_hidden_size=4, downsampling_ratios=[2, 4, 4, 6, 10], channel_multiples=[1, 1, 1, 1, 1],
            decoder_channels=4, decoder_input_channels=LATENT, audio_channels=2, sampling_rate=48_000,
        ),
        text_encoder=Qwen3Model(
            Qwen3Config(vocab_size=size, hidden_size=16, intermediate_size=16, num_hidden_layers=1, **heads)
        ),
        tokenizer=tokenizer,
        transformer=AceStepTransformer1DModel(
            hidden_size=16, intermediate_size=16, num_hidden_layers=2, in_channels=3 * LATENT,
            audio_acoustic_hidden_dim=LATENT, is_turbo=True, model_version="turbo", **heads,
        ),
        condition_encoder=conditions,
        scheduler=FlowMatchEulerDiscreteScheduler(num_train_timesteps=1, shift=1.0),
    )  # fmt: skip
    pipeline.save_pretrained(folder, safe_serialization=True)
    return folder
