"""A room made of noise: an impulse response from a few numbers, and the reverb that plays it."""

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy.fft import irfft, next_fast_len, rfft, rfftfreq

from app.models.audio import SAMPLE_RATE, Samples
from app.services.dsp.convolution import Convolution, Spectra, partition
from app.utils.seeds import rng_for
from app.utils.units import db_to_gain, seconds_to_frames

#: Every room is cut from the same noise, so that a room of the same numbers is the same room.
_NOISE_SEED = 1770

#: Centres in Hz of the bands that decay each at their own pace; in between they are cross-faded over log frequency.
_BAND_HZ = (125.0, 500.0, 2_000.0, 6_000.0, 12_000.0)

#: Early reflections: when they come in ms after the predelay, and how strong, first left then right. Taken from no
#: room: gaps that grow less regular and share no common divisor, so that they colour little.
_EARLY = (
    ((7.1, 0.55), (13.7, -0.48), (22.3, 0.41), (31.9, 0.33), (44.7, -0.28)),
    ((9.3, -0.52), (16.1, 0.46), (25.7, -0.38), (36.1, 0.32), (47.9, 0.27)),
)

#: Seconds in which the noise swells from nothing, so that the room does not begin with a bang.
_SWELL_S = 0.012

#: Part of each side that enters the room on the other side.
_CROSSFEED = 0.5


def room_response(*, reverb_s: float, predelay_ms: float, brightness: float) -> Samples:
    """Impulse response of a room, shape (frames, 2), each channel of unit energy; the channels are uncorrelated.

    `reverb_s` is the time in which the middle tones fall by 60 dB. `brightness`, 0…1, says how long the high ones ring.
    """
    frames = seconds_to_frames(reverb_s * 1.05, SAMPLE_RATE)
    padded = next_fast_len(frames, real=True)
    noise = rng_for(_NOISE_SEED, "room").standard_normal((2, padded)).astype(np.float32)
    spectrum = rfft(noise)
    time_s = np.arange(frames, dtype=np.float32) / np.float32(SAMPLE_RATE)
    tail = np.zeros((2, frames), np.float32)
    masks = _band_masks(rfftfreq(padded, 1 / SAMPLE_RATE))
    for mask, decay_s, gain in zip(masks, _decays_s(reverb_s, brightness), _gains(brightness), strict=True):
        band = irfft(spectrum * mask, padded)[:, :frames]
        # 60 dB are 6.91 nepers.
        tail += band * np.exp(time_s * np.float32(-6.9078 / decay_s)) * np.float32(gain)
    swell = min(seconds_to_frames(_SWELL_S, SAMPLE_RATE), frames)
    tail[:, :swell] *= np.sin(np.linspace(0, np.pi / 2, swell, dtype=np.float32)) ** 2
    fade = frames // 20
    tail[:, -fade:] *= np.linspace(1, 0, fade, dtype=np.float32)
    tail /= np.sqrt(np.square(tail).sum(axis=1, keepdims=True))
    predelay = seconds_to_frames(predelay_ms / 1_000, SAMPLE_RATE)
    response = np.zeros((predelay + frames, 2), np.float32)
    response[predelay:] = tail.T
    _add_early(response, predelay, reverb_s)
    response /= np.sqrt(np.square(response).sum(axis=0))
    return response


@lru_cache(maxsize=4)
def _room(reverb_s: float, predelay_ms: float, brightness: float) -> Spectra:
    return partition(room_response(reverb_s=reverb_s, predelay_ms=predelay_ms, brightness=brightness))


class Reverb:
    """A room from block to block. Its return is as loud as what is sent into it, for steady sound."""

    def __init__(self, *, reverb_s: float, predelay_ms: float, brightness: float) -> None:
        self._convolution = Convolution(_room(reverb_s, predelay_ms, brightness))

    @property
    def ringing(self) -> bool:
        """Whether the room has not come to rest."""
        return self._convolution.ringing

    def process(self, send: Samples) -> Samples:
        """The room's answer to the next block, shape (frames, 2), without the dry sound. Blocks as `Convolution`'s."""
        straight = np.float32(1 / np.sqrt(1 + _CROSSFEED**2))
        across = np.float32(_CROSSFEED) * straight
        return self._convolution.process(send * straight + send[:, ::-1] * across)


def _decays_s(reverb_s: float, brightness: float) -> tuple[float, ...]:
    # Air and walls swallow high tones first; low ones last a little longer.
    return tuple(
        reverb_s * part for part in (1.1, 1.0, 0.8 + 0.2 * brightness, 0.4 + 0.5 * brightness, 0.22 + 0.55 * brightness)
    )


def _gains(brightness: float) -> tuple[float, ...]:
    levels_db = (-4.0, 0.0, 0.0, -6.0 + 5.0 * brightness, -12.0 + 9.0 * brightness)
    return tuple(db_to_gain(level_db) for level_db in levels_db)


def _band_masks(frequencies_hz: NDArray[np.float64]) -> NDArray[np.float32]:
    # Triangles over log frequency that sum to one; the lowest band has a low cut at 90 Hz, for rooms must not boom.
    log_hz = np.log2(np.maximum(frequencies_hz, 1.0))
    centres = np.log2(_BAND_HZ)
    masks = np.stack([np.interp(log_hz, centres, row) for row in np.eye(len(centres))])
    masks[0] *= 1 / (1 + (90.0 / np.maximum(frequencies_hz, 1.0)) ** 4)
    return masks.astype(np.float32)


def _add_early(response: Samples, predelay: int, reverb_s: float) -> None:
    # The smaller the room, the sooner the walls answer.
    size = min(1.0, 0.4 + 0.3 * reverb_s)
    for channel, taps in enumerate(_EARLY):
        for delay_ms, gain in taps:
            frame = predelay + seconds_to_frames(delay_ms * size / 1_000, SAMPLE_RATE)
            if frame < len(response):
                response[frame, channel] += 0.35 * gain
