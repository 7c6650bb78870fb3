"""What the service is made of: licences, rules, ids; and the table of threats names tests that exist."""

import re
import subprocess
import sys
from importlib import metadata
from pathlib import Path

import pytest
import tomli
from packaging.requirements import Requirement

from app.utils.chance import random_token

pytestmark = pytest.mark.security

ROOT = Path(__file__).resolve().parents[2]

#: Words in a licence that let everybody use, change and ship; LGPL wheels are used as they come.
ALLOWED = re.compile(
    r"\b(MIT|BSD|0BSD|Apache|ISC|PSF|PSFL|Python Software Foundation|MPL|Mozilla|Unlicense|Zlib|HPND|CC0|LGPL|"
    r"Lesser General Public|public domain)\b",
    re.IGNORECASE,
)
BINDING = re.compile(r"(?<!L)\bA?GPL|(?<!Lesser )\bGeneral Public License|Affero", re.IGNORECASE)


def wanted(path="requirements.txt"):
    lines = (ROOT / path).read_text(encoding="utf-8").splitlines()
    return [Requirement(line.partition("  #")[0]) for line in lines if line.strip() and line[0] not in "#-"]


def installed():
    """Every distribution that requirements.txt brings here, by name."""
    found, left = {}, [(one, frozenset()) for one in wanted()]
    while left:
        requirement, extras = left.pop()
        if requirement.marker is not None:
            cases = [{"extra": extra} for extra in extras] or [{"extra": ""}]
            if not any(requirement.marker.evaluate(case) for case in cases):
                continue
        name = re.sub(r"[-_.]+", "-", requirement.name).lower()
        if name in found:
            continue
        found[name] = metadata.distribution(name)
        left += [(Requirement(text), frozenset(requirement.extras)) for text in found[name].requires or ()]
    return found


def licence_of(distribution):
    known = distribution.metadata
    said = [known.get("License-Expression") or "", (known.get("License") or "").splitlines()[:1]]
    said += [entry for entry in known.get_all("Classifier") or () if entry.startswith("License ::")]
    return " ".join(part if isinstance(part, str) else " ".join(part) for part in said).strip()


def test_every_licence_is_one_that_is_allowed():
    licences = {name: licence_of(distribution) for name, distribution in installed().items()}

    assert len(licences) > 30
    assert {name: said for name, said in licences.items() if not ALLOWED.search(said)} == {}
    assert {name: said for name, said in licences.items() if BINDING.search(said)} == {}


def test_a_binding_licence_would_be_seen():
    assert BINDING.search("License :: OSI Approved :: GNU General Public License v3 (GPLv3)")
    assert BINDING.search("AGPL-3.0-only")
    assert not BINDING.search("LGPL-3.0-only")


def test_every_dependency_has_a_range():
    assert [str(one) for one in wanted() if not one.specifier] == []


def test_the_security_rules_are_on():
    ruff = tomli.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["ruff"]["lint"]

    assert "S" in ruff["select"]
    assert [rule for rule in ruff["ignore"] if rule.startswith("S")] == []


def test_ids_have_at_least_sixty_bits():
    tokens = {random_token() for _ in range(20_000)}

    assert len(tokens) == 20_000
    assert all(re.fullmatch(r"[0-9a-f]{16}", token) for token in tokens)
    for place in range(16):
        assert len({token[place] for token in tokens}) == 16


def threats():
    page = (ROOT / "docs" / "security.md").read_text(encoding="utf-8")
    return re.findall(r"`(tests/[a-z_/]+\.py)(?:::(test_\w+))?`", page)


@pytest.mark.parametrize(("path", "name"), threats())
def test_every_test_that_the_table_of_threats_names_exists(path, name):
    text = (ROOT / path).read_text(encoding="utf-8")

    assert name
    assert re.search(rf"^(async )?def {name}\(", text, re.MULTILINE) or f"{name} = " in text


def test_the_table_names_many():
    assert len(threats()) >= 30


def test_the_check_runs_every_test_that_the_table_names():
    files = sorted({path for path, _ in threats()})
    found = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "--collect-only", "-p", "no:cacheprovider", "-m", "security", *files],
        cwd=ROOT, capture_output=True, text=True,
    )  # fmt: skip

    assert found.returncode == 0, found.stdout
    run = set(re.findall(r"^(tests/[\w/]+\.py)::(test_\w+)", found.stdout, re.MULTILINE))
    assert [test for test in threats() if test not in run] == []
