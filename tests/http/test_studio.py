"""The studio's page as it is served: whole, small, closed to other hosts, and in two languages."""

import gzip
import json
import re

import pytest

from app.routers.studio import FOLDER, assets

#: All files together, as they go over the wire.
MOST_BYTES = 150_000

MODULES = sorted(path.relative_to(FOLDER).as_posix() for path in FOLDER.rglob("*.js"))
ENGLISH, SPANISH = "js/words/en.js", "js/words/es.js"


def text_of(name):
    return (FOLDER / name).read_text(encoding="utf-8")


def keys_of(name):
    """Texts of a language by key, the musical words left out."""
    told = text_of(name).partition("$words")[0]
    return dict(re.findall(r'"([\w.]+)": "((?:[^"\\]|\\.)*)"', told))


def test_the_page_and_all_that_it_names_are_there(client):
    page = client.get("/studio")

    assert page.status_code == 200
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    named = re.findall(r'(?:href|src)="(studio/[^"]+)"', page.text)
    assert len(named) >= 5
    for path in named:
        assert client.get(f"/{path}").status_code == 200, path


@pytest.mark.parametrize("module", MODULES)
def test_every_import_leads_to_a_module(module):
    for target in re.findall(r'from "(\./[^"]+|\.\./[^"]+)"', text_of(module)):
        assert (FOLDER / module).parent.joinpath(target).resolve().is_file(), f"{module} imports {target}"


def test_no_module_is_out_of_use():
    imported = {
        (FOLDER / module).parent.joinpath(target).resolve()
        for module in MODULES
        for target in re.findall(r'(?:from|import\() ?"(\.[^"]+)"', text_of(module))
    }

    assert {FOLDER / module for module in MODULES} - imported == {FOLDER / "js/main.js"}


def test_the_page_is_closed_to_all_but_this_service(client):
    policy = client.get("/studio").headers["content-security-policy"]

    assert "default-src 'none'" in policy
    assert "script-src 'self';" in policy
    assert "unsafe" not in policy
    assert "http" not in policy


def test_nothing_of_it_names_another_host():
    for name, asset in assets().items():
        found = set(re.findall(rb"https?://[\w.-]+", asset.plain))
        assert found <= {b"http://www.w3.org"}, name  # the namespace of SVG, which nobody fetches


@pytest.mark.parametrize("module", MODULES)
def test_nothing_that_is_shown_is_read_as_html(module):
    """A prompt, a title, a model's name become text, whatever stands in them."""
    reads = r"(inner|outer)HTML|insertAdjacentHTML|setHTML|document\.write|DOMParser|createContextualFragment"

    assert re.search(reads, text_of(module)) is None


def test_everything_together_is_small():
    assert sum(len(asset.gzipped) for asset in assets().values()) < MOST_BYTES


def test_it_travels_packed_where_the_client_unpacks(client):
    packed = client.get("/studio/js/main.js", headers={"Accept-Encoding": "gzip"})
    plain = client.get("/studio/js/main.js", headers={"Accept-Encoding": "identity"})

    assert packed.headers["content-encoding"] == "gzip"
    assert "content-encoding" not in plain.headers
    assert packed.text == plain.text
    assert packed.headers["etag"] != plain.headers["etag"]
    assert packed.headers["vary"].startswith("Accept-Encoding")
    assert gzip.decompress(assets()["js/main.js"].gzipped) == plain.content


def test_an_unchanged_file_is_not_sent_again(client):
    first = client.get("/studio/css/page.css")
    again = client.get("/studio/css/page.css", headers={"If-None-Match": first.headers["etag"]})

    assert first.headers["cache-control"] == "no-cache"
    assert again.status_code == 304
    assert again.content == b""
    assert again.headers["etag"] == first.headers["etag"]


def test_a_head_request_gets_the_headers_alone(client):
    answer = client.head("/studio")

    assert answer.status_code == 200
    assert answer.content == b""


@pytest.mark.security
@pytest.mark.parametrize(
    "path",
    [
        "nothing.js",
        "../../main.py",
        "%2e%2e/%2e%2e/main.py",
        "js/../../../main.py",
        "js",
        "/etc/hosts",
        "a%00b",
        "x" * 5000,
    ],
)
def test_only_the_pages_own_files_are_served(client, path):
    assert client.get(f"/studio/{path}").status_code == 404


def test_both_languages_say_everything():
    english, spanish = keys_of(ENGLISH), keys_of(SPANISH)

    assert len(english) > 100
    assert english.keys() == spanish.keys()
    for key, text in english.items():
        assert set(re.findall(r"\{\w+\}", text)) == set(re.findall(r"\{\w+\}", spanish[key])), key


def test_every_text_asked_for_is_known_and_every_known_one_asked_for():
    told = "\n".join(text_of(name) for name in [*MODULES, "index.html"] if name not in (ENGLISH, SPANISH))
    asked = set(re.findall(r'(?:\b(?:t|label|hint|action): |\bt\(|data-t(?:-label)?=)"([a-z][\w.]*)"', told))
    known = keys_of(ENGLISH)

    assert asked - known.keys() == set()
    # Keys that are put together at run time begin with these.
    made = ("stage.", "what.", "value.", "lamp.", "trouble.", "tab.", "field.", "mix.")
    unused = {key for key in known if not key.startswith(made) and f'"{key}"' not in told and f"'{key}'" not in told}
    assert unused == set()


def test_no_text_is_joined_by_json_mistake():
    for name in (ENGLISH, SPANISH):
        for text in keys_of(name).values():
            assert json.loads(f'"{text}"').strip() == text
