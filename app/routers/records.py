"""Tracks as clients see them: a Track in, a record with addresses out."""

from typing import Any

from app.models.api import FileRecord, TrackRecord, TrackSummary
from app.models.composition import Composition
from app.models.report import ReportRow
from app.models.track import FORMS, Track
from app.services.access import link_to
from app.services.generator import live_urls


def summary_of(track: Track, base_url: str, queue_position: int | None) -> TrackSummary:
    """A track as the list shows it."""
    return TrackSummary(**_shared(track, base_url, queue_position))


def record_of(track: Track, base_url: str, queue_position: int | None) -> TrackRecord:
    """Everything known about a track."""
    return TrackRecord(
        **_shared(track, base_url, queue_position),
        **live_urls(track, base_url),
        audible=track.audible,
        attempt=track.attempt,
        asked=_asked(track),
        brief=track.brief,
        plan=track.plan,
        timings=track.timings,
        measured=track.measured,
        report=None if track.report is None else [ReportRow.model_validate(row) for row in track.report],
        composition=None if track.composition is None else Composition.model_validate(track.composition),
        warnings=list(track.warnings),
    )


def _asked(track: Track) -> dict[str, Any] | None:
    """Explicit fields as they were sent; of a plan, that there was one: what was played of it is `plan`."""
    return None if track.asked is None else {**track.asked, **({"plan": True} if "plan" in track.asked else {})}


def _shared(track: Track, base_url: str, queue_position: int | None) -> dict[str, Any]:
    files = files_of(track, base_url)
    return {
        "track_id": track.id,
        "status": track.status,
        "stage": track.stage,
        "progress": track.progress,
        "queue_position": queue_position,
        "prompt": track.prompt,
        "duration": track.duration,
        "model": track.model,
        "seed": track.seed,
        "created_at": track.created_at,
        "started_at": track.started_at,
        "finished_at": track.finished_at,
        "estimated_processing_time": track.estimated_s,
        "error": track.error,
        "download_url": files["mp3"].url if "mp3" in files else None,
        "files": files,
        "wav_sha256": track.wav_sha256,
    }


def files_of(track: Track, base_url: str) -> dict[str, FileRecord]:
    """Every form that can be downloaded now, those made on demand included; none before completion."""
    if track.status != "completed":
        return {}
    stored = {file.form: file for file in track.files}
    return {
        form: FileRecord(
            url=link_to(base_url, f"/downloads/{track.id}.{form}"),
            media_type=media_type,
            ready=form in stored,
            size=stored[form].size if form in stored else None,
            sha256=stored[form].sha256 if form in stored else None,
        )
        for form, media_type in FORMS.items()
        if form in stored or form in track.on_demand
    }
