"""The pace of a track that must not be shown as finished before its time: clock in, progress out."""

from collections import OrderedDict
from contextlib import suppress
from dataclasses import replace
from datetime import datetime

from app.models.track import Stage, Track
from app.utils.clock import Clock

#: Paced tracks whose progress is remembered.
MOST_REMEMBERED = 10_000

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


class Pace:
    """Shows paced tracks so that none ever goes back, though the machine's clock may be set back. From any thread."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._furthest: OrderedDict[str, Track] = OrderedDict()

    def shown(self, track: Track) -> Track:
        """The track as it is shown now."""
        if track.paced_until is None or track.status == "completed":
            return track
        before = self._furthest.get(track.id)
        if track.finished:
            return track if before is None else replace(track, progress=max(track.progress, before.progress))
        now = shown(track, self._clock.now())
        if before is not None and before.progress > now.progress:
            return replace(now, stage=before.stage, progress=before.progress)
        self._furthest[track.id] = now
        with suppress(KeyError):  # another thread was faster
            while len(self._furthest) > MOST_REMEMBERED:
                self._furthest.popitem(last=False)
        return now


def patience_s(track: Track, now: datetime) -> float:
    """Seconds for which a paced track is held back, at most its whole time, though the clock may have been set back."""
    if track.paced_until is None:
        return 0.0
    whole_s = (track.paced_until - track.created_at).total_seconds()
    return min(whole_s, max(0.0, (track.paced_until - now).total_seconds()))
