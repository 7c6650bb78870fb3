"""Styles: data files that say how a kind of music goes, and their loader."""

from app.services.styles.catalogue import adopt_style, load_style, style_names
from app.services.styles.schema import Style

__all__ = ["Style", "adopt_style", "load_style", "style_names"]
