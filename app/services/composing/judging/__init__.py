"""Judging: a written score in, what it is worth by stated musical criteria out."""

from app.services.composing.judging.criteria import CRITERIA, judged
from app.services.composing.judging.hearing import Hearing

__all__ = ["CRITERIA", "Hearing", "judged"]
