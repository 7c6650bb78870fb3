"""Access: what a server that asks for keys works with."""

import asyncio
import hmac
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection

from app.models.access import ApiKey, AuditEvent, KeyScope
from app.services.access.caller import Caller, caller
from app.services.access.keyring import Keyring
from app.services.access.links import Links
from app.services.access.replays import occasion
from app.services.access.tokens import Chance
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
    #: This installation's own, for what is drawn from a key.
    secret: str

    async def caller_of(self, text: str) -> Caller:
        """Whom a key stands for. `KeyRefused`, `StorageFailed`."""
        key = self.keyring.known(text)
        if key is None:
            key = await asyncio.to_thread(self.keyring.look_up, text)
        return Caller(
            key_id=key.id,
            scopes=frozenset(key.scopes),
            sign=self.links.sign,
            webhook_url=key.webhook_url,
            draw=lambda words: hmac.digest((self.secret + text).encode(), words.encode(), "sha512"),
        )

    def make_key(
        self,
        name: str,
        scopes: Sequence[KeyScope],
        life_s: float | None = None,
        *,
        webhook_url: str | None = None,
        address: str | None = None,
        request_id: str | None = None,
    ) -> tuple[ApiKey, str]:
        """A new key and its text, written down as it is made; `Keyring.create` says which.

        Of a request that may be repeated it is the same key each time, though nothing secret is kept: it is drawn from
        the request and from the key of who asks, which only he has.
        """

        def note(connection: Connection, key: ApiKey) -> None:
            insert_audit(connection, self._event("key.created", key.id, address, request_id))

        said, who = occasion.get(), caller()
        if said is None or who is None or who.draw is None:
            return self.keyring.create(name, scopes, life_s, webhook_url=webhook_url, note=note)
        chance = _drawn_from(who.draw, said)
        return self.keyring.create(name, scopes, life_s, webhook_url=webhook_url, chance=chance, note=note)

    def write_down(
        self, event: str, subject: str, *, address: str | None = None, request_id: str | None = None
    ) -> None:
        """Keep for the owner that the caller did something. `StorageFailed`."""
        with self.store.transaction() as changes:
            insert_audit(changes.connection, self._event(event, subject, address, request_id))

    def audit(self, limit: int) -> list[AuditEvent]:
        """What was done last, the newest first. `StorageFailed`."""
        with self.store.reading() as connection:
            return read_audit(connection, limit)

    def _event(self, event: str, subject: str, address: str | None, request_id: str | None) -> AuditEvent:
        who = caller()
        return AuditEvent(
            id=f"event_{random_token()}",
            at=self.clock.now(),
            event=event,
            subject=subject,
            key_id=who.key_id if who else None,
            address=address,
            request_id=request_id,
        )


def _drawn_from(draw: Callable[[str], bytes], said: str) -> Callable[[int], Chance]:
    """What each attempt at a key draws from, after what is asked."""
    return lambda attempt: lambda size: draw(f"{said} {attempt}")[:size]
