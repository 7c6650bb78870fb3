"""Dry audio to stems, mix and master."""

from app.services.mixing.desk import Desk
from app.services.mixing.mastering import Mastered, Masterer, master
from app.services.mixing.measuring import measure
from app.services.mixing.mixer import Mixer

__all__ = ["Desk", "Mastered", "Masterer", "Mixer", "master", "measure"]
