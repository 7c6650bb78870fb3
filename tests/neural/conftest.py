"""What the model families' libraries warn of, of themselves, and nobody here can change."""

import pytest

#: Raised by diffusers' own autoencoder of sound, of a function of torch that it still uses.
OF_OTHERS = ("ignore:.*torch.nn.utils.weight_norm.*:FutureWarning",)


def pytest_collection_modifyitems(config, items):
    """Let their warnings be, and keep the tests of one family, which share a service, on one core."""
    for item in items:
        if not item.nodeid.startswith("tests/neural/"):
            continue
        for line in OF_OTHERS:
            item.add_marker(pytest.mark.filterwarnings(line))
        if config.pluginmanager.hasplugin("xdist"):
            parameters = item.callspec.params if hasattr(item, "callspec") else {}
            family = next((parameters[name] for name in ("studio", "family") if name in parameters), "")
            item.add_marker(pytest.mark.xdist_group(f"{item.path.name} {family}"))
