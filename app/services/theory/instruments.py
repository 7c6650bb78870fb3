"""The instruments: what each is, how it is played from General MIDI, and what it can reach.

Programs are those of General MIDI level 1 (0-based). Ranges are the usual professional ones (Adler, *The Study of
Orchestration*), in MIDI pitches. Synthesised instruments and drum kits stand beside the sampled ones; a row's `source`
says which.
"""

from dataclasses import dataclass
from typing import Literal

Source = Literal["sampled", "synth", "kit", "synth_kit"]

#: Families in the order of General MIDI, with their sixteen times eight programs.
GENERAL_MIDI: dict[str, tuple[str, ...]] = {
    "piano": (
        "acoustic_grand_piano", "bright_acoustic_piano", "electric_grand_piano", "honky_tonk_piano",
        "electric_piano_1", "electric_piano_2", "harpsichord", "clavinet",
    ),
    "mallets": (
        "celesta", "glockenspiel", "music_box", "vibraphone", "marimba", "xylophone", "tubular_bells", "dulcimer",
    ),
    "organ": (
        "drawbar_organ", "percussive_organ", "rock_organ", "church_organ", "reed_organ", "accordion", "harmonica",
        "bandoneon",
    ),
    "guitar": (
        "nylon_guitar", "steel_guitar", "jazz_guitar", "clean_guitar", "muted_guitar", "overdriven_guitar",
        "distortion_guitar", "guitar_harmonics",
    ),
    "bass": (
        "acoustic_bass", "fingered_bass", "picked_bass", "fretless_bass", "slap_bass_1", "slap_bass_2",
        "synth_bass_1", "synth_bass_2",
    ),
    "strings": ("violin", "viola", "cello", "contrabass", "tremolo_strings", "pizzicato_strings", "harp", "timpani"),
    "ensemble": (
        "string_ensemble", "slow_strings", "synth_strings_1", "synth_strings_2", "choir_aahs", "voice_oohs",
        "synth_voice", "orchestra_hit",
    ),
    "brass": (
        "trumpet", "trombone", "tuba", "muted_trumpet", "french_horn", "brass_section", "synth_brass_1",
        "synth_brass_2",
    ),
    "reed": (
        "soprano_sax", "alto_sax", "tenor_sax", "baritone_sax", "oboe", "english_horn", "bassoon", "clarinet",
    ),
    "pipe": ("piccolo", "flute", "recorder", "pan_flute", "blown_bottle", "shakuhachi", "whistle", "ocarina"),
    "synth_lead": (
        "square_lead", "saw_lead", "calliope_lead", "chiff_lead", "charang_lead", "voice_lead", "fifths_lead",
        "bass_lead",
    ),
    "synth_pad": (
        "new_age_pad", "warm_pad", "polysynth_pad", "choir_pad", "bowed_pad", "metallic_pad", "halo_pad", "sweep_pad",
    ),
    "synth_effects": (
        "rain_fx", "soundtrack_fx", "crystal_fx", "atmosphere_fx", "brightness_fx", "goblins_fx", "echoes_fx",
        "scifi_fx",
    ),
    "ethnic": ("sitar", "banjo", "shamisen", "koto", "kalimba", "bagpipe", "fiddle", "shanai"),
    "percussive": (
        "tinkle_bell", "agogo", "steel_drums", "woodblock", "taiko_drum", "melodic_tom", "synth_drum",
        "reverse_cymbal",
    ),
    "sound_effects": (
        "guitar_fret_noise", "breath_noise", "seashore", "bird_tweet", "telephone_ring", "helicopter", "applause",
        "gunshot",
    ),
}  # fmt: skip

#: Drum kits of General MIDI level 2 in bank 128, by program; fonts without one fall back to the standard kit.
DRUM_KITS: dict[str, int] = {
    "standard_kit": 0, "room_kit": 8, "power_kit": 16, "electronic_kit": 24, "tr808_kit": 25, "jazz_kit": 32,
    "brush_kit": 40, "orchestra_kit": 48,
}  # fmt: skip

#: Instruments that the service synthesises itself, with their family.
SYNTHS: dict[str, str] = {
    "supersaw": "synth_lead", "analog_lead": "synth_lead", "pulse_lead": "synth_lead", "sub_bass": "bass",
    "reese_bass": "bass", "acid_bass": "bass", "analog_bass": "bass", "analog_pad": "synth_pad",
    "glass_pad": "synth_pad", "drone": "synth_pad", "synth_pluck": "synth_lead", "fm_piano": "piano",
    "fm_bell": "mallets", "chip_pulse": "synth_lead", "chip_triangle": "bass", "long_808": "bass", "fm_bass": "bass",
    "tonewheel_organ": "organ", "sweeping_pad": "synth_pad", "string_machine": "ensemble", "shimmer": "synth_pad",
    "dark_drone": "synth_pad", "wobble_bass": "bass", "chip_square": "synth_lead", "chip_thin": "synth_lead",
    "vinyl_crackle": "sound_effects", "rain": "sound_effects", "wind": "sound_effects", "sea_waves": "sound_effects",
    "risers": "sound_effects",
}  # fmt: skip

#: Synthesised instruments that sound the same at every pitch.
UNPITCHED: frozenset[str] = frozenset({"vinyl_crackle", "rain", "wind", "sea_waves", "risers"})

#: The two keys of the instrument that plays risers (as long as their note) and impacts.
RISER_PITCH, IMPACT_PITCH = 36, 37

#: Drum kits that the service synthesises itself. They answer to General MIDI drum keys.
SYNTH_KITS: tuple[str, ...] = ("synth_808", "synth_909", "chip_kit")

#: Lowest and highest pitch where they are narrower than the family's.
RANGES: dict[str, tuple[int, int]] = {
    "violin": (55, 100), "viola": (48, 88), "cello": (36, 79), "contrabass": (28, 62), "harp": (24, 103),
    "timpani": (38, 57), "trumpet": (54, 84), "muted_trumpet": (54, 84), "trombone": (40, 72), "tuba": (28, 58),
    "french_horn": (41, 77), "soprano_sax": (56, 87), "alto_sax": (49, 80), "tenor_sax": (44, 75),
    "baritone_sax": (36, 68), "oboe": (58, 91), "english_horn": (52, 81), "bassoon": (34, 72), "clarinet": (50, 91),
    "piccolo": (74, 108), "flute": (60, 96), "recorder": (60, 86), "pan_flute": (60, 96), "celesta": (60, 108),
    "glockenspiel": (79, 108), "music_box": (60, 96), "vibraphone": (53, 89), "marimba": (45, 96),
    "xylophone": (65, 108), "harmonica": (60, 96), "accordion": (53, 93), "sitar": (48, 84), "banjo": (48, 84),
    "koto": (50, 86), "kalimba": (55, 88), "fiddle": (55, 93), "steel_drums": (52, 88), "shakuhachi": (57, 86),
    "acoustic_bass": (28, 60), "fingered_bass": (28, 62), "picked_bass": (28, 62), "fretless_bass": (28, 62),
    "sub_bass": (24, 52), "wobble_bass": (24, 55), "long_808": (24, 52), "dark_drone": (24, 60), "risers": (36, 37),
    "tubular_bells": (60, 77), "choir_aahs": (43, 84), "voice_oohs": (43, 84),
}  # fmt: skip

#: Where instruments sing that can play far above it: what a cello does in the violins' octave is an effect. After
#: Adler, The Study of Orchestration, and Piston, Orchestration.
TESSITURAS: dict[str, tuple[int, int]] = {
    "cello": (45, 74), "viola": (52, 81), "contrabass": (33, 57), "bassoon": (41, 67), "trombone": (46, 69),
    "french_horn": (50, 74), "tuba": (34, 55), "tenor_sax": (48, 73), "baritone_sax": (41, 65), "alto_sax": (53, 78),
    "english_horn": (54, 78), "clarinet": (52, 86), "brass_section": (50, 79), "flute": (66, 91), "piccolo": (79, 103),
    "whistle": (72, 93), "pan_flute": (66, 88),
}  # fmt: skip

#: Lowest and highest pitch of a family's instruments.
FAMILY_RANGES: dict[str, tuple[int, int]] = {
    "piano": (21, 108), "mallets": (48, 96), "organ": (36, 96), "guitar": (40, 84), "bass": (28, 64),
    "strings": (36, 96), "ensemble": (36, 91), "brass": (40, 82), "reed": (44, 84), "pipe": (60, 96),
    "synth_lead": (36, 96), "synth_pad": (36, 91), "synth_effects": (36, 91), "ethnic": (48, 86),
    "percussive": (40, 84), "sound_effects": (36, 84), "drums": (27, 87),
}  # fmt: skip


@dataclass(frozen=True, kw_only=True, slots=True)
class InstrumentRow:
    """One instrument of the table."""

    key: str
    family: str
    source: Source
    #: Program to play it from a General MIDI font, and to write into MIDI files; synths name their nearest kin.
    program: int
    low_pitch: int
    high_pitch: int

    @property
    def is_drums(self) -> bool:
        """Whether its pitches are drum keys."""
        return self.source in ("kit", "synth_kit")


#: Nearest General MIDI program of each synthesised instrument, for MIDI files.
SYNTH_PROGRAMS: dict[str, int] = {
    "supersaw": 81, "analog_lead": 81, "pulse_lead": 80, "sub_bass": 38, "reese_bass": 39, "acid_bass": 38,
    "analog_bass": 38, "analog_pad": 89, "glass_pad": 92, "drone": 95, "synth_pluck": 84, "fm_piano": 5,
    "fm_bell": 14, "chip_pulse": 80, "chip_triangle": 38, "long_808": 38, "fm_bass": 39, "tonewheel_organ": 16,
    "wobble_bass": 39, "sweeping_pad": 95, "string_machine": 50, "shimmer": 92, "dark_drone": 95, "chip_square": 80,
    "chip_thin": 80, "vinyl_crackle": 121, "rain": 122, "wind": 122, "sea_waves": 122, "risers": 119, "synth_808": 25,
    "synth_909": 24, "chip_kit": 24,
}  # fmt: skip


def _rows() -> dict[str, InstrumentRow]:
    table: dict[str, InstrumentRow] = {}

    def add(key: str, family: str, source: Source, program: int) -> None:
        low, high = RANGES.get(key, FAMILY_RANGES[family])
        table[key] = InstrumentRow(
            key=key, family=family, source=source, program=program, low_pitch=low, high_pitch=high
        )

    for number, (family, keys) in enumerate(GENERAL_MIDI.items()):
        for offset, key in enumerate(keys):
            add(key, family, "sampled", number * 8 + offset)
    for key, program in DRUM_KITS.items():
        add(key, "drums", "kit", program)
    for key, family in SYNTHS.items():
        add(key, family, "synth", SYNTH_PROGRAMS[key])
    for key in SYNTH_KITS:
        add(key, "drums", "synth_kit", SYNTH_PROGRAMS[key])
    return table


#: Every instrument by key.
INSTRUMENTS: dict[str, InstrumentRow] = _rows()
