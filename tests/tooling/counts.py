"""A plugin for pytest that counts results by category: `-p tests.tooling.counts --counts=counts.json`."""

import json
from collections import Counter, defaultdict
from pathlib import Path

#: Markers that make a category, the first that fits.
MARKERS = ("performance", "security", "integration")


def pytest_addoption(parser):
    parser.addoption("--counts", type=Path, help="JSON file to write: category to outcome to number of tests")


def pytest_configure(config):
    if config.getoption("--counts") and not hasattr(
        config, "workerinput"
    ):  # xdist's workers report to the first process
        config.pluginmanager.register(Counts(config.getoption("--counts")))


class Counts:
    """Counts each test once, by its outcome."""

    def __init__(self, path):
        self.path = path
        self.counts = defaultdict(Counter)

    def pytest_runtest_logreport(self, report):
        if report.when == "call" or report.outcome != "passed":
            self.counts[category(report)][report.outcome] += 1

    def pytest_sessionfinish(self):
        self.path.write_text(json.dumps(self.counts), encoding="utf-8")


def category(report):
    """The category of a test's report."""
    marked = next((marker for marker in MARKERS if marker in report.keywords), None)
    return marked or ("doctest" if report.nodeid.startswith("app/") else "unit")
