"""Clips: recordings for models to go on from or to follow."""

from typing import Annotated

from fastapi import APIRouter, File, UploadFile
from fastapi.responses import JSONResponse

from app.models.clipped import ClipRecord
from app.models.sent import SentFile
from app.routers.dependencies import Audit, BaseUrl, ClipId, ServiceClips
from app.routers.problems import answers
from app.services.clips import KeptClip

router = APIRouter(prefix="/music/clips", tags=["clips"])

Recording = Annotated[
    UploadFile,
    File(
        description="A recording of 1 to 300 seconds: WAV, FLAC, MP3, Ogg (Vorbis, Opus) or AIFF.",
        examples=["verse.wav"],
    ),
]


@router.post(
    "",
    response_model=ClipRecord,
    responses={
        200: {"headers": {"Location": {"description": "Where it is", "schema": {"type": "string"}}}},
        **answers(400, 413, 422, 503),
    },
    summary="Send a recording",
)
async def send_clip(clips: ServiceClips, base_url: BaseUrl, file: Recording) -> JSONResponse:
    """Kept as long as a track would be after its last use. Send its `clip_id` as `audio_prompt.clip`."""
    kept = await clips.take(SentFile(name=file.filename or "", content=file.file))
    location = f"{base_url}/music/clips/{kept.clip.id}"
    return JSONResponse(_record(kept).model_dump(mode="json"), headers={"Location": location})


@router.get("/{clip_id:anything}", responses=answers(404, 503), summary="Look at a clip")
async def look_at_clip(clip_id: ClipId, clips: ServiceClips) -> ClipRecord:
    """What it is, and until when it is kept."""
    return _record(await clips.get(clip_id))


@router.delete("/{clip_id:anything}", status_code=204, responses=answers(404, 503), summary="Remove a clip")
async def remove_clip(clip_id: ClipId, clips: ServiceClips, audit: Audit) -> None:
    """Tracks that were made from it stay; those that still wait for it fail with that reason."""
    await clips.delete(clip_id)
    await audit("clip.deleted", clip_id)


def _record(kept: KeptClip) -> ClipRecord:
    clip = kept.clip
    return ClipRecord(
        clip_id=clip.id,
        name=clip.name,
        format=clip.facts.format,
        seconds=clip.facts.seconds,
        sample_rate=clip.facts.sample_rate,
        channels=clip.facts.channels,
        size=clip.size,
        sha256=clip.sha256,
        created_at=clip.created_at,
        expires_at=kept.expires_at,
    )
