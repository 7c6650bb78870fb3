"""The contract: take a prompt, follow its track, say what can be asked for."""

import asyncio

from fastapi import APIRouter
from fastapi.responses import JSONResponse

from app import __version__
from app.models.api import (
    DEFAULT_DURATION_S,
    GenerateAnswer,
    GenerateRequest,
    GenreList,
    InstrumentList,
    InstrumentReach,
    MoodList,
    PlanAnswer,
    PlanRequest,
    ServiceCard,
    StatusAnswer,
    VariationsAnswer,
)
from app.models.asked import asked_of
from app.models.track import FORMS
from app.routers.accepting import accept
from app.routers.bodies import JsonRoute
from app.routers.dependencies import BaseUrl, Service, TrackId
from app.routers.problems import answers

router = APIRouter(prefix="/music", tags=["music"], route_class=JsonRoute)


@router.post(
    "/generate",
    response_model=GenerateAnswer | VariationsAnswer,
    responses={
        200: {"headers": {"Location": {"description": "Where to follow the track", "schema": {"type": "string"}}}},
        **answers(400, 403, 409, 413, 422, 503),
    },
    summary="Make music from a sentence",
)
async def generate(asked: GenerateRequest, service: Service, base_url: BaseUrl) -> JSONResponse:
    """Answers at once; the music is made in the background. Follow it at `GET /music/status/{track_id}`."""
    answer, location = await accept(asked, service, base_url)
    return JSONResponse(answer, headers={"Location": location})


@router.post("/plan", response_model=PlanAnswer, responses=answers(400, 413, 422, 503), summary="Plan, make nothing")
async def plan(asked: PlanRequest, service: Service) -> JSONResponse:
    """What `POST /music/generate` would make of the same body: what is understood, and every choice. Keeps nothing."""
    return JSONResponse(
        await service.plan_music(
            asked.prompt, asked.seconds, model=asked.model, seed=asked.seed, asked=asked_of(asked.asked())
        )
    )


@router.get(
    "/status/{track_id:anything}", response_model=StatusAnswer, responses=answers(404, 503), summary="Follow a track"
)
async def follow(track_id: TrackId, service: Service, base_url: BaseUrl) -> JSONResponse:
    """Ask about every two seconds until `status` is no longer `processing`."""
    return JSONResponse(await service.get_generation_status(track_id, base_url=base_url))


@router.get("/", responses=answers(), summary="What can be asked for")
async def card() -> ServiceCard:
    """Name, limits and forms of the service."""
    return ServiceCard(
        service="Music AI Generator",
        version=__version__,
        supported_formats=[form for form, media_type in FORMS.items() if media_type.startswith("audio/")],
        max_duration=300,
        min_duration=5,
        status="active",
        default_duration=DEFAULT_DURATION_S,
    )


@router.get("/genres", responses=answers(), summary="Genres to ask for")
async def genres(service: Service) -> GenreList:
    """Words that a prompt may use; others are understood as far as they go."""
    return GenreList(genres=await asyncio.to_thread(service.get_supported_genres))


@router.get("/moods", responses=answers(), summary="Moods to ask for")
async def moods(service: Service) -> MoodList:
    """Words that a prompt may use; others are understood as far as they go."""
    return MoodList(moods=await asyncio.to_thread(service.get_supported_moods))


@router.get("/instruments", responses=answers(), summary="Instruments to ask for")
async def instruments(service: Service) -> InstrumentList:
    """Names for `instruments` and `exclude_instruments`; families such as `brass` can be excluded too."""
    names, rows = await asyncio.to_thread(lambda: (service.get_supported_instruments(), service.get_instrument_table()))
    return InstrumentList(
        instruments=names,
        playable={
            row.key: InstrumentReach(low_pitch=row.low_pitch, high_pitch=row.high_pitch, drums=row.is_drums)
            for row in rows
        },
    )
