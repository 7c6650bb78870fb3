"""Every model there is: one row each. Reading the catalogue loads no engine."""

from app.services.engines.base import Capabilities, Engine, ModelSource
from app.services.engines.estimates import composing_time_s, modelled_time_s, simulated_time_s
from app.services.engines.rows import ModelRow, Weights


def _make_composer(source: ModelSource) -> Engine:
    from app.services.engines.composer import ComposerEngine  # it pulls in SciPy, which only workers need

    assert source.soundfont is not None  # noqa: S101 - workers always have one
    return ComposerEngine(source.soundfont)


def _make_riffusion(source: ModelSource) -> Engine:
    from app.services.engines.riffusion import RiffusionEngine

    return RiffusionEngine(source)


COMPOSER_CAPABILITIES = Capabilities(
    notes=True,
    code_licence="this project's",
    weights_licence="the soundfont's: TimGM6mb is GPL-2; MUSIC_SOUNDFONT plays another",
)

RIFFUSION_CAPABILITIES = Capabilities(
    channels=1,
    window_s=5.12,
    seed=True,
    seed_in_batch=False,  # Griffin-Lim makes differences of rounding audible as figures, if not as sound
    batch=4,
    wants_gpu=True,
    code_licence="MIT; diffusers is Apache-2.0",
    weights_licence="CreativeML OpenRAIL-M",
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
        ModelRow(
            name="riffusion-model-v1",
            engine="riffusion",
            description="Riffusion: an image model paints the music's spectrogram, which is then made to sound.",
            capabilities=RIFFUSION_CAPABILITIES,
            make=_make_riffusion,
            estimate_s=modelled_time_s,
            packages=("torch", "diffusers", "transformers"),
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
    )
}
