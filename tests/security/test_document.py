"""Whatever the OpenAPI document allows, and much that it forbids: no server error, no status or body it doesn't name.

2,000 cases here; `python run_tests.py nightly` takes 50,000 (SECURITY_CASES says how many).
"""

import os

import pytest

schemathesis = pytest.importorskip("schemathesis", reason="requirements/dev.txt brings schemathesis")

from hypothesis import HealthCheck, given, seed, settings  # noqa: E402 - the line above decides whether it is there
from schemathesis import GenerationMode, checks  # noqa: E402

from app.config import Settings  # noqa: E402
from app.main import create_app  # noqa: E402
from tests.fakes import FakeService  # noqa: E402

pytestmark = [pytest.mark.security, pytest.mark.uncounted]

CASES = int(os.environ.get("SECURITY_CASES", "2000"))

#: The service with all that can be turned on without keys.
SETTINGS = {"metrics": "on", "webhooks": True, "security_headers": True}


def operations():
    """Method and path of every call of the document."""
    document = create_app(Settings(**SETTINGS)).openapi()
    return [(method.upper(), path) for path, known in document["paths"].items() for method in known]


OPERATIONS = operations()


@pytest.fixture(scope="module")
def document(tmp_path_factory):
    with pytest.MonkeyPatch.context() as clean:
        for name in [name for name in os.environ if name.startswith("MUSIC_")]:
            clean.delenv(name)
        app = create_app(Settings(**SETTINGS), FakeService(tmp_path_factory.mktemp("document"), max_queue=10**9))
    return schemathesis.openapi.from_asgi("/openapi.json", app)


@pytest.fixture(scope="module")
def checked():
    checks.load_all_checks()
    names = ("status_code", "content_type", "response_headers", "response_schema")
    return [checks.not_a_server_error, *(checks.CHECKS.get_one(f"{name}_conformance") for name in names)]


@pytest.mark.parametrize("mode", [GenerationMode.POSITIVE, GenerationMode.NEGATIVE], ids=["allowed", "forbidden"])
@pytest.mark.parametrize(("method", "path"), OPERATIONS, ids=[f"{method} {path}" for method, path in OPERATIONS])
def test_every_call_answers_as_the_document_says(document, checked, method, path, mode):
    operation = document[path][method]
    checked = checked[:-1] if path.endswith("/events") else checked  # a stream of events has no schema as a whole
    tried = []

    @seed(20260827)
    @settings(
        max_examples=1 if path == "/music/events" else -(-CASES // (2 * len(OPERATIONS))),  # that one never ends
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy(generation_mode=mode))
    def holds(case):
        answer = case.call()
        tried.append(answer.status_code)
        case.validate_response(answer, checks=checked)

    if mode is GenerationMode.NEGATIVE and not (operation.body or operation.query):
        return  # nothing that could be wrong: any text may stand in a path
    holds()

    assert tried
