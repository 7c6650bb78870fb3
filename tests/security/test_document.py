"""Whatever the OpenAPI document allows, and much that it forbids: no server error, no status or body it doesn't name.

2,000 cases here; `python run_tests.py nightly` takes 50,000 (SECURITY_CASES says how many).
"""

import os
from collections import Counter

import pytest

schemathesis = pytest.importorskip("schemathesis", reason="requirements/dev.txt brings schemathesis")

from hypothesis import HealthCheck, given, seed, settings  # noqa: E402 - the line above decides whether it is there
from schemathesis import GenerationMode, checks  # noqa: E402

from app.config import Settings  # noqa: E402
from app.main import create_app  # noqa: E402
from tests.fakes import FakeService  # noqa: E402

pytestmark = [pytest.mark.security, pytest.mark.uncounted]

CASES = int(os.environ.get("SECURITY_CASES", "2000"))
#: Times that orders are drawn until one of them asks for something by its name.
AGAIN = 5

#: The service with all that can be turned on without keys.
SETTINGS = {"metrics": "on", "webhooks": True, "security_headers": True}


def operations():
    """Method and path of every call of the document, with how much there is to draw: nothing, names, or more."""
    document = create_app(Settings(**SETTINGS)).openapi()
    return {
        (method.upper(), path): (
            "one"  # it never ends
            if path == "/music/events"
            else "more"
            if "requestBody" in said or any(one["in"] == "query" for one in said.get("parameters", ()))
            else "names"
            if said.get("parameters")
            else "one"
        )
        for path, known in document["paths"].items()
        for method, said in known.items()
    }


OPERATIONS = operations()
MODES = {"allowed": GenerationMode.POSITIVE, "forbidden": GenerationMode.NEGATIVE}
#: What is drawn: of a call without anything in it one right case; nothing wrong where any text may stand.
DRAWN = [(*call, mode) for call, drawn in OPERATIONS.items() for mode in MODES if mode == "allowed" or drawn == "more"]
SINGLE = sum(drawn == "one" for drawn in OPERATIONS.values())
#: Cases of each of the others, so that all together are as many as were asked for.
EACH = -(-(CASES - SINGLE) // (len(DRAWN) - SINGLE))
#: Cases that were drawn here, by what of.
TRIED = Counter()


@pytest.fixture(scope="module")
def service(tmp_path_factory):
    return FakeService(tmp_path_factory.mktemp("document"), max_queue=10**9)


@pytest.fixture(scope="module")
def document(service):
    with pytest.MonkeyPatch.context() as clean:
        for name in [name for name in os.environ if name.startswith("MUSIC_")]:
            clean.delenv(name)
        app = create_app(Settings(**SETTINGS), service)
    return schemathesis.openapi.from_asgi("/openapi.json", app)


@pytest.fixture(scope="module")
def checked():
    checks.load_all_checks()
    names = ("status_code", "content_type", "response_headers", "response_schema")
    return [checks.not_a_server_error, *(checks.CHECKS.get_one(f"{name}_conformance") for name in names)]


@pytest.mark.parametrize(
    ("method", "path", "mode"), DRAWN, ids=[f"{path} {method} {mode}" for method, path, mode in DRAWN]
)
def test_every_call_answers_as_the_document_says(document, checked, method, path, mode):
    operation = document[path][method]
    checked = checked[:-1] if path.endswith("/events") else checked  # a stream of events has no schema as a whole

    @seed(20260827)
    @settings(
        max_examples=1 if OPERATIONS[method, path] == "one" else EACH,
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy(generation_mode=MODES[mode]))
    def holds(case):
        answer = case.call()
        TRIED[method, path, mode] += 1
        case.validate_response(answer, checks=checked)

    holds()

    assert TRIED[method, path, mode]


def test_as_many_cases_were_drawn_as_were_asked_for(record_property):
    """Some are told over again where there are few to draw, as of a list's pages."""
    record_property("cases", TRIED.total())
    record_property("operations", len({call[:2] for call in TRIED}))
    if len(TRIED) < len(DRAWN):
        pytest.skip("only some of the calls were drawn in this process")
    assert TRIED.total() >= CASES, {call: count for call, count in TRIED.items() if count < EACH}


@pytest.mark.parametrize("turn", range(-(-CASES // 5000)))
def test_every_order_of_calls_that_the_answers_lead_to_is_as_the_document_says(
    document, checked, service, turn, record_property
):
    """Names that one answer holds are asked for by the next calls: tracks, groups, comparisons, clips, fine-tunes."""
    seen = follow_orders(document, checked, service, turn, min(CASES, 5000) // 200)
    record_property("calls that answers lead to", seen.total())


def follow_orders(document, checked, service, turn, orders, headers=None):
    """Go as the answers lead; every other track is finished before it is asked for. What was answered, by call."""
    seen = Counter()
    machine = document.exclude(path_regex="/(events|stream)$").as_state_machine()  # they end with their track only

    class Orders(machine):
        def setup(self):
            super().setup()
            service.forget()  # whatever an order meets it has brought about, so that it goes the same way again

        def get_call_kwargs(self, case):
            return {**super().get_call_kwargs(case), "headers": headers or {}}

        def before_call(self, case):
            super().before_call(case)
            without_drawn_keys(case)

        def validate_response(self, response, case, **_):
            seen[case.method, case.path, response.status_code] += 1
            case.validate_response(response, checks=checked)
            for number, track_id in enumerate(list(service.queue.tracks)[-4:]):
                if number % 2 and not service.queue.tracks[track_id].finished:
                    service.queue.complete(track_id)

    named: set[tuple[str, str]] = set()
    for again in range(AGAIN):  # a few orders may know no name in the end
        if turn or again:
            seed(20260827 + turn + 1_000_000 * again)(Orders)
        Orders.run(
            settings=settings(
                max_examples=orders,
                stateful_step_count=60,  # the first steps know no names yet
                deadline=None,
                database=None,
                derandomize=not (turn or again),
                suppress_health_check=list(HealthCheck),
            )
        )
        named = {(method, path) for method, path, status in seen if status == 200 and "{" in path}
        if named:
            break

    assert seen.total() >= 10 * orders
    assert named, sorted(seen)
    return seen


def without_drawn_keys(case):
    """The document names the headers that hold a key, so keys are drawn too: leave them out."""
    for name in [name for name in case.headers if name.lower() in ("authorization", "x-api-key")]:
        del case.headers[name]
