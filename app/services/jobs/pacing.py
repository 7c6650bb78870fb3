"""The pace of a track that must not be shown as finished before its time: clock in, progress out."""

from dataclasses import replace
from datetime import datetime

from app.models.track import Stage, Track

#: Stages with the share of the time at which each begins.
PACE: tuple[tuple[float, Stage], ...] = (
    (0.0, "queued"),
    (0.02, "planning"),
    (0.06, "composing"),
    (0.15, "rendering"),
    (0.75, "mastering"),
    (0.88, "encoding"),
)


def shown(track: Track, now: datetime) -> Track:
    """The track as it is shown: by the clock where it is paced and in work, otherwise as it is."""
    if track.paced_until is None or track.finished:
        return track
    whole_s = (track.paced_until - track.created_at).total_seconds()
    passed_s = (now - track.created_at).total_seconds()
    share = min(1.0, max(0.0, passed_s / whole_s)) if whole_s > 0 else 1.0
    stage = next(stage for begins, stage in reversed(PACE) if share >= begins)
    return replace(track, stage=stage, progress=min(99, int(share * 100)))
