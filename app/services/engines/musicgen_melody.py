"""What MusicGen Melody hears of a tune: in each eighth of a second the one of twelve notes that is strongest.

The library's own extractor of these needs torchaudio, which is not installed beside the CPU build of PyTorch; this one
takes the same spectrum, the same bank of filters and the same maximum. AudioCraft first takes drums and bass out of the
recording; here it is heard as it is.
"""

from typing import Any

import numpy as np

from app.models.audio import Samples
from app.services.dsp.resampling import resampled

#: Frames of sound of one spectrum, and from one to the next, as published with the model.
_SPECTRUM_FRAMES, _HOP_FRAMES = 16_384, 4_096


class Melody:
    """The tune of a clip, or none."""

    def __init__(self, model: Any, samples: Samples | None = None, sample_rate: int = 0) -> None:
        """`samples` have shape (frames, channels); None is no tune, which the model knows as such."""
        import torch

        self._length: int = model.config.chroma_length
        self._notes: int = model.config.num_chroma
        self._rate: int = model.config.audio_encoder.sampling_rate
        if samples is None:  # the first of the notes all along
            self._chroma = torch.nn.functional.one_hot(torch.zeros(1, dtype=torch.long), self._notes).float()
        else:
            self._chroma = self._heard(samples, sample_rate)

    def window(self, start_s: float) -> Any:
        """What a window that begins there is told: float32, shape (spectra, notes). A short tune begins again."""
        import torch

        first = round(start_s * self._rate / _HOP_FRAMES)
        return self._chroma[torch.arange(first, first + self._length) % len(self._chroma)]

    def _heard(self, samples: Samples, sample_rate: int) -> Any:
        """One note, as a one among zeros, for each spectrum."""
        import torch
        from transformers.audio_utils import chroma_filter_bank

        sound = np.concatenate(list(resampled([np.ascontiguousarray(samples[:, [0, -1]])], sample_rate, self._rate)))
        wave = torch.from_numpy(sound.mean(axis=1))
        lacking = max(_SPECTRUM_FRAMES - len(wave), 0)
        wave = torch.nn.functional.pad(wave, (lacking // 2, lacking - lacking // 2))
        window = torch.hann_window(_SPECTRUM_FRAMES)
        spectrum = torch.stft(wave, _SPECTRUM_FRAMES, _HOP_FRAMES, window=window, return_complex=True).abs() ** 2
        bank = chroma_filter_bank(
            num_frequency_bins=_SPECTRUM_FRAMES, num_chroma=self._notes, sampling_rate=self._rate, tuning=0
        )
        strength = torch.from_numpy(bank).float() @ spectrum
        return torch.nn.functional.one_hot(strength.argmax(dim=0), self._notes).float()
