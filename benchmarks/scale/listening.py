"""An API node's side of the queue with many who watch it, each for the sake of one track.

Run as a program: `python -m benchmarks.scale.listening ADDRESS`. The first line of its input is a JSON list of tracks,
one for each subscriber. It says "ready", and when everybody has heard the end of his track, or its input ends, it says
what each heard.
"""

import json
import sys
import threading
import time
from dataclasses import dataclass, field
from typing import Any

from app.models.track import Track
from benchmarks.scale.pickup import queue_on


@dataclass(kw_only=True, eq=False)
class Subscriber:
    """One who watches."""

    track_id: str
    #: Counts those who have heard the end.
    ended: threading.Semaphore
    #: Seconds since 1970 at which each progress was first heard, by per cent.
    heard: dict[int, float] = field(default_factory=dict)
    ended_at: float | None = None
    #: Times that the progress went back.
    back: int = 0
    _last: int = -1

    def hear(self, track_id: str, track: Track | None) -> None:
        """A change of any track."""
        if track_id != self.track_id or track is None or self.ended_at is not None:
            return
        self.back += track.progress < self._last
        self._last = track.progress
        if track.finished:
            self.ended_at = time.time()
            self.ended.release()
        else:
            self.heard.setdefault(track.progress, time.time())

    def told(self) -> dict[str, Any]:
        """All that it heard."""
        return {"track": self.track_id, "heard": list(self.heard.items()), "ended_at": self.ended_at, "back": self.back}


def listen(address: str) -> None:
    """Be such a node."""
    ended = threading.Semaphore(0)
    subscribers = [Subscriber(track_id=track_id, ended=ended) for track_id in json.loads(sys.stdin.readline())]
    with queue_on(address) as queue:
        leave = [queue.watch(subscriber.hear) for subscriber in subscribers]
        print("ready", flush=True)
        threading.Thread(target=_give_up_at_end_of_input, args=(ended, len(subscribers)), daemon=True).start()
        for _ in subscribers:
            ended.acquire()
        for call in leave:
            call()
    print(json.dumps([subscriber.told() for subscriber in subscribers]), flush=True)


def _give_up_at_end_of_input(ended: threading.Semaphore, count: int) -> None:
    sys.stdin.read()
    ended.release(count)


if __name__ == "__main__":
    listen(sys.argv[1])
