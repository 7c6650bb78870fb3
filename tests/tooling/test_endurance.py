"""What the long measurements say of what they saw: the figures' beginnings and ends, the picture, the page."""

import re
from dataclasses import replace
from xml.etree import ElementTree as ET

import pytest

pytest.importorskip("psutil", reason="psutil (requirements/dev.txt) watches the processes")

from benchmarks.endurance.__main__ import PAGE, overload_rows, soak_rows, write_docs
from benchmarks.endurance.overload import Overloaded
from benchmarks.endurance.plotting import PANELS, picture
from benchmarks.endurance.soak import Look, Soaked

LOOK = Look(
    at_s=5.0, server_mb=100.0, workers_mb=400.0, handles=40, threads=20, database_mb=4.0, audio_mb=1.0,
    status_p99_ms=10.0, load=2.0,
)  # fmt: skip


@pytest.fixture
def soaked():
    """Ten minutes in which the server's memory grows by a megabyte each five seconds."""
    looks = [replace(LOOK, at_s=5.0 * n, server_mb=100.0 + n, status_p99_ms=None if n % 7 == 0 else 10.0)
             for n in range(1, 121)]  # fmt: skip
    return Soaked(minutes=10, clients=6, looks=looks, status_s=[0.01] * 99 + [0.5], left="0 tracks, 0 files, 0 drafts")


def test_what_grows_is_seen_to_grow_and_the_warm_up_does_not_count(soaked):
    first, last = soaked.edges("server_mb")
    rows = {row.what: row for row in soak_rows(soaked)}

    assert (first, last) == (133.0, 211.0)
    assert rows["Memory of the server, MB"].beside == "+59 %"
    assert rows["Memory of the workers, MB"].beside == "+0 %"
    assert "p99 500.0 ms of 100" in rows["Status, all of them"].measured


def test_the_picture_has_a_curve_for_each_figure_within_its_panel(soaked):
    drawn = ET.fromstring(picture(soaked.looks))  # noqa: S314 - our own
    curves = [element for element in drawn if element.tag.endswith("polyline")]
    panels = [element for element in drawn if element.tag.endswith("rect") and element.get("fill") == "none"]

    assert len(curves) == len(panels) == len(PANELS)
    for curve, panel in zip(curves, panels, strict=True):
        points = [tuple(map(float, point.split(","))) for point in curve.get("points").split()]
        left, top, width, height = (float(panel.get(name)) for name in ("x", "y", "width", "height"))
        assert len(points) > 100
        assert all(left <= x <= left + width and top <= y <= top + height for x, y in points)
    assert (
        curves[0].get("points").split()[-1].endswith(f",{float(panels[0].get('y')):.1f}")
    )  # the highest is at the top


def test_a_track_that_was_accepted_and_never_ended_shows(soaked):
    seen = Overloaded(capacity=2.0, asked_per_s=20.0)
    seen.statuses.update({200: 3, 503: 9})
    seen.ends.update({"completed": 2, "processing": 1})

    rows = {row.what: row.measured for row in overload_rows(seen)}

    assert rows["Accepted, and completed of these"] == "3, 2"


def test_a_table_goes_between_its_marks_and_nowhere_else(tmp_path):
    page = tmp_path / "page.md"
    page.write_text(PAGE.read_text(encoding="utf-8"), encoding="utf-8")

    write_docs(page, "overload", "| a |\n\n")
    write_docs(page, "overload", "| b |\n\n")

    def without_table(text):
        return re.sub(r"(<!-- overload:start -->\n).*?(<!-- overload:end -->)", r"\1\2", text, flags=re.DOTALL)

    text = page.read_text(encoding="utf-8")
    assert "<!-- overload:start -->\n| b |\n<!-- overload:end -->" in text
    assert "| a |" not in text
    assert without_table(text) == without_table(PAGE.read_text(encoding="utf-8"))
