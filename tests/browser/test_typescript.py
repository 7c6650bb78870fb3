"""The OpenAPI document in the hands of others: a linter, a generator of types, a compiler, and what they made of it."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

pytestmark = pytest.mark.skipif(not shutil.which("npm"), reason="npm installs the tools of the TypeScript example")


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    folder = tmp_path_factory.mktemp("typescript")
    shutil.copytree(ROOT / "examples" / "typescript", folder, dirs_exist_ok=True)
    installed = run(["npm", "install", "--no-audit", "--no-fund"], folder)
    if installed.returncode:
        pytest.skip(f"npm cannot install the tools here: {installed.stderr[-300:]}")
    return folder


def run(command, folder, **environment):
    quiet = {"REDOCLY_TELEMETRY": "off", "REDOCLY_SUPPRESS_UPDATE_NOTICE": "true"}
    return subprocess.run(
        command, cwd=folder, env={**os.environ, **quiet, **environment}, capture_output=True, text=True, timeout=300
    )


def done(command, folder, **environment):
    ended = run(command, folder, **environment)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    return ended.stdout


@pytest.fixture
def document(project, server):
    (project / "openapi.json").write_text(server.client.get("/openapi.json").text, encoding="utf-8")
    return project / "openapi.json"


def test_the_document_passes_the_linter(project, document):
    done(["npx", "redocly", "lint", document.name, "--config", "redocly.yaml", "--max-problems", "20"], project)


def test_the_typed_client_compiles_and_makes_a_track(project, server):
    done(["npm", "run", "types"], project, MUSIC_URL=server.url)
    done(["npm", "run", "build"], project)

    address = done(["node", "built/client.js", "calm piano", "5", server.url], project).strip()

    assert server.client.get(address).content.startswith(b"ID3")


def test_what_the_document_does_not_know_does_not_compile(project, server):
    done(["npm", "run", "types"], project, MUSIC_URL=server.url)
    source = project / "client.ts"
    text = source.read_text(encoding="utf-8")
    source.write_text(text.replace("status.download_url", "status.no_such_field"), encoding="utf-8")
    try:
        assert "no_such_field" in run(["npm", "run", "build"], project).stdout
    finally:
        source.write_text(text, encoding="utf-8")
