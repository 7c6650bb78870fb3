"""The MusicGen engine of AudioCraft: a language model over the codes of 32 kHz sound, in the layout of transformers.

The model hears 30 s at once. Longer pieces are continued from their last 12 s, as often as it takes; only codes are
handed on, so that nothing is lost between. The codes of a piece are made to sound in stretches.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from app.errors import Cancelled
from app.models.audio import Samples
from app.services.dsp.resampling import resampled
from app.services.engines.base import Capabilities, ModelSource, Take, TakeRequest
from app.services.engines.catalogue import MUSICGEN_CAPABILITIES, MUSICGEN_MELODY_CAPABILITIES
from app.services.engines.musicgen_adapters import put_on
from app.services.engines.musicgen_melody import Melody
from app.services.engines.musicgen_opening import MusicgenFamily, open_musicgen
from app.services.engines.musicgen_tokens import CodeWriter, Row
from app.services.engines.on_torch import dice_of, give_back
from app.services.engines.shaping import Watch, blocks_of, looped

#: Seconds that the model hears, and those of them that a continuation begins with.
WINDOW_S, KEPT_S = 30, 12

#: Seconds that a loop is played beyond its end, to fade out over its beginning.
_LOOP_FADE_S = 1

#: Frames of codes that are made to sound at once, and those before and after them that the codec hears as well.
_STRETCH_FRAMES, _AROUND_FRAMES = 1_000, 100


class MusicGenEngine:
    """One MusicGen checkpoint: small, medium or large, of one channel or two."""

    capabilities: Capabilities = MUSICGEN_CAPABILITIES
    family: MusicgenFamily = "musicgen"

    def __init__(self, source: ModelSource, *, window_s: float = WINDOW_S, kept_s: float = KEPT_S) -> None:
        self._source = source
        self._window_s = window_s
        self._kept_s = kept_s
        self._model: Any = None
        self._tokenizer: Any = None
        #: The adapter that the model plays with.
        self._worn: Path | None = None

    def load(self, *, device: str = "auto", dtype: str = "auto", adapter: str | None = None) -> None:
        """Open the checkpoint; `adapter` is a folder with a LoRA for it. `GenerationFailed` with the reason."""
        if self._model is not None:
            return
        self._model, self._tokenizer = open_musicgen(self._source, device=device, dtype=dtype, family=self.family)
        self._wear(None if adapter is None else Path(adapter))

    def memory_bytes(self) -> int:
        """Bytes of the weights."""
        return 0 if self._model is None else sum(weight.nbytes for weight in self._model.parameters())

    def batch_key(self, request: TakeRequest) -> tuple[object, ...]:
        """Pieces of any words and lengths go together; what has a seed of its own or goes on from a clip goes alone.

        A batch rounds otherwise than a piece alone, and one code drawn otherwise is other music from there on.
        """
        return ("musicgen", request.adapter, object() if request.seed_named or request.audio is not None else None)

    def unload(self) -> None:
        """Forget the model."""
        self._model = self._tokenizer = self._worn = None
        give_back()

    def generate(self, requests: Sequence[TakeRequest]) -> list[Take | Exception]:
        """One take a request, all made side by side; a cancelled one costs nothing from the next step on."""
        self.load()
        self._wear(requests[0].adapter)
        watch = Watch(requests)
        pieces = [_Piece(self._model, request) for request in requests]
        writer = CodeWriter(self._model)
        try:
            watch.tell(dict.fromkeys(range(len(requests)), 0.0))
            while rows := [i for i, one in enumerate(pieces) if one.missing > 0 and not watch.gone(i)]:
                self._go_on(writer, requests, pieces, rows, watch)
        except Cancelled:
            pass  # nobody waits for those at work
        return [
            Cancelled("Cancelled") if watch.gone(i) else _finished(request, piece)
            for i, (request, piece) in enumerate(zip(requests, pieces, strict=True))
        ]

    def _wear(self, adapter: Path | None) -> None:
        """Play with an adapter from now on, or without; the model stays where it is. `GenerationFailed`."""
        if adapter == self._worn:
            return
        if self._worn is not None:
            self._model.decoder.delete_adapter("default")
            self._worn = None
        if adapter is not None:
            put_on(self._model, adapter, self._source)
            self._worn = adapter

    def _go_on(
        self, writer: CodeWriter, requests: Sequence[TakeRequest], pieces: "list[_Piece]", rows: list[int], watch: Watch
    ) -> None:
        """The next window of each row."""
        rate = pieces[0].codes_a_second
        window, kept = round(self._window_s * rate), round(self._kept_s * rate)
        known = [pieces[row].codes[:, -kept:] if pieces[row].codes.shape[1] else pieces[row].codes for row in rows]
        before = [pieces[row].codes.shape[1] for row in rows]
        asked = [
            Row(known=one, frames=min(pieces[row].missing, window - one.shape[1]), dice=pieces[row].dice)
            for row, one in zip(rows, known, strict=True)
        ]

        def heard(made: list[int]) -> list[int]:
            watch.tell({row: pieces[row].share(made[i]) for i, row in enumerate(rows)})
            return [i for i, row in enumerate(rows) if watch.gone(row)]

        words = [requests[row].description or requests[row].prompt for row in rows]
        starts_s = [(pieces[row].made - one.shape[1]) / rate for row, one in zip(rows, known, strict=True)]
        tunes = [self._tune(pieces[row], start_s) for row, start_s in zip(rows, starts_s, strict=True)]
        written = writer.go_on(writer.understood(self._tokenizer, words, tunes), asked, heard)
        for row, start, one, codes in zip(rows, before, known, written, strict=True):
            pieces[row].add(start, codes[:, one.shape[1] :])

    def _tune(self, piece: "_Piece", start_s: float) -> Any:  # noqa: ARG002 - of those that follow one
        """What a window is told of a tune; None of a model that follows none."""
        return None


class MusicGenMelodyEngine(MusicGenEngine):
    """MusicGen Melody: the same with the tune of a clip before the words."""

    capabilities: Capabilities = MUSICGEN_MELODY_CAPABILITIES
    family: MusicgenFamily = "musicgen_melody"

    def _tune(self, piece: "_Piece", start_s: float) -> Any:
        if piece.melody is None:
            clip = piece.followed
            piece.melody = Melody(self._model) if clip is None else Melody(self._model, clip.samples, clip.sample_rate)
        return piece.melody.window(start_s)


class _Piece:
    """A piece in the making."""

    def __init__(self, model: Any, request: TakeRequest) -> None:
        import torch

        codec = model.config.audio_encoder
        self._model = model
        self._stereo = model.decoder.config.audio_channels == 2
        self.sample_rate: int = codec.sampling_rate
        self._hop: int = int(codec.hop_length)
        self.codes_a_second: float = self.sample_rate / self._hop
        self.frames: int = request.plan.duration_s * self.sample_rate
        if request.plan.loop:
            self.frames += _LOOP_FADE_S * self.sample_rate
        self.dice = dice_of(request.plan.seed)
        #: Codes so far, those of a clip included: int64, shape (codebooks, frames of codes).
        self.codes: Any = torch.zeros((model.decoder.config.num_codebooks, 0), dtype=torch.long)
        clip = request.audio
        #: A clip to follow, and what is heard of it, once it was listened to.
        self.followed = clip if clip is not None and clip.use == "melody" else None
        self.melody: Melody | None = None
        if clip is not None and clip.use == "continue":
            self.codes = codes_of(model, clip.samples[-round(KEPT_S * clip.sample_rate) :], clip.sample_rate)
        self._clip = int(self.codes.shape[1])

    @property
    def made(self) -> int:
        """Frames of codes that were made."""
        return int(self.codes.shape[1]) - self._clip

    @property
    def missing(self) -> int:
        """Frames of codes still to make."""
        return -(-self.frames // self._hop) - self.made

    def share(self, more: int) -> float:
        """The fraction that is done with so many frames of codes more."""
        return 1.0 - max(self.missing - more, 0) / max(-(-self.frames // self._hop) + 1, 1)

    def add(self, start: int, codes: Any) -> None:
        """Take what follows the first `start` frames of codes."""
        import torch

        self.codes = torch.cat([self.codes[:, :start], codes], dim=1)

    def sound(self) -> Samples:
        """The finished piece without the clip: float32, shape (frames, channels)."""
        first = max(self._clip - _AROUND_FRAMES, 0)  # the codec hears how the clip ends, so that nothing jumps there
        codes = self.codes[:, first:]
        channels = [codes[0::2], codes[1::2]] if self._stereo else [codes]
        begin = (self._clip - first) * self._hop
        return np.stack([self._sounded(one) for one in channels], axis=1)[begin : begin + self.frames]

    def _sounded(self, codes: Any) -> Samples:
        """One channel, made in stretches that pass over into each other within a frame of codes."""
        import torch

        total, hop = codes.shape[1], self._hop
        sound = np.zeros(total * hop, np.float32)
        rising = np.linspace(0.0, 1.0, hop, endpoint=False, dtype=np.float32)
        for first in range(0, total, _STRETCH_FRAMES):
            low, high = max(first - _AROUND_FRAMES, 0), min(first + _STRETCH_FRAMES + _AROUND_FRAMES, total)
            with torch.inference_mode():
                piece = codes[:, low:high].to(self._model.device)[None, None]
                made = self._model.audio_encoder.decode(piece, [None]).audio_values[0, 0].float().cpu().numpy()
            begin, end = first - low, min(first + _STRETCH_FRAMES + 1, total) - low
            stretch = made[begin * hop : end * hop]
            if first:  # the last stretch has already played the first frame of this one
                stretch = stretch.copy()
                stretch[:hop] = sound[first * hop : (first + 1) * hop] * (1 - rising) + stretch[:hop] * rising
            sound[first * hop : first * hop + len(stretch)] = stretch
        return sound


def _finished(request: TakeRequest, piece: _Piece) -> Take:
    samples = piece.sound()
    if request.plan.loop:
        samples = looped(samples, request.plan.duration_s * piece.sample_rate)
    request.progress("rendering", 1.0)
    return Take(blocks=blocks_of(samples), sample_rate=piece.sample_rate)


def codes_of(model: Any, samples: Samples, sample_rate: int) -> Any:
    """The codes of sound of shape (frames, channels): int64, shape (codebooks, frames of codes)."""
    import torch

    wanted = model.config.audio_encoder.sampling_rate
    channels = np.concatenate(list(resampled([samples[:, [0, -1]]], sample_rate, wanted)))
    if model.decoder.config.audio_channels != 2:
        channels = channels.mean(axis=1, keepdims=True)
    heard = torch.from_numpy(np.ascontiguousarray(channels.T))[:, None].to(model.device, model.dtype)
    with torch.inference_mode():
        codes = model.audio_encoder.encode(heard).audio_codes[0].cpu()  # (channels, codebooks, frames)
    return codes.transpose(0, 1).reshape(-1, codes.shape[-1])
