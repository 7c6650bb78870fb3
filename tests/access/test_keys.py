"""Who may do what, once keys are asked for."""

import json
import re
from dataclasses import replace

import pytest

from app.errors import KeyRefused
from app.models.keys import KeyRecord
from app.services.access import Keyring
from app.services.access.tokens import hash_of, id_of, new_key
from app.services.storage import TrackStore
from app.utils.clock import FrozenClock, SystemClock
from tests.access.conftest import PROMPT

pytestmark = pytest.mark.security


def test_a_key_is_prefixed_and_knows_a_typing_error():
    key_id, text = new_key()

    assert re.fullmatch(r"mk_[0-9a-f]{12}_[0-9a-f]{72}", text)
    assert id_of(text) == key_id
    for place in range(3, len(text)):
        if text[place] != "_":
            wrong = text[:place] + ("0" if text[place] != "0" else "1") + text[place + 1 :]
            assert id_of(wrong) is None
    assert id_of("") is id_of("mk_") is id_of("é" * 88) is None


def test_only_the_hash_is_kept(place):
    _, text = place.key()
    folder = place.settings.data_dir

    kept = b"".join(path.read_bytes() for path in folder.glob("music.db*"))

    assert hash_of(text).encode() in kept
    assert text.encode() not in kept
    assert text[16:].encode() not in kept


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/music/generate"),
        ("POST", "/music/plan"),
        ("POST", "/music/batch"),
        ("POST", "/music/compare"),
        ("POST", "/music/finetunes"),
        ("GET", "/music/status/track_0123456789abcdef"),
        ("GET", "/music/tracks"),
        ("GET", "/downloads/track_0123456789abcdef.mp3"),
        ("HEAD", "/downloads/track_0123456789abcdef.mp3"),
        ("GET", "/music/models"),
        ("GET", "/admin/keys"),
        ("POST", "/admin/keys"),
        ("GET", "/nowhere"),
        ("PUT", "/"),
    ],
)
def test_nothing_is_done_without_a_key(place, method, path):
    answer = place.ask(method, path, json=PROMPT if method == "POST" else None)

    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"] == "Bearer"


def test_every_route_is_closed_but_those_that_say_who_answers_here(place):
    opened = {
        path
        for path, operations in place.app.openapi()["paths"].items()
        for method in operations
        if place.ask(method.upper(), path.replace("{", "").replace("}", "")).status_code != 401
    }

    assert opened == {"/", "/health", "/ready", "/music/", "/music/genres", "/music/moods", "/music/instruments"}


def test_the_document_says_that_a_key_is_needed(place):
    document = place.app.openapi()

    generate = document["paths"]["/music/generate"]["post"]
    assert generate["security"] == [{"bearer": []}, {"header": []}]
    assert {"401", "403"} <= set(generate["responses"])
    assert "security" not in document["paths"]["/health"]["get"]


def test_both_headers_open(place):
    _, key = place.key()

    assert place.client.get("/music/tracks", headers={"X-API-Key": key}).status_code == 200
    assert place.client.get("/music/tracks", headers={"authorization": f"bearer {key}"}).status_code == 200


@pytest.mark.parametrize("wrong", ["", "x", "mk_", "Bearer", "é", "mk_000000000000_" + "0" * 72])
def test_what_is_no_key_opens_nothing(place, wrong):
    answer = place.client.get("/music/tracks", headers={"X-API-Key": wrong.encode("latin-1")})

    assert answer.status_code == 401


def test_a_key_with_another_secret_opens_nothing(place):
    key_id, _ = place.key()
    import zlib

    body = f"mk_{key_id[4:]}_{'ab' * 32}"
    forged = body + f"{zlib.crc32(body.encode()):08x}"

    assert id_of(forged) == key_id
    assert place.ask("GET", "/music/tracks", forged).status_code == 401


def test_a_revoked_key_opens_nothing(place):
    _, admin = place.key("admin")
    key_id, key = place.key()
    assert place.ask("GET", "/music/tracks", key).status_code == 200

    assert place.ask("DELETE", f"/admin/keys/{key_id}", admin).json()["revoked_at"]

    assert place.ask("GET", "/music/tracks", key).status_code == 401
    assert place.ask("DELETE", "/admin/keys/key_none", admin).status_code == 404


def test_the_keys_in_memory_are_told_to_those_who_operate(place):
    _, text = place.key("admin")
    place.ask("GET", "/music/tracks", text)

    told = place.ask("GET", "/metrics", text).text

    assert re.search(r'music_cache_entries\{cache="keys"\} [1-9]', told)


def test_what_another_process_revokes_opens_nothing_two_seconds_later(tmp_path):
    store, clock = TrackStore(tmp_path / "music.db"), FrozenClock()
    here, there = Keyring(store, clock), Keyring(store, clock)
    key, text = here.create("tests", ["read"])
    here.look_up(text)
    there.revoke(key.id)

    assert here.known(text) is not None
    clock.advance(2.5)

    assert here.known(text) is None
    with pytest.raises(KeyRefused):
        here.look_up(text)
    store.close()


def test_a_key_ends_when_it_was_said_to(tmp_path):
    store, clock = TrackStore(tmp_path / "music.db"), FrozenClock()
    keyring = Keyring(store, clock)
    _, text = keyring.create("tests", ["read"], life_s=60)
    keyring.look_up(text)
    clock.advance(59)
    keyring.look_up(text)
    clock.advance(1)

    with pytest.raises(KeyRefused):
        keyring.known(text)
    with pytest.raises(KeyRefused):
        keyring.look_up(text)
    store.close()


def test_the_last_use_is_noted(place):
    _, admin = place.key("admin")
    key_id, key = place.key()

    def noted():
        keys = {one["key_id"]: one for one in place.ask("GET", "/admin/keys", admin).json()["keys"]}
        return keys[key_id]["last_used_at"]

    assert noted() is None
    place.ask("GET", "/music/tracks", key)
    assert noted() is not None


@pytest.mark.parametrize(
    ("scope", "allowed"),
    [
        ("read", {"list"}),
        ("generate", {"generate", "cancel"}),
        ("delete", {"delete"}),
        ("finetune", {"unteach"}),
        ("admin", {"list", "generate", "cancel", "delete", "unteach", "keys"}),
    ],
)
def test_a_key_is_good_for_its_scopes_alone(place, scope, allowed):
    _, key = place.key(scope)
    calls = {
        "list": ("GET", "/music/tracks"),
        "generate": ("POST", "/music/generate"),
        "cancel": ("POST", "/music/tracks/track_0123456789abcdef/cancel"),
        "delete": ("DELETE", "/music/tracks/track_0123456789abcdef"),
        "unteach": ("DELETE", "/music/finetunes/finetune_0123456789abcdef"),
        "keys": ("GET", "/admin/keys"),
    }

    answers = {name: place.ask(*call, key, json=PROMPT if name == "generate" else None) for name, call in calls.items()}

    assert {name for name, answer in answers.items() if answer.status_code != 403} == allowed


def test_the_owner_makes_keys_over_the_wire(place):
    _, admin = place.key("admin")

    made = place.ask("POST", "/admin/keys", admin, json={"name": "shop", "scopes": ["read"], "expires_in_days": 1})
    wrong = place.ask("POST", "/admin/keys", admin, json={"name": "shop", "scopes": ["everything"]})

    assert made.status_code == 200
    assert place.ask("GET", "/music/tracks", made.json()["key"]).status_code == 200
    assert place.ask("POST", "/music/generate", made.json()["key"], json=PROMPT).status_code == 403
    assert wrong.status_code == 422
    assert made.json()["key"] not in place.ask("GET", "/admin/keys", admin).text


def test_keys_and_removals_are_written_down(place):
    admin_id, admin = place.key("admin")
    key_id, key = place.key()
    made = place.ask("POST", "/admin/keys", admin, json={"name": "shop"}).json()["key_id"]
    place.ask("DELETE", f"/admin/keys/{made}", admin)
    track_id = place.make(key)
    place.ask("DELETE", f"/music/tracks/{track_id}", key, headers={"X-Request-ID": "the-removal"})

    events = place.ask("GET", "/admin/audit", admin).json()["events"]

    assert [(event["event"], event["subject"], event["key_id"]) for event in events] == [
        ("track.deleted", track_id, key_id),
        ("key.revoked", made, admin_id),
        ("key.created", made, admin_id),
    ]
    assert events[0]["request_id"] == "the-removal"


def test_without_keys_there_is_no_admin(client):
    assert client.get("/admin/keys").status_code == 404
    assert client.post("/admin/keys", json={"name": "x"}).status_code == 404


def test_checking_a_key_takes_the_same_steps_whether_it_is_known_or_not(tmp_path, monkeypatch):
    store = TrackStore(tmp_path / "music.db")
    keyring = Keyring(store, SystemClock())
    _, text = keyring.create("tests", ["read"])
    _, unknown = new_key()
    compared = []
    monkeypatch.setattr(
        "app.services.access.keyring.hmac.compare_digest", lambda *both: compared.append(both) or both[0] == both[1]
    )

    keyring.look_up(text)
    with pytest.raises(KeyRefused):
        keyring.look_up(unknown)

    assert [len(kept) for kept, _ in compared] == [64, 64]
    store.close()


def test_a_key_is_named_in_no_log(place, capsys):
    _, key = place.key()

    track_id = place.make(key)
    place.ask("GET", "/music/tracks", key[:-1] + "x")
    url = place.app.state.service()._backend.access.links.sign(f"/downloads/{track_id}.mp3")
    place.ask("GET", f"/downloads/{track_id}.mp3{url}")

    said = "".join(capsys.readouterr())
    assert "request" in said
    assert key[16:60] not in said
    assert "signature=" not in said


def test_the_log_of_requests_names_the_keys_id(place, capsys):
    key_id, key = place.key()

    place.make(key)
    place.ask("POST", "/music/generate", json=PROMPT)

    asked, refused = [line for line in capsys.readouterr().err.splitlines() if "path=/music/generate" in line]
    assert f"key={key_id}" in asked
    assert "key=" not in refused


def test_what_was_made_before_keys_were_asked_for_is_the_owners(place):
    _, key = place.key()
    _, admin = place.key("admin")
    track_id = place.make(key)
    queue = place.app.state.service()._backend.queue
    track = queue.get(track_id)
    assert track.owner is not None

    nobodys = replace(track, owner=None)
    queue.get = lambda _: nobodys

    assert place.ask("GET", f"/music/status/{track_id}", key).status_code == 404
    assert place.ask("GET", f"/music/status/{track_id}", admin).status_code == 200


def test_keys_are_made_listed_and_revoked_on_the_command_line(tmp_path, monkeypatch, capsys):
    from app.cli import main

    monkeypatch.setenv("MUSIC_DATA_DIR", str(tmp_path))

    assert main(["keys", "create", "web shop", "--scopes", "read,generate", "--expires", "90d"]) == 0
    text = capsys.readouterr().out.strip()
    assert main(["keys", "list"]) == 0
    listed = capsys.readouterr().out
    assert main(["keys", "revoke", id_of(text)]) == 0
    assert main(["keys", "list"]) == 0
    revoked = capsys.readouterr().out
    assert main(["keys", "list", "--json"]) == 0
    told = capsys.readouterr().out

    headings, row = listed.splitlines()
    assert re.split(r" {2,}", headings) == ["ID", "SCOPES", "EXPIRES", "LAST USED", "NAME", "TELLS"]
    cells = re.split(r" {2,}", row)
    assert [cells[0], cells[1], *cells[3:]] == [id_of(text), "generate,read", "never", "web shop", "-"]
    assert re.fullmatch(r"\d{4}-\d\d-\d\d", cells[2])
    assert [headings.index(word) for word in ("SCOPES", "NAME")] == [row.index("generate,read"), row.index("web shop")]
    assert "  revoked  " in revoked
    (known,) = json.loads(told)["keys"]
    assert set(known) == set(KeyRecord.model_fields)
    assert (known["key_id"], known["name"], known["scopes"]) == (id_of(text), "web shop", ["generate", "read"])
    assert known["revoked_at"] is not None
    assert text not in listed + revoked + told
    for wrong in (["create", "x", "--scopes", "all"], ["create", "x", "--expires", "soon"], ["revoke", "key_none"]):
        assert main(["keys", *wrong]) == 2


async def test_keys_and_the_audit_log_stand_in_either_database(tmp_path):
    from app.config import Settings
    from app.wiring import opened_access

    with opened_access(Settings(data_dir=tmp_path)) as access:
        key, text = access.keyring.create("tests", ["read"])
        access.write_down("key.created", key.id)

        assert access.keyring.look_up(text).id == key.id
        assert [event.subject for event in access.audit(10)] == [key.id]
        assert (await access.caller_of(text)).key_id == key.id
