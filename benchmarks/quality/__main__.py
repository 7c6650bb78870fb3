"""Makes every prompt into music and judges it: `python -m benchmarks.quality [--quick] [--table] [--out FOLDER]`."""

import argparse
import importlib.util
import json
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from benchmarks.quality.prompts import Prompt, prompts, some

#: What the detectors need, and the file that brings it.
NEEDED, BRINGS = ("librosa", "pyloudnorm", "threadpoolctl", "psutil"), "requirements/quality.txt"

#: Prompts of a quick run.
QUICK = 8


def main(arguments: Sequence[str] | None = None) -> int:
    """Make, judge, print; 1 if a goal that is held was missed, 2 if something is not installed."""
    options = _options(arguments)
    if lacking := [name for name in NEEDED if importlib.util.find_spec(name) is None]:
        print(f"{' and '.join(lacking)} missing: pip install -r {BRINGS}", file=sys.stderr)
        return 2
    from benchmarks.quality import goals, metronome, outside, reporting, running

    chosen = _chosen(options)
    with tempfile.TemporaryDirectory() as folder:
        keep = options.out or (Path(folder) / "kept" if options.tagger or options.tracker else None)
        if keep is not None:
            keep.mkdir(parents=True, exist_ok=True)
        judged = list(
            running.judged_tracks(chosen, Path(folder), keep=keep, soundfont=options.soundfont, seed=options.seed)
        )
        files = {} if keep is None else {prompt.id: keep / f"{prompt.id}.mp3" for prompt in chosen}
        tags, beats = (
            outside.ask(command, files) if command else None for command in (options.tagger, options.tracker)
        )
        bands = metronome.heard_in_bands(chosen, Path(folder), options.tracker) if options.tracker else ()
        rows = goals.rows(judged, tags, beats, bands)
    if options.json is not None:
        options.json.write_text(json.dumps(reporting.record(rows, judged), indent=1) + "\n", encoding="utf-8")
    print(reporting.table(rows))
    print(reporting.faults(judged))
    if options.table:
        reporting.write_page(reporting.PAGE, rows, judged)
    missed = [row.what for row in rows if row.held and row.ok is False]
    if missed:
        print(f"missed: {', '.join(missed)}", file=sys.stderr)
    return 1 if missed else 0


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.quality", description="Judge the music by outside ears."
    )
    parser.add_argument("--prompts", type=int, default=None, metavar="N", help="so many prompts instead of all")
    parser.add_argument("--quick", action="store_true", help=f"{QUICK} prompts")
    parser.add_argument("--only", nargs="+", default=None, metavar="ID", help="these prompts alone")
    parser.add_argument("--seed", type=int, default=100, help="dice of the first prompt; the next has the next")
    parser.add_argument("--soundfont", type=Path, default=None, help="font to play; the one the service would find")
    parser.add_argument("--out", type=Path, default=None, metavar="FOLDER", help="keep every MP3 and its plan here")
    parser.add_argument("--json", type=Path, default=None, metavar="FILE", help="write every figure here")
    parser.add_argument("--tagger", default=None, metavar="COMMAND", help="prints tags as JSON: path, tag, likelihood")
    parser.add_argument(
        "--tracker", default=None, metavar="COMMAND", help="prints tempo_bpm and beats_a_bar as JSON by path"
    )
    parser.add_argument("--table", action="store_true", help="write the table into docs/quality.md")
    return parser.parse_args(arguments)


def _chosen(options: argparse.Namespace) -> tuple[Prompt, ...]:
    if options.only is not None:
        return tuple(prompt for prompt in prompts() if prompt.id in options.only)
    return some(QUICK if options.quick else options.prompts or len(prompts()))


if __name__ == "__main__":
    sys.exit(main())
