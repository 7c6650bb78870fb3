"""A tiny random Magenta RealTime 2 checkpoint, built by the family's own classes in the family's own environment."""

import subprocess
from pathlib import Path

from app.services.engines.readiness import environment_of, python_of
from app.wiring import HOME

HERE = Path(__file__).parent

#: The Python that has magenta-rt.
PYTHON = python_of(environment_of("magenta", HOME))


def save_tiny_magenta(folder, _work):
    """The checkpoint in `folder`. The family's own encoder of words cannot be made small; its mock stands in for it."""
    subprocess.run([str(PYTHON), str(HERE / "build_magenta.py"), str(folder)], check=True)
    return folder


def quicken():
    """Have the program run with the mock that magenta-rt brings for its encoder of words."""
    from app.services.engines.magenta import engine

    engine.CHILD = HERE / "mocked_magenta.py"
