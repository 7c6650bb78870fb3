"""Writes a tiny random Magenta RealTime 2 checkpoint; run by the Python of `.venv-magenta`, with a folder to write to.

Its codec is the family's own, which has one size only; the language model has few and narrow layers.
"""

import json
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2] / "app" / "services" / "engines" / "magenta"))

import child

#: Sizes of the three transformers, as `sizes` beside a checkpoint gives them.
SIZES = {
    part: {"num_layers": 1, "model_dims": 32, "hidden_dims": 32, "num_heads": 2, "dim_per_head": 16}
    for part in ("encoder", "decoder_temporal", "decoder_depth")
}


def shapes(model):
    """The parameters of a model with its codec: their shapes, by name."""
    import flax
    import jax
    import jax.numpy as jnp
    import magenta_rt  # noqa: F401 - makes sequence_layers importable
    import sequence_layers.jax as sl
    from magenta_rt.jax import spectrostream, system

    sampler = system.MagentaRT2Sampler.Config(
        depthformer=model.depthformer_config(),
        spectrostream=spectrostream.stft_spectrostream_40ms_generic_48khz_stereo_config(
            rvq_truncation_level=model.spectrostream.rvq_truncation_level, use_unique_codes=False
        ),
    ).make()
    channels = model.input_num_channels
    constants = {"temperature": jnp.array([1.3]), "top_k": jnp.array([40], dtype=jnp.int32)}

    def once(module, block):
        spec = jax.ShapeDtypeStruct([channels], jnp.int32)
        state = module.get_initial_state(1, spec, constants={}, training=False)
        return module.step_with_emits(x=block, state=state, constants=constants, training=False)

    def made():
        block = sl.Sequence.from_values(jnp.ones((1, 1, channels), jnp.int32))
        keys = {"params": jax.random.PRNGKey(0), "random": jax.random.PRNGKey(1)}
        return flax.core.meta.unbox(sampler.init(keys, block, method=once))

    return flax.traverse_util.flatten_dict(jax.eval_shape(made), sep="/")


def main(folder):
    """Write the checkpoint in the published layout."""
    import numpy as np
    import safetensors.numpy

    folder = Path(folder)
    (folder / "checkpoints").mkdir(parents=True)
    (folder / "checkpoints" / "mrt2_small.json").write_text(json.dumps(SIZES))
    model = child.model_class("mrt2_small", folder / "checkpoints" / "mrt2_small.json")()
    dice = np.random.default_rng(0)
    weights = {}
    for name, shape in shapes(model).items():
        values = dice.standard_normal(shape.shape)
        if len(shape.shape) == 1:
            values = 1.0 + 0.1 * values if name.endswith("scale") else 0.01 * values
        elif "embedding" not in name:
            values /= np.sqrt(np.prod(shape.shape[:-1]))
        if "base_conv_last" in name:
            values *= 4  # random layers give clicks; the codec's own clipping makes them a noise that can be mastered
        weights[name] = values.astype(np.float32)
    safetensors.numpy.save_file(weights, folder / "checkpoints" / "mrt2_small.safetensors")
    resources = folder / "resources" / "musiccoca"
    resources.mkdir(parents=True)
    for name in ("spm.model", "text_encoder.tflite", "pretrained_vector_quantizer.tflite"):
        (resources / name).write_bytes(b"The tests' own encoder of words stands in for this.")


if __name__ == "__main__":
    main(*sys.argv[1:])
