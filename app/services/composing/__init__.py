"""Composing: Plan → Score, and how people would play it."""

from app.services.composing.choosing import Choice, choose, compose
from app.services.composing.performing import perform

__all__ = ["Choice", "choose", "compose", "perform"]
