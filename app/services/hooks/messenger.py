"""Messenger: tells what is in the outbox, on a thread and an event loop of its own.

What was not told is tried again over three days. No answer is followed anywhere, none is read beyond its status.
"""

import asyncio
import json
import logging
import random
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from app.errors import AddressRefused, StorageFailed
from app.models.hook import HookMessage
from app.services.hooks.addresses import Addresses
from app.services.hooks.hooks import name_of
from app.services.hooks.sending import Sender, Told
from app.services.hooks.signing import secret_of, signed_headers
from app.services.storage.hooks import claim_due, drop_old_messages, is_due, keep_message, read_gone, set_gone
from app.services.storage.tracks import TrackStore
from app.utils.clock import Clock

#: Seconds after each attempt until the next, as Standard Webhooks proposes; three days in all.
RETRIES_S = (5, 300, 1_800, 7_200, 18_000, 36_000, 50_400, 72_000, 72_000)
#: Part of a wait by which it is drawn longer, so that a receiver that comes back is not met by all at once.
JITTER = 0.1
#: Messages told at once.
AT_ONCE = 16
#: Seconds between two looks into the outbox.
LOOK_S = 1.0
#: Seconds that an attempt may take.
WITHIN_S = 15.0
#: Seconds after which another machine takes over what one had begun.
BUSY_S = 60.0
#: Seconds between two sweeps of old messages.
SWEEP_S = 3_600.0
#: Attempts that are remembered of a message.
MOST_LOGGED = 30
#: Days for which what was told is remembered.
REMEMBERED_DAYS = 30

log = logging.getLogger(__name__)


class Messenger:
    """Started once, stopped once."""

    def __init__(
        self,
        store: TrackStore,
        clock: Clock,
        addresses: Addresses,
        *,
        master: str,
        link: Callable[[str], str | None] = lambda _: None,
        within_s: float = WITHIN_S,
    ) -> None:
        """`link` is the address of a track's file, where clients can be told one."""
        self._store = store
        self._clock = clock
        self._addresses = addresses
        self._master = master
        self._link = link
        self._within_s = within_s
        self._wanted = threading.Event()
        self._closing = False
        self._dice = random.Random()  # noqa: S311 - it only spreads attempts
        self._thread = threading.Thread(target=self._work, name="messenger", daemon=True)
        self._swept_at = 0.0

    def start(self) -> None:
        """Begin to tell."""
        self._thread.start()

    def stop(self) -> None:
        """End; what is under way is told again by the next."""
        self._closing = True
        self._wanted.set()
        self._thread.join()

    def wake(self) -> None:
        """Look into the outbox now."""
        self._wanted.set()

    def _work(self) -> None:
        while not self._closing:
            self._wanted.clear()
            told = 0
            try:
                told = self._tell_due()
            except StorageFailed as error:
                log.warning("The outbox cannot be used: %s", error.detail)
            except Exception:
                log.exception("Messages could not be told")
            if told < AT_ONCE:
                self._wanted.wait(LOOK_S)

    def _tell_due(self) -> int:
        """Tell what is due: how many messages."""
        self._sweep()
        now = self._clock.now()
        with self._store.reading() as connection:
            if not is_due(connection, now):
                return 0
        with self._store.transaction() as changes:
            due = claim_due(changes.connection, now, busy_s=BUSY_S, limit=AT_ONCE)
            gone = read_gone(changes.connection, [name_of(message) for message in due])
        results = asyncio.run(self._tell_all([message for message in due if name_of(message) not in gone]))
        results += [(message, Told(error="the address said that it is gone", gone=True)) for message in due
                    if name_of(message) in gone]  # fmt: skip
        now = self._clock.now()
        with self._store.transaction() as changes:
            for message, told in results:
                if told.gone:
                    set_gone(changes.connection, name_of(message), now)
                keep_message(changes.connection, self._after(message, told, now))
        return len(due)

    async def _tell_all(self, messages: Sequence[HookMessage]) -> list[tuple[HookMessage, Told]]:
        async with Sender(self._within_s) as sender:
            told = await asyncio.gather(*(self._tell(sender, message) for message in messages))
        return list(zip(messages, told, strict=True))

    async def _tell(self, sender: Sender, message: HookMessage) -> Told:
        body = json.dumps(self._payload(message), ensure_ascii=False, separators=(",", ":")).encode()
        secret = secret_of(self._master, message.owner)
        headers = signed_headers(secret, message.id, int(self._clock.now().timestamp()), body)
        try:
            target = await asyncio.wait_for(asyncio.to_thread(self._addresses.target, message.url), self._within_s)
        except AddressRefused as refused:
            return Told(error=refused.detail)
        except asyncio.TimeoutError:
            return Told(error="its name was not resolved in time")
        return await sender.send(target, headers, body)

    def _payload(self, message: HookMessage) -> dict[str, Any]:
        if message.event != "track.completed":
            return message.payload
        url = self._link(message.subject)
        return message.payload if url is None else {
            **message.payload, "data": {**message.payload["data"], "download_url": url}
        }  # fmt: skip

    def _after(self, message: HookMessage, told: Told, now: datetime) -> HookMessage:
        """The message after an attempt."""
        attempts = message.attempts + 1
        entry = {"at": now.isoformat(timespec="milliseconds"), "status": told.status, "error": told.error}
        message = replace(message, attempts=attempts, log=(*message.log, entry)[-MOST_LOGGED:])
        if told.ok:
            return replace(message, state="delivered")
        if told.gone or attempts > len(RETRIES_S):
            log.info("Webhook %s was given up: %s", message.id, told.error or told.status)
            return replace(message, state="failed")
        wait_s = RETRIES_S[attempts - 1] * (1 + JITTER * self._dice.random())
        return replace(message, next_at=now + timedelta(seconds=wait_s))

    def _sweep(self) -> None:
        if time.monotonic() >= self._swept_at:
            self._swept_at = time.monotonic() + SWEEP_S
            with self._store.transaction() as changes:
                drop_old_messages(changes.connection, self._clock.now() - timedelta(days=REMEMBERED_DAYS))
