"""Keys, secrets and the audit log, in both databases."""

from datetime import timedelta

import pytest

from app.errors import KeyNotFound, KeyRefused
from app.models.access import AuditEvent
from app.services.access import Keyring
from app.services.storage.access import insert_audit, read_audit, read_or_make_secret
from app.utils.clock import FrozenClock


def test_a_key_is_kept_and_revoked(store):
    keyring = Keyring(store, FrozenClock())
    key, text = keyring.create("shop", ["read", "generate"], life_s=3600)

    found = keyring.look_up(text)
    assert (found.id, found.name, found.scopes) == (key.id, "shop", ("generate", "read"))
    assert found.expires_at == key.expires_at
    assert keyring.all()[0].last_used_at == FrozenClock().now()

    assert keyring.revoke(key.id).revoked_at is not None
    with pytest.raises(KeyRefused):
        keyring.look_up(text)
    with pytest.raises(KeyNotFound):
        keyring.revoke("key_none")


def test_a_secret_is_made_once(store):
    with store.transaction() as changes:
        first = read_or_make_secret(changes.connection, "links")
        other = read_or_make_secret(changes.connection, "hooks")
    with store.transaction() as changes:
        again = read_or_make_secret(changes.connection, "links")

    assert first == again != other
    assert len(first) == 64


def test_the_audit_log_shows_the_newest_first(store):
    clock = FrozenClock()
    events = [
        AuditEvent(id=f"event_{n}", at=clock.now() + timedelta(seconds=n), event="key.created", subject="key_1")
        for n in range(3)
    ]
    with store.transaction() as changes:
        for event in events:
            insert_audit(changes.connection, event)

    with store.reading() as connection:
        assert read_audit(connection, 2) == events[:0:-1]
