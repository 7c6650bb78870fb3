"""Listening: what finished audio sounds like, and how that compares with what was asked."""

from app.services.listening.comparing import compare
from app.services.listening.ear import Ear, Sound
from app.services.listening.players import Wishes
from app.services.listening.takes import Fault, Verdict, judge
from app.services.listening.voices import VoiceShares

__all__ = ["Ear", "Fault", "Sound", "Verdict", "VoiceShares", "Wishes", "compare", "judge"]
