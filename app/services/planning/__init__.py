"""Planning: the user's words become a Brief, and a Brief becomes a Plan."""

from app.services.planning.catalogue import members_of, refused_by
from app.services.planning.deciding import Terms, decide, terms_of
from app.services.planning.looping import settled
from app.services.planning.matching import words_remembered
from app.services.planning.offers import genres, instrument_names, moods
from app.services.planning.planner import make_plan
from app.services.planning.reading import read
from app.services.planning.thread import PlanningThread
from app.services.planning.title import title_for

__all__ = [
    "PlanningThread",
    "Terms",
    "decide",
    "genres",
    "instrument_names",
    "make_plan",
    "members_of",
    "moods",
    "read",
    "refused_by",
    "settled",
    "terms_of",
    "title_for",
    "words_remembered",
]
