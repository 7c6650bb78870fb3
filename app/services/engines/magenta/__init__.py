"""Magenta RealTime 2, in an environment and a process of its own."""

from app.services.engines.magenta.engine import MagentaEngine

__all__ = ["MagentaEngine"]
