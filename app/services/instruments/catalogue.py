"""Every instrument of the table as something that plays: a voice and its notes go in, a part comes out."""

from collections.abc import Callable, Sequence

from app.models.plan import Voice
from app.services.instruments.base import DryPart, NoteEvent
from app.services.instruments.calibration import calibrated_gain
from app.services.instruments.kits import SynthKit
from app.services.instruments.lines import line_of
from app.services.instruments.player import Instrument, PlayedPart
from app.services.instruments.sampler import SampledInstrument, longest_recording_s
from app.services.instruments.sf2 import SoundFont
from app.services.instruments.synths import basses, chip, leads, organs, pads
from app.services.instruments.synths.bowed import BOWINGS, Fiddle
from app.services.instruments.synths.fm import fm_bass, fm_bell, fm_piano
from app.services.instruments.synths.guitars import VOICINGS, Guitar
from app.services.instruments.synths.oscillators import OscillatorSynth
from app.services.instruments.synths.patch import Patch
from app.services.instruments.synths.pluck import synth_pluck
from app.services.instruments.synths.textures import TEXTURES
from app.services.instruments.synths.transitions import Transitions
from app.services.theory.instruments import GENERAL_MIDI, INSTRUMENTS, InstrumentRow

#: Bank in which fonts keep their drum kits.
DRUM_BANK = 128

#: Synthesised instruments that are rows of numbers.
PATCHES: dict[str, Patch] = {
    "supersaw": leads.SUPERSAW, "analog_lead": leads.ANALOG_LEAD, "pulse_lead": leads.PULSE_LEAD,
    "sub_bass": basses.SUB_BASS, "reese_bass": basses.REESE_BASS, "acid_bass": basses.ACID_BASS,
    "wobble_bass": basses.WOBBLE_BASS,
    "analog_bass": basses.ANALOG_BASS, "analog_pad": pads.ANALOG_PAD, "glass_pad": pads.GLASS_PAD,
    "drone": pads.DRONE, "chip_pulse": chip.CHIP_PULSE, "chip_triangle": chip.CHIP_TRIANGLE,
    "long_808": basses.LONG_808, "sweeping_pad": pads.SWEEPING_PAD, "string_machine": pads.STRING_MACHINE,
    "shimmer": pads.SHIMMER, "dark_drone": pads.DARK_DRONE, "tonewheel_organ": organs.TONEWHEEL_ORGAN,
    "chip_square": chip.CHIP_SQUARE, "chip_thin": chip.CHIP_THIN,
}  # fmt: skip

#: Synthesised instruments that are recipes.
RECIPES: dict[str, Callable[[], Instrument]] = {
    "synth_pluck": synth_pluck, "fm_piano": fm_piano, "fm_bell": fm_bell, "fm_bass": fm_bass, "risers": Transitions,
    **TEXTURES,
}  # fmt: skip

#: A string that goes round from so early on has no life of its own: a made one plays instead. Small fonts have a
#: twentieth of a second of each guitar, large ones seconds.
_BRIEF_S = 0.25

#: Kit that stands in where a font has no drums at all.
_DRUMS_WITHOUT_FONT = "synth_909"


def open_part(
    voice: Voice, events: Sequence[NoteEvent], *, soundfont: SoundFont, seed: int, until: int | None = None
) -> DryPart:
    """The voice's notes as dry audio, calibrated so that a line at velocity 90 in its middle range measures −23 LUFS.

    From frame `until` on no note is struck, though those before it are still cut short by those after it. The same
    events, font and seed give the same samples, whatever was played before and on how many threads.
    """
    row = INSTRUMENTS[voice.instrument]
    gain = calibrated_gain(row, soundfont.sha256, lambda: make_instrument(row, soundfont, seed=0))
    line = line_of(row.key, events, until)
    return PlayedPart(make_instrument(row, soundfont, seed=seed), line, gain=gain, until=until)


def make_instrument(row: InstrumentRow, font: SoundFont, *, seed: int) -> Instrument:
    """The instrument of a row; `seed` scatters what should not repeat exactly."""
    if row.source == "synth_kit":
        return SynthKit(row.key, seed)
    if row.source == "synth":
        if row.key in PATCHES:
            return OscillatorSynth(row.key, PATCHES[row.key], seed)
        return RECIPES[row.key]()
    bank = DRUM_BANK if row.is_drums else 0
    program = nearest_program(font, bank, row.program)
    if program is None:
        return SynthKit(_DRUMS_WITHOUT_FONT, seed) if row.is_drums else RECIPES["fm_piano"]()
    if (row.key in VOICINGS or row.key in BOWINGS) and longest_recording_s(font, bank, program) < _BRIEF_S:
        return Guitar(VOICINGS[row.key]) if row.key in VOICINGS else Fiddle(BOWINGS[row.key])
    return SampledInstrument(font, bank, program, drums=row.is_drums)


def nearest_program(font: SoundFont, bank: int, program: int) -> int | None:
    """The program of a font that comes nearest to one: itself, one of its family, the first of all, any; or None."""
    there = {number for held, number in font.presets if held == bank}
    family: tuple[int, ...] = ()
    if bank != DRUM_BANK:
        size = len(next(iter(GENERAL_MIDI.values())))
        first = program // size * size
        family = tuple(range(first, first + size))
    for candidate in (program, *family, 0, *sorted(there)):
        if candidate in there:
            return candidate
    return None
