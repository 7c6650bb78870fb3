"""Sampled instruments: a soundfont's preset goes in, tones for notes come out."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

from app.models.audio import SAMPLE_RATE
from app.services.instruments import zones as z
from app.services.instruments.base import NoteEvent
from app.services.instruments.envelopes import FLOOR_DB, Envelope
from app.services.instruments.modulators import modulation
from app.services.instruments.motion import Motion, Oscillator, Sweep
from app.services.instruments.pitched import Filter, PitchedKey, PitchedSample, cents_to_hz, opened
from app.services.instruments.sf2 import SampleHeader, SoundFont
from app.services.instruments.sources import CACHE
from app.services.instruments.tones import Tone
from app.utils.units import db_to_gain

#: Fonts were made by ear on hardware that took 0.4 of the attenuation they write; players follow it.
_WRITTEN_ATTENUATION = 0.4
#: Weights of touch, each with the velocity it starts at and the one that stands for it in everything but loudness.
#: Soft, usual and accented notes differ in colour; notes of about the same weight share their sound, and its memory.
_TOUCHES = ((100, 116), (40, 76), (0, 28))
#: Shortest release, so that no note ends with a click.
_SHORTEST_RELEASE_S = 0.02
#: Shortest fall from the full level to the one that is held: fonts that write none would make it a step, and a click.
_SHORTEST_FALL_S = 0.012


@dataclass(frozen=True, slots=True)
class _Struck:
    """What a key means for one zone, but for the loudness that its velocity asks for."""

    pitched: PitchedKey
    #: `pitched` as a text, which is quicker to look up.
    name: str
    envelope: Envelope
    loss_db: float
    pan: float


class _Values:
    """Generators of a zone with what its modulators add for one key and velocity."""

    def __init__(self, zone: z.Zone, key: int, velocity: int) -> None:
        self._zone = zone
        self._added = modulation(zone.modulators, key, velocity)

    def __getitem__(self, generator: int) -> float:
        return self._zone.value(generator) + self._added.get(generator, 0.0)

    def seconds(self, generator: int) -> float:
        """A time; the shortest that can be written is none."""
        timecents = self[generator]
        return 0.0 if timecents <= -12_000 else float(2.0 ** (min(timecents, 8_000.0) / 1200.0))

    def frames(self, fine: int, coarse: int) -> int:
        """A place in a sample, from its two generators."""
        return int(self[fine]) + 32_768 * int(self[coarse])


class SampledInstrument:
    """One preset of a font. Thread-safe: what it remembers is the same whoever asks first."""

    def __init__(self, font: SoundFont, bank: int, program: int, *, drums: bool = False) -> None:
        """With `drums`, a key that no zone answers sounds as the nearest drum there is."""
        self.crossfeed = 0.0
        self._font = font
        self._zones = font.zones(bank, program)
        self._drums = drums
        self._answers: dict[tuple[int, int], tuple[int, int, tuple[int, ...]]] = {}
        self._struck: dict[tuple[int, int, int], _Struck] = {}
        self._losses_db: dict[tuple[int, int, int], float] = {}

    def tones(self, event: NoteEvent, number: int, choke: int | None) -> Sequence[Tone]:
        """Tones of a note; which note of its part it is does not matter here."""
        del number
        key, velocity, places = self._answer(event)
        tones = []
        for place in places:
            struck = self._strike(place, key, velocity)
            source = CACHE.get(struck.name, partial(PitchedSample, struck.pitched, self._font))
            loss_db = max(0.0, struck.loss_db + self._velocity_loss_db(place, key, velocity))
            tones.append(
                Tone(
                    source,
                    struck.envelope,
                    start=event.start_frame,
                    length=event.length_frames,
                    gain=db_to_gain(-loss_db),
                    pan=struck.pan,
                    choke=choke,
                )
            )
        return tones

    def exclusive_class(self, event: NoteEvent) -> int:
        """Class of the note's first zone that has one."""
        _, _, places = self._answer(event)
        return next((group for place in places if (group := self._zones[place].value(z.EXCLUSIVE_CLASS))), 0)

    def _answer(self, event: NoteEvent) -> tuple[int, int, tuple[int, ...]]:
        """The key and velocity to play, and the zones that answer; the nearest zone where none was made for them."""
        key, velocity = min(max(event.pitch, 0), 127), min(max(event.velocity, 1), 127)
        known = self._answers.get((key, velocity))
        if known is not None:
            return known
        places = [place for place, zone in enumerate(self._zones) if zone.reached_by(key, velocity)]
        answered = key
        if not places and self._zones:
            away = [_distance(zone.keys, key) * 128 + _distance(zone.velocities, velocity) for zone in self._zones]
            nearest = self._zones[away.index(min(away))]
            near_key = min(max(key, nearest.keys[0]), nearest.keys[1])
            near_velocity = min(max(velocity, nearest.velocities[0]), nearest.velocities[1])
            places = [place for place, zone in enumerate(self._zones) if zone.reached_by(near_key, near_velocity)]
            answered = near_key if self._drums else key
        answer = (answered, velocity, tuple(places))
        self._answers[key, velocity] = answer
        return answer

    def _velocity_loss_db(self, place: int, key: int, velocity: int) -> float:
        at = (place, key, velocity)
        if at not in self._losses_db:
            added = modulation(self._zones[place].modulators, key, velocity)
            self._losses_db[at] = added.get(z.ATTENUATION, 0.0) / 10
        return self._losses_db[at]

    def _strike(self, place: int, key: int, velocity: int) -> _Struck:
        step = next(touch for least, touch in _TOUCHES if velocity >= least)
        at = (place, key, step)
        if at not in self._struck:
            zone = self._zones[place]
            fixed_key, fixed_velocity = zone.value(z.FIXED_KEY), zone.value(z.FIXED_VELOCITY)
            sounding = fixed_key if fixed_key >= 0 else key
            values = _Values(zone, sounding, fixed_velocity if fixed_velocity > 0 else step)
            pitched = self._pitched(zone, values, sounding)
            self._struck[at] = _Struck(
                pitched=pitched,
                name=repr(pitched),
                envelope=_envelope(values, sounding),
                loss_db=_WRITTEN_ATTENUATION * zone.value(z.ATTENUATION) / 10,
                pan=min(max(values[z.PAN] / 500, -1.0), 1.0),
            )
        return self._struck[at]

    def _pitched(self, zone: z.Zone, values: _Values, key: int) -> PitchedKey:
        header = self._font.sample(zone.sample)
        first = min(max(values.frames(z.START, z.START_COARSE), 0), header.frames)
        last = min(max(header.frames + values.frames(z.END, z.END_COARSE), first), header.frames)
        loop_start, loop_end = _loop(header, values, first, last)
        root = zone.value(z.ROOT_KEY)
        cents = values[z.SCALE_TUNING] * (key - (root if 0 <= root <= 127 else header.root)) + header.correction_cents
        cents += 100 * values[z.COARSE_TUNE] + values[z.FINE_TUNE]
        motion = _motion(values, key)
        lowpass = Filter(
            cutoff_cents=min(max(values[z.CUTOFF], 1_500.0), 13_500.0),
            resonance_db=min(max(values[z.RESONANCE], 0.0), 960.0) / 10,
        )
        return PitchedKey(
            font_sha256=self._font.sha256,
            sample=zone.sample,
            first=first,
            last=last,
            loop_start=loop_start,
            loop_end=loop_end,
            step=header.rate / SAMPLE_RATE * 2.0 ** (cents / 1200),
            filter=None if opened(lowpass, motion) else lowpass,
            motion=motion,
        )


def longest_recording_s(font: SoundFont, bank: int, program: int) -> float:
    """Seconds of the longest recording that a preset plays before it goes round in a loop."""
    longest_s = 0.0
    for zone in font.zones(bank, program):
        header = font.sample(zone.sample)
        frames = header.loop_end if zone.value(z.SAMPLE_MODES) & 1 else header.frames
        longest_s = max(longest_s, frames / header.rate)
    return longest_s


def _distance(span: z.Range, value: int) -> int:
    return max(span[0] - value, value - span[1], 0)


def _loop(header: SampleHeader, values: _Values, first: int, last: int) -> tuple[int, int]:
    """First frame of the loop and the one after its last; (0, 0) where there is none."""
    start = header.loop_start + values.frames(z.LOOP_START, z.LOOP_START_COARSE)
    end = min(header.loop_end + values.frames(z.LOOP_END, z.LOOP_END_COARSE), last)
    # Mode 3 loops until the key is let go; its release is so short that going on with the loop sounds the same.
    looped = int(values[z.SAMPLE_MODES]) & 3 in (1, 3) and first <= start < end - 1
    return (start, end) if looped else (0, 0)


def _envelope(values: _Values, key: int) -> Envelope:
    def by_key(seconds: float, generator: int) -> float:
        return float(seconds * 2.0 ** (values[generator] * (60 - key) / 1200))

    # Tenths of a per cent of the whole range, which players call centibels.
    sustain_db = min(max(values[z.SUSTAIN], 0.0), 1_000.0) / 1_000 * FLOOR_DB
    # A decay is written as the time of the whole range; the fall to the held level takes its share of it.
    shortest_decay_s = _SHORTEST_FALL_S * FLOOR_DB / sustain_db if sustain_db else 0.0
    return Envelope(
        delay_s=values.seconds(z.DELAY),
        attack_s=values.seconds(z.ATTACK),
        hold_s=by_key(values.seconds(z.HOLD), z.HOLD_BY_KEY),
        decay_s=max(by_key(values.seconds(z.DECAY), z.DECAY_BY_KEY), shortest_decay_s),
        sustain_db=sustain_db,
        release_s=max(values.seconds(z.RELEASE), _SHORTEST_RELEASE_S),
    )


def _motion(values: _Values, key: int) -> Motion | None:
    """What moves, with idle parts at rest so that notes which sound the same are the same; None if nothing does."""
    depths = {
        "sweep_to_pitch": values[z.MOD_ENV_TO_PITCH],
        "oscillator_to_pitch": values[z.MOD_LFO_TO_PITCH],
        "vibrato_to_pitch": values[z.VIBRATO_TO_PITCH],
        "sweep_to_cutoff": values[z.MOD_ENV_TO_CUTOFF],
        "oscillator_to_cutoff": values[z.MOD_LFO_TO_CUTOFF],
        "oscillator_to_volume_db": values[z.MOD_LFO_TO_VOLUME] / 10,
    }
    if not any(depths.values()):
        return None
    sweep, oscillator, vibrato = _STILL_SWEEP, _STILL, _STILL
    if depths["sweep_to_pitch"] or depths["sweep_to_cutoff"]:
        sweep = Sweep(
            delay_s=values.seconds(z.MOD_DELAY),
            attack_s=values.seconds(z.MOD_ATTACK),
            hold_s=values.seconds(z.MOD_HOLD) * 2.0 ** (values[z.MOD_HOLD_BY_KEY] * (60 - key) / 1200),
            decay_s=values.seconds(z.MOD_DECAY) * 2.0 ** (values[z.MOD_DECAY_BY_KEY] * (60 - key) / 1200),
            sustain=1.0 - min(max(values[z.MOD_SUSTAIN], 0.0), 1_000.0) / 1_000,
        )
    if depths["oscillator_to_pitch"] or depths["oscillator_to_cutoff"] or depths["oscillator_to_volume_db"]:
        oscillator = Oscillator(delay_s=values.seconds(z.MOD_LFO_DELAY), rate_hz=cents_to_hz(values[z.MOD_LFO_RATE]))
    if depths["vibrato_to_pitch"]:
        vibrato = Oscillator(delay_s=values.seconds(z.VIBRATO_DELAY), rate_hz=cents_to_hz(values[z.VIBRATO_RATE]))
    return Motion(sweep=sweep, oscillator=oscillator, vibrato=vibrato, **depths)


_STILL_SWEEP = Sweep(delay_s=0.0, attack_s=0.0, hold_s=0.0, decay_s=0.0, sustain=0.0)
_STILL = Oscillator(delay_s=0.0, rate_hz=0.0)
