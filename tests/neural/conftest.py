"""What the model families' libraries warn of, of themselves, and nobody here can change."""

import pytest

#: Raised by diffusers' own autoencoder of sound, of a function of torch that it still uses.
OF_OTHERS = ("ignore:.*torch.nn.utils.weight_norm.*:FutureWarning",)


def pytest_collection_modifyitems(items):
    for item in items:
        if item.nodeid.startswith("tests/neural/"):
            for line in OF_OTHERS:
                item.add_marker(pytest.mark.filterwarnings(line))
