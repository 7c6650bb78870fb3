"""Access: what a server that asks for keys works with."""

import asyncio
from dataclasses import dataclass

from app.models.access import AuditEvent
from app.services.access.caller import Caller, caller
from app.services.access.keyring import Keyring
from app.services.access.links import Links
from app.services.storage.access import insert_audit, read_audit
from app.services.storage.tracks import TrackStore
from app.utils.chance import random_token
from app.utils.clock import Clock


@dataclass(frozen=True, kw_only=True, slots=True)
class Access:
    """Made by wiring where authentication is on."""

    keyring: Keyring
    links: Links
    store: TrackStore
    clock: Clock

    async def caller_of(self, text: str) -> Caller:
        """Whom a key stands for. `KeyRefused`, `StorageFailed`."""
        key = self.keyring.known(text)
        if key is None:
            key = await asyncio.to_thread(self.keyring.look_up, text)
        return Caller(key_id=key.id, scopes=frozenset(key.scopes), sign=self.links.sign, webhook_url=key.webhook_url)

    def write_down(
        self, event: str, subject: str, *, address: str | None = None, request_id: str | None = None
    ) -> None:
        """Keep for the owner that the caller did something. `StorageFailed`."""
        who = caller()
        kept = AuditEvent(
            id=f"event_{random_token()}",
            at=self.clock.now(),
            event=event,
            subject=subject,
            key_id=who.key_id if who else None,
            address=address,
            request_id=request_id,
        )
        with self.store.transaction() as changes:
            insert_audit(changes.connection, kept)

    def audit(self, limit: int) -> list[AuditEvent]:
        """What was done last, the newest first. `StorageFailed`."""
        with self.store.reading() as connection:
            return read_audit(connection, limit)
