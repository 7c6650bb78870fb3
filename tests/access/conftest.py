"""A server that asks for keys, on the real service, and clients with keys of their own."""

import httpx
import pytest
from fastapi.testclient import TestClient

from app.config import Settings
from app.main import create_app
from app.wiring import make_service, opened_access

PROMPT = {"prompt": "calm piano", "duration": 5, "model": "simulator"}


class Place:
    """A server with keys: its settings, and clients of it."""

    def __init__(self, settings):
        self.settings = settings
        self.service = make_service(settings)
        self.app = create_app(settings, self.service)
        self.client = TestClient(self.app)

    def key(self, *scopes, life_s=None):
        """A new key: its id and its text."""
        with opened_access(self.settings) as access:
            key, text = access.keyring.create("tests", scopes or ("generate", "read", "delete", "finetune"), life_s)
        return key.id, text

    def revoke(self, key_id):
        with opened_access(self.settings) as access:
            access.keyring.revoke(key_id)

    def ask(self, method, path, key=None, **more) -> httpx.Response:
        headers = {**({"Authorization": f"Bearer {key}"} if key else {}), **more.pop("headers", {})}
        return self.client.request(method, path, headers=headers, **more)

    def make(self, key, **fields):
        """A track of a key: its id."""
        answer = self.ask("POST", "/music/generate", key, json={**PROMPT, **fields})
        assert answer.status_code == 200, answer.text
        return answer.json()["track_id"]


@pytest.fixture
def place_with(tmp_path):
    """Servers with keys and further settings."""
    places = []

    def make(**settings):
        place = Place(Settings(**{"data_dir": tmp_path / "data", "auth": "keys", "workers": 1, **settings}))
        place.client.__enter__()
        places.append(place)
        return place

    yield make
    for place in places:
        place.client.__exit__(None, None, None)


@pytest.fixture
def place(place_with):
    return place_with()
