"""Blocks of samples → an audio file of exactly the length promised, the same bytes every time."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType

import numpy as np
import soundfile

from app.errors import storage_errors
from app.models.audio import BLOCK_FRAMES, SAMPLE_RATE, Samples
from app.services.encoding.draft import Draft
from app.services.encoding.sinks import Mp3Sink, OpusSink, Sink, flac_sink, vorbis_sink, wav_sink
from app.services.encoding.tags import Tags

#: Audio forms, each with what makes its sink from the draft, the tags and the numbers of frames and threads.
AUDIO_FORMS: dict[str, Callable[[Draft, Tags, int, int], Sink]] = {
    "mp3": Mp3Sink,
    "wav": wav_sink,
    "flac": flac_sink,
    "ogg": vorbis_sink,
    "opus": OpusSink,
}

#: Frames handed on at once, whatever the blocks that come: Vorbis hears the seams, so others would give other bytes.
#: Above 65,536, libsndfile's Vorbis encoder may overrun its stack.
WRITE_FRAMES = BLOCK_FRAMES


def open_encoder(form: str, path: Path, *, tags: Tags, frames: int, threads: int = 1) -> "Encoder":
    """Begin a file of a form of `AUDIO_FORMS` that will hold exactly `frames` frames (at least 1) at 44.1 kHz.

    An Opus file holds the same time at 48 kHz: `round(frames * 48000 / 44100)` frames. The bytes do not depend on
    `threads`. `StorageFailed`.
    """
    if frames < 1:
        raise ValueError(f"a file holds at least 1 frame, got {frames}")
    make_sink = AUDIO_FORMS[form]
    draft = Draft(path)
    try:
        return Encoder(draft, make_sink(draft, tags, frames, threads), frames)
    except BaseException:
        draft.discard()
        raise


def encode_from_wav(source_wav: Path, form: str, path: Path, tags: Tags) -> None:
    """Write a form from a stored master (WAV, stereo, 44.1 kHz). `StorageFailed`."""
    with soundfile.SoundFile(source_wav) as source:
        if source.samplerate != SAMPLE_RATE:
            raise ValueError(f"a master has {SAMPLE_RATE} frames a second, got {source.samplerate}")
        with open_encoder(form, path, tags=tags, frames=source.frames) as encoder:
            for block in source.blocks(BLOCK_FRAMES, dtype="float32", always_2d=True):
                encoder.write(block)


class Encoder:
    """An audio file in the making. Used in a `with`; whatever goes wrong, no part of a file stays.

    The file appears with `close`, once exactly the promised frames were written (`ValueError` otherwise). A full
    disk or an unwritable folder raises `StorageFailed`.
    """

    def __init__(self, draft: Draft, sink: Sink, frames: int) -> None:
        self._draft = draft
        self._sink = sink
        self._frames = frames
        self._written = 0
        self._waiting: Samples = np.zeros((WRITE_FRAMES, 2), dtype=np.float32)
        self._waiting_frames = 0
        self._open = True

    @property
    def growing(self) -> Path | None:
        """The file as it grows, where nothing in it but its head and its end will change; None of other forms."""
        return self._sink.growing

    def write(self, block: Samples) -> None:
        """Take the next frames: float32, shape (frames, 2); what lies beyond full scale is clipped."""
        if not self._open:
            raise ValueError("the file is closed")
        with self._or_nothing():
            if block.ndim != 2 or block.shape[1] != 2:
                raise ValueError(f"a block has shape (frames, 2), got {block.shape}")
            if not np.isfinite(block).all():
                raise ValueError("a block holds numbers that are not finite")
            self._written += len(block)
            if self._written > self._frames:
                raise ValueError(f"{self._frames} frames were promised, {self._written} came")
            while len(block):
                room = self._waiting[self._waiting_frames :]
                np.clip(block[: len(room)], -1.0, 1.0, out=room[: len(block)])
                self._waiting_frames += len(block[: len(room)])
                block = block[len(room) :]
                if self._waiting_frames == WRITE_FRAMES:
                    self._write_waiting()

    def close(self) -> None:
        """Finish the file and move it into place. Idempotent."""
        if not self._open:
            return
        with self._or_nothing():
            if self._written != self._frames:
                raise ValueError(f"{self._frames} frames were promised, {self._written} came")
            self._write_waiting()
            self._sink.finish()
            self._draft.finish()
            self._open = False

    def abort(self) -> None:
        """Leave no file. Idempotent; does nothing to a finished one."""
        self._open = False
        self._sink.close()
        self._draft.discard()

    def _write_waiting(self) -> None:
        self._sink.write(self._waiting[: self._waiting_frames])
        self._waiting_frames = 0

    @contextmanager
    def _or_nothing(self) -> Iterator[None]:
        try:
            with storage_errors(f"{self._draft.path.name} could not be written"):
                yield
        except BaseException:
            self.abort()
            raise

    def __enter__(self) -> "Encoder":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        if error is None:
            self.close()
        else:
            self.abort()
