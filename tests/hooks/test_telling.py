"""Messages are signed, told, and told again until they are taken."""

import json
from datetime import timedelta

import pytest

from app.config import Settings
from app.services.hooks import Addresses, Hooks, Messenger
from app.services.hooks.messenger import RETRIES_S
from app.services.hooks.signing import secret_of, signed_headers
from app.services.storage import TrackStore
from app.utils.clock import FrozenClock, SystemClock
from tests.access.conftest import PROMPT, Place
from tests.hooks.receiver import Receiver
from tests.jobs.conftest import until
from tests.storage.test_hooks import a_track, accept, finish, told

standardwebhooks = pytest.importorskip("standardwebhooks", reason="requirements/dev.txt brings standardwebhooks")

pytestmark = pytest.mark.security

MASTER = "5f" * 32


@pytest.fixture
def receive():
    receivers = []

    def make(*statuses):
        receivers.append(Receiver(*statuses))
        return receivers[-1]

    yield make
    for receiver in receivers:
        receiver.close()


class Post:
    """A messenger over a store, told when to look."""

    def __init__(self, folder, receiver, **more):
        self.store = TrackStore(folder / "music.db")
        self.clock = FrozenClock(SystemClock().now())  # the reference library knows no other
        self.addresses = Addresses(["127.0.0.0/8"])
        more = {"within_s": 10.0, **more}
        self.messenger = Messenger(self.store, self.clock, self.addresses, master=MASTER, **more)
        self.hooks = Hooks(self.store, self.clock, self.addresses, master=MASTER)
        self.receiver = receiver

    def happen(self, name="1", **more):
        track = a_track(name, **{"webhook_url": self.receiver.url(), "created_at": self.clock.now(), **more})
        accept(self.store, track)
        finish(self.store, track)
        return f"msg_{track.id}"

    def look(self):
        return self.messenger._tell_due()

    def message(self, name):
        return told(self.store)[name]


@pytest.fixture
def post(tmp_path, receive):
    posts = []

    def make(*statuses, **more):
        posts.append(Post(tmp_path, receive(*statuses), **more))
        return posts[-1]

    yield make
    for one in posts:
        one.store.close()


def test_a_message_is_signed_as_the_reference_library_asks(post):
    here = post()
    name = here.happen(owner="key_1")
    here.look()

    ((headers, body, path),) = here.receiver.heard
    payload = standardwebhooks.Webhook(secret_of(MASTER, "key_1")).verify(body, headers)

    assert path == "/hook"
    assert payload["type"] == "track.completed"
    assert payload["data"]["track_id"] == "track_1"
    assert headers["webhook-id"] == name
    assert headers["Host"] == f"127.0.0.1:{here.receiver.port}"
    with pytest.raises(standardwebhooks.WebhookVerificationError):
        standardwebhooks.Webhook(secret_of(MASTER, "key_2")).verify(body, headers)
    with pytest.raises(standardwebhooks.WebhookVerificationError):
        standardwebhooks.Webhook(secret_of(MASTER, "key_1")).verify(body.replace(b"track_1", b"track_2"), headers)
    assert here.message(name).state == "delivered"
    assert here.look() == 0


def test_our_signature_is_the_reference_librarys():
    secret = secret_of(MASTER, None)
    moment = SystemClock().now()

    ours = signed_headers(secret, "msg_1", int(moment.timestamp()), b'{"a":1}')

    assert ours["webhook-signature"] == standardwebhooks.Webhook(secret).sign("msg_1", moment, '{"a":1}')


def test_what_is_not_taken_is_tried_over_three_days(post):
    here = post(500)
    name = here.happen()
    waits = []

    for _ in range(len(RETRIES_S) + 1):
        here.clock.moment = max(here.clock.now(), here.message(name).next_at)
        assert here.look() == 1
        message = here.message(name)
        waits.append((message.next_at - here.clock.now()).total_seconds())

    assert message.state == "failed"
    assert [entry["status"] for entry in message.log] == [500] * 10
    assert all(planned <= wait <= planned * 1.1 for planned, wait in zip(RETRIES_S, waits, strict=False))
    assert 2.9 * 86_400 <= sum(RETRIES_S) <= 3.3 * 86_400
    here.clock.advance(86_400)
    assert here.look() == 0


def test_one_that_comes_back_is_told(post):
    here = post(503, 200)
    name = here.happen()

    here.look()
    assert here.look() == 0
    here.clock.advance(6)
    here.look()

    message = here.message(name)
    assert (message.state, message.attempts) == ("delivered", 2)
    first, second = here.receiver.heard
    assert first[0]["webhook-id"] == second[0]["webhook-id"]
    assert first[1] == second[1]


def test_one_that_is_gone_hears_nothing_any_more_until_it_is_asked_for(post):
    here = post(410, 200)
    first = here.happen("1")
    here.look()
    second = here.happen("2")
    here.look()

    assert here.message(first).state == here.message(second).state == "failed"
    assert len(here.receiver.heard) == 1

    here.hooks.redeliver(second)
    here.look()
    assert here.message(second).state == "delivered"


def test_redirects_are_not_followed(post):
    here = post(302)
    name = here.happen()
    here.look()

    assert len(here.receiver.heard) == 1
    assert here.message(name).log[0]["error"] == "redirects are not followed"


def test_a_receiver_that_never_answers_holds_nobody_up(post):
    here = post(None, within_s=0.3)
    name = here.happen()
    here.look()

    assert here.message(name).log[0]["error"] == "no answer within 0.3 s"
    assert here.message(name).state == "pending"


def test_a_name_that_leads_inside_is_told_nothing(post):
    here = post()
    here.addresses._allowed = ()
    name = here.happen(webhook_url=here.receiver.url(host="localhost"))
    here.look()

    assert here.receiver.heard == []
    assert here.message(name).log[0] == {
        "at": here.message(name).log[0]["at"],
        "status": None,
        "error": "it leads inside the network",
    }


def test_a_closed_door_is_no_answer(post):
    here = post()
    here.receiver.close()
    here.receiver.close = lambda: None
    name = here.happen()
    here.look()

    assert here.message(name).log[0]["error"].startswith("no answer")


def test_what_was_told_is_forgotten_after_a_month(post):
    here = post()
    name = here.happen()
    here.look()
    here.clock.advance(timedelta(days=31).total_seconds())
    here.messenger._swept_at = 0.0
    here.look()

    assert name not in told(here.store)


def a_place(tmp_path, **more):
    settings = {"data_dir": tmp_path, "workers": 1, "webhooks": True, "webhook_allow": "127.0.0.0/8", **more}
    return Place(Settings(**settings))


def test_a_client_is_called_back(tmp_path, receive):
    receiver = receive()
    place = a_place(tmp_path, auth="keys", public_url="https://music.example.org")
    with place.client:
        _, key = place.key()
        _, other = place.key()
        body = {"requests": [{**PROMPT, "model": "composer"}, PROMPT], "webhook_url": receiver.url()}
        batch = place.ask("POST", "/music/batch", key, json=body).json()
        tracks = batch["track_ids"]
        place.ask("POST", f"/music/tracks/{tracks[1]}/cancel", key)
        until(lambda: len(receiver.heard) >= 3)

        secret = place.ask("GET", "/music/webhooks/secret", key).json()["secret"]
        payloads = [standardwebhooks.Webhook(secret).verify(body, headers) for headers, body, _ in receiver.heard]
        done = next(p["data"] for p in payloads if p["type"] == "track.completed")
        until(lambda: all(m["state"] == "delivered" for m in log(place, key)))
        messages = log(place, key)

        assert sorted(p["type"] for p in payloads) == ["group.completed", "track.completed", "track.failed"]
        assert done["download_url"].startswith(f"https://music.example.org/downloads/{tracks[0]}.mp3?expires=")
        assert place.client.get(done["download_url"].partition("example.org")[2]).status_code == 200
        assert {message["subject"] for message in messages} == {*tracks, batch["group_id"]}
        assert log(place, other) == []
        again = f"/music/webhooks/{messages[0]['message_id']}/redeliver"
        assert place.ask("POST", again, other).status_code == 404
        assert place.ask("POST", again, key).json()["state"] == "pending"
        until(lambda: len(receiver.heard) >= 4)
        assert place.ask("GET", "/music/webhooks/secret", other).json()["secret"] != secret


def log(place, key=None):
    return place.ask("GET", "/music/webhooks", key).json()["messages"]


def test_what_was_to_be_told_when_the_server_stopped_is_told_by_the_next(tmp_path, receive):
    receiver = receive()
    place = a_place(tmp_path)
    with place.client:
        place.service._backend.hooks._wake()
        place.service._backend.store.open()
        track = a_track(
            "0123456789abcdef", webhook_url=receiver.url(), created_at=SystemClock().now() + timedelta(hours=1)
        )
        accept(place.service._backend.store, track)
        with place.service._backend.store.transaction() as changes:
            from dataclasses import replace

            due = SystemClock().now() + timedelta(seconds=1)
            changes.finish(f"job_{track.id}", replace(track, status="completed", finished_at=due), run=None)
    place = a_place(tmp_path)
    with place.client:
        until(lambda: receiver.heard)

    assert json.loads(receiver.heard[0][1])["data"]["track_id"] == "track_0123456789abcdef"


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/music/generate", PROMPT),
        ("/music/generate", {**PROMPT, "variations": 2}),
        ("/music/batch", {"requests": [PROMPT]}),
        ("/music/compare", {**PROMPT, "seeds": [1, 2]}),
    ],
)
def test_an_address_inside_is_refused_at_the_door(tmp_path, path, body):
    place = a_place(tmp_path, webhook_allow="")
    with place.client:
        for url in ("http://127.0.0.1/", "http://[::ffff:169.254.169.254]/", "file:///etc/passwd"):
            answer = place.ask("POST", path, json={**body, "webhook_url": url})
            assert answer.status_code == 422
            assert answer.json()["detail"][0]["loc"][-1] == "webhook_url"
        assert place.ask("GET", "/music/tracks").json()["tracks"] == []
        assert place.ask("POST", "/music/webhooks/msg_none/redeliver").status_code == 404
        assert place.ask("GET", "/music/webhooks/secret").status_code == 409


def test_where_it_is_off_an_address_is_refused(client):
    answer = client.post("/music/generate", json={"prompt": "calm piano", "webhook_url": "https://example.org/"})

    assert answer.status_code == 422
    assert "MUSIC_WEBHOOKS is off" in answer.text
    assert client.get("/music/webhooks").status_code == 404


def test_the_owner_sees_the_secret_of_a_server_without_keys(tmp_path, monkeypatch, capsys):
    from app.cli import main

    monkeypatch.setenv("MUSIC_DATA_DIR", str(tmp_path))

    assert main(["keys", "secret"]) == main(["keys", "secret", "key_0123456789ab"]) == 0
    mine, keys = capsys.readouterr().out.split()
    assert mine.startswith("whsec_")
    assert mine != keys
