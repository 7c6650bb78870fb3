"""Many tracks at once: a batch in, a group to follow, stop and remove."""

from fastapi import APIRouter
from fastapi.responses import JSONResponse

from app.models.many import BatchAnswer, BatchRequest, GroupCounts, GroupRecord
from app.routers.accepting import wish_of
from app.routers.bodies import JsonRoute
from app.routers.dependencies import Audit, BaseUrl, GroupId, Service, ServiceGroups
from app.routers.problems import answers
from app.routers.records import summary_of
from app.services.generator import MusicGeneratorService, generate_body
from app.services.groups import Together

router = APIRouter(prefix="/music", tags=["groups"], route_class=JsonRoute)


@router.post(
    "/batch",
    response_model=BatchAnswer,
    responses={
        200: {"headers": {"Location": {"description": "Where to follow the group", "schema": {"type": "string"}}}},
        **answers(403, 409, 413, 422, 503),
    },
    summary="Make many tracks",
)
async def batch(asked: BatchRequest, groups: ServiceGroups, base_url: BaseUrl) -> JSONResponse:
    """All requests are accepted, or none; faults name the request by its number, from 0."""
    wishes = [wish_of(request, "requests", number) for number, request in enumerate(asked.requests)]
    together = await groups.ask("batch", wishes, asked.webhook_url)
    location = f"{base_url}/music/groups/{together.group.id}"
    return JSONResponse(_answer(together, base_url), headers={"Location": location})


@router.get("/groups/{group_id:anything}", responses=answers(404, 503), summary="Follow a group")
async def follow_group(group_id: GroupId, groups: ServiceGroups, service: Service, base_url: BaseUrl) -> GroupRecord:
    """How far all of its tracks are, and each of them. A group lasts as long as one of its tracks."""
    return _record(await groups.get(group_id), service, base_url)


@router.post("/groups/{group_id:anything}/cancel", responses=answers(404, 409, 503), summary="Stop work on a group")
async def cancel_group(group_id: GroupId, groups: ServiceGroups, service: Service, base_url: BaseUrl) -> GroupRecord:
    """Tracks in work fail with the stage `cancelled`, finished ones stay. A finished group answers 409."""
    return _record(await groups.cancel(group_id), service, base_url)


@router.delete("/groups/{group_id:anything}", status_code=204, responses=answers(404, 503), summary="Remove a group")
async def remove_group(group_id: GroupId, groups: ServiceGroups, audit: Audit) -> None:
    """All of its tracks go, with their files; work on them is stopped first."""
    await groups.delete(group_id)
    await audit("group.deleted", group_id)


def _answer(together: Together, base_url: str) -> dict[str, object]:
    count = len(together.tracks)
    return {
        "success": True,
        "message": f"Music generation started for {count} track{'s' if count > 1 else ''}",
        "group_id": together.group.id,
        "track_ids": list(together.group.track_ids),
        "tracks": [generate_body(track, base_url) for track in together.tracks],
        "estimated_processing_time": max(track.estimated_s for track in together.tracks),
        "status": together.status,
    }


def _record(together: Together, service: MusicGeneratorService, base_url: str) -> GroupRecord:
    group = together.group
    return GroupRecord(
        group_id=group.id,
        kind=group.kind,
        created_at=group.created_at,
        status=together.status,
        progress=together.progress,
        counts=GroupCounts(**together.counts),
        size=group.size,
        removed=group.size - len(together.tracks),
        track_ids=list(group.track_ids),
        tracks=[summary_of(track, base_url, service.queue_position(track.id)) for track in together.tracks],
    )
