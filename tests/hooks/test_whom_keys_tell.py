"""A key brings an address of its own: whatever it makes is told there, where the request names nobody."""

import pytest

from app.cli import main
from tests.access.conftest import PROMPT, place_with  # noqa: F401 - a fixture

pytestmark = pytest.mark.security

SHOP, OTHER = "https://shop.example.org/music", "https://other.example.org/music"


def told_of(place, key, answer):
    """Whom an accepted track or group will tell, group and tracks."""
    store = place.service._backend.store
    body = answer.json()
    tracks = body.get("track_ids") or [track["track_id"] for track in body.get("tracks", [body])]
    groups = [store.group(body["group_id"])] if "group_id" in body else []
    for track_id in tracks:
        place.ask("POST", f"/music/tracks/{track_id}/cancel", key)
    return [made.webhook_url for made in (*groups, *map(store.get, tracks))]


def test_a_key_tells_its_own_address_unless_the_request_names_one(place_with):  # noqa: F811
    place = place_with(webhooks=True)
    _, admin = place.key("admin")
    made = place.ask("POST", "/admin/keys", admin, json={"name": "shop", "webhook_url": SHOP})
    assert made.status_code == 200, made.text
    assert made.json()["webhook_url"] == SHOP
    key = made.json()["key"]
    batch = {"requests": [PROMPT, {**PROMPT, "webhook_url": OTHER}]}

    def asked(path, body, by=key):
        return told_of(place, by, place.ask("POST", path, by, json=body))

    assert asked("/music/generate", PROMPT) == [SHOP]
    assert asked("/music/generate", {**PROMPT, "webhook_url": OTHER}) == [OTHER]
    assert asked("/music/generate", {**PROMPT, "variations": 2}) == [SHOP] * 3
    assert asked("/music/batch", batch) == [SHOP, SHOP, OTHER]
    assert asked("/music/batch", {**batch, "webhook_url": OTHER}) == [OTHER] * 3
    assert asked("/music/generate", PROMPT, admin) == [None]
    messages = place.ask("GET", "/music/webhooks", key).json()["messages"]
    assert {message["url"] for message in messages} == {SHOP, OTHER}


def test_an_address_inside_the_network_is_no_keys(place_with):  # noqa: F811
    place = place_with(webhooks=True)
    _, admin = place.key("admin")

    for address in ("http://127.0.0.1/", "http://169.254.169.254/latest", "ftp://example.org/", "shop"):
        answer = place.ask("POST", "/admin/keys", admin, json={"name": "shop", "webhook_url": address})
        assert answer.status_code == 422
        assert answer.json()["detail"][0]["loc"] == ["body", "webhook_url"]
    assert [one["name"] for one in place.ask("GET", "/admin/keys", admin).json()["keys"]] == ["tests"]


def test_where_nobody_is_called_back_a_keys_address_rests(place_with):  # noqa: F811
    place = place_with()
    _, admin = place.key("admin")
    refused = place.ask("POST", "/admin/keys", admin, json={"name": "shop", "webhook_url": SHOP})
    assert refused.status_code == 422
    key, text = place.service._backend.access.keyring.create("shop", ["generate"], webhook_url=SHOP)

    assert told_of(place, admin, place.ask("POST", "/music/generate", text, json=PROMPT)) == [None]
    listed = {one["key_id"]: one for one in place.ask("GET", "/admin/keys", admin).json()["keys"]}
    assert listed[key.id]["webhook_url"] == SHOP


def test_the_command_line_makes_such_keys(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("MUSIC_DATA_DIR", str(tmp_path))

    assert main(["keys", "create", "shop", "--webhook-url", SHOP]) == 2
    assert "MUSIC_WEBHOOKS is off" in capsys.readouterr().err
    monkeypatch.setenv("MUSIC_WEBHOOKS", "true")
    assert main(["keys", "create", "shop", "--webhook-url", "http://10.0.0.1/"]) == 2
    assert "public address" in capsys.readouterr().err
    assert main(["keys", "create", "shop", "--webhook-url", SHOP]) == 0
    assert main(["keys", "list"]) == 0
    assert capsys.readouterr().out.rstrip().endswith(f"shop  {SHOP}")
