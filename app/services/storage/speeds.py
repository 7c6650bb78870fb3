"""How fast each model was here, by the tracks it finished."""

from collections import defaultdict
from datetime import datetime

from sqlalchemy import Connection, select

from app.services.storage.tables import tracks

#: The latest tracks that are looked at, and how many of them count for one model.
LOOKED_AT, COUNTED = 1_000, 20


def read_speeds(connection: Connection) -> dict[str, float]:
    """By model, the seconds of music that its latest completed tracks made in a second; those that have any."""
    latest = (
        select(
            tracks.c.model, tracks.c.duration, tracks.c.timings, tracks.c.created_at,
            tracks.c.paced_until, tracks.c.finished_at,
        )
        .where(tracks.c.status == "completed")
        .order_by(tracks.c.created_at.desc())
        .limit(LOOKED_AT)
    )  # fmt: skip
    seen: dict[str, list[tuple[int, float]]] = defaultdict(list)
    for row in connection.execute(latest):
        took_s = _took_s(row.timings, row.created_at, row.finished_at if row.paced_until is not None else None)
        if took_s > 0 and len(seen[row.model]) < COUNTED:
            seen[row.model].append((row.duration, took_s))
    return {
        model: round(sum(duration for duration, _ in pairs) / sum(took_s for _, took_s in pairs), 3)
        for model, pairs in seen.items()
        if pairs
    }


def _took_s(timings: dict[str, float], created_at: datetime, paced_to: datetime | None) -> float:
    """Seconds of work; where a track keeps a pace, the seconds that its client waited. Loading is not the music's."""
    if paced_to is not None:
        return (paced_to - created_at).total_seconds()
    return sum(seconds for stage, seconds in timings.items() if stage != "loading")
