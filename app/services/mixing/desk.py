"""The mixer at work beside the players."""

from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor

from app.models.audio import Block, Samples
from app.services.mixing.mixer import Mixer, Placed


class Desk:
    """The mixer beside the players, its two halves on a thread each: one is a block behind them, the other two.

    One thread plays, for notes are many short steps of Python; what the mixer does is few and long. Playing on several
    threads is slower: they wait for each other at every step.
    """

    def __init__(self, mixer: Mixer, *, threads: int) -> None:
        self._mixer = mixer
        self._threads = (
            [ThreadPoolExecutor(1, name) for name in ("mixer-channels", "mixer-room")] if threads > 1 else []
        )
        self._placing: Future[Placed] | None = None
        self._answering: deque[Future[Block]] = deque()

    def __enter__(self) -> "Desk":
        return self

    def __exit__(self, *_: object) -> None:
        for thread in self._threads:
            thread.shutdown(cancel_futures=True)

    def mixed(self, dry: list[Samples], frames: int) -> Iterator[Block]:
        """Take the next block of each part, which may be written to again once one more was taken; what is ready.

        Blocks wait for nobody but those before them: whoever listens while they are made hears the first of them soon.
        """
        if not self._threads:
            yield self._mixer.process(dry, frames)
            return
        channels, room = self._threads
        before, placing = self._placing, channels.submit(self._mixer.place, dry, frames)
        self._placing = placing
        self._answering.append(room.submit(lambda: self._mixer.answer(placing.result())))
        if before is not None:
            before.result()
        while self._answering and (len(self._answering) > 2 or self._answering[0].done()):
            yield self._answering.popleft().result()

    def rest(self) -> Iterator[Block]:
        """What was taken and is not handed out yet."""
        while self._answering:
            yield self._answering.popleft().result()
