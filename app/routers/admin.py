"""The owner's own calls: keys, and what was done with them. Only there where keys are asked for."""

import asyncio
from functools import partial
from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query

from app.errors import NotOffered
from app.models.keys import AuditList, AuditRecord, KeyList, KeyRecord, NewKey, NewKeyRequest, record_of
from app.routers.bodies import JsonRoute
from app.routers.dependencies import Service, Trace
from app.routers.problems import answers
from app.services.access import Access
from app.services.generator import check_webhook

router = APIRouter(prefix="/admin", tags=["admin"], route_class=JsonRoute)


async def access_of(service: Service) -> Access:
    """Who may do what. `NotOffered` of a service without keys."""
    access = (await service.backend()).access
    if access is None:
        raise NotOffered("This service was made without keys")
    return access


ServiceAccess = Annotated[Access, Depends(access_of)]
KeyId = Annotated[str, Path(description="Name of the key.", examples=["key_0123456789ab"])]
Limit = Annotated[int, Query(ge=1, le=1000, description="Events to show.", examples=[100])]


@router.post("/keys", responses=answers(409, 413, 422, 503), summary="Make a key")
async def create_key(asked: NewKeyRequest, service: Service, access: ServiceAccess, trace: Trace) -> NewKey:
    """The key is in this answer, and where an Idempotency-Key repeats it; only its hash is kept."""
    life_s = None if asked.expires_in_days is None else asked.expires_in_days * 86_400.0
    if asked.webhook_url is not None:
        check_webhook(await service.backend(), asked.webhook_url)
    make = partial(access.make_key, asked.name, asked.scopes, life_s, webhook_url=asked.webhook_url, **trace)
    key, text = await asyncio.to_thread(make)
    return NewKey(**record_of(key).model_dump(), key=text)


@router.get("/keys", responses=answers(409, 503), summary="List the keys")
async def list_keys(access: ServiceAccess) -> KeyList:
    """The oldest first, revoked ones too."""
    return KeyList(keys=[record_of(key) for key in await asyncio.to_thread(access.keyring.all)])


@router.delete("/keys/{key_id}", responses=answers(404, 409, 503), summary="Revoke a key")
async def revoke_key(key_id: KeyId, access: ServiceAccess, trace: Trace) -> KeyRecord:
    """It opens nothing any more, on other machines within two seconds; what it made stays."""
    key = await asyncio.to_thread(access.keyring.revoke, key_id)
    await asyncio.to_thread(access.write_down, "key.revoked", key.id, **trace)
    return record_of(key)


@router.get("/audit", responses=answers(409, 422, 503), summary="What was done")
async def list_audit(access: ServiceAccess, limit: Limit = 100) -> AuditList:
    """Keys made and revoked, things removed; the newest first."""
    events = await asyncio.to_thread(access.audit, limit)
    return AuditList(
        events=[
            AuditRecord(
                at=event.at,
                event=event.event,
                subject=event.subject,
                key_id=event.key_id,
                address=event.address,
                request_id=event.request_id,
            )
            for event in events
        ]
    )
