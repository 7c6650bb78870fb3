"""Music AI Generator Backend: a sentence in, a finished track out."""

__version__ = "1.0.0"
