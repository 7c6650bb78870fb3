"""Hooks: what clients and the service ask of webhooks; telling is the messenger's."""

import hashlib
from collections.abc import Callable

from app.errors import MessageNotFound
from app.models.hook import HookMessage
from app.services.access import may_see, owner, seen_owner
from app.services.hooks.addresses import Addresses
from app.services.hooks.signing import secret_of
from app.services.storage.hooks import again, clear_gone, keep_message, read_message, read_messages
from app.services.storage.tracks import TrackStore
from app.utils.clock import Clock


class Hooks:
    """Made by wiring where webhooks are on. All calls but `check` block."""

    def __init__(
        self,
        store: TrackStore,
        clock: Clock,
        addresses: Addresses,
        *,
        master: str,
        wake: Callable[[], None] = lambda: None,
    ) -> None:
        """`master` is the secret that others are derived from; `wake` is called when there is something to tell."""
        self._store = store
        self._clock = clock
        self._addresses = addresses
        self._master = master
        self._wake = wake

    def check(self, url: str) -> None:
        """`InvalidField` unless a client may name that address."""
        self._addresses.check(url)

    def secret(self) -> str:
        """What the caller's messages are signed with."""
        return secret_of(self._master, owner())

    def messages(self, limit: int) -> list[HookMessage]:
        """The newest messages that the caller sees. `StorageFailed`."""
        with self._store.reading() as connection:
            return read_messages(connection, owner=seen_owner(), limit=limit)

    def redeliver(self, message_id: str) -> HookMessage:
        """Tell it once more, to an address that was gone too. `MessageNotFound`, `StorageFailed`."""
        with self._store.transaction() as changes:
            message = read_message(changes.connection, message_id)
            if message is None or not may_see(message.owner):
                raise MessageNotFound(message_id)
            message = again(message, self._clock.now())
            clear_gone(changes.connection, name_of(message))
            keep_message(changes.connection, message)
        self._wake()
        return message


def name_of(message: HookMessage) -> str:
    """What an address is kept under: it is its owner's own."""
    return f"{message.owner or ''}:{hashlib.sha256(message.url.encode()).hexdigest()}"
