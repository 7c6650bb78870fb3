"""What the tests of the whole road need of a family of models: a tiny checkpoint, or a stand-in for a remote service.

A family ENGINE brings `tests/neural/tiny_ENGINE.py` (its dashes as underscores) with one of

- `save_tiny_ENGINE(folder, work)`, which writes a checkpoint in the published layout into `folder`, and
- `ready(folder)`, a context manager that gives the name of a model and the settings that make it ready,

and, where its engine takes many steps, `quicken()`, which is called in the engine's process and makes them few;
and so joins every test that walks the families, unasked.
"""

import sys
from contextlib import contextmanager
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

import pytest

from app.services import workshop as workshops
from app.services.engines import CATALOGUE
from app.services.engines.readiness import is_installed
from app.wiring import HOME

#: The first model of each family that does not come with the service.
FAMILIES = {row.engine: row for row in reversed(CATALOGUE.values()) if row.needs_something}


def builder_of(engine):
    """The module that builds a family's tiny checkpoint."""
    name = f"tests.neural.tiny_{engine.replace('-', '_')}"
    assert find_spec(name) is not None, f"{engine} has no tests/neural/tiny_{engine.replace('-', '_')}.py"
    return import_module(name)


def skip_unless_installed(engine):
    """Skip where the packages of a family are not here, naming the command that changes it.

    Those in an environment of their own are at hand for every selection, but the default ones are to stay fast.
    """
    if FAMILIES[engine].own_environment and Path(sys.prefix) == HOME / ".venv":
        pytest.skip(f"the default environment does not play {engine}: python run_tests.py neural")
    if not is_installed(FAMILIES[engine], HOME):
        pytest.skip(f"the packages of {engine} are not installed: python3 run.py install {engine}")


@contextmanager
def ready(engine, folder):
    """The name of a tiny model of the family, and the settings that make it ready; below an empty folder."""
    builder = builder_of(engine)
    if hasattr(builder, "ready"):
        with builder.ready(folder) as given:
            yield given
        return
    save = getattr(builder, f"save_tiny_{engine.replace('-', '_')}")
    checkpoint = save(folder / "checkpoint", folder / "parts")
    name = f"tiny-{engine}"
    yield name, {"model_paths": f"{name}={engine}:{checkpoint}"}


def open_tiny(workshop, model, device, tell):
    """`open_resident` of a model that takes few steps."""
    builder = builder_of(workshop.models.row(model).engine)
    if hasattr(builder, "quicken"):
        builder.quicken()
    return workshops.open_resident(workshop, model, device, tell)
