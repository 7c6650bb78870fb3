"""Taking on a track: what the route of `POST /music/generate` and its shortcut both do; and what a batch shares."""

import structlog

from app.models.api import GenerateRequest
from app.models.asked import asked_of
from app.services.generator import MusicGeneratorService, generate_body
from app.services.groups import Groups, Wish


async def accept(
    asked: GenerateRequest, service: MusicGeneratorService, base_url: str
) -> tuple[dict[str, object], str]:
    """The answer's body, and the address to follow the track at. The errors of `generate_music`."""
    if asked.variations is not None and asked.variations > 1:
        answer = await _accept_variations(asked, service, base_url)
    else:
        answer = await service.generate_music(
            asked.prompt,
            asked.seconds,
            model=asked.model,
            seed=asked.seed,
            asked=asked_of(asked.asked()),
            priority=asked.priority or 0,
            webhook_url=asked.webhook_url,
            base_url=base_url,
        )
    structlog.contextvars.bind_contextvars(track_id=answer["track_id"])
    return answer, f"{base_url}/music/status/{answer['track_id']}"


async def _accept_variations(
    asked: GenerateRequest, service: MusicGeneratorService, base_url: str
) -> dict[str, object]:
    together = await Groups(service).ask("variations", [wish_of(asked)], asked.webhook_url)
    return {
        **generate_body(together.tracks[0], base_url),
        "group_id": together.group.id,
        "track_ids": list(together.group.track_ids),
        "seeds": [track.seed for track in together.tracks],
    }


def wish_of(asked: GenerateRequest, *inside: str | int) -> Wish:
    """The wish of a body; `inside` says where in the request that is."""
    return Wish(
        prompt=asked.prompt,
        duration=asked.seconds,
        model=asked.model,
        seed=asked.seed,
        fields=asked.asked(),
        variations=asked.variations or 1,
        priority=asked.priority or 0,
        webhook_url=asked.webhook_url,
        place=lambda place: (*inside, *place),
    )
