"""Comparing: the same wish in several ways, what was measured of each, and which was preferred."""

from app.services.comparing.comparisons import Compared, Comparisons, Contest
from app.services.comparing.differences import Difference, differences_of

__all__ = ["Compared", "Comparisons", "Contest", "Difference", "differences_of"]
