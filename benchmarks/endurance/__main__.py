"""Measures what time and too many requests do to the service: `python -m benchmarks.endurance soak|overload`."""

import argparse
import os
import re
import sys
from collections.abc import Iterator
from pathlib import Path

from benchmarks.__main__ import Row, table
from benchmarks.endurance.overload import QUEUE, TIMES, Overloaded, overload
from benchmarks.endurance.plotting import PANELS, picture
from benchmarks.endurance.soak import Soaked, soak
from benchmarks.servers import ROOT

#: The page that `--write-docs` writes into, and the picture beside it.
PAGE, PICTURE = ROOT / "docs" / "endurance.md", ROOT / "docs" / "images" / "soak.svg"


def main() -> None:
    """Measure, and print a Markdown table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.endurance", description=__doc__)
    parser.add_argument("what", choices=["soak", "overload"])
    parser.add_argument("--minutes", type=float, default=30.0, help="of soak (default: %(default)s)")
    parser.add_argument("--clients", type=int, default=6, help="of soak (default: %(default)s)")
    parser.add_argument("--seconds", type=float, default=60.0, help="of overload (default: %(default)s)")
    parser.add_argument("--picture", type=Path, help="where the curves of soak go, as SVG")
    parser.add_argument("--write-docs", action="store_true", help=f"put the table into {PAGE.relative_to(ROOT)}")
    options = parser.parse_args()
    if options.what == "soak":
        soaked = soak(minutes=options.minutes, clients=options.clients)
        rows = list(soak_rows(soaked))
        into = options.picture or (PICTURE if options.write_docs else None)
        if into is not None:
            into.write_text(picture(soaked.looks), encoding="utf-8")
        problems = soaked.problems
    else:
        overloaded = overload(seconds=options.seconds)
        rows, problems = list(overload_rows(overloaded)), overloaded.problems
    text = table(rows)
    print(text)
    if options.write_docs:
        write_docs(PAGE, options.what, text)
    for problem in problems[:20]:
        print(problem, file=sys.stderr)
    sys.exit(1 if problems else 0)


def soak_rows(soaked: Soaked) -> Iterator[Row]:
    """What stayed as it was, and what did not."""
    yield Row(
        what=f"{soaked.clients} clients, {soaked.minutes:g} minutes",
        measured=", ".join(f"{name} {count}" for name, count in sorted(soaked.asked.items())),
        beside=f"{len(soaked.problems)} problems; load {soaked.edges('load')[1]:.1f} on {os.cpu_count()} cores",
    )
    for name, title, _ in PANELS:
        first, last = soaked.edges(name)
        change = f"{100 * (last / first - 1):+.0f} %" if first else "–"
        yield Row(what=title, measured=f"{first:.1f} → {last:.1f}", beside=change)
    took_s = sorted(soaked.status_s)
    if took_s:
        yield Row(what="Status, all of them", measured=_spread(took_s), beside="")
    yield Row(what="Left once every track was removed", measured=soaked.left, beside="nothing")


def overload_rows(seen: Overloaded) -> Iterator[Row]:
    """What became of the accepted and of the refused."""
    yield Row(
        what=f"Asked for, against what one worker makes, {QUEUE} may wait",
        measured=f"{seen.asked_per_s:.1f} a second against {seen.capacity:.1f}",
        beside=f"{TIMES} times as many; load {_load()} on {os.cpu_count()} cores",
    )
    yield Row(
        what="Accepted, and completed of these",
        measured=f"{seen.statuses[200]}, {seen.ends['completed']}",
        beside="all",
    )
    yield Row(what="Accepting took", measured=_spread(sorted(seen.accepted_s)))
    yield Row(
        what=f"Refused: {seen.statuses[503]}; it took", measured=_spread(sorted(seen.refused_s)), beside="at once"
    )
    yield Row(what="Status meanwhile", measured=_spread(sorted(seen.status_s)), beside="p99 at most 100 ms")


def write_docs(page: Path, what: str, text: str) -> None:
    """Put a table between its marks."""
    marks = re.compile(rf"(<!-- {what}:start -->\n).*?(<!-- {what}:end -->)", re.DOTALL)
    page.write_text(
        marks.sub(lambda found: found[1] + text.rstrip() + "\n" + found[2], page.read_text(encoding="utf-8")),
        encoding="utf-8",
    )


def _spread(ordered_s: list[float]) -> str:
    if not ordered_s:
        return "none"
    p50, p99 = (1000 * ordered_s[int(share * len(ordered_s))] for share in (0.5, 0.99))
    return f"p50 {p50:.1f} ms, p99 {p99:.1f} ms of {len(ordered_s)}"


def _load() -> str:
    return f"{os.getloadavg()[0]:.1f}" if hasattr(os, "getloadavg") else "unknown"


if __name__ == "__main__":
    main()
