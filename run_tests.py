#!/usr/bin/env python3
"""Runs the checks: `python3 run_tests.py all`. Sets up what is missing first, as run.py does.

Rule: like run.py, the standard library only, in syntax that Python 3.8 reads.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

import run

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from typing import IO

#: Installed besides requirements.txt.
REQUIREMENTS = "requirements/dev.txt"

#: The tests that take part in no other category.
UNIT = "not integration and not security and not performance and not slow"

#: Run by `quick`: one short track end to end, and what has no sound to wait for.
QUICK = ["tests/test_quick.py"]

#: Four on two cores, for tests of servers often wait; those of one file stay together, because they share servers.
#: Long files first: tests/conftest.py.
PARALLEL = ["-n", "4", "--dist", "loadfile", "--no-loadscope-reorder"]

COVERED = [*PARALLEL, "--cov"]

#: Lines are written down; `combined` judges.
FOLLOWED = ["--cov", "--cov-report=", "--cov-fail-under=0"]

#: The tests of models, and the environment that has their packages, so that the default one stays without them.
NEURAL = "tests/neural"
NEURAL_VENV = run.VENV.with_name(".venv-neural")

#: Likewise for what runs on PostgreSQL.
DISTRIBUTED_VENV = run.VENV.with_name(".venv-distributed")

#: Likewise for what drives a browser; the browser itself is the system's.
BROWSER_VENV = run.VENV.with_name(".venv-browser")
BROWSERS = ("chromium", "chromium-browser", "google-chrome-stable", "google-chrome", "msedge")

#: Likewise for what fuzzes, and for nothing but what requirements.txt brings.
FUZZ_VENV = run.VENV.with_name(".venv-fuzz")
PLAIN_VENV = run.VENV.with_name(".venv-plain")
#: What `sbom` writes.
SBOM = "sbom.json"
#: What a check could not do, in words: it is no failure, and no pass.
UNDONE: list[str] = []
#: What else its last line should tell of a check.
NOTED: list[str] = []

#: What each selection that follows lines writes down.
COVERAGE_OF = {"all": ".coverage", "neural": ".coverage-neural"}
COVERAGE_OF_DISTRIBUTED = ".coverage-distributed"

#: What only `distributed` runs; left out of `combined` where that did not run.
ON_POSTGRESQL = (
    "app/services/jobs/bench.py",
    "app/services/jobs/courier.py",
    "app/services/jobs/hand.py",
    "app/services/jobs/newsreader.py",
    "app/services/jobs/node.py",
    "app/services/jobs/recovery.py",
    "app/services/jobs/shared.py",
    "app/services/jobs/shared_finetuner.py",
    "app/services/jobs/teacher.py",
    "app/services/metering/traces.py",
    "app/services/storage/deliveries.py",
    "app/services/storage/taught.py",
    "app/services/storage/teaching.py",
)

#: Order of the rows in TEST_SUMMARY.md.
CATEGORIES = ("unit", "integration", "security", "performance", "doctest")


class Check(NamedTuple):
    """One word that run_tests.py knows."""

    #: One line for the list.
    help: str
    #: What it runs, in this order; each takes what stood after `--` and answers with an exit code.
    steps: tuple[Callable[[list[str]], int], ...]


def tool(*command: str) -> Callable[[list[str]], int]:
    """A step that runs a module of the environment."""
    return lambda _: start(command)


def tests(*arguments: str) -> Callable[[list[str]], int]:
    """A step that runs pytest; further arguments go to it."""
    return lambda extra: start(["pytest", *arguments, *extra])


def start(command: Sequence[str], *, venv: Path | None = None, **settings: str) -> int:
    """Run `python -m command` in an environment, the default one unless told, from the top folder."""
    print("$ python -m " + " ".join(command), flush=True)
    with begin(command, venv, settings) as process:
        return process.wait()


def begin(
    command: Sequence[str],
    venv: Path | None = None,
    settings: Mapping[str, str] | None = None,
    said: IO[bytes] | None = None,
) -> subprocess.Popen[bytes]:
    """As `start`, without waiting; what it says goes to `said` if that is given."""
    environment = {**os.environ, **(settings or {})}
    if sys.version_info >= (3, 12):
        environment.setdefault("COVERAGE_CORE", "sysmon")  # watches lines for half the time there
    # Many tests start processes. Each would compile the service again for those who keep the tree free of caches.
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    environment["PYTHONPYCACHEPREFIX"] = str((run.VENV if venv is None else venv) / "pycache")
    python = str(run.python_of(run.VENV if venv is None else venv))
    errors = None if said is None else subprocess.STDOUT
    return subprocess.Popen([python, "-m", *command], cwd=run.ROOT, env=environment, stdout=said, stderr=errors)


def types(_extra: list[str]) -> int:
    """Check the types, for Python 3.10 too, where the libraries' own types are those that the code is written to."""
    if sys.version_info < (3, 11):
        print("Types are checked on Python 3.11 and later: the last NumPy for 3.10 has other types of its own")
        return 0
    return start(["mypy"])


def types_and_tests(extra: list[str]) -> int:
    """Check the types in the time that tests wait; what they say comes after the tests."""
    if sys.version_info < (3, 11):
        return COVERAGE(extra) or types(extra)
    with tempfile.TemporaryFile() as said, begin(["mypy"], said=said) as checking:
        tested = COVERAGE(extra)
        checked = checking.wait()
        said.seek(0)
        print("$ python -m mypy\n" + said.read().decode(errors="replace"), end="", flush=True)
    return tested or checked


def neural(extra: list[str]) -> int:
    """Install what models need into an environment of its own, then run their tests there."""
    files = [run.REQUIREMENTS, REQUIREMENTS]
    try:
        for engine, path in run.engines().items():
            if run.has_own_environment(path):
                run.install_engine([engine])
            else:
                files.append(path.relative_to(run.ROOT).as_posix())
        run.set_up(files, venv=NEURAL_VENV)
    except run.SetupFailed as failure:
        print(f"run_tests.py: {failure}", file=sys.stderr)
        return 1
    # Each of the two processes has a core of its own.
    return start(
        ["pytest", NEURAL, "-n", "2", "--dist", "loadgroup", *FOLLOWED, *extra],
        venv=NEURAL_VENV,
        COVERAGE_FILE=COVERAGE_OF["neural"],
        OMP_NUM_THREADS="1",
    )


def distributed(extra: list[str]) -> int:
    """What needs a real PostgreSQL, in an environment of its own."""
    return on_postgresql(["-m", "distributed", *PARALLEL, *FOLLOWED, *extra])


def distributed_short(extra: list[str]) -> int:
    """Of that the most telling: nodes, recovery, a host cut off, faults of all kinds, the stores."""
    return on_postgresql(["-m", "distributed and essential", *PARALLEL, *extra])


def on_postgresql(arguments: list[str]) -> int:
    """Install what a real PostgreSQL needs into an environment of its own, then run tests there."""
    try:
        run.set_up([run.REQUIREMENTS, REQUIREMENTS, "requirements/distributed.txt"], venv=DISTRIBUTED_VENV)
    except run.SetupFailed as failure:
        print(f"run_tests.py: {failure}", file=sys.stderr)
        return 1
    return start(
        ["pytest", "tests/distributed", "tests/storage", *arguments],
        venv=DISTRIBUTED_VENV,
        COVERAGE_FILE=COVERAGE_OF_DISTRIBUTED,
    )


def browser(extra: list[str]) -> int:
    """Use the studio in a real browser as people do; what failed is tried once more, alone, and is named."""
    seen = BROWSER_VENV / "seen"
    tested = ["tests/browser", "-o", f"cache_dir={seen}", *extra]
    code = in_browser([*tested, "--cache-clear"])
    if code != 1 or extra:  # who asks for something special looks for himself
        return code
    failed = sorted(json.loads((seen / "v" / "cache" / "lastfailed").read_text(encoding="utf-8")))
    print(f"run_tests.py: once more, these alone: {', '.join(failed)}", flush=True)
    code = in_browser([*tested, "--last-failed"])
    if code == 0:
        NOTED.append(f"A SECOND RUN WAS NEEDED by {', '.join(failed)}")
    return code


def hands(extra: list[str]) -> int:
    """Touch the studio at random for ten minutes, half of them on a phone."""
    return in_browser(["tests/browser/test_promises.py", "-k", "random_hands", *extra], STUDIO_HANDS_S="300")


def in_browser(arguments: list[str], **settings: str) -> int:
    """Run tests in a browser, from an environment of their own. Where there is none that is said, and is no pass."""
    chromium = find_browser()
    if chromium is None:
        UNDONE.append(
            "the studio was not tried, for there is no Chromium here: install the package `chromium` (Debian, Ubuntu, "
            "Fedora, Arch), Google Chrome or Edge, or name its program in STUDIO_BROWSER"
        )
        return 0
    try:
        run.set_up([run.REQUIREMENTS, "requirements/browser.txt"], venv=BROWSER_VENV)
    except run.SetupFailed as failure:
        print(f"run_tests.py: {failure}", file=sys.stderr)
        return 1
    return start(["pytest", *arguments], venv=BROWSER_VENV, STUDIO_BROWSER=chromium, **settings)


def find_browser() -> str | None:
    """Path of a Chromium: the one named by STUDIO_BROWSER, else the system's; root on a Debian gets one installed."""
    found = os.environ.get("STUDIO_BROWSER") or next(filter(None, map(shutil.which, BROWSERS)), None)
    if found is None and shutil.which("apt-get") and getattr(os, "geteuid", lambda: 1)() == 0:
        for command in (["apt-get", "update"], ["apt-get", "install", "-y", "--no-install-recommends", "chromium"]):
            print("$ " + " ".join(command), flush=True)
            subprocess.run(command, env={**os.environ, "DEBIAN_FRONTEND": "noninteractive"}, check=False)
        found = shutil.which("chromium")
    return found


def drawn(extra: list[str]) -> int:
    """Take longer over what is drawn by chance, a quarter of an hour; each test is named once it is through."""
    tested = [
        "tests/security/test_document.py",
        "tests/security/test_document_with_keys.py",
        "tests/security/test_lifecycle.py",
        "tests/durability/test_any_point.py",
    ]
    longer = {"SECURITY_CASES": "50000", "SECURITY_ORDERS": "100", "DURABILITY_KILLS": "100"}
    return start(["pytest", *tested, "-v", "-n", "2", "--dist", "loadfile", *extra], venv=None, **longer)


def fuzz(_extra: list[str]) -> int:
    """Give our own parsers anything, by the lines that are reached where there is a wheel of atheris."""
    try:
        run.set_up([run.REQUIREMENTS, REQUIREMENTS, "requirements/fuzz.txt"], venv=FUZZ_VENV)
    except run.SetupFailed as failure:
        print(f"run_tests.py: {failure}", file=sys.stderr)
        return 1
    return start(["tests.fuzz"], venv=FUZZ_VENV)


def sbom(_extra: list[str]) -> int:
    """Write down what requirements.txt brings, as CycloneDX has it, from an environment that has nothing else."""
    try:
        run.set_up([run.REQUIREMENTS], venv=PLAIN_VENV)
    except run.SetupFailed as failure:
        print(f"run_tests.py: {failure}", file=sys.stderr)
        return 1
    asked = ["--output-reproducible", "--output-format", "JSON", "--output-file", SBOM]
    return start(["cyclonedx_py", "environment", *asked, str(run.python_of(PLAIN_VENV))])


def audit(_extra: list[str]) -> int:
    """Ask for known holes in what requirements.txt brings. Where nobody can be asked, that is said, and is no pass."""
    with tempfile.TemporaryDirectory() as folder:
        told = Path(folder, "audit.json")
        start(["pip_audit", "-r", "requirements.txt", "--progress-spinner", "off", "-f", "json", "-o", str(told)])
        code, undone = outcome_of(json.loads(told.read_text(encoding="utf-8")) if told.exists() else None)
    if undone is not None:
        UNDONE.append(undone)
    return code


def outcome_of(told: dict[str, list[dict[str, object]]] | None) -> tuple[int, str | None]:
    """Exit code of what pip-audit found, and what it could not ask for; None where it asked for everything."""
    if told is None:
        return 0, "known holes were not asked for: nobody could be asked"
    packages = told["dependencies"]
    asked = [one for one in packages if "skip_reason" not in one]
    holes = [f"{one['name']} {one['version']}" for one in asked if one["vulns"]]
    if holes:
        print(f"known holes in: {', '.join(holes)}", file=sys.stderr)
    skipped = len(packages) - len(asked)
    unknown = f"known holes were not asked for of {skipped} of {len(packages)} packages: the index does not know them"
    return (1 if holes else 0), unknown if skipped else None


def combined(_extra: list[str]) -> int:
    """The lines that all selections together ran; what needs a PostgreSQL is counted where `distributed` ran before."""
    missing = [name for name, file in COVERAGE_OF.items() if not (run.ROOT / file).exists()]
    if missing:
        print(f"run_tests.py: nothing to combine; first run: python run_tests.py {' '.join(missing)}", file=sys.stderr)
        return 1
    files, omitted = [*COVERAGE_OF.values()], ",".join(ON_POSTGRESQL)
    if (run.ROOT / COVERAGE_OF_DISTRIBUTED).exists():
        files, omitted = [*files, COVERAGE_OF_DISTRIBUTED], "nothing"
    together = "--data-file=.coverage-combined"
    return start(["coverage", "combine", "--keep", together, *files]) or start(
        ["coverage", "report", together, f"--omit={omitted}", "--show-missing", "--skip-covered"]
    )


def summary(extra: list[str]) -> int:
    """Run every test, then write down what was seen."""
    with tempfile.TemporaryDirectory() as folder:
        counts, coverage = Path(folder, "counts.json"), Path(folder, "coverage.json")
        seen = ["-p", "tests.tooling.counts", f"--counts={counts}", f"--cov-report=json:{coverage}"]
        code = start(["pytest", *COVERED, *seen, *extra])
        if not (counts.exists() and coverage.exists()):
            return code or 1
        percent = json.loads(coverage.read_text(encoding="utf-8"))["totals"]["percent_covered"]
        text = summary_text(json.loads(counts.read_text(encoding="utf-8")), percent)
    (run.ROOT / "TEST_SUMMARY.md").write_text(text, encoding="utf-8")
    return code


def summary_text(counts: dict[str, dict[str, int]], percent: float) -> str:
    """TEST_SUMMARY.md of one run, from its results by category and the line coverage in percent."""
    columns = ("passed", "failed", "skipped")
    rows = [(name, *(counts.get(name, {}).get(column, 0) for column in columns)) for name in CATEGORIES]
    rows.append(("**all**", *(sum(row[i] for row in rows) for i in (1, 2, 3))))  # type: ignore[misc]
    table = "\n".join(f"| {name} | {' | '.join(str(number) for number in numbers)} |" for name, *numbers in rows)
    selections = "\n".join(f"| `python run_tests.py {name}` | {check.help} |" for name, check in CHECKS.items())
    return f"""\
# Test summary

Written by `python run_tests.py summary` from a run of every test on Python {sys.version_info[0]}.{sys.version_info[1]}.

| category | {" | ".join(columns)} |
|---|---|---|---|
{table}

Line coverage of `app`, subprocesses counted: **{int(percent)} %**.
What is left out of it stands in `pyproject.toml`, with the reason.

A test belongs to the first category that fits: performance, security, integration, doctest, unit.

## Selections

| command | what it runs |
|---|---|
{selections}
"""


LINT = (tool("ruff", "check", "."), tool("ruff", "format", "--check", "."))
TYPES = (types,)
COVERAGE = tests(*COVERED, "--cov-report=term-missing:skip-covered")
PERFORMANCE = (tests("-m", "performance"), tool("benchmarks", "--short"))

CHECKS: dict[str, Check] = {
    "all": Check("everything: lint, types, every test with coverage", (*LINT, types_and_tests)),
    "unit": Check("tests of one part each", (tests("-m", UNIT),)),
    "integration": Check("whole journeys through the service", (tests("-m", "integration"),)),
    "coverage": Check("every test, line by line; fails under 95 %", (COVERAGE,)),
    "quick": Check("a smoke test, within ten seconds", (tests(*QUICK),)),
    "performance": Check("promises about load, then a short benchmark", PERFORMANCE),
    "security": Check("bad input, injection, what must not leak", (tests("-m", "security"),)),
    "nightly": Check(
        "50,000 cases, many orders of calls, 100 kills, ten minutes of random hands; fuzz, sbom, audit",
        (drawn, hands, fuzz, sbom, audit),
    ),
    "fuzz": Check("our own parsers on anything, a minute each; installs atheris where it can", (fuzz,)),
    "sbom": Check("what requirements.txt brings, as CycloneDX, into sbom.json", (sbom,)),
    "audit": Check("known holes in what requirements.txt brings, where somebody can be asked", (audit,)),
    "lint": Check("ruff: mistakes and layout", LINT),
    "types": Check("mypy --strict", TYPES),
    "docs": Check("README, examples and doctests", (tests("tests/tooling", "app"),)),
    "neural": Check("models, in an environment of their own; installs what they need", (neural,)),
    "distributed": Check("many machines on a real PostgreSQL; installs what it needs", (distributed,)),
    "distributed-short": Check("the most telling of these, as CI runs them", (distributed_short,)),
    "browser": Check("the studio in a real Chromium; installs what drives it", (browser,)),
    "combined": Check("the lines that `all` and `neural` ran together; fails under 95 %", (combined,)),
    "summary": Check("every test, then writes TEST_SUMMARY.md", (summary,)),
}


def usage() -> str:
    """The list of checks."""
    lines = [f"  {name:<17} {check.help}" for name, check in CHECKS.items()]
    return "\n".join(
        ["usage: python3 run_tests.py CHECK [CHECK ...] [-- arguments for pytest]", "", *lines, ""],
    )


def main(arguments: list[str]) -> int:
    """Run the checks that were named; 0 if all passed, 1 if one failed, 2 if one is unknown."""
    end = arguments.index("--") if "--" in arguments else len(arguments)
    names, extra = arguments[:end], arguments[end + 1 :]
    if names[:1] in (["-h"], ["--help"], ["help"]):
        print(usage(), end="")
        return 0
    unknown = [name for name in names if name not in CHECKS]
    if unknown or not names:
        print(f"run_tests.py: no such check: {' '.join(unknown)}" if unknown else "run_tests.py: which check?")
        print(usage(), end="")
        return 2
    try:
        run.set_up([run.REQUIREMENTS, REQUIREMENTS])
    except run.SetupFailed as failure:
        print(f"run_tests.py: {failure}", file=sys.stderr)
        return 1
    return check_all(names, extra)


def check_all(names: list[str], extra: list[str]) -> int:
    """Run every step of the checks, also after one failed; 1 if any did."""
    failed = []
    for name in names:
        begun = time.monotonic()
        UNDONE.clear()
        NOTED.clear()
        codes = [step(extra) for step in CHECKS[name].steps]
        failed += [name] if any(codes) else []
        result = "FAILED" if any(codes) else "NOT ALL OF IT DONE" if UNDONE else "passed"
        print(f"{name}: {'; '.join([result, *UNDONE, *NOTED])}, in {time.monotonic() - begun:.0f} s", flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    os.environ.setdefault("PYTHONUNBUFFERED", "1")
    sys.exit(main(sys.argv[1:]))
