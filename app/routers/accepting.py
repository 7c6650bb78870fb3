"""Taking on a track: what the route of `POST /music/generate` and its shortcut both do."""

import structlog

from app.models.api import GenerateRequest
from app.models.asked import asked_of
from app.services.generator import MusicGeneratorService


async def accept(
    asked: GenerateRequest, service: MusicGeneratorService, base_url: str
) -> tuple[dict[str, object], str]:
    """The answer's body, and the address to follow the track at. The errors of `generate_music`."""
    answer = await service.generate_music(
        asked.prompt,
        asked.seconds,
        model=asked.model,
        seed=asked.seed,
        asked=asked_of(asked.asked()),
        base_url=base_url,
    )
    structlog.contextvars.bind_contextvars(track_id=answer["track_id"])
    return answer, f"{base_url}/music/status/{answer['track_id']}"
