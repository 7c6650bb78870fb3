"""A channel strip: one voice's dry audio in, its place in the mix out."""

import numpy as np

from app.models.audio import Samples
from app.models.plan import Channel, Eq, Role, Voice
from app.services.dsp import biquad
from app.services.dsp.amplifier import VOICINGS, Amplifier
from app.services.dsp.cells import apply_gains
from app.services.dsp.chorus import Chorus
from app.services.dsp.ducking import Ducking
from app.services.dsp.filters import StreamingFilter
from app.services.dsp.saturation import saturate
from app.services.dsp.stereo import Spreader, mid_side, pan_gains
from app.utils.units import db_to_gain

#: Width that voices of a role have of themselves: soundfonts play nearly mono what in a room is an arm's length wide.
NATURAL_SPREAD: dict[Role, float] = {"pad": 0.42, "chords": 0.28, "texture": 0.45, "arpeggio": 0.2, "counter": 0.1}

#: How much made-up side a whole unit of width above 1 adds, and the most there may be: less than the middle, so that a
#: mono loudspeaker loses little.
_SPREAD_PER_WIDTH = 0.6
_MOST_SPREAD = 0.8

#: Guitars that are played through an amplifier, and how it is set. A clean one only colours chords: a single string
#: rings longer without.
AMPLIFIED: dict[str, str] = {"overdriven_guitar": "crunch", "distortion_guitar": "lead"}
AMPLIFIED_CHORDS: dict[str, str] = {"clean_guitar": "clean"}

#: An equaliser band that does less than this is left out.
_FLAT_DB = 0.05

#: Lowest send; it stands for none.
_NO_SEND_DB = -60.0


class ChannelStrip:
    """Amplifier, tone, drive, chorus, width, pan, level and duck of one voice, from block to block."""

    def __init__(self, voice: Voice, ducking: Ducking) -> None:
        channel = voice.channel
        self._drive = channel.drive
        self._duck_db = channel.duck_db
        self._ducking = ducking
        voicing = amp_voicing(voice)
        self._amplifier = None if voicing is None else Amplifier(VOICINGS[voicing])
        self._filter = StreamingFilter(eq_sections(channel.eq))
        self._chorus = Chorus(channel.chorus) if channel.chorus > 0 else None
        spread = spread_amount(voice)
        self._spreader = Spreader(voice.name) if spread > 0 else None
        self._spread = np.float32(spread)
        # Made-up side adds power: the whole is turned down as much, so that width is no loudness.
        level = db_to_gain(channel.level_db) / np.sqrt(1 + spread**2)
        left, right = pan_gains(channel.pan)
        self._sides = np.array((left * level, right * level), np.float32)
        # Towards the edge a stereo voice folds together: neither of its sides may get lost.
        self._width = np.float32(channel.width * (1 - abs(channel.pan)))
        self._frame = 0
        self._resting = True

    def process(self, dry: Samples) -> Samples | None:
        """The next block after the channel, shape (frames, 2); None while the voice rests."""
        frames = len(dry)
        first_frame, self._frame = self._frame, self._frame + frames
        sounds = bool(dry.any())
        if not sounds and self._resting:
            self._rest(frames)
            return None
        self._resting = not sounds
        if self._amplifier is not None:
            dry = self._amplifier.process(dry)
        toned = self._filter.process(dry)
        if self._resting:
            self._filter.reset()
        wet = saturate(toned, self._drive)
        if self._chorus:
            wet = self._chorus.process(wet)
        wet = self._place(wet)
        if self._duck_db > 0:
            push = self._ducking.push(first_frame, frames)
            if push.any():
                # In decibels: half the push is half the way down to the ear.
                wet = apply_gains(wet, 10 ** (push * np.float32(-self._duck_db / 20)))
        return wet

    def _rest(self, frames: int) -> None:
        if self._chorus:
            self._chorus.skip(frames)
        if self._spreader:
            self._spreader.reset()

    def _place(self, samples: Samples) -> Samples:
        if self._spreader is None and self._width == 1:
            return samples * self._sides
        mid, side = mid_side(samples)
        side *= self._width
        if self._spreader:
            made_up = self._spreader.process(mid)
            made_up *= self._spread
            side += made_up
        placed = np.empty((len(samples), 2), np.float32, order="F")
        np.add(mid, side, out=placed[:, 0])
        np.subtract(mid, side, out=placed[:, 1])
        placed *= self._sides
        return placed


def amp_voicing(voice: Voice) -> str | None:
    """How the amplifier of a voice is set, a row of VOICINGS; None for none."""
    coloured = AMPLIFIED_CHORDS.get(voice.instrument) if voice.role == "chords" else None
    return AMPLIFIED.get(voice.instrument, coloured)


def spread_amount(voice: Voice) -> float:
    """Made-up side of a voice against its middle, 0…0.8: what its role brings and what width above 1 asks for."""
    width = voice.channel.width
    natural = NATURAL_SPREAD.get(voice.role, 0.0) * min(width, 1.0)
    asked = _SPREAD_PER_WIDTH * max(width - 1.0, 0.0)
    return min(natural + asked, _MOST_SPREAD) * (1 - abs(voice.channel.pan))


def eq_sections(eq: Eq) -> biquad.Sections:
    """The channel's tone as filter sections, without the bands that do nothing."""
    designs = [biquad.high_pass(eq.low_cut_hz)]
    if abs(eq.low_shelf_db) > _FLAT_DB:
        designs.append(biquad.low_shelf(200.0, eq.low_shelf_db))
    if abs(eq.mid_db) > _FLAT_DB:
        designs.append(biquad.bell(eq.mid_hz, eq.mid_db))
    if abs(eq.high_shelf_db) > _FLAT_DB:
        designs.append(biquad.high_shelf(6_000.0, eq.high_shelf_db))
    return biquad.cascade(*designs)


def send_gain(channel: Channel, send_db: float) -> float:
    """Gain into a bus, taken after the channel; 0.0 for none."""
    return 0.0 if send_db <= _NO_SEND_DB or channel.level_db <= _NO_SEND_DB else db_to_gain(send_db)
