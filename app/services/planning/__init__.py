"""Planning: the user's words become a Brief, and a Brief becomes a Plan."""

from app.services.planning.looping import settled
from app.services.planning.offers import GENRES, MOODS
from app.services.planning.planner import make_plan
from app.services.planning.reading import read
from app.services.planning.title import title_for

__all__ = ["GENRES", "MOODS", "make_plan", "read", "settled", "title_for"]
