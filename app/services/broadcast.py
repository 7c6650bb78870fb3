"""Broadcast: a mix that is being made goes in, and what can be heard of it is laid down for those who listen already.

It works beside the render, on two threads of its own: one masters ahead, the other encodes and stores. While nobody
listens it only looks for a mark now and then. The finished files never depend on it.

Decision: docs/decisions/heard-while-made.md.
"""

import logging
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from threading import Lock

from app.errors import StorageFailed
from app.models.audio import BLOCK_FRAMES, Samples
from app.services.encoding import STREAM_FORMS, ByteStream
from app.services.mixing import STRIDE_FRAMES, Masterer, Preview
from app.services.storage import AudioFiles
from app.services.storage.segments import Segments

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Channel:
    # A form that is listened to.
    segments: Segments
    stream: ByteStream


class Broadcast:
    """One render's, between the mix and its masterer. Used in a `with`, which ends when everything is laid down."""

    def __init__(
        self,
        files: AudioFiles,
        track_id: str,
        preview: Preview,
        masterer: Masterer,
        *,
        frames: int,
        begun: Callable[[], None],
    ) -> None:
        """`begun` is called once the first sound is there for whoever asks for it."""
        self._begun = begun
        self._forms = [Segments(files, track_id, form) for form in STREAM_FORMS]
        self._preview = preview
        self._masterer = masterer
        self._frames = frames
        self._beside = ThreadPoolExecutor(1, "preview")
        self._writer = ThreadPoolExecutor(1, "segments")
        #: The mix's first blocks as they came; the others too where the masterer leaves them as they are.
        self._raw: list[Samples] = []
        self._channels: list[_Channel] = []
        #: Blocks that were mastered ahead.
        self._heard = 0
        self._turns: list[Future[None]] = []
        self._writing: list[Future[None]] = []
        self._next_look = 0.0
        self._closing = Lock()
        #: Whether nobody can begin to listen any more.
        self._closed = False

    @property
    def heard(self) -> bool:
        """Whether somebody listened."""
        return bool(self._channels)

    def __enter__(self) -> "Broadcast":
        return self

    def __exit__(self, kind: object, *_: object) -> None:
        """Wait until all of it is laid down, unless the render failed."""
        if kind is None:
            for written in self._writing:
                _settled(written)
        self._beside.shutdown(cancel_futures=True)
        self._writer.shutdown(cancel_futures=True)

    def follow(self, mix: Samples, final: int) -> None:
        """Hear that nobody writes to the mix's first `final` frames any more, and let the masterer have them."""
        keep = STRIDE_FRAMES if self._masterer.follows else self._frames
        first = len(self._raw) * BLOCK_FRAMES
        while first < min(final, keep):
            block = mix[first : first + BLOCK_FRAMES]
            # The masterer works in place: what it takes next changes under our hands.
            self._raw.append(block.copy() if self._masterer.follows else block)
            first += BLOCK_FRAMES
        self._masterer.follow(mix, final)
        self._turns.append(self._beside.submit(self._turn, mix, final))
        if len(self._turns) == 1:
            self._begun()

    def finish(self) -> None:
        """Return when the mix, which will be changed now, is not needed any more."""
        with self._closing:
            self._closed = True
            if not self._channels:
                return
        for turn in self._turns:
            _settled(turn)

    def _turn(self, mix: Samples, final: int) -> None:
        if not self._channels:
            self._look(final)
        while self._channels and (block := self._next(mix, final)) is not None:
            number, self._heard = self._heard, self._heard + 1
            for channel in self._channels:
                self._writing.append(self._writer.submit(self._write, channel, number, block))

    def _look(self, final: int) -> None:
        # From the middle of a longer piece on, the finished file is nearer than all that could be heard until then.
        now = time.monotonic()
        if self._closed or now < self._next_look or final > max(self._frames / 2, STRIDE_FRAMES):
            return
        asked = [segments for segments in self._forms if segments.asked()]
        if self._forms[0].files.remote:
            self._next_look = now + self._forms[0].look_s
        with self._closing:
            if not self._closed:
                self._channels = [_Channel(one, STREAM_FORMS[one.form](self._frames)) for one in asked]

    def _next(self, mix: Samples, final: int) -> Samples | None:
        # The next block, mastered ahead; None where it has to be waited for.
        first = self._heard * BLOCK_FRAMES
        if first >= min(final, self._frames):
            return None
        if self._heard < len(self._raw):
            return self._preview.add(self._raw[self._heard])
        if self._masterer.filtered(first):
            return self._preview.add(mix[first : first + BLOCK_FRAMES], filtered=True)
        return None

    def _write(self, channel: _Channel, number: int, block: Samples) -> None:
        last = (number + 1) * BLOCK_FRAMES >= self._frames
        channel.segments.write(number, channel.stream.add(block, last=last))


def _settled(work: "Future[None]") -> None:
    try:
        work.result()
    except StorageFailed as error:  # who listens is cut off; the file is not concerned
        log.warning("What is heard of a track while it is made could not be stored: %s", error)
