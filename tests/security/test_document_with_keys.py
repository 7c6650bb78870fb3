"""The same of a server that asks for keys: its own calls, and all the others to one who has no key."""

from collections import Counter

import pytest

schemathesis = pytest.importorskip("schemathesis", reason="requirements/dev.txt brings schemathesis")

from hypothesis import HealthCheck, given, seed, settings  # noqa: E402 - the line above decides whether it is there

from app.config import Settings  # noqa: E402
from app.main import create_app  # noqa: E402
from tests.access.conftest import Place  # noqa: E402
from tests.security.test_document import CASES, EACH, MODES, OPERATIONS, SETTINGS, checked  # noqa: E402, F401 - a fixture

pytestmark = [pytest.mark.security, pytest.mark.uncounted]

WITH_KEYS = {
    (method.upper(), path)
    for path, known in create_app(Settings(**SETTINGS, auth="keys")).openapi()["paths"].items()
    for method in known
}
#: Calls that are there with keys only.
ADDED = sorted(WITH_KEYS - set(OPERATIONS))
#: What is drawn of them: nothing wrong where nothing, or any text, may stand.
DRAWN = [(*call, "allowed") for call in ADDED]
DRAWN += [(*call, "forbidden") for call in ADDED if call in {("GET", "/admin/audit"), ("POST", "/admin/keys")}]
#: What answers without a key, by its status.
OPEN = {200, 304, 404, 405, 406, 416, 422}


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    with pytest.MonkeyPatch.context() as clean:
        clean.setitem(Settings.model_config, "env_file", None)
        folder = tmp_path_factory.mktemp("keyed")
        place = Place(Settings(data_dir=folder, auth="keys", workers=1, **SETTINGS))
    with place.client:
        yield place


@pytest.fixture(scope="module")
def document(place):
    return schemathesis.openapi.from_asgi("/openapi.json", place.app)


def drawn(document, method, path, mode, most, look):
    """Draw cases of a call, and look at each."""
    strategy = document[path][method].as_strategy(generation_mode=MODES[mode])

    @seed(20260827)
    @settings(max_examples=most, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    @given(case=strategy)
    def holds(case):
        look(case)

    holds()


def test_there_are_calls_of_its_own():
    assert len(ADDED) == 4
    assert set(OPERATIONS) < WITH_KEYS


@pytest.mark.parametrize(("method", "path", "mode"), DRAWN, ids=[f"{p} {m} {mode}" for m, p, mode in DRAWN])
def test_the_owners_calls_answer_as_the_document_says(
    place, document, checked, method, path, mode, record_property  # noqa: F811
):  # fmt: skip
    _, key = place.key("admin")
    statuses = Counter()

    def look(case):
        for name in [name for name in case.headers if name.lower() in ("authorization", "x-api-key")]:
            del case.headers[name]  # drawn ones, as the document names them
        answer = case.call(headers={"Authorization": f"Bearer {key}"})
        statuses[answer.status_code] += 1
        case.validate_response(answer, checks=checked)

    drawn(document, method, path, mode, EACH, look)
    record_property("cases", statuses.total())
    record_property("operations", int(mode == "allowed"))
    assert not set(statuses) & {401, 403, 429}


@pytest.mark.parametrize(("method", "path"), sorted(WITH_KEYS), ids=[f"{path} {m}" for m, path in sorted(WITH_KEYS)])
def test_who_has_no_key_gets_what_the_document_says(place, document, checked, method, path):  # noqa: F811
    def look(case):
        answer = case.call()
        assert answer.status_code in OPEN | {401, 403, 413}
        if method not in ("GET", "HEAD"):
            assert answer.status_code >= 400
        case.validate_response(answer, checks=checked)

    drawn(document, method, path, "allowed", max(1, CASES // 1000), look)
