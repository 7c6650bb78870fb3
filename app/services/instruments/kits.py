"""Synthesised drum kits: General MIDI drum keys go in, hits after the drum machines of the eighties come out."""

from collections.abc import Sequence
from dataclasses import dataclass

from app.services.instruments.base import NoteEvent
from app.services.instruments.envelopes import Envelope
from app.services.instruments.sources import CACHE, FixedSource
from app.services.instruments.synths.drum_hits import Bells, Burst, ChipNoise, Cymbal, Kick, Recipe, Snare, Tom
from app.services.instruments.tones import Tone
from app.utils.seeds import rng_for

#: Different takes of each hit, so that no roll sounds like a machine gun.
TAKES = 3
#: Steps of force; loudness follows velocity exactly.
_FORCES = (0.35, 0.7, 1.0)
#: Key to the group in which a hit ends the one before it: hi-hats, and the short and long of whistles and guiros.
_CHOKES = {42: 1, 44: 1, 46: 1, 71: 2, 72: 2, 73: 3, 74: 3, 78: 4, 79: 4, 80: 5, 81: 5}
#: Drums struck once ring as long as they ring, however short the note.
_ENVELOPE = Envelope(attack_s=0.0, decay_s=1_000.0, release_s=1_000.0)


@dataclass(frozen=True, kw_only=True, slots=True)
class Drum:
    """One drum of a kit."""

    recipe: Recipe
    #: From left (−1) to right (1), as the drummer sits.
    pan: float = 0.0
    gain: float = 1.0


def _toms(low_hz: float, fall_s: float) -> dict[int, Drum]:
    """Six toms from low (41) to high (50), spread over the picture."""
    keys = (41, 43, 45, 47, 48, 50)
    return {
        key: Drum(recipe=Tom(hertz=low_hz * 1.19**step, fall_s=fall_s * 0.93**step), pan=0.35 - 0.13 * step)
        for step, key in enumerate(keys)
    }


#: Hand percussion that all kits share.
_HAND: dict[int, Drum] = {
    37: Drum(recipe=Bells(hertz=(455.0, 1_667.0), fall_s=0.07, harmonics=2, knock=0.25)),
    54: Drum(recipe=Burst(low_hz=6_000.0, high_hz=15_000.0, fall_s=0.28, jingle=0.6, bursts=2, gap_s=0.02), pan=0.3),
    56: Drum(recipe=Bells(hertz=(540.0, 800.0), fall_s=0.4, harmonics=5, level=0.4), pan=-0.2),
    58: Drum(recipe=Burst(low_hz=1_800.0, high_hz=5_000.0, fall_s=0.25, bursts=12, gap_s=0.035, level=0.3), pan=-0.3),
    60: Drum(recipe=Tom(hertz=345.0, fall_s=0.16, bend=1.15), pan=-0.25),
    61: Drum(recipe=Tom(hertz=245.0, fall_s=0.24, bend=1.15), pan=-0.25),
    62: Drum(recipe=Tom(hertz=330.0, fall_s=0.11, bend=1.2), pan=0.25),
    63: Drum(recipe=Tom(hertz=290.0, fall_s=0.26, bend=1.12), pan=0.25),
    64: Drum(recipe=Tom(hertz=195.0, fall_s=0.32, bend=1.12), pan=0.25),
    65: Drum(recipe=Snare(low_hz=420.0, high_hz=710.0, shell_fall_s=0.22, wires_fall_s=0.08, wires=0.3), pan=-0.3),
    66: Drum(recipe=Snare(low_hz=310.0, high_hz=520.0, shell_fall_s=0.28, wires_fall_s=0.08, wires=0.3), pan=-0.3),
    67: Drum(recipe=Bells(hertz=(890.0, 1_430.0), fall_s=0.4, harmonics=3, level=0.35), pan=0.35),
    68: Drum(recipe=Bells(hertz=(670.0, 1_080.0), fall_s=0.4, harmonics=3, level=0.35), pan=0.35),
    69: Drum(recipe=Burst(low_hz=5_500.0, high_hz=12_000.0, fall_s=0.09, rise_s=0.018), pan=-0.35),
    70: Drum(recipe=Burst(low_hz=6_500.0, high_hz=14_000.0, fall_s=0.06, rise_s=0.009), pan=0.35),
    71: Drum(recipe=Bells(hertz=(2_300.0, 2_345.0), fall_s=0.2, level=0.3)),
    72: Drum(recipe=Bells(hertz=(2_300.0, 2_345.0), fall_s=0.7, level=0.3)),
    73: Drum(recipe=Burst(low_hz=2_500.0, high_hz=7_000.0, fall_s=0.08, rise_s=0.02), pan=-0.3),
    74: Drum(recipe=Burst(low_hz=2_500.0, high_hz=7_000.0, fall_s=0.2, rise_s=0.1, bursts=3, gap_s=0.08), pan=-0.3),
    75: Drum(recipe=Bells(hertz=(2_500.0,), fall_s=0.09, level=0.55), pan=0.2),
    76: Drum(recipe=Bells(hertz=(1_150.0, 1_780.0), fall_s=0.09, knock=0.15), pan=-0.2),
    77: Drum(recipe=Bells(hertz=(760.0, 1_190.0), fall_s=0.1, knock=0.15), pan=-0.2),
    78: Drum(recipe=Tom(hertz=620.0, fall_s=0.12, bend=0.7), pan=0.2),
    79: Drum(recipe=Tom(hertz=420.0, fall_s=0.3, bend=1.5), pan=0.2),
    80: Drum(recipe=Bells(hertz=(5_200.0, 7_330.0), fall_s=0.12, level=0.25), pan=0.3),
    81: Drum(recipe=Bells(hertz=(5_200.0, 7_330.0), fall_s=1.4, level=0.25), pan=0.3),
}  # fmt: skip

_CLAP = Burst(low_hz=900.0, high_hz=2_400.0, fall_s=0.26, bursts=4, gap_s=0.0105, level=0.42)

_KIT_808: dict[int, Drum] = _HAND | _toms(82.0, 0.55) | {
    35: Drum(recipe=Kick(from_hz=120.0, to_hz=46.0, sweep_s=0.03, fall_s=1.1, click=0.12)),
    36: Drum(recipe=Kick(from_hz=150.0, to_hz=43.0, sweep_s=0.024, fall_s=0.6, click=0.3, drive=1.2, sigh_hz=22.0)),
    38: Drum(recipe=Snare(low_hz=178.0, high_hz=330.0, shell_fall_s=0.22, wires_fall_s=0.26, wires=0.75)),
    39: Drum(recipe=_CLAP),
    40: Drum(recipe=Snare(low_hz=205.0, high_hz=370.0, shell_fall_s=0.18, wires_fall_s=0.32, wires=1.0)),
    42: Drum(recipe=Cymbal(fall_s=0.075, low_hz=7_200.0, hiss=0.25, stroke=0.3), pan=0.12),
    44: Drum(recipe=Cymbal(fall_s=0.055, low_hz=6_600.0, hiss=0.3, stroke=0.2, level=0.24), pan=0.12),
    46: Drum(recipe=Cymbal(fall_s=0.55, low_hz=7_000.0, hiss=0.25, stroke=0.4), pan=0.12),
    49: Drum(recipe=Cymbal(fall_s=1.6, low_hz=4_200.0, hiss=0.45, stroke_s=0.2, level=0.26), pan=-0.25),
    51: Drum(recipe=Cymbal(fall_s=0.9, low_hz=5_500.0, hiss=0.2, stroke=1.2, level=0.18), pan=0.3),
    52: Drum(recipe=Cymbal(fall_s=1.2, low_hz=3_200.0, hiss=0.5, tuning=0.8, level=0.24), pan=-0.35),
    53: Drum(recipe=Bells(hertz=(1_620.0, 2_470.0), fall_s=0.9, harmonics=3, level=0.22), pan=0.3),
    55: Drum(recipe=Cymbal(fall_s=0.7, low_hz=6_000.0, hiss=0.5, tuning=1.2, level=0.24), pan=-0.15),
}  # fmt: skip

_KIT_909: dict[int, Drum] = _HAND | _toms(95.0, 0.4) | {
    35: Drum(recipe=Kick(from_hz=230.0, to_hz=46.0, sweep_s=0.03, fall_s=0.45, click=0.5, drive=1.6)),
    36: Drum(recipe=Kick(from_hz=290.0, to_hz=44.0, sweep_s=0.022, fall_s=0.42, click=1.1, drive=2.0, sigh_hz=20.0)),
    38: Drum(recipe=Snare(low_hz=185.0, high_hz=345.0, shell_fall_s=0.15, wires_fall_s=0.24, wires=1.3,
                          bright_hz=9_500.0)),
    39: Drum(recipe=Burst(low_hz=1_000.0, high_hz=2_900.0, fall_s=0.2, bursts=4, gap_s=0.0095, level=0.45)),
    40: Drum(recipe=Snare(low_hz=210.0, high_hz=390.0, shell_fall_s=0.12, wires_fall_s=0.3, wires=1.5,
                          bright_hz=10_500.0)),
    42: Drum(recipe=Cymbal(fall_s=0.1, low_hz=8_000.0, hiss=0.75, stroke=0.5), pan=0.12),
    44: Drum(recipe=Cymbal(fall_s=0.07, low_hz=7_000.0, hiss=0.75, stroke=0.3, level=0.24), pan=0.12),
    46: Drum(recipe=Cymbal(fall_s=0.5, low_hz=7_500.0, hiss=0.75, stroke=0.5), pan=0.12),
    49: Drum(recipe=Cymbal(fall_s=1.9, low_hz=4_000.0, hiss=0.7, stroke_s=0.25, level=0.26), pan=-0.25),
    51: Drum(recipe=Cymbal(fall_s=1.3, low_hz=5_000.0, hiss=0.45, stroke=1.3, stroke_s=0.07, level=0.18), pan=0.3),
    52: Drum(recipe=Cymbal(fall_s=1.3, low_hz=3_000.0, hiss=0.7, tuning=0.75, level=0.24), pan=-0.35),
    53: Drum(recipe=Bells(hertz=(1_480.0, 2_210.0), fall_s=1.0, harmonics=3, level=0.22), pan=0.3),
    55: Drum(recipe=Cymbal(fall_s=0.8, low_hz=6_000.0, hiss=0.7, tuning=1.25, level=0.24), pan=-0.15),
}  # fmt: skip

_KIT_CHIP: dict[int, Drum] = _HAND | {
    35: Drum(recipe=ChipNoise(rate_hz=1_200.0, fall_s=0.2, from_hz=190.0, to_hz=42.0, hiss=0.12, level=0.6)),
    36: Drum(recipe=ChipNoise(rate_hz=2_400.0, fall_s=0.18, from_hz=240.0, to_hz=48.0, hiss=0.18, level=0.6)),
    37: Drum(recipe=ChipNoise(rate_hz=16_000.0, fall_s=0.03, from_hz=900.0, to_hz=700.0, hiss=0.5)),
    38: Drum(recipe=ChipNoise(rate_hz=9_000.0, fall_s=0.2, from_hz=320.0, to_hz=150.0, hiss=0.7)),
    39: Drum(recipe=ChipNoise(rate_hz=6_500.0, fall_s=0.16)),
    40: Drum(recipe=ChipNoise(rate_hz=11_000.0, fall_s=0.26, from_hz=360.0, to_hz=180.0, hiss=0.8)),
    42: Drum(recipe=ChipNoise(rate_hz=33_000.0, fall_s=0.05, level=0.22)),
    44: Drum(recipe=ChipNoise(rate_hz=28_000.0, fall_s=0.035, level=0.2)),
    46: Drum(recipe=ChipNoise(rate_hz=33_000.0, fall_s=0.25, level=0.22)),
    49: Drum(recipe=ChipNoise(rate_hz=20_000.0, fall_s=0.9, level=0.26)),
    51: Drum(recipe=ChipNoise(rate_hz=40_000.0, fall_s=0.35, level=0.18)),
    52: Drum(recipe=ChipNoise(rate_hz=14_000.0, fall_s=0.7, level=0.24)),
    53: Drum(recipe=ChipNoise(rate_hz=40_000.0, fall_s=0.3, from_hz=2_000.0, to_hz=2_000.0, hiss=0.4, level=0.18)),
    55: Drum(recipe=ChipNoise(rate_hz=26_000.0, fall_s=0.45, level=0.24)),
} | {
    key: Drum(recipe=ChipNoise(rate_hz=2_000.0, fall_s=0.22, from_hz=hertz * 1.8, to_hz=hertz, hiss=0.04, level=0.5))
    for key, hertz in ((41, 80.0), (43, 95.0), (45, 112.0), (47, 134.0), (48, 158.0), (50, 188.0))
}  # fmt: skip

#: Keys that sound as another: the second crash and ride, and what lies below and above the General MIDI keys.
_SAME = {57: 49, 59: 51, 27: 37, 28: 37, 29: 70, 30: 70, 31: 37, 32: 37, 33: 76, 34: 53, 82: 70, 83: 54, 84: 53,
         85: 75, 86: 41, 87: 35}  # fmt: skip

#: Kit to its drums.
KITS: dict[str, dict[int, Drum]] = {"synth_808": _KIT_808, "synth_909": _KIT_909, "chip_kit": _KIT_CHIP}


class SynthKit:
    """A kit as an instrument; `seed` decides which take of a hit is heard when."""

    def __init__(self, key: str, seed: int) -> None:
        self.crossfeed = 0.0
        self._key, self._seed = key, seed
        self._drums = KITS[key]

    def tones(self, event: NoteEvent, number: int, choke: int | None) -> Sequence[Tone]:
        """The hit that answers a drum key."""
        key = self._answering(event.pitch)
        velocity = min(max(event.velocity, 1), 127)
        drum = self._drums[key]
        force = 0 if velocity < 64 else 1 if velocity < 104 else 2
        take = int(rng_for(self._seed, "kit", str(number)).integers(TAKES))
        source = CACHE.get(("hit", self._key, key, force, take), lambda: self._hit(key, force, take))
        gain = drum.gain * (velocity / 127) ** 1.7
        return [
            Tone(
                source,
                _ENVELOPE,
                start=event.start_frame,
                length=event.length_frames,
                gain=gain,
                pan=drum.pan,
                choke=choke,
            )
        ]

    def exclusive_class(self, event: NoteEvent) -> int:
        """Hi-hats choke each other."""
        return _CHOKES.get(self._answering(event.pitch), 0)

    def _answering(self, pitch: int) -> int:
        key = _SAME.get(pitch, pitch)
        return key if key in self._drums else min(self._drums, key=lambda other: (abs(other - key), other))

    def _hit(self, key: int, force: int, take: int) -> FixedSource:
        rng = rng_for(0, "hit", self._key, str(key), str(take))
        return FixedSource(self._drums[key].recipe(rng, _FORCES[force]))
