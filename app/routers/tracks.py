"""Tracks after the request: look at them, stop them, remove them."""

from typing import Annotated

from fastapi import APIRouter, Query

from app.models.api import TrackList, TrackRecord
from app.models.track import Status
from app.routers.dependencies import Audit, BaseUrl, Service, TrackId
from app.routers.problems import answers
from app.routers.records import record_of, summary_of

router = APIRouter(prefix="/music/tracks", tags=["tracks"])

Limit = Annotated[int, Query(ge=1, le=100, description="Tracks on a page.", examples=[20])]
Cursor = Annotated[
    str | None, Query(max_length=500, description="`next_cursor` of the page before.", examples=["MjAyNi0wOC0yNw"])
]
Filter = Annotated[Status | None, Query(description="Only tracks of this status.", examples=["completed"])]


@router.get("", responses=answers(422, 503), summary="List tracks")
async def list_tracks(
    service: Service, base_url: BaseUrl, status: Filter = None, limit: Limit = 20, cursor: Cursor = None
) -> TrackList:
    """Newest first, a page at a time."""
    page = await service.list_tracks(status=status, cursor=cursor, limit=limit)
    return TrackList(
        tracks=[summary_of(track, base_url, service.queue_position(track.id)) for track in page.tracks],
        next_cursor=page.next_cursor,
    )


@router.get("/{track_id:anything}", responses=answers(404, 503), summary="Look at a track")
async def look(track_id: TrackId, service: Service, base_url: BaseUrl) -> TrackRecord:
    """The whole record: what was understood, planned, made and measured."""
    return record_of(await service.get_track(track_id), base_url, service.queue_position(track_id))


@router.post("/{track_id:anything}/cancel", responses=answers(404, 409, 503), summary="Stop work on a track")
async def cancel(track_id: TrackId, service: Service, base_url: BaseUrl) -> TrackRecord:
    """The track fails with the stage `cancelled`. Doing it twice is doing it once; a finished track answers 409."""
    return record_of(await service.cancel_track(track_id), base_url, None)


@router.delete("/{track_id:anything}", status_code=204, responses=answers(404, 503), summary="Remove a track")
async def remove(track_id: TrackId, service: Service, audit: Audit) -> None:
    """Record and files go; work on it is stopped first."""
    await service.delete_track(track_id)
    await audit("track.deleted", track_id)
