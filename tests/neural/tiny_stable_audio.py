"""A tiny random Stable Audio checkpoint, built by the family's own classes: its real rates, few and narrow layers."""

from tests.neural.words import t5_tokenizer


def save_tiny_stable_audio(folder, work):
    """The checkpoint in `folder`; `work` is an empty folder for what is needed on the way."""
    import torch
    from diffusers import (
        AutoencoderOobleck,
        EDMDPMSolverMultistepScheduler,
        StableAudioDiTModel,
        StableAudioPipeline,
        StableAudioProjectionModel,
    )
    from transformers import T5Config, T5EncoderModel

    torch.manual_seed(0)
    tokenizer, size = t5_tokenizer()
    pipeline = StableAudioPipeline(
        vae=AutoencoderOobleck(
            encoder_hidden_size=4, downsampling_ratios=[2, 4, 4, 8, 8], channel_multiples=[1, 1, 1, 1, 1],
            decoder_channels=4, decoder_input_channels=4, audio_channels=2, sampling_rate=44_100,
        ),
        text_encoder=T5EncoderModel(
            T5Config(vocab_size=size, d_model=16, d_kv=8, d_ff=16, num_layers=1, num_heads=2, pad_token_id=0)
        ),
        projection_model=StableAudioProjectionModel(
            text_encoder_dim=16, conditioning_dim=8, min_value=0, max_value=512
        ),
        tokenizer=tokenizer,
        transformer=StableAudioDiTModel(
            sample_size=1024, in_channels=4, out_channels=4, num_layers=1, attention_head_dim=8, num_attention_heads=2,
            num_key_value_attention_heads=2, cross_attention_dim=8, cross_attention_input_dim=8, time_proj_dim=16,
            global_states_input_dim=16,
        ),
        scheduler=EDMDPMSolverMultistepScheduler(
            solver_order=2, prediction_type="v_prediction", sigma_data=1.0, sigma_schedule="exponential",
            sigma_min=0.3, sigma_max=500.0,
        ),
    )  # fmt: skip
    pipeline.save_pretrained(folder, safe_serialization=True)
    return folder


def quicken():
    from app.services.engines.stable_audio import StableAudioEngine

    StableAudioEngine.__init__.__kwdefaults__["steps"] = 4
