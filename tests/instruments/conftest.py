import importlib.util
from pathlib import Path

import pytest

from app.services.instruments import SoundFont, load_soundfont


@pytest.fixture(scope="session")
def font() -> SoundFont:
    """The font that pip brings, whatever else is installed."""
    spec = importlib.util.find_spec("pretty_midi")
    assert spec is not None
    assert spec.origin is not None
    return load_soundfont(Path(spec.origin).parent / "TimGM6mb.sf2")
