"""What an ended run makes of a track, where several machines share the queue."""

from dataclasses import replace
from datetime import datetime

from app.models.track import Track
from app.services.jobs.base import Outcome


def failed(track: Track, reason: str, now: datetime) -> Track:
    """The track, given up."""
    return replace(track, status="failed", stage="failed", error=reason, finished_at=now)


def cancelled(track: Track, now: datetime) -> Track:
    """The track, ended by whoever asked for it."""
    return replace(track, status="failed", stage="cancelled", error="Cancelled", finished_at=now)


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
