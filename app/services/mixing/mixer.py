"""Dry voices in, stems and their sum out, block by block."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from app.models.audio import SAMPLE_RATE, Block, Samples
from app.models.plan import Space, Voice
from app.services.dsp.delay import PingPongDelay
from app.services.dsp.ducking import Ducking
from app.services.dsp.reverb import Reverb
from app.services.mixing.strip import ChannelStrip, send_gain
from app.utils.units import beats_to_seconds, seconds_to_frames

#: The energy of a voice is read from one frame in so many.
_ENERGY_STEP = 4


class Returns:
    """The room and the echo that voices share, or that one voice has to itself when stems are asked for."""

    def __init__(self, space: Space, *, tempo_bpm: float) -> None:
        self._reverb = Reverb(reverb_s=space.reverb_s, predelay_ms=space.predelay_ms, brightness=space.brightness)
        delay_s = beats_to_seconds(space.delay_beats, tempo_bpm)
        self._delay = PingPongDelay(delay_frames=seconds_to_frames(delay_s, SAMPLE_RATE), feedback=space.delay_feedback)

    @property
    def ringing(self) -> bool:
        """Whether room or echo still answer to what was sent."""
        return self._reverb.ringing or self._delay.ringing

    def process(self, reverb_send: Samples, delay_send: Samples) -> Samples:
        """What comes back for the next block; all shape (frames, 2)."""
        wet = self._reverb.process(reverb_send)
        wet += self._delay.process(delay_send)
        return wet


class _Line:
    # One voice's way through the mixer: its strip, its sends and, for stems, its own returns.
    def __init__(self, voice: Voice, ducking: Ducking, returns: Returns | None) -> None:
        channel = voice.channel
        self.strip = ChannelStrip(voice, ducking)
        self.reverb_gain = np.float32(send_gain(channel, channel.reverb_send_db))
        self.delay_gain = np.float32(send_gain(channel, channel.delay_send_db))
        self.returns = returns

    def stem(self, dry: Samples) -> Samples:
        """The voice after its channel with its share of room and echo."""
        direct = self.strip.process(dry)
        stem = np.zeros(dry.shape, np.float32) if direct is None else np.ascontiguousarray(direct)
        if self.returns is not None:
            source = stem if direct is None else direct
            stem = stem + self.returns.process(source * self.reverb_gain, source * self.delay_gain)
        return stem


@dataclass(frozen=True, kw_only=True, slots=True)
class Placed:
    """A block in which every voice has its place, and what it sends into room and echo."""

    #: Without room and echo yet, unless stems were asked for: they have their own.
    block: Block
    #: Shape (frames, 2).
    reverb_send: Samples = field(default_factory=lambda: np.zeros((0, 2), np.float32))
    #: Shape (frames, 2).
    delay_send: Samples = field(default_factory=lambda: np.zeros((0, 2), np.float32))


class Mixer:
    """Mixes a piece from its first block to its last.

    Room and echo are linear, so a stem carries its share of both, and stems at unity sum to the mix; with `stems` each
    voice has returns of its own, without them all share one pair.
    """

    def __init__(
        self,
        voices: Sequence[Voice],
        space: Space,
        *,
        tempo_bpm: float,
        kick_frames: Sequence[int] = (),
        stems: bool = False,
    ) -> None:
        ducking = Ducking(kick_frames, tempo_bpm=tempo_bpm)
        self._names = [voice.name for voice in voices]
        self._lines = [
            _Line(voice, ducking, Returns(space, tempo_bpm=tempo_bpm) if stems else None) for voice in voices
        ]
        self._shared = None if stems else Returns(space, tempo_bpm=tempo_bpm)

    @property
    def ringing(self) -> bool:
        """Whether silence fed from now on would still bring something back from room or echo."""
        returns = [line.returns for line in self._lines] if self._shared is None else [self._shared]
        return any(one is not None and one.ringing for one in returns)

    def process(self, dry: Sequence[Samples], frames: int) -> Block:
        """The next block of each voice, in the order of the voices, mixed: `place`, then `answer`.

        Each is shape (frames, 2); frames is BLOCK_FRAMES, or a whole half of it, for all but the last block. The arrays
        are only read, and only until this returns.
        """
        return self.answer(self.place(dry, frames))

    def place(self, dry: Sequence[Samples], frames: int) -> Placed:
        """The first half of `process`, which reads the arrays: each voice through its channel.

        One block after the other, in order; so the second half, which may meanwhile be at work on the block before.
        """
        if self._shared is None:
            return Placed(block=self._with_stems(dry, frames))
        return self._without_stems(dry, frames)

    def answer(self, placed: Placed) -> Block:
        """The second half of `process`: what room and echo answer."""
        block = placed.block
        if self._shared is not None:
            mix = block.mix
            mix += self._shared.process(placed.reverb_send, placed.delay_send)
            block = replace(block, mix=np.ascontiguousarray(mix))
        return block

    def _with_stems(self, dry: Sequence[Samples], frames: int) -> Block:
        mix = np.zeros((frames, 2), np.float32)
        stems, energies = {}, {}
        for name, line, block in zip(self._names, self._lines, dry, strict=True):
            stems[name] = line.stem(block)
            energies[name] = _energy(stems[name])
            mix += stems[name]
        return Block(mix=mix, stems=stems, energies=energies)

    def _without_stems(self, dry: Sequence[Samples], frames: int) -> Placed:
        # Columns lie one after the other here, as the effects like them.
        mix, reverb_send, delay_send = (np.zeros((frames, 2), np.float32, order="F") for _ in range(3))
        energies = dict.fromkeys(self._names, 0.0)
        for name, line, block in zip(self._names, self._lines, dry, strict=True):
            direct = line.strip.process(block)
            if direct is None:
                continue
            energies[name] = _energy(direct)
            mix += direct
            if line.reverb_gain:
                reverb_send += direct * line.reverb_gain
            if line.delay_gain:
                delay_send += direct * line.delay_gain
        return Placed(block=Block(mix=mix, energies=energies), reverb_send=reverb_send, delay_send=delay_send)


def _energy(samples: Samples) -> float:
    # One frame in so many says as much about loudness as all of them.
    some = samples[::_ENERGY_STEP]
    return float(np.einsum("ij,ij->", some, some)) * _ENERGY_STEP
