"""Zones of a soundfont: rows of generators go in, what a struck key means for one sample comes out.

After the SoundFont Technical Specification 2.04, sections 8 and 9: an instrument's generators replace the defaults, a
preset's add to them; ranges intersect.
"""

from dataclasses import dataclass, field, replace

from app.services.instruments.modulators import DEFAULT_MODULATORS, Modulator, added, replaced

# Generator numbers (specification, 8.1.2).
START, END, LOOP_START, LOOP_END = 0, 1, 2, 3
START_COARSE, END_COARSE, LOOP_START_COARSE, LOOP_END_COARSE = 4, 12, 45, 50
MOD_LFO_TO_PITCH, VIBRATO_TO_PITCH, MOD_ENV_TO_PITCH = 5, 6, 7
CUTOFF, RESONANCE, MOD_LFO_TO_CUTOFF, MOD_ENV_TO_CUTOFF, MOD_LFO_TO_VOLUME = 8, 9, 10, 11, 13
PAN = 17
MOD_LFO_DELAY, MOD_LFO_RATE, VIBRATO_DELAY, VIBRATO_RATE = 21, 22, 23, 24
MOD_DELAY, MOD_ATTACK, MOD_HOLD, MOD_DECAY, MOD_SUSTAIN, MOD_HOLD_BY_KEY, MOD_DECAY_BY_KEY = 25, 26, 27, 28, 29, 31, 32
DELAY, ATTACK, HOLD, DECAY, SUSTAIN, RELEASE, HOLD_BY_KEY, DECAY_BY_KEY = 33, 34, 35, 36, 37, 38, 39, 40
KEY_RANGE, VELOCITY_RANGE, FIXED_KEY, FIXED_VELOCITY, ATTENUATION = 43, 44, 46, 47, 48
COARSE_TUNE, FINE_TUNE, SAMPLE_MODES, SCALE_TUNING, EXCLUSIVE_CLASS, ROOT_KEY = 51, 52, 54, 56, 57, 58

#: Values of generators that a font does not write; all others are 0.
DEFAULTS: dict[int, int] = {
    CUTOFF: 13_500, MOD_LFO_DELAY: -12_000, VIBRATO_DELAY: -12_000, MOD_DELAY: -12_000, MOD_ATTACK: -12_000,
    MOD_HOLD: -12_000, MOD_DECAY: -12_000, DELAY: -12_000, ATTACK: -12_000, HOLD: -12_000, DECAY: -12_000,
    RELEASE: -12_000, FIXED_KEY: -1, FIXED_VELOCITY: -1, SCALE_TUNING: 100, ROOT_KEY: -1,
}  # fmt: skip

#: Generators that mean nothing in a preset's zone (8.5).
_NOT_IN_PRESETS = frozenset({
    START, END, LOOP_START, LOOP_END, START_COARSE, END_COARSE, LOOP_START_COARSE, LOOP_END_COARSE, FIXED_KEY,
    FIXED_VELOCITY, SAMPLE_MODES, EXCLUSIVE_CLASS, ROOT_KEY,
})  # fmt: skip

#: Lowest and highest key or velocity.
Range = tuple[int, int]
_WHOLE: Range = (0, 127)


@dataclass(frozen=True, slots=True)
class Layer:
    """One zone of a preset or an instrument, its global zone worked in."""

    generators: dict[int, int] = field(default_factory=dict)
    modulators: tuple[Modulator, ...] = ()
    keys: Range = _WHOLE
    velocities: Range = _WHOLE
    #: Instrument or sample it leads to.
    target: int = -1
    #: Whether it leads anywhere; a global zone does not.
    ended: bool = False

    @property
    def empty(self) -> bool:
        """Whether nothing was set yet."""
        return self == Layer()

    def with_rows(self, generators: list[tuple[int, int]], modulators: list[Modulator], *, terminal: int) -> "Layer":
        """This layer with a zone's rows written over it; what follows the terminal generator does not count."""
        values = dict(self.generators)
        layer = replace(self, modulators=replaced(self.modulators, modulators))
        for operator, amount in generators:
            unsigned = amount & 0xFFFF
            if operator == KEY_RANGE:
                layer = replace(layer, keys=(unsigned & 0xFF, unsigned >> 8))
            elif operator == VELOCITY_RANGE:
                layer = replace(layer, velocities=(unsigned & 0xFF, unsigned >> 8))
            elif operator == terminal:
                layer = replace(layer, target=unsigned, ended=True)
                break
            else:
                values[operator] = amount
        return replace(layer, generators=values)


@dataclass(frozen=True, slots=True)
class Zone:
    """A sample and how a preset plays it."""

    sample: int
    keys: Range
    velocities: Range
    #: Generator to value, instrument and preset summed.
    generators: dict[int, int]
    modulators: tuple[Modulator, ...]

    @property
    def playable(self) -> bool:
        """Whether any key and velocity reach it."""
        return self.keys[0] <= self.keys[1] and self.velocities[0] <= self.velocities[1]

    def reached_by(self, key: int, velocity: int) -> bool:
        """Whether a note sounds this zone."""
        return self.keys[0] <= key <= self.keys[1] and self.velocities[0] <= velocity <= self.velocities[1]

    def value(self, generator: int) -> int:
        """A generator's value, the specification's default where the font is silent."""
        return self.generators.get(generator, DEFAULTS.get(generator, 0))


def join_layers(outer: Layer, inner: Layer) -> Zone:
    """A preset's zone around an instrument's zone, as one zone of a sample."""
    values = dict(inner.generators)
    for generator, amount in outer.generators.items():
        if generator not in _NOT_IN_PRESETS:
            values[generator] = values.get(generator, DEFAULTS.get(generator, 0)) + amount
    return Zone(
        sample=inner.target,
        keys=(max(outer.keys[0], inner.keys[0]), min(outer.keys[1], inner.keys[1])),
        velocities=(max(outer.velocities[0], inner.velocities[0]), min(outer.velocities[1], inner.velocities[1])),
        generators=values,
        modulators=added(replaced(DEFAULT_MODULATORS, inner.modulators), outer.modulators),
    )
