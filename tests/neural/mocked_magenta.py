"""The other side of the Magenta engine, with the mock that magenta-rt brings for its encoder of words."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2] / "app" / "services" / "engines" / "magenta"))

import child

if __name__ == "__main__":
    from magenta_rt import musiccoca

    class Mocked(musiccoca.MockMusicCoCa):
        """Opens no files."""

        def __init__(self, _folder):
            super().__init__()

    musiccoca.MusicCoCa = Mocked
    child.main()
