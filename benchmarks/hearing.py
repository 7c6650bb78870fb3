"""How soon a track is heard after it was asked for, and where the time goes; as a client sees it.

By the length of the track, as a Markdown table: `python -m benchmarks.hearing [SECONDS ...]`.
"""

import itertools
import json
import statistics
import sys
import threading
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import httpx

from benchmarks import tracks
from benchmarks.servers import serving

#: Lengths in seconds, where none are named, and times that each prompt is asked for at each of them.
LENGTHS_S = (15, 30, 60, 180, 300)
ROUNDS = 3

#: What a client can see on the way to the first sound, in order (the answer to the POST, the events, the first bytes),
#: each with what the time before it goes to.
STEPS = {
    "accepted": "accepting",
    "planning": "picking up",
    "composing": "planning",
    "rendering": "composing",
    "preview": "playing and mixing two blocks",
    "heard": "mastering ahead, encoding, storing, sending",
}


def main() -> None:
    """Measure each length on a warm server, and print what came out."""
    lengths_s = [int(text) for text in sys.argv[1:]] or LENGTHS_S
    with serving() as server, httpx.Client(base_url=server.url, timeout=60) as client:
        tracks.warm(client, workers=1)
        for line in rows(client, lengths_s):
            print(line, flush=True)


def rows(client: httpx.Client, lengths_s: Iterable[int]) -> Iterator[str]:
    """The lines of the table, as they are measured."""
    yield f"| a track of | heard after, median | worst | {' | '.join(STEPS.values())} | later than it was played |"
    yield "|---|" + "---|" * (3 + len(STEPS))
    for length_s in lengths_s:
        heard = [hear(client, prompt, length_s, 20 + turn) for turn in range(ROUNDS) for prompt in tracks.PROMPTS]
        first_s = sorted(one.seen_s["heard"] for one in heard)
        shares = " | ".join(f"{1000 * spent_s:.0f} ms" for spent_s in median_shares_s(heard).values())
        late_s = max(one.late_s for one in heard)
        late = f"{late_s:.2f} s" if late_s > 0 else "never"
        yield f"| {length_s} s | {statistics.median(first_s):.2f} s | {first_s[-1]:.2f} s | {shares} | {late} |"


@dataclass(frozen=True, kw_only=True, slots=True)
class Heard:
    """One track, from its POST on."""

    #: Seconds until each step was seen; one that was over before anybody looked is as late as the next.
    seen_s: dict[str, float]
    #: Seconds until the last byte.
    whole_s: float
    #: Most seconds by which a piece came later than a player that began at the first would have needed it; 0 for never.
    late_s: float

    @property
    def shares_s(self) -> dict[str, float]:
        """Seconds that went to each of what `STEPS` names."""
        moments = [0.0, *(self.seen_s[step] for step in STEPS)]
        steps = zip(STEPS.values(), itertools.pairwise(moments), strict=True)
        return {what: after - before for what, (before, after) in steps}


def hear(
    client: httpx.Client, prompt: str, duration_s: int, seed: int, *, elsewhere: httpx.Client | None = None
) -> Heard:
    """Ask for a track and listen at once; `elsewhere` is another node to listen at."""
    listener = elsewhere or client
    began = time.perf_counter()
    track_id = tracks.post(client, prompt, duration_s, seed)
    seen = {"accepted": time.perf_counter() - began}

    def watch() -> None:
        with httpx.stream("GET", f"{listener.base_url}/music/tracks/{track_id}/events", timeout=60) as events:
            name = ""
            for line in events.iter_lines():
                if line.startswith("event: "):
                    name = line.removeprefix("event: ")
                elif line.startswith("data: "):
                    step = json.loads(line.removeprefix("data: "))["stage"] if name == "stage" else name
                    seen.setdefault(step, time.perf_counter() - began)

    watcher = threading.Thread(target=watch)
    watcher.start()
    arrived: list[tuple[float, int]] = []
    with listener.stream("GET", f"/music/tracks/{track_id}/stream") as sound:
        sound.raise_for_status()
        arrived.extend((time.perf_counter() - began, len(piece)) for piece in sound.iter_raw())
    tracks.finished(client, track_id)
    watcher.join()
    return Heard(
        seen_s=_in_order({**seen, "heard": arrived[0][0]}),
        whole_s=arrived[-1][0],
        late_s=_late_s(arrived, duration_s),
    )


def median_shares_s(heard: list[Heard]) -> dict[str, float]:
    """What goes to each in the middle of several tracks."""
    return {what: statistics.median(one.shares_s[what] for one in heard) for what in STEPS.values()}


def _in_order(seen: dict[str, float]) -> dict[str, float]:
    # Events and sound come on connections of their own: what is seen after its successor was there by then.
    moments: dict[str, float] = {}
    latest = seen["heard"]
    for step in reversed(list(STEPS)):
        latest = moments[step] = min(latest, seen.get(step, latest))
    return moments


def _late_s(arrived: list[tuple[float, int]], duration_s: int) -> float:
    total = sum(size for _, size in arrived)
    begun, played, late = arrived[0][0], 0, 0.0
    for moment, size in arrived:
        late = max(late, moment - begun - played / total * duration_s)
        played += size
    return late


if __name__ == "__main__":
    main()
