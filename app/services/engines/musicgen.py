"""The MusicGen engine of AudioCraft: a language model over the codes of 32 kHz sound, in the layout of transformers.

The model hears 30 s at once. Longer pieces are continued from their last 12 s, as often as it takes; only codes are
handed on, so that nothing is lost between. The codes of a piece are made to sound in stretches.
"""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from app.errors import Cancelled, GenerationFailed, printable
from app.models.audio import Samples
from app.services.dsp.resampling import resampled
from app.services.engines.base import Capabilities, ModelSource, Take, TakeRequest
from app.services.engines.catalogue import MUSICGEN_CAPABILITIES
from app.services.engines.musicgen_adapters import put_on
from app.services.engines.musicgen_tokens import CodeWriter, Row
from app.services.engines.on_torch import device_named, dice_of, dtype_named, give_back
from app.services.engines.shaping import Watch, blocks_of, looped
from app.services.engines.weights import PICKLES

#: Seconds that the model hears, and those of them that a continuation begins with.
WINDOW_S, KEPT_S = 30, 12

#: Seconds that a loop is played beyond its end, to fade out over its beginning.
_LOOP_FADE_S = 1

#: Frames of codes that are made to sound at once, and those before and after them that the codec hears as well.
_STRETCH_FRAMES, _AROUND_FRAMES = 1_000, 100


class MusicGenEngine:
    """One MusicGen checkpoint: small, medium or large, of one channel or two."""

    capabilities: Capabilities = MUSICGEN_CAPABILITIES

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
        self._model, self._tokenizer = open_musicgen(self._source, device=device, dtype=dtype)
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
        written = writer.go_on(writer.understood(self._tokenizer, words), asked, heard)
        for row, start, one, codes in zip(rows, before, known, written, strict=True):
            pieces[row].add(start, codes[:, one.shape[1] :])


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
        if request.audio is not None:
            clip = request.audio
            self.codes = codes_of(model, clip.samples[-round(KEPT_S * clip.sample_rate) :], clip.sample_rate)
        self._clip = int(self.codes.shape[1])

    @property
    def missing(self) -> int:
        """Frames of codes still to make."""
        made = int(self.codes.shape[1]) - self._clip
        return -(-self.frames // self._hop) - made

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


def open_musicgen(source: ModelSource, *, device: str, dtype: str) -> tuple[Any, Any]:
    """The model in a folder, on its device, and its tokenizer. `GenerationFailed` with the reason.

    Nothing is downloaded and nothing unpickled: a folder of safetensors, or it is refused.
    """
    folder = _checked(source)
    from transformers import AutoTokenizer, MusicgenForConditionalGeneration
    from transformers.utils.logging import disable_progress_bar

    disable_progress_bar()
    where = device_named(device)
    try:
        tokenizer = AutoTokenizer.from_pretrained(str(folder), local_files_only=True)
        model = MusicgenForConditionalGeneration.from_pretrained(
            str(folder),
            local_files_only=True,
            use_safetensors=True,
            dtype=dtype_named(dtype, where, "float16"),
            attn_implementation={"decoder": "sdpa"},  # the codec has no such attention
        )
    except Exception as error:  # whatever a damaged checkpoint raises in whichever library reads it
        raise GenerationFailed(
            f"The weights of {source.name} cannot be read; fetch them again: python3 run.py fetch {source.name} "
            f"({type(error).__name__}: {printable(str(error), 200)})"
        ) from error
    return model.to(where).eval(), tokenizer


def _checked(source: ModelSource) -> Path:
    fetch = f"python3 run.py fetch {source.name}"
    if source.folder is None or not source.folder.is_dir():
        raise GenerationFailed(f"The weights of {source.name} are not on this machine: {fetch}")
    try:
        config = json.loads((source.folder / "config.json").read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise GenerationFailed(
            f"The folder of {source.name} holds no checkpoint: its config.json is missing or damaged; {fetch}"
        ) from error
    family = config.get("model_type") if isinstance(config, dict) else None
    if family != "musicgen":
        raise GenerationFailed(f"The folder of {source.name} holds {printable(str(family))}, not musicgen")
    names = sorted(file.name for file in source.folder.iterdir())
    pickled = [name for name in names if name.endswith(PICKLES)]
    if pickled and not any(name.endswith(".safetensors") for name in names):
        raise GenerationFailed(
            f"{source.name} is refused: {pickled[0]} is a pickle, which could run any code; only safetensors are opened"
        )
    return source.folder
