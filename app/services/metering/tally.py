"""Tally: what came of tracks and their runs in this process. Any thread may count.

Rule: counting never fails and never waits; what is counted here is asked of no database.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Literal, Protocol

from app.models.track import Track

if TYPE_CHECKING:
    from prometheus_client import Metric

#: Why a job is run once more: its worker died of it, it took too long, it met an error that nobody foresaw, its worker
#: was ended on account of others, or the whole worker node vanished.
Again = Literal["crashed", "late", "broke", "spared", "vanished"]

#: Bounds in seconds of a wait, of a stage, and of a render.
WAIT_S = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 1800)
STAGE_S = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 600)
#: Bounds in seconds of music made in a second.
SPEED = (0.1, 0.25, 0.5, 1, 2, 5, 10, 20, 40, 80, 160)


class Tally(Protocol):
    """Hears what happens."""

    def accepted(self, track: Track, now: datetime) -> None:
        """A track is durable."""

    def began(self, track: Track, now: datetime) -> None:
        """The first run of a track begins."""

    def ended(self, track: Track) -> None:
        """A track is finished, given up or cancelled."""

    def again(self, kind: str, why: Again) -> None:
        """A job is run once more."""

    def loaded(self, model: str, took_s: float) -> None:
        """A model was loaded."""

    def families(self) -> Iterable["Metric"]:
        """All that was counted, as Prometheus reads it."""


class NoTally:
    """Counts nothing."""

    def accepted(self, track: Track, now: datetime) -> None:
        """Nothing."""

    def began(self, track: Track, now: datetime) -> None:
        """Nothing."""

    def ended(self, track: Track) -> None:
        """Nothing."""

    def again(self, kind: str, why: Again) -> None:
        """Nothing."""

    def loaded(self, model: str, took_s: float) -> None:
        """Nothing."""

    def families(self) -> Iterable["Metric"]:
        """None."""
        return ()


class PrometheusTally:
    """Counts with Prometheus's own client."""

    def __init__(self) -> None:
        from prometheus_client import CollectorRegistry, Counter, Histogram

        self._registry = registry = CollectorRegistry()
        self._accepted = Counter("music_tracks_accepted", "Tracks accepted.", ["model"], registry=registry)
        self._ended = Counter(
            "music_tracks_ended", "Tracks completed, failed or cancelled.", ["model", "outcome"], registry=registry
        )
        self._again = Counter("music_job_retries", "Jobs run once more.", ["kind", "why"], registry=registry)
        self._waited = Histogram(
            "music_track_wait_seconds",
            "From acceptance to the first run.",
            ["model"],
            registry=registry,
            buckets=WAIT_S,
        )
        self._stages = Histogram(
            "music_stage_seconds",
            "Time that a completed track spent in a stage.",
            ["model", "stage"],
            registry=registry,
            buckets=STAGE_S,
        )
        self._speed = Histogram(
            "music_real_time_ratio",
            "Seconds of music made in a second, from the first run to completion.",
            ["model"],
            registry=registry,
            buckets=SPEED,
        )
        self._loads = Histogram(
            "music_engine_load_seconds", "Loading of a model.", ["model"], registry=registry, buckets=STAGE_S
        )

    def accepted(self, track: Track, now: datetime) -> None:  # noqa: ARG002 - the protocol's
        """A track is durable."""
        self._accepted.labels(track.model).inc()

    def began(self, track: Track, now: datetime) -> None:
        """The first run of a track begins."""
        # Clocks of two machines may differ.
        self._waited.labels(track.model).observe(max(0.0, (now - track.created_at).total_seconds()))

    def ended(self, track: Track) -> None:
        """A track is finished, given up or cancelled."""
        outcome = track.status if track.stage != "cancelled" else "cancelled"
        self._ended.labels(track.model, outcome).inc()
        if outcome != "completed":
            return
        for stage, took_s in track.timings.items():
            self._stages.labels(track.model, stage).observe(took_s)
        if track.started_at is not None and track.finished_at is not None:
            took_s = (track.finished_at - track.started_at).total_seconds()
            self._speed.labels(track.model).observe(track.duration / max(took_s, 1e-3))

    def again(self, kind: str, why: Again) -> None:
        """A job is run once more."""
        self._again.labels(kind, why).inc()

    def loaded(self, model: str, took_s: float) -> None:
        """A model was loaded."""
        self._loads.labels(model).observe(took_s)

    def families(self) -> Iterable["Metric"]:
        """All that was counted, as Prometheus reads it."""
        return self._registry.collect()


class Tallies:
    """Several that hear the same."""

    def __init__(self, tallies: Sequence[Tally]) -> None:
        self._tallies = tallies

    def accepted(self, track: Track, now: datetime) -> None:
        """A track is durable."""
        for tally in self._tallies:
            tally.accepted(track, now)

    def began(self, track: Track, now: datetime) -> None:
        """The first run of a track begins."""
        for tally in self._tallies:
            tally.began(track, now)

    def ended(self, track: Track) -> None:
        """A track is finished, given up or cancelled."""
        for tally in self._tallies:
            tally.ended(track)

    def again(self, kind: str, why: Again) -> None:
        """A job is run once more."""
        for tally in self._tallies:
            tally.again(kind, why)

    def loaded(self, model: str, took_s: float) -> None:
        """A model was loaded."""
        for tally in self._tallies:
            tally.loaded(model, took_s)

    def families(self) -> Iterable["Metric"]:
        """All that was counted by any of them."""
        return [family for tally in self._tallies for family in tally.families()]
