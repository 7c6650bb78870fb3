"""A tiny random Stable Diffusion v1 checkpoint, built by the family's own classes."""

import json

#: Words that the tiny tokenizers know, letter by letter.
LETTERS = [chr(code) for code in range(ord("a"), ord("z") + 1)] + [*"0123456789,.#/"]


def clip_tokenizer(folder):
    from transformers import CLIPTokenizer

    pieces = ["<|startoftext|>", "<|endoftext|>", *LETTERS, *(f"{letter}</w>" for letter in LETTERS)]
    folder.mkdir(parents=True)
    (folder / "vocab.json").write_text(json.dumps({piece: number for number, piece in enumerate(pieces)}))
    (folder / "merges.txt").write_text("#version: 0.2\n")
    return CLIPTokenizer(str(folder / "vocab.json"), str(folder / "merges.txt"), model_max_length=77), len(pieces)


def save_tiny_riffusion(folder, work):
    """The checkpoint in `folder`; `work` is an empty folder for what is needed on the way."""
    import torch
    from diffusers import AutoencoderKL, PNDMScheduler, StableDiffusionPipeline, UNet2DConditionModel
    from transformers import CLIPTextConfig, CLIPTextModel

    torch.manual_seed(0)
    tokenizer, size = clip_tokenizer(work / "tokenizer")
    pipeline = StableDiffusionPipeline(
        vae=AutoencoderKL(
            block_out_channels=(4, 4, 4, 8), layers_per_block=1, norm_num_groups=4, latent_channels=4, sample_size=64,
            down_block_types=("DownEncoderBlock2D",) * 4, up_block_types=("UpDecoderBlock2D",) * 4,
        ),
        text_encoder=CLIPTextModel(
            CLIPTextConfig(
                vocab_size=size, hidden_size=16, intermediate_size=16, num_hidden_layers=1, num_attention_heads=2,
                projection_dim=16, bos_token_id=0, eos_token_id=1, pad_token_id=1,
            )
        ),
        tokenizer=tokenizer,
        unet=UNet2DConditionModel(
            sample_size=64, block_out_channels=(8, 16), layers_per_block=1, norm_num_groups=4, cross_attention_dim=16,
            attention_head_dim=4,
            down_block_types=("DownBlock2D", "CrossAttnDownBlock2D"),
            up_block_types=("CrossAttnUpBlock2D", "UpBlock2D"),
        ),
        scheduler=PNDMScheduler(
            skip_prk_steps=True, steps_offset=1, set_alpha_to_one=False, beta_schedule="scaled_linear"
        ),
        safety_checker=None,
        feature_extractor=None,
        requires_safety_checker=False,
    )  # fmt: skip
    pipeline.save_pretrained(folder, safe_serialization=True)
    return folder


def quicken():
    from app.services.dsp.mel import sound_of_mel
    from app.services.engines.riffusion import RiffusionEngine

    sound_of_mel.__kwdefaults__["rounds"] = 4
    RiffusionEngine.__init__.__kwdefaults__["steps"] = 2
