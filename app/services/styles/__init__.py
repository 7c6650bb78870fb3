"""Styles: data files that say how a kind of music goes, and their loader."""

from app.services.styles.catalogue import load_style, style_names
from app.services.styles.schema import Style

__all__ = ["Style", "load_style", "style_names"]
