"""What an ended run makes of a track. Whoever saw how far it was sees it go back no more."""

from dataclasses import replace
from datetime import datetime

from app.models.track import Track
from app.services.jobs.base import Outcome
from app.services.jobs.pacing import shown


def failed(track: Track, reason: str, now: datetime) -> Track:
    """The track, given up."""
    far = shown(track, now).progress
    return replace(track, status="failed", stage="failed", error=reason, progress=far, finished_at=now)


def cancelled(track: Track, now: datetime) -> Track:
    """The track, ended by whoever asked for it."""
    far = shown(track, now).progress
    return replace(track, status="failed", stage="cancelled", error="Cancelled", progress=far, finished_at=now)


def completed(track: Track, outcome: Outcome, now: datetime) -> Track:
    """The track, finished."""
    return replace(
        track,
        status="completed",
        stage="completed",
        progress=100,
        finished_at=now,
        files=outcome.files,
        error=None,
        **outcome.facts,
    )
