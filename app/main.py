"""The HTTP application. Importing it makes the FastAPI object and nothing else: no file, thread, process or lock."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI
from starlette.middleware.cors import CORSMiddleware

from app import __version__
from app.config import Settings
from app.routers import (
    admin,
    clips,
    comparisons,
    downloads,
    finetunes,
    groups,
    live,
    models,
    music,
    operating,
    pages,
    studio,
    tracks,
    webhooks,
)
from app.routers.dependencies import ServiceOnDemand
from app.routers.documented import DocumentedAPI
from app.routers.gate import Gate
from app.routers.hardening import AllowedHosts, SecurityHeaders, SlowSenders
from app.routers.layers import BodyLimit, ErrorNet, ForwardedHeaders, RequestLog
from app.routers.limiting import AddressLimit, ClientLimits
from app.routers.problems import add_problem_answers
from app.routers.repeating import Repeatable
from app.routers.shortcuts import Shortcuts
from app.services.following import Following, Streaming
from app.services.generator import MusicGeneratorService
from app.services.metering import RequestTally
from app.services.watching import Lookout
from app.wiring import make_limits, make_service

#: Headers of answers that scripts of other origins may read.
EXPOSED_HEADERS = (
    "Accept-Ranges",
    "Content-Disposition",
    "Content-Range",
    "ETag",
    "Idempotency-Replayed",
    "Location",
    "RateLimit",
    "RateLimit-Policy",
    "Retry-After",
    "X-Request-ID",
)

DESCRIPTION = """\
A sentence in, a finished track out: mastered audio of exactly the length asked for, with its stems, its MIDI and the
plan it followed. `POST /music/generate`, follow the track at `GET /music/status/{track_id}`, and fetch `download_url`.

Created by Sergie Code. The default engine is an algorithmic composer, not a neural model.
"""


def create_app(settings: Settings | None = None, service: MusicGeneratorService | None = None) -> FastAPI:
    """The application on the given settings, else the environment's; on the given service, else one of its own."""
    settings = settings or Settings()
    app = DocumentedAPI(
        title="Music AI Generator Backend",
        version=__version__,
        description=DESCRIPTION,
        openapi_tags=[
            {"name": "music", "description": "From a sentence to music."},
            {"name": "tracks", "description": "Tracks after the request: look at them, stop them, remove them."},
            {"name": "live", "description": "Tracks as they happen: events, and the sound while it is made."},
            {"name": "groups", "description": "Many tracks at once, all or nothing."},
            {"name": "comparisons", "description": "The same wish in several ways, judged blind if you like."},
            {"name": "finetunes", "description": "Models taught from your own files."},
            {"name": "clips", "description": "Recordings for models to go on from or to follow."},
            {"name": "downloads", "description": "Files of finished tracks, whole or in ranges."},
            {"name": "webhooks", "description": "Being called back when music is finished."},
            {"name": "admin", "description": "API keys, and what was done with them."},
            {"name": "service", "description": "The service itself."},
        ],
        docs_url=None,  # pages.py serves both from the service itself
        redoc_url=None,
        generate_unique_id_function=lambda route: route.name,
        lifespan=_lifespan,
    )
    app.state.service = ServiceOnDemand(lambda: service or make_service(settings))
    app.state.public_url = settings.public_url.rstrip("/") if settings.public_url else None
    app.state.default_model = settings.model
    app.state.following = Following(app.state.service)
    app.state.streaming = Streaming(app.state.following)
    app.state.lookout = Lookout(app.state.service)
    app.state.requests = RequestTally() if settings.metrics == "on" else None
    app.state.limits = make_limits(settings) if settings.has_limits else None
    for router in (
        music.router,
        live.router,
        models.router,
        tracks.router,
        groups.router,
        comparisons.router,
        finetunes.router,
        clips.router,
        downloads.router,
        pages.router,
        studio.router,
        operating.router,
    ):
        app.include_router(router)
    if settings.metrics == "on":
        app.include_router(operating.metrics)
    if settings.webhooks:
        app.include_router(webhooks.router)
    if settings.auth == "keys":
        app.include_router(admin.router)
        app.ask_for_keys()
    pages.add_assets(app)
    add_problem_answers(app)
    _add_layers(app, settings)
    return app


def _add_layers(app: DocumentedAPI, settings: Settings) -> None:
    """The innermost first: each layer added is wrapped around those before."""
    app.add_middleware(BodyLimit, upload_bytes=settings.upload_limit_bytes)
    app.add_middleware(Shortcuts, service=app.state.service, public_url=app.state.public_url)
    app.add_middleware(
        Repeatable,
        service=app.state.service,
        public_url=app.state.public_url,
        upload_bytes=settings.upload_limit_bytes,
    )
    if settings.has_limits:
        app.say_limits()
        app.add_middleware(ClientLimits, service=app.state.service, limits=app.state.limits)
    if settings.auth == "keys":
        app.add_middleware(Gate, service=app.state.service)
    if settings.limit_address:
        app.add_middleware(AddressLimit, limits=app.state.limits)
    if settings.body_timeout:
        app.add_middleware(SlowSenders, within_s=settings.body_timeout)
    if settings.allowed_hosts:
        app.add_middleware(AllowedHosts, names=settings.allowed_hosts)
    app.add_middleware(ErrorNet)
    app.add_middleware(
        CORSMiddleware,
        allow_origins=[origin.strip() for origin in settings.cors_origins.split(",") if origin.strip()],
        allow_methods=["DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT"],
        allow_headers=["*"],
        expose_headers=EXPOSED_HEADERS,
    )
    if settings.security_headers:
        app.add_middleware(SecurityHeaders)
    requests: RequestTally | None = app.state.requests
    app.add_middleware(
        RequestLog,
        level=settings.log_level,
        form=settings.log_format,
        answered=None if requests is None else requests.answered,
    )
    if settings.trusted_proxies:
        app.add_middleware(ForwardedHeaders, trusted=settings.trusted_proxies)


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    service: MusicGeneratorService = app.state.service()
    await service.start()
    try:
        yield
    finally:
        await service.close()


app = create_app()
