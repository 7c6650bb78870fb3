"""What can be heard of a piece that is being made is laid down for those who listen already.

`Broadcast` takes a mix as the composer's render makes it. It works beside the render, on two threads of its own: one
masters ahead, the other encodes and stores. `Relay` takes a model's take that is played from its beginning on, on its
way into its folder. While nobody listens both only look for a mark now and then. No finished file depends on them.

Decision: docs/decisions/heard-while-made.md.
"""

import logging
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from threading import Lock

import numpy as np

from app.errors import StorageFailed
from app.models.audio import BLOCK_FRAMES, SAMPLE_RATE, Block, Samples
from app.models.plan import Mastering
from app.services.dsp.loudness import LoudnessMeter
from app.services.dsp.resampling import Resampler
from app.services.encoding import STREAM_FORMS, ByteStream
from app.services.mixing import STRIDE_FRAMES, Masterer, Preview, foretold_gain_db
from app.services.storage import AudioFiles
from app.services.storage.segments import Segments

log = logging.getLogger(__name__)

#: A beginning softer than this says nothing about what comes.
_SOFTEST_LUFS = -32.0


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
        asked = _asked_for(self._forms, self._frames)
        if self._forms[0].files.remote:
            self._next_look = now + self._forms[0].look_s
        with self._closing:
            if not self._closed:
                self._channels = asked

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


class Relay:
    """A model's take, heard on its way. Its loudness is taken to be that of its first block. Used by one thread."""

    def __init__(
        self,
        files: AudioFiles,
        track_id: str,
        mastering: Mastering,
        *,
        sample_rate: int,
        duration_s: int,
        begun: Callable[[float], None],
    ) -> None:
        """`begun` is told the foretold gain, in dB, once the first sound is there for whoever asks for it."""
        self._begun = begun
        self._forms = [Segments(files, track_id, form) for form in STREAM_FORMS]
        self._mastering = mastering
        self._resampler = Resampler(sample_rate, SAMPLE_RATE)
        #: Frames that are still to come at the take's own rate, and those of the whole at the house rate.
        self._to_come = duration_s * sample_rate
        self._frames = duration_s * SAMPLE_RATE
        self._rest: Samples = np.empty((0, 2), np.float32)
        self._preview: Preview | None = None
        self._channels: list[_Channel] = []
        #: Blocks from the first on for whoever still comes; none any more once it is too late to come.
        self._kept: list[Samples] = []
        self._made = self._written = 0
        self._closed = False
        #: The gain that was foretold.
        self.gain_db: float | None = None

    @property
    def heard(self) -> bool:
        """Whether somebody listened."""
        return bool(self._channels)

    def passed_on(self, blocks: Iterable[Block]) -> Iterator[Block]:
        """The same blocks, each once it can be heard."""
        for block in blocks:
            self._add(block.mix[: self._to_come])
            yield block

    def _add(self, mix: Samples) -> None:
        if not len(mix):
            return
        self._to_come -= len(mix)
        last = not self._to_come
        mix = np.nan_to_num(mix, posinf=0.0, neginf=0.0)
        self._rest = np.concatenate((self._rest, self._resampler.add(mix, last=last)))
        while len(self._rest) >= BLOCK_FRAMES or (last and len(self._rest)):
            block, self._rest = self._rest[:BLOCK_FRAMES], self._rest[BLOCK_FRAMES:]
            self._lay_down(block)

    def _lay_down(self, block: Samples) -> None:
        self._made += len(block)
        if self._closed:
            return
        self._kept.append(block)
        if self._preview is None:
            self._preview = self._begin(block)
        try:
            if not self._channels:
                self._channels = _asked_for(self._forms, self._frames)
            if self._channels:
                self._write(self._preview)
            elif self._made > self._frames / 2:
                self._close()  # the finished file is nearer than all that could be heard until then
        except StorageFailed as error:
            _not_stored(error)
            self._close()

    def _begin(self, first: Samples) -> Preview:
        meter = LoudnessMeter()
        meter.add(first)
        expected_lufs = max(meter.integrated_lufs, _SOFTEST_LUFS)
        self.gain_db = foretold_gain_db(self._mastering, expected_lufs)
        self._begun(self.gain_db)
        return Preview(self._mastering, expected_lufs=expected_lufs, frames=self._frames)

    def _write(self, preview: Preview) -> None:
        while self._kept:
            sound = preview.add(self._kept.pop(0))
            number, self._written = self._written, self._written + 1
            last = self._written * BLOCK_FRAMES >= self._frames
            for channel in self._channels:
                channel.segments.write(number, channel.stream.add(sound, last=last))

    def _close(self) -> None:
        self._closed = True
        self._kept.clear()


def _asked_for(forms: Sequence[Segments], frames: int) -> list[_Channel]:
    # A channel for each form that somebody asked for.
    return [_Channel(one, STREAM_FORMS[one.form](frames)) for one in forms if one.asked()]


def _settled(work: "Future[None]") -> None:
    try:
        work.result()
    except StorageFailed as error:
        _not_stored(error)


def _not_stored(error: StorageFailed) -> None:
    # Who listens is cut off; the file is not concerned.
    log.warning("What is heard of a track while it is made could not be stored: %s", error)
