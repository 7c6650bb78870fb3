"""MusicGen learns: codes of recordings and their captions go in, a LoRA for the language model comes out.

Only the adapter is trained; text encoder, codec and model stay as they are. What was reached is kept every so often, as
safetensors, and taken up again: the same seed draws the same pieces at every step, wherever it began.
"""

import json
import shutil
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from app.models.audio import Samples
from app.services.engines.base import ModelSource
from app.services.engines.musicgen import codes_of
from app.services.engines.musicgen_adapters import BASE_FILE, fingerprint
from app.services.engines.musicgen_opening import open_musicgen
from app.services.engines.musicgen_tokens import CodeWriter, Row
from app.utils.seeds import rng_for

#: Size of the adapter, and how much it counts at full strength.
RANK, ALPHA = 16, 32
#: Layers that it stands beside.
TARGETS = ["q_proj", "v_proj"]
#: Step size, pieces a step, and how often a caption is left out, for the guidance that plays without one.
RATE, BATCH, DROPPED = 2e-4, 2, 0.2
#: Steps where none are asked for.
DEFAULT_STEPS = 500
#: Seconds of a piece.
PIECE_S = 30
#: Steps between two checkpoints.
KEEP_EVERY = 50


@dataclass(frozen=True, kw_only=True, slots=True)
class Piece:
    """What is learned from: codes, int64, shape (codebooks, frames), and a caption."""

    codes: Any
    text: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Training:
    """What training ended with."""

    #: Folder of the adapter.
    folder: Path
    #: Loss of each step, in order, those before a restart too.
    losses: list[float]
    pieces: int
    seconds: float
    #: Step at which this run began.
    resumed_at: int


class Trainer:
    """One training, in a folder of its own that outlives its process."""

    def __init__(self, source: ModelSource, work: Path, *, seed: int, device: str = "auto", rate: float = RATE) -> None:
        self._source = source
        self._work = work
        self._seed = seed
        self._model, self._tokenizer = open_musicgen(source, device=device, dtype="float32")
        self._writer = CodeWriter(self._model)
        self._rate = rate
        self.pieces: list[Piece] = []
        self.seconds = 0.0

    def hear(self, samples: Samples, sample_rate: int, text: str) -> None:
        """Learn from a recording too: samples of shape (frames, channels)."""
        length = PIECE_S * sample_rate
        for first in range(0, len(samples), length):
            piece = samples[first : first + length]
            if len(piece) >= sample_rate:
                self.pieces.append(Piece(codes=codes_of(self._model, piece, sample_rate), text=text))
                self.seconds += len(piece) / sample_rate

    def train(self, steps: int, *, strength: float, tell: Callable[[float], None]) -> Training:
        """Train for so many steps in all, and write the adapter. `tell` hears what part is done, 0…1."""
        import torch
        from peft import LoraConfig

        torch.manual_seed(self._seed)
        decoder = self._model.decoder
        self._model.requires_grad_(False)
        decoder.add_adapter(LoraConfig(r=RANK, lora_alpha=ALPHA, target_modules=TARGETS))
        weights = {name: weight for name, weight in decoder.named_parameters() if weight.requires_grad}
        optimizer = torch.optim.AdamW(weights.values(), lr=self._rate, betas=(0.9, 0.99), weight_decay=0.01)
        losses = self._take_up(weights, optimizer)
        began = len(losses)
        decoder.train()
        while len(losses) < steps:
            torch.manual_seed(self._seed + len(losses))  # of what the model leaves out at random while it learns
            loss = self._loss(len(losses))
            optimizer.zero_grad()
            loss.backward()
            torch.nn.utils.clip_grad_norm_(weights.values(), 1.0)
            optimizer.step()
            losses.append(round(float(loss.detach()), 5))
            tell(len(losses) / steps)
            if len(losses) % KEEP_EVERY == 0 and len(losses) < steps:
                self._keep(weights, optimizer, losses)
        return Training(
            folder=self._finished(strength),
            losses=losses,
            pieces=len(self.pieces),
            seconds=self.seconds,
            resumed_at=began,
        )

    def _loss(self, step: int) -> Any:
        """How badly the next codes of some pieces are guessed: the mean cross entropy."""
        import torch

        rng = rng_for(self._seed, f"step {step}")
        chosen = [self.pieces[int(index)] for index in rng.integers(len(self.pieces), size=BATCH)]
        frames = min(piece.codes.shape[1] for piece in chosen)
        grids, words = [], []
        for piece in chosen:
            first = int(rng.integers(piece.codes.shape[1] - frames + 1))
            grids.append(self._writer.grid(Row(known=piece.codes[:, first : first + frames], frames=0, dice=None)))
            words.append(rng.random() >= DROPPED)
        states, mask = self._writer.understood(self._tokenizer, [piece.text for piece in chosen])
        heard = torch.tensor(words, device=states.device)[:, None, None]
        states = states[:BATCH].clone() * heard
        grid = torch.stack(grids).to(states.device)  # (pieces, codebooks, places)
        logits = self._model.decoder(
            input_ids=grid[..., :-1].reshape(-1, grid.shape[-1] - 1),
            encoder_hidden_states=states,
            encoder_attention_mask=mask[:BATCH],
            use_cache=False,
        ).logits
        wanted = grid[..., 1:].reshape(-1)
        spoken = wanted != self._writer.nothing
        return torch.nn.functional.cross_entropy(logits.reshape(-1, logits.shape[-1])[spoken].float(), wanted[spoken])

    def _keep(self, weights: dict[str, Any], optimizer: Any, losses: list[float]) -> None:
        """Write down what was reached; whoever looks sees all of it or what was there before."""
        from safetensors.torch import save_file

        tensors = {f"weight/{name}": weight.detach().cpu().contiguous() for name, weight in weights.items()}
        for name, weight in weights.items():
            for key, value in optimizer.state[weight].items():
                tensors[f"{key}/{name}"] = value.detach().cpu().contiguous()
        self._work.mkdir(parents=True, exist_ok=True)
        fresh = self._work / "fresh.safetensors"
        save_file(tensors, fresh, metadata={"losses": json.dumps(losses)})
        fresh.replace(self._work / "checkpoint.safetensors")

    def _take_up(self, weights: dict[str, Any], optimizer: Any) -> list[float]:
        """The losses so far; weights and optimizer are put where the last checkpoint left them, if there is one."""
        import torch
        from safetensors import safe_open

        path = self._work / "checkpoint.safetensors"
        if not path.exists():
            return []
        with safe_open(path, "pt") as kept, torch.no_grad():
            for name, weight in weights.items():
                weight.copy_(kept.get_tensor(f"weight/{name}"))
                state = {key: kept.get_tensor(f"{key}/{name}") for key in ("step", "exp_avg", "exp_avg_sq")}
                optimizer.state[weight] = {
                    key: value if key == "step" else value.to(weight.device) for key, value in state.items()
                }
            losses: list[float] = json.loads(kept.metadata()["losses"])
        return losses

    def _finished(self, strength: float) -> Path:
        """The adapter in a folder, its weight set to `strength`, with what it was trained on."""
        folder = self._work / "adapter"
        shutil.rmtree(folder, ignore_errors=True)
        self._model.decoder.save_pretrained(str(folder), safe_serialization=True)
        config = json.loads((folder / "adapter_config.json").read_text(encoding="utf-8"))
        config |= {"lora_alpha": ALPHA * strength, "base_model_name_or_path": None, "inference_mode": True}
        (folder / "adapter_config.json").write_text(json.dumps(config), encoding="utf-8")
        assert self._source.folder is not None  # noqa: S101 - it was opened
        said = {"model": self._source.name, "fingerprint": fingerprint(self._source.folder)}
        (folder / BASE_FILE).write_text(json.dumps(said), encoding="utf-8")
        return folder


def curve(losses: Iterable[float], most: int = 100) -> list[tuple[int, float]]:
    """(step, mean loss of those up to it since the last) of at most so many stretches.

    >>> curve([4.0, 2.0, 1.0, 1.0], 2)
    [(2, 3.0), (4, 1.0)]
    """
    values = list(losses)
    stretch = max(-(-len(values) // most), 1)
    parts = [(first, values[first : first + stretch]) for first in range(0, len(values), stretch)]
    return [(first + len(part), round(sum(part) / len(part), 4)) for first, part in parts]
