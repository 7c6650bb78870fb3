"""Prompts go in, judged tracks come out, one after the other."""

import sys
import time
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path

from threadpoolctl import threadpool_limits

from app.services.instruments import find_soundfont, load_soundfont
from app.services.instruments.calibration import calibrated_gain
from app.services.instruments.catalogue import make_instrument
from app.services.theory.instruments import INSTRUMENTS
from app.services.workshop import Workshop, warm_up
from benchmarks.quality.judging import Judged, judge
from benchmarks.quality.making import make
from benchmarks.quality.prompts import Prompt, prompts


def judged_tracks(
    chosen: Sequence[Prompt], folder: Path, *, keep: Path | None, soundfont: Path | None, seed: int
) -> Iterator[Judged]:
    """Each prompt's track, made in `folder` and judged. Its dice depend on its place in the table alone."""
    workshop = Workshop(soundfont=find_soundfont(soundfont), files=str(folder / "audio"), threads=1)
    warm_up(workshop)
    _weigh_instruments(workshop)
    places = {prompt.id: place for place, prompt in enumerate(prompts())}
    for number, prompt in enumerate(chosen, start=1):
        began = time.perf_counter()
        with threadpool_limits(1):  # many short pieces of linear algebra wait for each other on several threads
            made = make(
                workshop,
                prompt.text,
                duration_s=prompt.duration_s,
                seed=seed + places[prompt.id],
                voices=bool(prompt.instruments),
                keep=None if keep is None else keep / f"{prompt.id}.mp3",
            )
            one = judge(prompt, made)
        took_s = time.perf_counter() - began
        print(
            f"{number}/{len(chosen)} {prompt.id}: {one.figures['style']}, {took_s:.0f} s", file=sys.stderr, flush=True
        )
        for fault in one.faults:
            print(f"  - {fault}", file=sys.stderr, flush=True)
        yield one


def _weigh_instruments(workshop: Workshop) -> None:
    """What a worker that has played for a while has behind it: it has heard each instrument once."""
    font = load_soundfont(workshop.soundfont)
    for row in INSTRUMENTS.values():
        calibrated_gain(row, font.sha256, partial(make_instrument, row, font, seed=0))
