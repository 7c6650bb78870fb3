"""16-bit samples → bare MP3 frames by LAME, on several threads: pieces are encoded apart and joined.

Pieces overlap. In the overlap the stream passes over from one piece's frames to the next's at a frame where that can be
done without changing either: a frame's content may begin in the body of the one before ("bit reservoir"), so what the
earlier piece leaves free there must be at least what the later one needs. ISO 11172-3, 2.4.2.7 (main_data_begin).

Rule: pieces and joints depend on the samples only, never on the number of threads.
"""

from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass

import lameenc

from app.models.audio import SAMPLE_RATE
from app.services.encoding.mp3 import FRAME_SAMPLES, main_data_begin, split_frames

#: lameenc forces plain stereo from 160 kbit/s on; at 256 that costs nothing that is heard, and the constant rate lets
#: players seek exactly. LAME's quality 7 is as far from the source as 5 here, in half the time.
MP3_KBPS = 256
MP3_QUALITY = 7

#: MP3 frames of a piece (10 s), and how far it reads on into the next.
PIECE_FRAMES = 384
OVERLAP_FRAMES = 24
#: Where in the overlap a joint may be, best first: late, when the later piece's encoder has settled; but the earlier
#: one needs some frames to look ahead.
JOINTS = range(OVERLAP_FRAMES - 4, 3, -1)

#: Bytes of one MP3 frame's worth of samples.
_FRAME_BYTES = FRAME_SAMPLES * 2 * 2


@dataclass(frozen=True, kw_only=True, slots=True)
class _Piece:
    #: Its samples, and those of the overlap.
    pcm: bytes
    #: Its frames; those from `begin` on belong to the stream, …
    frames: list[bytes]
    begin: int
    #: … up to somewhere in the overlap, which begins here.
    boundary: int


class Lame:
    """An encoder that is fed bit by bit; what comes out are whole frames, in order, as soon as they are certain."""

    def __init__(self, *, threads: int = 1) -> None:
        self._threads = threads
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="lame")
        #: Samples from the next piece's first on.
        self._pcm = bytearray()
        self._coming: deque[Future[_Piece]] = deque()
        self._last: _Piece | None = None

    def encode(self, pcm: bytes) -> list[bytes]:
        """Take the next samples: two channels in turn, 16 bits. The frames that are ready by now."""
        self._pcm += pcm
        ready = []
        while len(self._pcm) > (PIECE_FRAMES + OVERLAP_FRAMES) * _FRAME_BYTES:
            self._begin(bytes(self._pcm[: (PIECE_FRAMES + OVERLAP_FRAMES) * _FRAME_BYTES]))
            del self._pcm[: PIECE_FRAMES * _FRAME_BYTES]
            while len(self._coming) > self._threads:
                ready += self._join(self._coming.popleft().result())
        return ready

    def flush(self) -> list[bytes]:
        """The frames that are left."""
        self._begin(bytes(self._pcm))
        ready = []
        while self._coming:
            ready += self._join(self._coming.popleft().result())
        if self._last is not None:
            ready += self._last.frames[self._last.begin :]
        self.close()
        return ready

    def close(self) -> None:
        """End the threads. Idempotent."""
        self._pool.shutdown(cancel_futures=True)

    def _begin(self, pcm: bytes) -> None:
        self._coming.append(self._pool.submit(_encoded, pcm))

    def _join(self, piece: _Piece) -> list[bytes]:
        """The frames of the last piece, up to the joint with this one."""
        last, self._last = self._last, piece
        if last is None:
            return []
        joint = next((at for at in JOINTS if _fits(last.frames[last.boundary + at], piece.frames[at])), None)
        if joint is None:
            # Both pieces as one; its frames are those that the last piece had, and then go on.
            whole = _encoded(last.pcm + piece.pcm[OVERLAP_FRAMES * _FRAME_BYTES :], last.boundary + PIECE_FRAMES)
            self._last = _Piece(pcm=whole.pcm, frames=whole.frames, begin=last.begin, boundary=whole.boundary)
            return []
        frames = last.frames[last.begin : last.boundary + joint]
        reach = main_data_begin(piece.frames[joint])
        if reach:
            frames[-1] = frames[-1][:-reach] + piece.frames[joint - 1][-reach:]
        self._last = _Piece(pcm=piece.pcm, frames=piece.frames, begin=joint, boundary=piece.boundary)
        return frames


def _encoded(pcm: bytes, boundary: int = PIECE_FRAMES) -> _Piece:
    encoder = lameenc.Encoder()
    encoder.silence()
    encoder.set_channels(2)
    encoder.set_in_sample_rate(SAMPLE_RATE)
    encoder.set_bit_rate(MP3_KBPS)
    encoder.set_quality(MP3_QUALITY)
    stream = encoder.encode(pcm) + encoder.flush()
    return _Piece(pcm=pcm, frames=split_frames(bytes(stream)), begin=0, boundary=boundary)


def _fits(earlier: bytes, later: bytes) -> bool:
    """Whether the frame `later` may stand in the place of `earlier`."""
    return main_data_begin(earlier) >= main_data_begin(later)
