"""The dashboard asks for figures that are told."""

import json
import re
from pathlib import Path

from app.services.metering import PrometheusTally

ROOT = Path(__file__).resolve().parents[2]
DASHBOARD = json.loads((ROOT / "docs" / "dashboards" / "music.json").read_text(encoding="utf-8"))
#: Where figures get their names.
SOURCES = [ROOT / "app" / "services" / "watching.py", *(ROOT / "app" / "services" / "metering").glob("*.py")]


def asked():
    queries = [target["expr"] for panel in DASHBOARD["panels"] for target in panel["targets"]]
    return {name for query in queries for name in re.findall(r"music_\w+", query)}


def told():
    """Names of all figures, with the endings that Prometheus gives to those of their kind."""
    names = set()
    for kind, name in re.findall(
        r'\b(Counter|Histogram|HistogramMetricFamily|Gauge)\(\s*"(music_\w+)"',
        "".join(path.read_text(encoding="utf-8") for path in SOURCES),
    ):
        endings = {"Counter": ["_total"], "Gauge": [""]}.get(kind, ["_bucket", "_sum", "_count"])
        names |= {name + ending for ending in endings}
    return names


def test_every_figure_that_the_dashboard_shows_is_told():
    assert asked()
    assert asked() <= told()


def test_the_names_are_those_of_the_counters_themselves():
    families = {family.name for family in PrometheusTally().families()}

    assert families
    assert all(any(name.startswith(family) for name in told()) for family in families)


def test_the_panels_lie_side_by_side():
    places = [tuple(panel["gridPos"].values()) for panel in DASHBOARD["panels"]]

    assert len(set(places)) == len(places)
    assert len({panel["id"] for panel in DASHBOARD["panels"]}) == len(places)
