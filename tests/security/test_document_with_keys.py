"""The same of a server that asks for keys: to one who has none, a good one, one for other things, another's.

Where a call names a thing, one that is there is named as often as one that isn't.
"""

import io
from collections import Counter
from dataclasses import dataclass, field

import numpy as np
import pytest
import soundfile

schemathesis = pytest.importorskip("schemathesis", reason="requirements/dev.txt brings schemathesis")

from hypothesis import HealthCheck, given, seed, settings  # noqa: E402 - the line above decides whether it is there
from hypothesis import strategies as st  # noqa: E402

from app.config import Settings  # noqa: E402
from app.main import create_app  # noqa: E402
from app.models.access import SCOPES  # noqa: E402
from app.routers.gate import is_open, scope_for  # noqa: E402
from tests.access.conftest import PROMPT, Place  # noqa: E402
from tests.fakes import FakeService  # noqa: E402
from tests.jobs.conftest import until  # noqa: E402
from tests.security.test_document import (  # noqa: E402
    CASES,
    DRAWN,
    EACH,
    MODES,
    OPERATIONS,
    SETTINGS,
    checked,  # noqa: F401 - a fixture
    follow_orders,
    without_drawn_keys,
)

pytestmark = [pytest.mark.security, pytest.mark.uncounted]

WITH_KEYS = {
    (method.upper(), path)
    for path, known in create_app(Settings(**SETTINGS, auth="keys")).openapi()["paths"].items()
    for method in known
}
#: Calls that are there with keys only.
ADDED = sorted(WITH_KEYS - set(OPERATIONS))
#: What is drawn of them: nothing wrong where nothing, or any text, may stand.
DRAWN_OF_OWNER = [(*call, "allowed") for call in ADDED]
DRAWN_OF_OWNER += [(*call, "forbidden") for call in ADDED if call in {("GET", "/admin/audit"), ("POST", "/admin/keys")}]
#: What is drawn of the others with a key; the stream of all events never ends, and has been looked at without keys.
DRAWN_OF_HOLDER = [one for one in DRAWN if one[1] != "/music/events"]
#: Calls that name a thing.
NAMING = sorted(call for call in WITH_KEYS if "{" in call[1])
#: Calls that a key is needed for.
CLOSED = sorted(call for call in WITH_KEYS if not is_open(*call))
#: What answers without a key, by its status.
OPEN = {200, 304, 404, 405, 406, 416, 422}
#: Cases of each call where the answer is a refusal.
FEW = max(2, CASES // 1000)
#: Whom things tell of themselves: nobody listens there.
NOBODY = "http://127.0.0.1:9/"


def names_of(calls):
    return [f"{path} {method}" for method, path in calls]


@dataclass
class Holder:
    """One who has a key, and the things made with it, by what names them in a path."""

    client: object
    key: str
    things: dict = field(default_factory=dict)

    @property
    def headers(self):
        return {"Authorization": f"Bearer {self.key}"}

    def post(self, path, **body):
        answer = self.client.post(path, headers=self.headers, **body)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def make(self, path):
        """Make what a path names, and name it."""
        if "{track_id}" in path:
            self.things |= {"track_id": self.post("/music/generate", json=PROMPT)["track_id"], "form": "mp3"}
        if "{group_id}" in path:
            self.things["group_id"] = self.post("/music/batch", json={"requests": [PROMPT]})["group_id"]
        if "{comparison_id}" in path:
            compared = self.post("/music/compare", json={**PROMPT, "seeds": [1, 2]})
            self.things["comparison_id"] = compared["comparison_id"]
        if "{finetune_id}" in path:
            sent = {"data": {"name": "band"}, "files": {"files": ("a.mid", TUNE)}}
            self.things["finetune_id"] = self.post("/music/finetunes", **sent)["finetune_id"]
        if "{clip_id}" in path:
            self.things["clip_id"] = self.post("/music/clips", files={"file": ("a.wav", recording())})["clip_id"]

    def ids(self):
        return {name for key, name in self.things.items() if key != "form"}


TUNE = b"MThd\x00\x00\x00\x06\x00\x00\x00\x01\x00\x60MTrk\x00\x00\x00\x04\x00\xff\x2f\x00"


def recording():
    wav = io.BytesIO()
    soundfile.write(wav, np.sin(np.arange(44_100) / 20).astype("float32"), 44_100, format="WAV")
    return wav.getvalue()


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A real server."""
    with pytest.MonkeyPatch.context() as clean:
        clean.setitem(Settings.model_config, "env_file", None)
        folder = tmp_path_factory.mktemp("keyed")
        told = {"webhook_allow": "127.0.0.0/8"}
        place = Place(Settings(data_dir=folder, auth="keys", workers=1, **SETTINGS, **told))
    with place.client:
        yield place


@pytest.fixture(scope="module")
def document(place):
    return schemathesis.openapi.from_asgi("/openapi.json", place.app)


@pytest.fixture(scope="module")
def service(tmp_path_factory):
    """One behind which nothing happens by itself, so that any number of tracks may be asked for."""
    return FakeService(tmp_path_factory.mktemp("fake"), max_queue=10**9, keys=True)


@pytest.fixture(scope="module")
def fake_document(service):
    with pytest.MonkeyPatch.context() as clean:
        clean.setitem(Settings.model_config, "env_file", None)
        app = create_app(Settings(**SETTINGS, auth="keys"), service)
    return schemathesis.openapi.from_asgi("/openapi.json", app)


@pytest.fixture(scope="module")
def holder(service, fake_document):
    """One who may do all but what is the owner's."""
    from starlette.testclient import TestClient

    _, key = service.access.keyring.create("holder", [scope for scope in SCOPES if scope != "admin"])
    return Holder(TestClient(fake_document.app), key)


@pytest.fixture(scope="module")
def somebody(place):
    """One who has made one of everything, and all of it is finished."""
    _, key = place.key(*SCOPES[:-1])
    one = Holder(place.client, key)
    one.make("{group_id} {comparison_id} {finetune_id} {clip_id}")
    told = one.post("/music/generate", json={**PROMPT, "model": "composer", "webhook_url": NOBODY})
    one.things |= {"track_id": told["track_id"], "form": "mp3"}

    def messages():
        return place.ask("GET", "/music/webhooks", key).json()["messages"]

    until(messages, within_s=120)
    one.things["message_id"] = messages()[0]["message_id"]
    return one


def drawn(document, method, path, mode, most, look):
    """Draw cases of a call, each with whether to name something that is there, and look at each."""
    strategy = document[path][method].as_strategy(generation_mode=MODES[mode])

    @seed(20260827)
    @settings(max_examples=most, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    @given(case=strategy, there=st.booleans())
    def holds(case, there):
        without_drawn_keys(case)
        look(case, there)

    holds()


def name(case, things):
    """Let a case name things that are there."""
    case.path_parameters = {key: things.get(key, drawn) for key, drawn in case.path_parameters.items()}


def checks_of(path, checked):  # noqa: F811
    """A stream of events has no schema as a whole."""
    return checked[:-1] if path.endswith("/events") else checked


def test_there_are_calls_of_its_own():
    assert len(ADDED) == 4
    assert set(OPERATIONS) < WITH_KEYS


@pytest.mark.parametrize(
    ("method", "path", "mode"), DRAWN_OF_OWNER, ids=[f"{p} {m} {mode}" for m, p, mode in DRAWN_OF_OWNER]
)
def test_the_owners_calls_answer_as_the_document_says(
    place, document, checked, method, path, mode, record_property  # noqa: F811
):  # fmt: skip
    _, key = place.key("admin")
    statuses = Counter()

    def look(case, _there):
        answer = case.call(headers={"Authorization": f"Bearer {key}"})
        statuses[answer.status_code] += 1
        case.validate_response(answer, checks=checked)

    drawn(document, method, path, mode, EACH, look)
    record_property("cases", statuses.total())
    record_property("operations", int(mode == "allowed"))
    assert not set(statuses) & {401, 403, 429}


@pytest.mark.parametrize(("method", "path"), sorted(WITH_KEYS), ids=names_of(sorted(WITH_KEYS)))
def test_who_has_no_key_gets_what_the_document_says(place, document, checked, method, path):  # noqa: F811
    def look(case, _there):
        answer = case.call()
        assert answer.status_code in OPEN | {401, 403, 413}
        if method not in ("GET", "HEAD"):
            assert answer.status_code >= 400
        case.validate_response(answer, checks=checked)

    drawn(document, method, path, "allowed", FEW, look)


@pytest.mark.parametrize(
    ("method", "path", "mode"), DRAWN_OF_HOLDER, ids=[f"{p} {m} {mode}" for m, p, mode in DRAWN_OF_HOLDER]
)
def test_who_has_a_key_gets_what_the_document_says(
    fake_document, service, holder, checked, method, path, mode, record_property  # noqa: F811
):  # fmt: skip
    statuses = Counter()

    def look(case, there):
        service.forget()
        holder.things.clear()
        if there:
            holder.make(path)
            name(case, holder.things)
            if not path.endswith("/cancel"):
                service.queue.complete_all()
        answer = case.call(headers=holder.headers)
        statuses[answer.status_code, there] += 1
        case.validate_response(answer, checks=checks_of(path, checked))

    drawn(fake_document, method, path, mode, 1 if OPERATIONS[method, path] == "one" else -(-EACH // 2), look)
    record_property("cases", statuses.total())
    assert not {status for status, _ in statuses} & {401, 429}
    if scope_for(method, path) == "admin":
        assert {status for status, _ in statuses} == {403}
    elif mode == "allowed" and "{" in path and not path.endswith(("/vote", "/redeliver")):
        assert {status for status, there in statuses if there} & {200, 204, 304}


@pytest.mark.parametrize("turn", range(-(-CASES // 20_000)))
def test_every_order_of_calls_with_a_key_is_as_the_document_says(
    fake_document, checked, service, holder, turn, record_property  # noqa: F811
):  # fmt: skip
    offered = fake_document.exclude(path_regex="^/(admin|metrics)")
    seen = follow_orders(offered, checked, service, turn, min(CASES, 5000) // 150, holder.headers)
    record_property("calls that answers lead to", seen.total())
    assert not {status for *_, status in seen} & {401, 429}


@pytest.mark.parametrize(("method", "path"), CLOSED, ids=names_of(CLOSED))
def test_a_key_for_other_things_gets_what_the_document_says_and_does_nothing(
    place, document, somebody, checked, method, path  # noqa: F811
):  # fmt: skip
    needed = scope_for(method, path)
    _, key = place.key(*(scope for scope in SCOPES[:-1] if scope != needed))

    def look(case, there):
        if there:
            name(case, somebody.things)
        answer = case.call(headers={"X-API-Key": key})
        assert answer.status_code == 403
        case.validate_response(answer, checks=checks_of(path, checked))

    drawn(document, method, path, "allowed", FEW, look)


@pytest.mark.parametrize(("method", "path"), NAMING, ids=names_of(NAMING))
def test_what_is_anothers_is_not_there_whatever_is_drawn_beside_its_name(
    place, document, somebody, checked, method, path  # noqa: F811
):  # fmt: skip
    _, key = place.key(*SCOPES[:-1])
    refused = {403} if scope_for(method, path) == "admin" else {404, 409, 422}

    def look(case, _there):
        name(case, somebody.things)
        answer = case.call(headers={"X-API-Key": key})
        assert answer.status_code in refused, answer.text
        assert answer.status_code != 409 or "Idempotency" in answer.text
        case.validate_response(answer, checks=checks_of(path, checked))

    drawn(document, method, path, "allowed", FEW, look)


@pytest.mark.parametrize("path", ["/music/tracks", "/music/finetunes", "/music/webhooks"])
def test_no_list_names_what_is_anothers(place, document, somebody, checked, path):  # noqa: F811
    _, key = place.key(*SCOPES[:-1])

    def look(case, _there):
        answer = case.call(headers={"X-API-Key": key})
        assert not any(name in answer.text for name in somebody.ids())
        case.validate_response(answer, checks=checked)

    drawn(document, "GET", path, "allowed", FEW, look)


def test_after_all_that_everything_is_still_its_owners(place, somebody):
    """Last in this file: those before it asked for each thing with keys that may not have it."""
    for path in (
        "/music/status/{track_id}",
        "/music/groups/{group_id}",
        "/music/compare/{comparison_id}",
        "/music/finetunes/{finetune_id}",
        "/music/clips/{clip_id}",
        "/downloads/{track_id}.{form}",
    ):
        assert place.ask("GET", path.format(**somebody.things), somebody.key).status_code == 200
