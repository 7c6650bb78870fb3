"""Composing: Plan → Score, and how people would play it."""

from app.services.composing.composer import compose
from app.services.composing.performing import perform

__all__ = ["compose", "perform"]
