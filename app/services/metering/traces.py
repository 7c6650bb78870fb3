"""TraceTally: what happened to a track as one OpenTelemetry trace, sent to a collector.

Rule: a track's trace has an identifier that follows from the track's. So whoever takes part, on whatever machine, adds
to the same trace, and nothing needs to be handed along.
"""

import hashlib
from collections.abc import Iterable
from contextvars import ContextVar
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from app.errors import SettingRefused
from app.models.track import Track
from app.services.metering.tally import Again

if TYPE_CHECKING:
    from opentelemetry.context import Context
    from prometheus_client import Metric

#: What the service is called in traces.
SERVICE = "music"


def ids_of(track_id: str) -> tuple[int, int]:
    """The identifiers of a track's trace (128 bits) and of the span that stands for the track (64 bits).

    >>> ids_of("track_1f") == ids_of("track_1f") != ids_of("track_2f")
    True
    """
    digest = hashlib.sha256(track_id.encode()).digest()
    return int.from_bytes(digest[:16], "big") or 1, int.from_bytes(digest[16:24], "big") or 1


class TraceTally:
    """Hears what happens to tracks, and tells of it when they end."""

    def __init__(self, endpoint: str) -> None:
        """`endpoint` takes OTLP over HTTP: `http://collector:4318/v1/traces`. `SettingRefused` without the packages."""
        try:
            from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
            from opentelemetry.sdk.resources import Resource
            from opentelemetry.sdk.trace import TracerProvider
            from opentelemetry.sdk.trace.export import BatchSpanProcessor
            from opentelemetry.sdk.trace.id_generator import RandomIdGenerator
        except ImportError as error:
            raise SettingRefused(
                f"MUSIC_TRACES needs {error.name}, which is not installed. Run: python3 run.py install tracing"
            ) from error
        chosen: ContextVar[tuple[int, int] | None] = ContextVar("chosen", default=None)

        class Identifiers(RandomIdGenerator):  # type: ignore[misc]  # its types are there only where it is installed
            """Those that were chosen for a track, else random ones."""

            def generate_trace_id(self) -> int:
                ids = chosen.get()
                return super().generate_trace_id() if ids is None else ids[0]

            def generate_span_id(self) -> int:
                ids = chosen.get()
                return super().generate_span_id() if ids is None else ids[1]

        self._chosen = chosen
        self._provider = TracerProvider(resource=Resource.create({"service.name": SERVICE}), id_generator=Identifiers())
        self._provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(endpoint=endpoint)))
        self._tracer = self._provider.get_tracer("app")

    def accepted(self, track: Track, now: datetime) -> None:
        """A track is durable: from the request to now."""
        self._tell("accept", track, track.created_at, now)

    def began(self, track: Track, now: datetime) -> None:
        """It waited until now."""
        self._tell("wait", track, track.created_at, now)

    def ended(self, track: Track) -> None:
        """The track itself, and where it was completed its stages, one after the other as they were timed."""
        end = track.finished_at
        if end is None:
            return
        token = self._chosen.set(ids_of(track.id))
        try:
            span = self._tracer.start_span(
                "track",
                start_time=_nanoseconds(track.created_at),
                attributes={
                    "music.track_id": track.id,
                    "music.model": track.model,
                    "music.duration_s": track.duration,
                    "music.stage": track.stage,
                    "music.attempt": track.attempt,
                },
            )
        finally:
            self._chosen.reset(token)
        if track.status == "failed":
            from opentelemetry.trace import Status, StatusCode

            span.set_status(Status(StatusCode.ERROR, track.error or ""))
        span.end(_nanoseconds(end))
        moment = track.started_at
        if moment is None:
            return
        self._tell("work", track, moment, end)
        for stage, took_s in track.timings.items():
            after = moment + timedelta(seconds=took_s)
            self._tell(stage, track, moment, after)
            moment = after

    def again(self, kind: str, why: Again) -> None:
        """Nothing: it is counted elsewhere."""

    def loaded(self, model: str, took_s: float) -> None:
        """Nothing: it belongs to no track."""

    def families(self) -> Iterable["Metric"]:
        """None."""
        return ()

    def close(self) -> None:
        """Send what is not sent yet."""
        self._provider.shutdown()

    def _tell(self, name: str, track: Track, begin: datetime, end: datetime) -> None:
        span = self._tracer.start_span(
            name,
            context=_below(track.id),
            start_time=_nanoseconds(begin),
            attributes={"music.track_id": track.id, "music.model": track.model},
        )
        span.end(_nanoseconds(max(begin, end)))


def _below(track_id: str) -> "Context":
    """Where spans of a track belong."""
    from opentelemetry.trace import NonRecordingSpan, SpanContext, TraceFlags, set_span_in_context

    trace_id, span_id = ids_of(track_id)
    flags = TraceFlags(TraceFlags.SAMPLED)
    return set_span_in_context(
        NonRecordingSpan(SpanContext(trace_id=trace_id, span_id=span_id, is_remote=True, trace_flags=flags))
    )


def _nanoseconds(moment: datetime) -> int:
    return int(moment.timestamp() * 1e6) * 1000
