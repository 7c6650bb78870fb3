"""For those who operate the service: whether it can do its work, and figures for Prometheus."""

import asyncio

from fastapi import APIRouter, Request, Response

from app.models.api import Readiness
from app.routers.dependencies import Service
from app.routers.problems import answers
from app.services.watching import Lookout, exposition, figures

router = APIRouter(tags=["service"])
metrics = APIRouter(tags=["service"])


@router.get("/ready", responses=answers(503), summary="Can the service do its work")
async def ready(request: Request) -> Readiness:
    """Looks at database, storage, queue and the default engine; names what fails."""
    lookout: Lookout = request.app.state.lookout
    return Readiness(status="ready", parts=await lookout.check())


@metrics.get("/metrics", responses=answers(503), response_class=Response, summary="Figures for Prometheus")
async def read_metrics(request: Request, service: Service) -> Response:
    """Requests, queue, stages, retries, engines and memory, as this process knows them."""
    families = [*request.app.state.requests.families(), *await figures(service, request.app.state.limits)]
    body, media_type = await asyncio.to_thread(exposition, families, request.headers.get("accept", ""))
    return Response(body, headers={"Content-Type": media_type})
