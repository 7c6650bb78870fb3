"""What the README says is so: its tables are the code's, its commands exist."""

import re
import subprocess
import sys
from pathlib import Path
from typing import get_args

import pytest

import run_tests
from app.config import Settings
from app.main import create_app
from app.models.track import FORMS
from app.services.engines import CATALOGUE
from app.services.engines.readiness import State
from app.services.planning import genres, moods

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def cells(heading, page=README):
    """The rows of the table that begins with a heading cell, each a tuple of its cells."""
    rows = []
    lines = page.splitlines()
    begin = next(i for i, line in enumerate(lines) if line.startswith(f"| {heading} "))
    for line in lines[begin + 2 :]:
        if not line.startswith("|"):
            break
        rows.append(tuple(cell.strip() for cell in line.strip("|").split("|")))
    return rows


def names(heading):
    return [row[0].strip("`") for row in cells(heading)]


def settings_table():
    """The table of settings, from the code."""
    rows = [
        f"| `MUSIC_{name.upper()}` | {default_of(field)} | {field.description}{choices_of(field)} |"
        for name, field in Settings.model_fields.items()
    ]
    return "\n".join(["| variable | default | what it sets |", "|---|---|---|", *rows])


def default_of(field):
    if field.default_factory or field.default in (None, ""):
        return ""
    return f"`{field.default:g}`" if isinstance(field.default, float) else f"`{field.default}`"


def choices_of(field):
    return "".join(f" `{choice}`" for choice in get_args(field.annotation) if isinstance(choice, str))


def test_the_settings_are_those_of_the_code():
    shown = re.search(r"<!-- settings:start -->\n(.*?)\n<!-- settings:end -->", README, re.DOTALL)

    assert shown is not None
    assert shown[1] == settings_table()


def test_the_files_are_those_that_a_track_offers():
    assert names("file") == list(FORMS)


def test_the_models_are_those_of_the_catalogue():
    assert names("model") == list(CATALOGUE)


def test_the_guide_to_models_agrees_with_the_catalogue():
    guide = (ROOT / "docs" / "guides" / "models.md").read_text(encoding="utf-8")
    rows = {row[0].strip("`"): row[1:] for row in cells("model", guide)}

    assert list(rows) == list(CATALOGUE)
    for row in CATALOGUE.values():
        engine, packages, weights, _licence, gpu = rows[row.name]
        size = 0 if row.weights is None else row.weights.size_bytes / 1e9
        assert engine == f"`{row.engine}`"
        assert packages == (f"`install {row.engine}`" if row.packages else "none")
        assert weights == (f"{size:.1f} GB" if size else "none")
        assert gpu == ("yes" if row.capabilities.wants_gpu else "no")


def test_the_guide_to_models_knows_every_state():
    guide = (ROOT / "docs" / "guides" / "models.md").read_text(encoding="utf-8")

    assert [row[0].strip("`") for row in cells("`state`", guide)] == list(get_args(State))


def test_the_calls_are_those_of_the_service():
    offered = {
        f"{method.upper()} {path}"
        for path, operations in create_app(Settings()).openapi()["paths"].items()
        for method in operations
        if method != "head"
    }

    assert set(names("call")) == offered


def test_the_fields_are_those_of_the_request():
    schema = create_app(Settings()).openapi()["components"]["schemas"]["GenerateRequest"]

    assert names("field of `POST /music/generate`") == list(schema["properties"])


@pytest.mark.parametrize(("title", "offered"), [("Genres", genres()), ("Moods", moods())])
def test_the_words_to_ask_for_are_those_offered(title, offered):
    listed = re.search(rf"\*\*{title}:\*\* (.+?)\.\n", README, re.DOTALL)

    assert listed is not None
    words = re.split(r",\s+", listed[1])
    assert len(words) > 10
    assert words == list(offered[: len(words)])


def test_every_check_that_the_readme_names_exists():
    lines = re.findall(r"run_tests(?:\.py|\.bat) ((?:[a-z]+ ?)+)", README)
    named = {name for line in lines for name in line.split() if name not in ("does", "unit")}

    assert named
    assert named <= set(run_tests.CHECKS)


@pytest.mark.parametrize("command", ["serve", "make", "install"])
def test_every_option_that_the_readme_names_exists(command):
    shown = subprocess.run(
        [sys.executable, "-m", "app.cli", command, "--help"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout
    lines = re.findall(rf"run\.py {command} ([^`\n]*)", README)
    options = {option for line in lines for option in re.findall(r"--[a-z-]+", line)}

    assert options
    assert all(option in shown for option in options)


@pytest.mark.parametrize(
    "page", sorted([ROOT / "README.md", *(ROOT / "docs").rglob("*.md")]), ids=lambda page: page.name
)
def test_every_link_inside_the_project_leads_somewhere(page):
    targets = re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", page.read_text(encoding="utf-8"))
    broken = [target for target in targets if "://" not in target and not (page.parent / target).exists()]

    assert broken == []


def test_every_path_of_the_layout_exists():
    layout = re.search(r"```text\n(.*?)```", README, re.DOTALL)
    assert layout is not None
    stack = []
    missing = []
    for line in layout[1].splitlines():
        bare = line.lstrip("│├└─ ")
        depth = (len(line) - len(bare)) // 4
        for name in bare.split("  ")[0].split(", "):
            stack[depth:] = [name]
            path = ROOT.joinpath(*stack)
            if not path.exists():
                missing.append(str(path.relative_to(ROOT)))

    assert missing == []


def test_the_creator_is_credited():
    for word in ("**Created by:** Sergie Code", "youtube.com/@SergieCode", "github.com/sergiecode"):
        assert word in README


def test_the_readme_is_honest_about_its_engine_and_its_platforms():
    assert "not a neural model" in README
    assert "**not tested by us**" in README
    assert "GPL-2" in README


def test_a_benchmark_can_be_written_into_the_readme(tmp_path):
    pytest.importorskip("psutil", reason="psutil (requirements/dev.txt) measures memory")
    from benchmarks.__main__ import Row, table, write_readme

    page = tmp_path / "README.md"
    page.write_text("before\n<!-- benchmark:start -->\nold\n<!-- benchmark:end -->\nafter\n", encoding="utf-8")

    write_readme(page, table([Row(what="Start", measured="1.00 s", beside="at most 3 s")]))

    text = page.read_text(encoding="utf-8")
    assert "| Start | 1.00 s | at most 3 s |" in text
    assert "old" not in text
    assert text.startswith("before\n<!-- benchmark:start -->\n")
    assert text.endswith("<!-- benchmark:end -->\nafter\n")
