"""MusicGen's language model at its barest: words and the codes so far go in, the codes that follow come out.

Codes are what the codec makes of 20 ms of sound: one number a codebook, shape (codebooks, frames). The model reads each
codebook one step after the one before ("delay pattern"), the two channels of a stereo codebook together.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from inspect import signature
from typing import Any

#: Sampling as published with the models.
GUIDANCE, TOP_K = 3.0, 250


@dataclass(frozen=True, kw_only=True, slots=True)
class Row:
    """One piece among those that are made side by side."""

    #: Codes that are known, int64, shape (codebooks, frames); all rows of a batch have as many frames.
    known: Any
    #: Frames to make after them.
    frames: int
    #: The torch dice of this piece alone.
    dice: Any


class CodeWriter:
    """Writes codes with one opened model."""

    def __init__(self, model: Any) -> None:
        config = model.decoder.config
        self._model = model
        self._codebooks: int = config.num_codebooks
        self._delays = [k // config.audio_channels for k in range(self._codebooks)]
        #: Stands where a codebook has nothing to say yet, or any more.
        self.nothing: int = config.pad_token_id
        #: What the library calls the model's memory of what it has read; version 5.24 gave it another name.
        self._begins_with_tune: bool = hasattr(self._model.config, "chroma_length")
        takes = signature(model.decoder.forward).parameters
        self._memory = "cache" if "cache" in takes else "past_key_values"

    def understood(self, tokenizer: Any, words: Sequence[str], tunes: Sequence[Any] = ()) -> tuple[Any, Any]:
        """What the text encoder makes of the words, with the mask that hides padding; each once with and once without.

        Shapes (2 × rows, tokens, width) and (2 × rows, tokens); in the second half nothing is to be seen.

        A model that follows tunes has them before the words, one of shape (spectra, notes) a row, and hides nothing.
        """
        import torch

        device = self._model.device
        read = tokenizer(list(words), padding=True, truncation=True, return_tensors="pt").to(device)
        with torch.inference_mode():
            states = self._model.text_encoder(
                input_ids=read.input_ids, attention_mask=read.attention_mask
            ).last_hidden_state
            if hasattr(self._model, "enc_to_dec_proj"):
                states = self._model.enc_to_dec_proj(states)
        states = states * read.attention_mask[..., None]
        if self._begins_with_tune:
            return torch.cat([self._of_tunes(tunes), torch.cat([states, torch.zeros_like(states)])], dim=1), None
        return torch.cat([states, torch.zeros_like(states)]), read.attention_mask.repeat(2, 1)

    def _of_tunes(self, tunes: Sequence[Any]) -> Any:
        """Tunes as the decoder reads them, then as many times none: the first of the notes all along."""
        import torch

        heard = torch.stack(list(tunes))
        none = torch.zeros_like(heard)
        none[..., 0] = 1
        with torch.inference_mode():
            told = torch.cat([heard, none]).to(self._model.device, self._model.dtype)
            narrow = not hasattr(self._model, "audio_enc_to_dec_proj")
            return told if narrow else self._model.audio_enc_to_dec_proj(told)

    def go_on(
        self, understood: tuple[Any, Any], rows: Sequence[Row], heard: Callable[[list[int]], Sequence[int]]
    ) -> list[Any]:
        """Each row's known codes and those after them, shape (codebooks, known + frames).

        After every step `heard` is told how many frames each row has of its own, and answers with the rows that are
        wanted no more; they cost nothing from then on, and their codes end there. What it raises ends all.
        """
        import torch

        device = self._model.device
        grids = [self.grid(row) for row in rows]
        known = rows[0].known.shape[1]
        made = [0] * len(rows)
        states, mask = understood
        #: Rows at work, and what the model remembers of them: first as they see the words, then as they do not.
        live, cache = list(range(len(rows))), None
        step = known + 1  # the first place with something to write
        with torch.inference_mode():
            while live:
                seen = torch.stack([grids[row][:, (0 if cache is None else step - 1) : step] for row in live])
                # A tune and its words are read once, as the beginning of the piece; others are looked at in each step.
                read = self._begins_with_tune and cache is not None
                answer = self._model.decoder(
                    input_ids=seen.repeat(2, 1, 1).reshape(-1, seen.shape[-1]).to(device),
                    encoder_hidden_states=None if read else states,
                    encoder_attention_mask=mask,
                    use_cache=True,
                    **{self._memory: cache},
                )
                cache = answer[self._memory]
                logits = answer.logits[:, -1].reshape(2, len(live), self._codebooks, -1).float()
                guided = (logits[1] + GUIDANCE * (logits[0] - logits[1])).cpu()
                for place, row in enumerate(live):
                    self._write(grids[row], step, guided[place], rows[row], known)
                    made[row] = min(max(step - known - self._delays[-1], 0), rows[row].frames)
                step += 1
                unwanted = set(heard(list(made)))
                kept = [i for i, row in enumerate(live) if made[row] < rows[row].frames and row not in unwanted]
                if kept and len(kept) < len(live):
                    both = torch.tensor([*kept, *(i + len(live) for i in kept)], device=device)
                    states, mask = states[both], None if mask is None else mask[both]
                    cache.batch_select_indices(both)
                live = [live[i] for i in kept]
        return [self._codes(grid, known + count) for grid, count in zip(grids, made, strict=True)]

    def grid(self, row: Row) -> Any:
        """The codes as the model reads them: (codebooks, places), codebook k's frame f at place f + 1 + its delay."""
        import torch

        known = row.known.shape[1]
        places = 1 + known + row.frames + self._delays[-1]
        grid = torch.full((self._codebooks, places), self.nothing, dtype=torch.long)
        for k, delay in enumerate(self._delays):
            grid[k, 1 + delay : 1 + delay + known] = row.known[k]
        return grid

    def _write(self, grid: Any, place: int, logits: Any, row: Row, known: int) -> None:
        """Draw the codes of one place, where they are not known and there are any."""
        import torch

        best = torch.topk(logits, min(TOP_K, logits.shape[-1]))
        drawn = torch.multinomial(torch.softmax(best.values, dim=-1), 1, generator=row.dice)
        chosen = best.indices.gather(-1, drawn)[:, 0]
        for k, delay in enumerate(self._delays):
            if known <= place - 1 - delay < known + row.frames:
                grid[k, place] = chosen[k]

    def _codes(self, grid: Any, frames: int) -> Any:
        """A grid without its delays."""
        import torch

        return torch.stack([grid[k, 1 + delay : 1 + delay + frames] for k, delay in enumerate(self._delays)])
