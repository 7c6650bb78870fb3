"""Styles: data files that say how a kind of music goes, and their loader."""

from app.services.styles.catalogue import is_style, load_style, style_names
from app.services.styles.learned import TUNED_NAME, look_in, style_file, tuned_names, tuned_style
from app.services.styles.schema import Style

__all__ = [
    "TUNED_NAME", "Style", "is_style", "load_style", "look_in", "style_file", "style_names", "tuned_names",
    "tuned_style",
]  # fmt: skip
