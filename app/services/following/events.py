"""What a reader has seen of a track, and the events that tell him the rest."""

import re
from dataclasses import dataclass, replace
from typing import Any

from app.models.track import Track

_SEEN = re.compile(r"([a-z]{1,20})\.([0-9]{1,3})(\.plan)?(\.preview)?")
_ENDS = frozenset({"completed", "failed", "cancelled"})


@dataclass(frozen=True, kw_only=True, slots=True)
class Seen:
    """What a reader knows of a track; as text it is the id of the last event."""

    stage: str = ""
    progress: int = 0
    plan: bool = False
    preview: bool = False

    @classmethod
    def read(cls, text: str | None) -> "Seen":
        """What an id says; nothing seen where it is none.

        >>> Seen.read("rendering.42.plan")
        Seen(stage='rendering', progress=42, plan=True, preview=False)
        """
        match = _SEEN.fullmatch(text or "")
        if match is None:
            return cls()
        return cls(stage=match[1], progress=int(match[2]), plan=bool(match[3]), preview=bool(match[4]))

    def __str__(self) -> str:
        return f"{self.stage}.{self.progress}{'.plan' * self.plan}{'.preview' * self.preview}"

    @property
    def ended(self) -> bool:
        """Whether nothing follows."""
        return self.stage in _ENDS


@dataclass(frozen=True, kw_only=True, slots=True)
class Event:
    """One thing that happened to a track."""

    #: "stage", "progress", "plan", "preview", "completed", "failed", "cancelled", "removed"; of the feed also "missed".
    name: str
    data: dict[str, Any]
    id: str


def events_since(
    seen: Seen, track: Track, status: dict[str, Any], record_url: str, stream_url: str
) -> tuple[list[Event], Seen]:
    """What is new to a reader, in order, and what he knows then; `status` is the track's status answer."""
    if track.progress < seen.progress or seen.ended:  # older than what he knows
        return [], seen
    events = []
    known = {"track_id": track.id, "stage": track.stage, "progress": track.progress, "status": track.status}
    progressed = track.progress > seen.progress
    if not track.finished and track.stage != seen.stage:
        seen = replace(seen, stage=track.stage)
        events.append(Event(name="stage", data=known, id=str(seen)))
    if track.plan is not None and not seen.plan:
        seen = replace(seen, plan=True)
        events.append(Event(name="plan", data={**known, "record_url": record_url}, id=str(seen)))
    if track.audible and not track.finished and not seen.preview:
        seen = replace(seen, preview=True)
        events.append(Event(name="preview", data={**known, "stream_url": stream_url}, id=str(seen)))
    seen = replace(seen, progress=track.progress)
    if track.finished:
        seen = replace(seen, stage=track.stage)
        events.append(Event(name=track.stage, data=status, id=str(seen)))
    elif progressed:
        events.append(Event(name="progress", data=known, id=str(seen)))
    return events, seen
