"""WorkEstimates: how long a render will take, by how long those before it took."""

from collections.abc import Mapping

from app.models.track import Track

#: Seconds of work for a second of music before anything was measured.
FIRST_GUESS = 0.05
#: Seconds of work that every render takes, however short.
LEAST_S = 0.3
#: How much the latest render counts against all before it.
WEIGHT = 0.2


class WorkEstimates:
    """Seconds of one worker, learned for each engine."""

    def __init__(self) -> None:
        self._pace: dict[str, float] = {}

    def seconds(self, track: Track) -> float:
        """Work that a track will take."""
        return LEAST_S + track.duration * self._pace.get(track.model, FIRST_GUESS)

    def remember(self, speeds: Mapping[str, float]) -> None:
        """How fast engines were before this start, in seconds of music made in a second."""
        self._pace = {model: 1 / speed for model, speed in speeds.items()} | self._pace

    def learn(self, track: Track, took_s: float) -> None:
        """Work that a track took."""
        pace = max(0.0, took_s - LEAST_S) / track.duration
        known = self._pace.get(track.model, pace)
        self._pace[track.model] = known + WEIGHT * (pace - known)
