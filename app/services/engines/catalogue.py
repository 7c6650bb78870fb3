"""Every model there is: one row each. Reading the catalogue loads no engine."""

from dataclasses import replace
from functools import partial

from app.services.engines.base import Capabilities, Engine, ModelSource
from app.services.engines.estimates import asked_time_s, composing_time_s, modelled_time_s, simulated_time_s
from app.services.engines.rows import ModelRow, Weights


def _make_composer(source: ModelSource) -> Engine:
    from app.services.engines.composer import ComposerEngine  # it pulls in SciPy, which only workers need

    assert source.soundfont is not None  # noqa: S101 - workers always have one
    return ComposerEngine(source.soundfont)


def _make_musicgen(source: ModelSource) -> Engine:
    from app.services.engines.musicgen import MusicGenEngine

    return MusicGenEngine(source)


def _make_musicgen_melody(source: ModelSource) -> Engine:
    from app.services.engines.musicgen import MusicGenMelodyEngine

    return MusicGenMelodyEngine(source)


def _make_riffusion(source: ModelSource) -> Engine:
    from app.services.engines.riffusion import RiffusionEngine

    return RiffusionEngine(source)


def _make_stable_audio(source: ModelSource) -> Engine:
    from app.services.engines.stable_audio import StableAudioEngine

    return StableAudioEngine(source)


def _make_ace_step(source: ModelSource) -> Engine:
    from app.services.engines.ace_step import AceStepEngine

    return AceStepEngine(source)


def _make_magenta(source: ModelSource, *, size: str) -> Engine:
    from app.services.engines.magenta import MagentaEngine

    return MagentaEngine(source, size=size)


def _make_lyria(source: ModelSource) -> Engine:
    from app.services.engines.lyria import LyriaEngine

    return LyriaEngine(source)


COMPOSER_CAPABILITIES = Capabilities(
    notes=True,
    streams=True,
    fine_tune=True,
    code_licence="this project's",
    weights_licence="the soundfont's: TimGM6mb is GPL-2; MUSIC_SOUNDFONT plays another",
)

MUSICGEN_CAPABILITIES = Capabilities(
    sample_rate=32_000,
    channels=1,
    window_s=30.0,
    batch=4,
    audio_prompt=frozenset({"continue"}),
    fine_tune=True,
    wants_gpu=True,
    code_licence="Apache-2.0 (transformers)",
    weights_licence="CC-BY-NC-4.0",
    commercial_use=False,
)

MUSICGEN_MELODY_CAPABILITIES = replace(
    MUSICGEN_CAPABILITIES,
    audio_prompt=frozenset({"continue", "melody"}),
    batch=1,  # words are read before the music: longer ones beside them would move it
    fine_tune=False,
)

RIFFUSION_CAPABILITIES = Capabilities(
    channels=1,
    window_s=5.12,
    wants_gpu=True,
    code_licence="MIT; diffusers is Apache-2.0",
    weights_licence="CreativeML OpenRAIL-M",
)

STABLE_AUDIO_CAPABILITIES = Capabilities(
    window_s=47.55,
    wants_gpu=True,
    code_licence="Apache-2.0 (diffusers)",
    weights_licence="Stability AI Community Licence: free of charge below a yearly revenue of 1 million US dollars",
)

ACE_STEP_CAPABILITIES = Capabilities(
    sample_rate=48_000,
    window_s=600.0,
    wants_gpu=True,
    code_licence="Apache-2.0 (diffusers)",
    weights_licence="MIT",
)

MAGENTA_CAPABILITIES = Capabilities(
    sample_rate=48_000,
    streams=True,
    wants_gpu=True,
    code_licence="Apache-2.0 (magenta-rt)",
    weights_licence="CC-BY-4.0, with terms of use: no content that infringes the rights of others",
)

LYRIA_CAPABILITIES = Capabilities(
    longest_s=180,
    seed=False,  # the service takes none
    batch=4,
    remote=True,
    code_licence="Apache-2.0 (google-genai)",
    weights_licence="a paid service under the terms of the Gemini API; its music carries a watermark (SynthID)",
)

#: What all engines need that run a pipeline of diffusers.
_DIFFUSERS = ("torch", "diffusers", "transformers")


def _musicgen(size: str, size_bytes: int, *, stereo: bool = False) -> ModelRow:
    """One of AudioCraft's published sizes; half precision on a GPU halves its memory."""
    return ModelRow(
        name=f"musicgen-stereo-{size}" if stereo else f"musicgen-{size}",
        engine="musicgen",
        description=f"MusicGen of AudioCraft, {size}{', in stereo' if stereo else ''}: a language model over sound, "
        "30 s at once, longer pieces by continuation. Its weights are not for commercial use.",
        capabilities=replace(MUSICGEN_CAPABILITIES, channels=2) if stereo else MUSICGEN_CAPABILITIES,
        make=_make_musicgen,
        estimate_s=modelled_time_s,
        packages=("torch", "transformers"),
        weights=Weights(
            repository=f"facebook/musicgen-stereo-{size}" if stereo else f"facebook/musicgen-{size}",
            layout="transformers",
            size_bytes=size_bytes,
            required=("config.json",),
        ),
        memory_bytes=size_bytes,
        resident=True,
        phrased_for="musicgen",
    )


def _magenta(size: str, what: str, size_bytes: int) -> ModelRow:
    """One of Magenta RealTime 2's two sizes, in 32 bits."""
    checkpoint = f"mrt2_{size}"
    resources = ("spm.model", "text_encoder.tflite", "pretrained_vector_quantizer.tflite")
    return ModelRow(
        name=f"magenta-rt2-{size}",
        engine="magenta",
        description=f"Magenta RealTime 2, {what}: plays on in the style of the words, without a window.",
        capabilities=MAGENTA_CAPABILITIES,
        make=partial(_make_magenta, size=checkpoint),
        estimate_s=modelled_time_s,
        packages=("magenta_rt", "jax"),
        own_environment=True,
        weights=Weights(
            repository="google/magenta-realtime-2",
            layout="plain",
            size_bytes=size_bytes,
            required=(
                f"checkpoints/{checkpoint}.safetensors",
                *(f"resources/musiccoca/{name}" for name in resources),
            ),
            folders=(f"checkpoints/{checkpoint}.safetensors", "resources/musiccoca"),
        ),
        memory_bytes=size_bytes,
        resident=True,
        phrased_for="magenta",
    )


def _lyria(name: str, what: str, *, longest_s: int) -> ModelRow:
    """One of the Gemini API's models of music."""
    return ModelRow(
        name=name,
        engine="musiclm",
        description=f"Lyria, Google's released successor of MusicLM: {what}. Asked over the network; needs a key and "
        "costs money.",
        capabilities=replace(LYRIA_CAPABILITIES, longest_s=longest_s),
        make=_make_lyria,
        estimate_s=asked_time_s,
        packages=("google.genai",),
        key_setting="MUSIC_GEMINI_API_KEY",
        resident=True,
        phrased_for="lyria",
    )


#: Every model by name; the order is the one clients see.
CATALOGUE: dict[str, ModelRow] = {
    row.name: row
    for row in (
        ModelRow(
            name="composer",
            engine="composer",
            description="Reads the prompt, composes, plays, mixes and masters. An algorithm, not a neural model.",
            capabilities=COMPOSER_CAPABILITIES,
            make=_make_composer,
            estimate_s=composing_time_s,
        ),
        ModelRow(
            name="simulator",
            engine="composer",
            description="The composer's music at the pace of a large model, for front-end work: 10 to 120 s a track.",
            capabilities=Capabilities(
                notes=True,
                paced=True,
                code_licence=COMPOSER_CAPABILITIES.code_licence,
                weights_licence=COMPOSER_CAPABILITIES.weights_licence,
            ),
            make=_make_composer,
            estimate_s=simulated_time_s,
        ),
        _musicgen("small", 2_400_000_000),
        _musicgen("medium", 8_000_000_000),
        _musicgen("large", 13_600_000_000),
        _musicgen("small", 2_500_000_000, stereo=True),
        _musicgen("medium", 8_200_000_000, stereo=True),
        _musicgen("large", 13_900_000_000, stereo=True),
        replace(
            _musicgen("melody", 6_200_000_000),
            description="MusicGen of AudioCraft, melody: follows the tune of a recording, or the words alone; 30 s at "
            "once, longer pieces by continuation. Its weights are not for commercial use.",
            capabilities=MUSICGEN_MELODY_CAPABILITIES,
            make=_make_musicgen_melody,
        ),
        ModelRow(
            name="riffusion-model-v1",
            engine="riffusion",
            description="Riffusion: an image model paints the music's spectrogram, which is then made to sound.",
            capabilities=RIFFUSION_CAPABILITIES,
            make=_make_riffusion,
            estimate_s=modelled_time_s,
            packages=_DIFFUSERS,
            weights=Weights(
                repository="riffusion/riffusion-model-v1",
                layout="diffusers",
                size_bytes=4_300_000_000,
                required=("unet/config.json", "vae/config.json", "text_encoder/config.json"),
                folders=("unet", "vae", "text_encoder", "tokenizer", "scheduler"),
            ),
            memory_bytes=4_300_000_000,
            resident=True,
            phrased_for="riffusion",
        ),
        ModelRow(
            name="stable-audio-open-1.0",
            engine="stable-audio",
            description="Stable Audio Open: diffusion over latents of stereo sound, in windows of 47 s.",
            capabilities=STABLE_AUDIO_CAPABILITIES,
            make=_make_stable_audio,
            estimate_s=modelled_time_s,
            packages=(*_DIFFUSERS, "torchsde"),
            weights=Weights(
                repository="stabilityai/stable-audio-open-1.0",
                layout="diffusers",
                size_bytes=5_300_000_000,
                required=("transformer/config.json", "vae/config.json", "text_encoder/config.json"),
                folders=("transformer", "vae", "text_encoder", "projection_model", "tokenizer", "scheduler"),
            ),
            memory_bytes=5_300_000_000,
            resident=True,
            phrased_for="stable-audio",
        ),
        ModelRow(
            name="ace-step-1.5",
            engine="ace-step",
            description="ACE-Step 1.5 XL turbo: a whole piece of up to five minutes at once, in eight steps.",
            capabilities=ACE_STEP_CAPABILITIES,
            make=_make_ace_step,
            estimate_s=modelled_time_s,
            packages=_DIFFUSERS,
            weights=Weights(
                repository="ACE-Step/acestep-v15-xl-turbo-diffusers",
                layout="diffusers",
                size_bytes=12_000_000_000,
                required=("transformer/config.json", "vae/config.json", "condition_encoder/config.json"),
            ),
            memory_bytes=12_000_000_000,
            resident=True,
            phrased_for="ace-step",
        ),
        _magenta("small", "230 million parameters", 1_100_000_000),
        _magenta("base", "2.4 billion parameters", 9_800_000_000),
        _lyria("lyria-3.5", "whole pieces of up to three minutes", longest_s=180),
        _lyria("lyria-3-clip-preview", "clips of half a minute", longest_s=30),
    )
}
