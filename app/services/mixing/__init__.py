"""Dry audio to stems, mix and master."""

from app.services.mixing.desk import Desk
from app.services.mixing.mastering import STRIDE_FRAMES, Mastered, Masterer, master
from app.services.mixing.measuring import measure
from app.services.mixing.mixer import Mixer
from app.services.mixing.preview import Preview, foretold_gain_db

__all__ = ["STRIDE_FRAMES", "Desk", "Mastered", "Masterer", "Mixer", "Preview", "foretold_gain_db", "master", "measure"]
