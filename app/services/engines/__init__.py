"""Engines: a Plan goes in, a Take comes out. The catalogue names them all."""

from app.services.engines.base import Capabilities, Engine, Take, TakeRequest
from app.services.engines.catalogue import CATALOGUE, EngineRow, engine_row

__all__ = ["CATALOGUE", "Capabilities", "Engine", "EngineRow", "Take", "TakeRequest", "engine_row"]
