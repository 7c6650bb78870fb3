"""Engines: a Plan goes in, a Take comes out. The catalogue names the models of all of them."""

from app.services.engines.base import AudioPrompt, Capabilities, Engine, ModelSource, Take, TakeRequest
from app.services.engines.catalogue import CATALOGUE
from app.services.engines.models import LocalCheckpoint, Models, lives_with
from app.services.engines.readiness import Readiness
from app.services.engines.rows import ModelRow

__all__ = [
    "CATALOGUE",
    "AudioPrompt",
    "Capabilities",
    "Engine",
    "LocalCheckpoint",
    "ModelRow",
    "ModelSource",
    "Models",
    "Readiness",
    "Take",
    "TakeRequest",
    "lives_with",
]
