"""What was measured, for people and for programs: Markdown table, list of faults, JSON."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from benchmarks.__main__ import machine
from benchmarks.quality.goals import Row, twin_pairs
from benchmarks.quality.judging import Judged

#: The page that holds the table of a real run, between two markers.
PAGE = Path(__file__).resolve().parents[2] / "docs" / "quality.md"
_MARKERS = re.compile(r"(<!-- quality:start -->\n).*?(<!-- quality:end -->)", re.DOTALL)

#: Prompts named in a row of the table; the others are counted.
_NAMED = 6

_MARKS = {True: "yes", False: "**no**", None: "–"}


def table(rows: Sequence[Row]) -> str:
    """The rows as Markdown."""
    lines = [f"| {row.what} | {row.goal} | {row.measured} | {_MARKS[row.ok]} | {_named(row.below)} |" for row in rows]
    return "\n".join(["| what | goal | measured | reached | not right |", "|---|---|---|---|---|", *lines, ""])


def _named(below: Sequence[str]) -> str:
    more = f" and {len(below) - _NAMED} more" if len(below) > _NAMED else ""
    return ", ".join(below[:_NAMED]) + more


def faults(judged: Sequence[Judged]) -> str:
    """Every prompt with something wrong, and what."""
    lines = []
    for one in judged:
        if one.faults:
            lines.append(f"{one.prompt.id} ({one.figures['style']}): “{one.prompt.text}”")
            lines += [f"  - {fault}" for fault in one.faults]
    return "\n".join(lines)


def record(rows: Sequence[Row], judged: Sequence[Judged]) -> dict[str, Any]:
    """Everything, for programs: each row, each prompt with its figures, and the pairs of tracks that are most alike."""
    return {
        "rows": [asdict(row) for row in rows],
        "prompts": [_track(one) for one in judged],
        "most_alike": [
            {"likeness": round(alike, 3), "tracks": [one, other]} for alike, one, other in twin_pairs(judged)[:20]
        ],
    }


def _track(one: Judged) -> Mapping[str, Any]:
    return {
        "prompt": one.prompt.model_dump(mode="json", exclude_none=True),
        "asked": dict(one.asked),
        "technical": dict(one.technical),
        "figures": dict(one.figures),
        "faults": list(one.faults),
    }


def write_page(page: Path, rows: Sequence[Row], judged: Sequence[Judged]) -> None:
    """Put the table between the page's markers. ValueError where it has none."""
    whole = page.read_text(encoding="utf-8")
    if not _MARKERS.search(whole):
        raise ValueError(f"{page.name} has no quality markers")
    seconds = sum(one.prompt.duration_s for one in judged)
    text = f"{table(rows)}\n{len(judged)} prompts, {seconds / 60:.0f} minutes of music. {machine()}\n"
    page.write_text(_MARKERS.sub(lambda found: found[1] + text + found[2], whole), encoding="utf-8")
