"""What the pages under docs name is there: commands, checks, benchmarks, tests, settings, messages."""

import importlib.util
import re
import shlex

import pytest

import run_tests
from app.cli import make_parser
from app.config import Settings
from tests.tooling.test_readme import ROOT, cells

PAGES = sorted([ROOT / "README.md", ROOT / "SECURITY.md", *(ROOT / "docs").rglob("*.md")])
OPERATING = (ROOT / "docs" / "operating.md").read_text(encoding="utf-8")


def said(pattern):
    """What a pattern finds in all pages: (page, what)."""
    found = [
        (page.relative_to(ROOT).as_posix(), " ".join(hit.split()))
        for page in PAGES
        for hit in re.findall(pattern, page.read_text(encoding="utf-8"))
    ]
    return sorted(set(found))


def code():
    """All text of the program, strings that go on over lines put together."""
    texts = [path.read_text(encoding="utf-8") for path in sorted((ROOT / "app").rglob("*.py"))]
    return re.sub(r'["\')]\s*\n\s*f?["\']', "", "\n".join(texts))


@pytest.mark.parametrize(("page", "command"), said(r"python3? run\.py ([a-z][^`\n#|\\]*)"))
def test_every_command_is_one_that_the_program_takes(page, command):
    words = shlex.split(command)
    if "--help" in words:
        words.remove("--help")
        words.append("words")

    make_parser().parse_args(words)


@pytest.mark.parametrize(("page", "name"), said(r"python3? run_tests\.py ([a-z-]+)"))
def test_every_check_is_there(page, name):
    assert name in run_tests.CHECKS


@pytest.mark.parametrize(("page", "module"), said(r"python3? -m (benchmarks[a-z._]*)"))
def test_every_benchmark_is_there(page, module):
    assert importlib.util.find_spec(module) is not None


@pytest.mark.parametrize(("page", "test"), said(r"`(tests/[a-z0-9_/]+\.py(?:::test_\w+)?)`"))
def test_every_test_is_there(page, test):
    path, _, name = test.partition("::")
    text = (ROOT / path).read_text(encoding="utf-8")

    assert not name or re.search(rf"^(async )?def {name}\(", text, re.MULTILINE) or f"{name} = " in text


def test_every_setting_is_there():
    known = {f"MUSIC_{name.upper()}" for name in Settings.model_fields}
    known |= {"MUSIC_DRAIN_S"}  # another name of MUSIC_DRAIN
    known |= set(re.findall(r"MUSIC_[A-Z_]+", (ROOT / "compose.yaml").read_text(encoding="utf-8")))
    named = said(r"\bMUSIC_[A-Z][A-Z_]*[A-Z]\b")

    assert len(named) > 50
    assert [(page, name) for page, name in named if name not in known] == []


def test_every_message_that_operators_may_read_is_one_of_the_programs():
    """But for PostgreSQL's own, which `tests/distributed/test_moving.py` meets."""
    program = code()
    messages = [message for row in cells("message", OPERATING) for message in re.findall(r"`([^`]+)`", row[0])]

    assert len(messages) > 8
    assert [message for message in messages if not re.search(pattern(message), program)] == ["permission denied"]


def pattern(message):
    """Finds a message in the program's text, where one of several words may be filled in."""
    words = [re.escape(word) for word in message.split()]
    filled = [[*words[:at], r"\{[^}]*\}[,.]?", *words[at + 1 :]] for at in range(len(words)) if len(words) > 2]
    return "|".join(r"\s".join(some) for some in [words, *filled])
