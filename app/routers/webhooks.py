"""Webhooks: what was told to whom, the secret it was signed with, and telling it once more."""

import asyncio
from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query

from app.errors import NotOffered
from app.models.hook import HookMessage
from app.models.hooks import HookAttempt, HookList, HookRecord, HookSecret
from app.routers.dependencies import Service
from app.routers.problems import answers
from app.services.access import caller
from app.services.hooks import Hooks

router = APIRouter(prefix="/music/webhooks", tags=["webhooks"])


async def hooks_of(service: Service) -> Hooks:
    """The service's webhooks. `NotOffered` where they are off."""
    hooks = (await service.backend()).hooks
    if hooks is None:
        raise NotOffered("This server calls nobody back: MUSIC_WEBHOOKS is off")
    return hooks


ServiceHooks = Annotated[Hooks, Depends(hooks_of)]
MessageId = Annotated[str, Path(description="`webhook-id` of the message.", examples=["msg_track_a1b2c3d4e5f60718"])]
Limit = Annotated[int, Query(ge=1, le=200, description="Messages to show.", examples=[50])]


@router.get("", responses=answers(409, 422, 503), summary="What was told to whom")
async def list_messages(hooks: ServiceHooks, limit: Limit = 50) -> HookList:
    """The newest first, each with what came of its attempts."""
    return HookList(messages=[_record(message) for message in await asyncio.to_thread(hooks.messages, limit)])


@router.get("/secret", responses=answers(409, 503), summary="What messages are signed with")
async def secret(hooks: ServiceHooks) -> HookSecret:
    """Each key has its own. Without keys only the server's owner may see it: `python3 run.py keys secret`."""
    if caller() is None:
        raise NotOffered("Without keys the secret is the owner's alone: python3 run.py keys secret")
    return HookSecret(secret=hooks.secret())


@router.post("/{message_id}/redeliver", responses=answers(404, 409, 503), summary="Tell it once more")
async def redeliver(message_id: MessageId, hooks: ServiceHooks) -> HookRecord:
    """Whatever came of it before; an address that said it is gone is tried again."""
    return _record(await asyncio.to_thread(hooks.redeliver, message_id))


def _record(message: HookMessage) -> HookRecord:
    return HookRecord(
        message_id=message.id,
        event=message.event,
        subject=message.subject,
        url=message.url,
        state=message.state,
        created_at=message.created_at,
        next_at=message.next_at if message.state == "pending" else None,
        attempts=[
            HookAttempt(at=datetime.fromisoformat(entry["at"]), status=entry["status"], error=entry["error"])
            for entry in message.log
        ],
    )
