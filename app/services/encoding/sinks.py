"""One sink a form: takes samples in order, and leaves a whole, tagged file where its draft wants it."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import soundfile
import soxr
from numpy.typing import NDArray

from app.errors import StorageFailed, storage_errors
from app.models.audio import SAMPLE_RATE, Samples
from app.services.encoding.crc16 import crc16
from app.services.encoding.draft import Draft
from app.services.encoding.flac import tag_flac
from app.services.encoding.lame import MP3_QUALITY, Lame
from app.services.encoding.mp3 import info_frame, info_frame_length
from app.services.encoding.ogg import retagged
from app.services.encoding.pcm import pcm16, pcm24
from app.services.encoding.tags import Tags, id3
from app.services.encoding.wav import tag_wav

#: Frames a second of Opus, which knows no 44.1 kHz.
OPUS_RATE = 48_000

#: libsndfile counts from 0 (best) to 1: Vorbis quality 0.6, about 192 kbit/s, and Opus at about 128 kbit/s.
VORBIS_COMPRESSION = 0.4
OPUS_COMPRESSION = 0.768


class Sink(Protocol):
    """Where an encoder's samples go."""

    #: The file as it grows, where nothing in it but its head and its end will change; None of other forms.
    growing: Path | None

    def write(self, samples: Samples) -> None:
        """Take the next frames, float32 (frames, 2) within −1…1."""

    def finish(self) -> None:
        """Write what is left; the draft's file is whole afterwards."""

    def close(self) -> None:
        """Let go of what is open. Idempotent."""


class SoundfileSink:
    """A form that libsndfile writes; `tag` makes the tagged file from the bare one: with `grows` it only adds to it."""

    def __init__(
        self,
        draft: Draft,
        *,
        container: str,
        codec: str,
        tag: Callable[[Path, Path], None],
        stored: Callable[[Samples], NDArray[Any]] = np.ascontiguousarray,
        sample_rate: int = SAMPLE_RATE,
        compression: float | None = None,
        grows: bool = False,
    ) -> None:
        self._draft = draft
        self._tag = tag
        self._stored = stored
        self._bare = draft.folder / "bare"
        self.growing = self._bare if grows else None
        with self._disk():
            self._file = soundfile.SoundFile(
                self._bare, "w", sample_rate, 2, codec, format=container, compression_level=compression
            )

    def write(self, samples: Samples) -> None:
        """Take the next frames."""
        with self._disk():
            self._file.write(self._stored(samples))

    def finish(self) -> None:
        """Close the bare file and tag it."""
        with self._disk():
            self._file.close()
        self._tag(self._bare, self._draft.file)

    def close(self) -> None:
        """Close the bare file."""
        self._file.close()

    @contextmanager
    def _disk(self) -> Iterator[None]:
        try:
            yield
        except (soundfile.LibsndfileError, AssertionError) as error:  # it asserts that every frame was taken
            what = f"{self._draft.path.name} could not be written"
            with storage_errors(what):  # libsndfile does not say why, so the disk is asked again
                (self._draft.folder / "probe").write_bytes(bytes(1 << 20))
            raise StorageFailed(what) from error


class OpusSink(SoundfileSink):
    """Opus at 48 kHz: the same seconds, resampled as they come. soxr gives the nearest whole number of frames."""

    def __init__(self, draft: Draft, tags: Tags, _frames: int, _threads: int) -> None:
        super().__init__(
            draft,
            container="OGG",
            codec="OPUS",
            tag=_ogg_tagger(tags),
            sample_rate=OPUS_RATE,
            compression=OPUS_COMPRESSION,
        )
        self._resampler = soxr.ResampleStream(SAMPLE_RATE, OPUS_RATE, 2, dtype="float32", quality="HQ")

    def write(self, samples: Samples) -> None:
        """Take the next frames, at 44.1 kHz."""
        super().write(self._resampler.resample_chunk(samples))

    def finish(self) -> None:
        """Write the resampler's last frames and tag the file."""
        super().write(self._resampler.resample_chunk(np.zeros((0, 2), dtype=np.float32), last=True))
        super().finish()


class Mp3Sink:
    """MP3 through LAME, with a tag and an Info frame of our own."""

    growing: Path | None = None

    def __init__(self, draft: Draft, tags: Tags, frames: int, threads: int) -> None:
        self._frames = frames
        self._lame = Lame(threads=threads)
        self._lengths: list[int] = []
        self._checksum = 0
        self._first = b""
        self._file = draft.file.open("wb")
        self._file.write(id3(tags))
        self._info_at = self._file.tell()

    def write(self, samples: Samples) -> None:
        """Take the next frames."""
        self._put(self._lame.encode(pcm16(samples).tobytes()))

    def finish(self) -> None:
        """Write what is left, then the Info frame in the place that was kept for it."""
        self._put(self._lame.flush())
        quality = 100 - 10 * 4 - MP3_QUALITY
        info = info_frame(self._first, self._lengths, checksum=self._checksum, frames=self._frames, quality=quality)
        self._file.seek(self._info_at)
        self._file.write(info)
        self._file.close()

    def close(self) -> None:
        """End LAME's threads and close the file."""
        self._lame.close()
        self._file.close()

    def _put(self, frames: list[bytes]) -> None:
        if frames and not self._first:
            self._first = frames[0]
            self._file.write(bytes(info_frame_length(self._first)))
        music = b"".join(frames)
        self._lengths += map(len, frames)
        self._checksum = crc16(music, self._checksum)
        self._file.write(music)


def wav_sink(draft: Draft, tags: Tags, frames: int, _threads: int) -> Sink:
    """WAV, 24 bits."""

    def tag(bare: Path, tagged: Path) -> None:
        tag_wav(bare, tags, frames=frames)
        bare.replace(tagged)

    return SoundfileSink(draft, container="WAV", codec="PCM_24", stored=pcm24, tag=tag, grows=True)


def flac_sink(draft: Draft, tags: Tags, _frames: int, _threads: int) -> Sink:
    """FLAC, 24 bits."""

    def tag(bare: Path, tagged: Path) -> None:
        tag_flac(bare, tagged, tags)

    return SoundfileSink(draft, container="FLAC", codec="PCM_24", stored=pcm24, tag=tag)


def vorbis_sink(draft: Draft, tags: Tags, _frames: int, _threads: int) -> Sink:
    """Ogg Vorbis."""
    return SoundfileSink(draft, container="OGG", codec="VORBIS", tag=_ogg_tagger(tags), compression=VORBIS_COMPRESSION)


def _ogg_tagger(tags: Tags) -> Callable[[Path, Path], None]:
    def tag(bare: Path, tagged: Path) -> None:
        tagged.write_bytes(b"".join(retagged(bare.read_bytes(), tags)))

    return tag
