"""The documentation: complete, true, and served without the internet."""

import importlib
import pkgutil
import re
from html.parser import HTMLParser

import pytest
from fastapi.routing import APIRoute, APIRouter

from app import routers as package
from app.config import Settings
from app.main import create_app
from tests.recordings import recording

DOCUMENT = create_app(Settings()).openapi()
SCHEMAS = DOCUMENT["components"]["schemas"]
FIELDS = {
    f"{name}.{field}": description
    for name, schema in SCHEMAS.items()
    for field, description in schema["properties"].items()
}
OPERATIONS = {
    f"{method.upper()} {path}": operation
    for path, operations in DOCUMENT["paths"].items()
    for method, operation in operations.items()
}
PARAMETERS = {
    f"{name} {parameter['name']}": parameter
    for name, operation in OPERATIONS.items()
    for parameter in operation.get("parameters", [])
}


def test_the_title_is_the_one_clients_know():
    assert DOCUMENT["info"]["title"] == "Music AI Generator Backend"
    assert DOCUMENT["info"]["version"] == "1.0.0"


def test_every_field_has_a_description_and_an_example():
    assert [name for name, field in FIELDS.items() if not field.get("description")] == []
    of_values = {name: field for name, field in FIELDS.items() if "$ref" not in field.get("items", field)}
    assert [name for name, field in of_values.items() if not field.get("examples")] == []


@pytest.mark.parametrize("name", PARAMETERS)
def test_every_parameter_has_a_description_and_an_example(name):
    assert PARAMETERS[name]["description"]
    assert PARAMETERS[name]["schema"]["examples"]


@pytest.mark.parametrize("name", OPERATIONS)
def test_every_operation_says_what_it_does_and_what_may_go_wrong(name):
    operation = OPERATIONS[name]

    assert operation["summary"]
    assert operation["description"]
    assert {"405", "500"} <= set(operation["responses"])
    for status, answer in operation["responses"].items():
        assert answer["description"]
        if status >= "400":
            model = "ValidationProblem" if status == "422" else "Problem"
            content = answer["content"]["application/json"]
            assert content["schema"] == {"$ref": f"#/components/schemas/{model}"}
            assert status == "422" or content["example"]["detail"]


def test_operations_have_short_names_of_their_own():
    names = [operation["operationId"] for operation in OPERATIONS.values()]

    assert len(set(names)) == len(names)
    assert all(re.fullmatch(r"[a-z_]+", name) for name in names)


def test_the_document_uses_each_schema_and_lacks_none():
    used = set(re.findall(r"#/components/schemas/(\w+)", str(DOCUMENT)))

    assert used == set(SCHEMAS)


def test_the_forms_of_downloads_are_named():
    form = PARAMETERS["GET /downloads/{track_id}.{form} form"]

    assert {"mp3", "wav", "flac", "ogg", "opus", "mid", "stems.zip", "plan.json"} <= set(form["schema"]["enum"])


def test_successes_answer_what_the_document_says(client, queue, track_id):
    """Bodies hold each field that the document names, and no other."""
    queue.complete(track_id)
    calls = {
        "StatusAnswer": ("GET", f"/music/status/{track_id}"),
        "GenerateAnswer": ("POST", "/music/generate"),
        "PlanAnswer": ("POST", "/music/plan"),
        "InstrumentList": ("GET", "/music/instruments"),
        "TrackRecord": ("GET", f"/music/tracks/{track_id}"),
        "TrackList": ("GET", "/music/tracks"),
        "ModelList": ("GET", "/music/models"),
        "Welcome": ("GET", "/"),
        "Health": ("GET", "/health"),
        "Readiness": ("GET", "/ready"),
        "ServiceCard": ("GET", "/music/"),
    }
    together = client.post("/music/batch", json={"requests": [{"prompt": "piano"}]}).json()
    calls["GroupRecord"] = ("GET", f"/music/groups/{together['group_id']}")
    assert set(together) == set(SCHEMAS["BatchAnswer"]["properties"])
    several = client.post("/music/generate", json={"prompt": "piano", "variations": 2}).json()
    assert set(several) == set(SCHEMAS["VariationsAnswer"]["properties"])
    compared = client.post("/music/compare", json={"prompt": "piano", "seeds": [1, 2]}).json()
    calls["ComparisonRecord"] = ("GET", f"/music/compare/{compared['comparison_id']}")
    sent = [("files", ("one.mid", b"MThd"))]
    taught = client.post("/music/finetunes", data={"name": "my-band"}, files=sent).json()
    calls["FinetuneRecord"] = ("GET", f"/music/finetunes/{taught['finetune_id']}")
    clip = client.post("/music/clips", files={"file": ("verse.wav", recording())}).json()
    calls["ClipRecord"] = ("GET", f"/music/clips/{clip['clip_id']}")
    for schema, (method, path) in calls.items():
        answer = client.request(method, path, json={"prompt": "piano"} if method == "POST" else None)

        assert set(answer.json()) == set(SCHEMAS[schema]["properties"]), schema


def test_what_is_asked_for_in_the_document_is_what_is_checked():
    fields = SCHEMAS["GenerateRequest"]["properties"]

    assert (fields["prompt"]["minLength"], fields["prompt"]["maxLength"]) == (1, 500)
    duration, null = fields["duration"]["anyOf"]
    assert (duration["type"], duration["minimum"], duration["maximum"], null) == ("integer", 5, 300, {"type": "null"})
    assert fields["duration"]["default"] == 30
    assert SCHEMAS["GenerateRequest"]["required"] == ["prompt"]


def test_every_route_is_in_the_document():
    document = create_app(Settings(auth="keys", webhooks=True)).openapi()
    hidden = {"/docs", "/redoc", "/studio", "/studio/{path}"}
    paths = {route.path_format for router in every_router() for route in router.routes if isinstance(route, APIRoute)}

    assert paths - hidden == set(document["paths"])


def every_router():
    """Every router of every module there is, whether it was wired or not."""
    modules = [importlib.import_module(f"app.routers.{found.name}") for found in pkgutil.iter_modules(package.__path__)]
    return [each for module in modules for each in vars(module).values() if isinstance(each, APIRouter)]


# -- the pages ----------------------------------------------------------------------------------------------------


class Links(HTMLParser):
    """Addresses that a page loads."""

    def __init__(self, page):
        super().__init__()
        self.found = []
        self.feed(page)

    def handle_starttag(self, tag, attributes):
        self.found += [value for name, value in attributes if name in ("src", "href", "spec-url")]


@pytest.mark.parametrize("root", ["", "/api"])
@pytest.mark.parametrize("path", ["/docs", "/redoc"])
def test_a_page_loads_nothing_from_elsewhere(app, root, path):
    from fastapi.testclient import TestClient

    client = TestClient(app, root_path=root)
    page = client.get(root + path)

    assert page.status_code == 200
    assert "Music AI Generator Backend" in page.text
    assert "//" not in re.sub(r"<!--.*?-->|// .*", "", page.text)
    links = Links(page.text).found
    assert len(links) >= 2
    for link in links:
        assert link.startswith(f"{root}/")
        asset = client.get(link)
        assert asset.status_code == 200
        assert len(asset.content) > 1_000


@pytest.mark.parametrize("path", ["/docs", "/redoc"])
def test_the_browser_is_told_to_load_nothing_from_elsewhere(client, path):
    policy = client.get(path).headers["content-security-policy"]

    assert "default-src 'self'" in policy
    assert not re.search(r"https?:|\*", policy)


def test_the_document_is_where_the_pages_look_for_it(client):
    assert client.get("/openapi.json").json() == DOCUMENT


@pytest.mark.parametrize("path", ["/docs-assets/../main.py", "/docs-assets/%2e%2e/core.py", "/docs-assets/nothing.js"])
def test_beside_the_assets_nothing_is_served(client, path):
    answer = client.get(path)

    assert answer.status_code == 404
    assert isinstance(answer.json()["detail"], str)
