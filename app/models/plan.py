"""Every choice made before a note is written. The same Plan, wheel set and CPU class give the same bytes."""

import math
from typing import Literal

from pydantic import Field

from app.models.brief import Frozen
from app.utils.seeds import MAX_SEED

#: Raised whenever the same plan would sound different.
COMPOSER_VERSION = 13

#: Densities up to this are left to the style.
_USUAL_DENSITY = 0.4

Role = Literal["lead", "counter", "chords", "arpeggio", "pad", "bass", "drums", "percussion", "texture"]
SectionKind = Literal["intro", "verse", "chorus", "bridge", "break", "build", "drop", "outro", "theme", "variation"]
Manner = Literal[
    "rubato", "staccato", "legato", "pizzicato", "tremolo", "palm_muted", "fingerpicked", "strummed", "brushed",
    "arpeggiated", "accented",
]  # fmt: skip
Mode = Literal["major", "minor", "dorian", "phrygian", "lydian", "mixolydian", "harmonic_minor"]
TimeFeel = Literal["plain", "half", "double"]


class Section(Frozen):
    """A stretch of form."""

    kind: SectionKind = Field(description="What it does in the form.")
    material: str = Field(description='Letter of its musical material: two sections "A" share harmony and motif.')
    bars: int = Field(ge=1, description="Length in whole bars.")
    energy: float = Field(ge=0, le=1, description="How strong it is, 0…1.")
    voices: tuple[str, ...] = Field(description="Names of the voices that play in it.")
    transpose: int = Field(0, ge=-6, le=6, description="Semitones from the plan's key note to its own.")
    mode: Mode | None = Field(None, description="Its own scale; null for the plan's.")


class Eq(Frozen):
    """A channel's tone: a low cut, two shelves and a bell."""

    low_cut_hz: float = Field(30.0, ge=10, le=2_000, description="High-pass corner, 12 dB an octave.")
    low_shelf_db: float = Field(0.0, ge=-18, le=18, description="Shelf below 200 Hz.")
    mid_hz: float = Field(1_000.0, ge=100, le=10_000, description="Centre of the bell.")
    mid_db: float = Field(0.0, ge=-18, le=18, description="Gain of the bell (Q 0.9).")
    high_shelf_db: float = Field(0.0, ge=-18, le=18, description="Shelf above 6 kHz.")


class Channel(Frozen):
    """What the mixer does with one voice."""

    level_db: float = Field(0.0, ge=-60, le=12, description="Loudness of the voice against a reference voice at 0 dB.")
    pan: float = Field(0.0, ge=-1, le=1, description="From left (−1) to right (1).")
    width: float = Field(1.0, ge=0, le=2, description="Stereo width: 0 mono, 1 as played, 2 wide.")
    eq: Eq = Field(default_factory=Eq, description="Tone.")
    reverb_send_db: float = Field(-14.0, ge=-60, le=6, description="Level into the reverb; −60 is none.")
    delay_send_db: float = Field(-60.0, ge=-60, le=6, description="Level into the delay; −60 is none.")
    chorus: float = Field(0.0, ge=0, le=1, description="Chorus depth, 0…1.")
    drive: float = Field(0.0, ge=0, le=1, description="Saturation, 0…1.")
    duck_db: float = Field(0.0, ge=0, le=24, description="How far the kick drum pushes it down.")


class Voice(Frozen):
    """One member of the ensemble."""

    name: str = Field(pattern=r"^[a-z0-9_]+$", description="Unique in the plan; names the stem.")
    role: Role = Field(description="What it does in the music.")
    instrument: str = Field(description="Key of the instrument table.")
    low_pitch: int = Field(ge=0, le=127, description="Lowest MIDI pitch it is given.")
    high_pitch: int = Field(ge=0, le=127, description="Highest MIDI pitch it is given.")
    manner: tuple[Manner, ...] = Field((), max_length=8, description="How it is asked to play, beyond the style's way.")
    channel: Channel = Field(default_factory=Channel, description="Its place in the mix.")


class Space(Frozen):
    """The room and the echo that all voices share."""

    reverb_s: float = Field(1.8, ge=0.2, le=12, description="Time the reverb takes to fall by 60 dB.")
    predelay_ms: float = Field(18.0, ge=0, le=200, description="Gap before the reverb begins.")
    brightness: float = Field(0.5, ge=0, le=1, description="How long the high tones ring.")
    delay_beats: float = Field(0.75, ge=0.125, le=4, description="Echo time in beats.")
    delay_feedback: float = Field(0.3, ge=0, le=0.8, description="How much of each echo returns.")


class Mastering(Frozen):
    """The last touch on the mix."""

    loudness_lufs: float = Field(-14.0, ge=-30, le=-8, description="Integrated loudness (ITU-R BS.1770).")
    ceiling_dbtp: float = Field(-1.0, ge=-6, le=-0.1, description="Highest true peak.")
    glue_db: float = Field(1.5, ge=0, le=6, description="How far the bus compressor reaches down in loud passages.")
    fade_out_s: float = Field(1.5, ge=0, le=20, description="Length of the fade at the very end.")
    low_shelf_db: float = Field(0.0, ge=-6, le=6, description="Tone below 120 Hz.")
    high_shelf_db: float = Field(0.0, ge=-6, le=6, description="Tone above 8 kHz.")


class Plan(Frozen):
    """All that an engine needs to know."""

    composer_version: int = Field(description="Raised whenever the same plan would sound different.")
    soundfont_sha256: str | None = Field(description="The soundfont's fingerprint; null if none is played.")
    seed: int = Field(ge=0, le=MAX_SEED, description="The one number all dice come from.")
    candidates: int = Field(1, ge=1, le=16, description="Scores composed, of which the best is played.")
    candidate: int | None = Field(
        None,
        ge=0,
        le=15,
        description="Number of the one that is played, from 0; null for the best of the candidates. The plan of a "
        "finished track names it, so that whatever is edited the melody stays.",
    )
    title: str = Field(description="Readable name of the track.")
    prompt: str = Field("", max_length=500, description="The words it was made from, for the files' tags.")
    duration_s: int = Field(ge=1, le=300, description="Seconds, exactly.")
    style: str = Field(description="Name of the style file.")
    tempo_bpm: float = Field(ge=20, le=300, description="Quarter notes a minute.")
    tonic: str = Field(pattern=r"^[A-G](#|b)?$", description='Key note: "C", "F#", "Bb".')
    mode: Mode = Field(description="Scale.")
    time_signature: str = Field(pattern=r"^\d{1,2}/(2|4|8|16)$", description='Metre: "4/4", "6/8".')
    time_feel: TimeFeel = Field(
        "plain",
        description='How the groove goes against the tempo: "half" has the backbeat in mid-bar and chords that change '
        'half as often, "double" a backbeat on every off-beat; the tempo stays.',
    )
    swing: float = Field(0.0, ge=0, le=1, description="How late off-beats come: 0 straight, 1 triplets.")
    valence: float = Field(ge=-1, le=1, description="From sad (−1) to happy (1).")
    arousal: float = Field(ge=-1, le=1, description="From calm (−1) to excited (1).")
    density: float = Field(0.0, ge=-1, le=1, description="How much happens, from sparse (−1) to busy (1).")
    counterpoint: Literal["free", "fugue"] = Field(
        "free", description='Whether the lines go as the style has it ("free") or as a fugue.'
    )
    loop: bool = Field(False, description="Whether the end joins the beginning without a seam.")
    form: tuple[Section, ...] = Field(min_length=1, description="Sections in order; they fill the duration.")
    last_bar_beats: int | None = Field(
        None,
        ge=1,
        description="Quarter notes of the last bar where it is shorter than the others, as in a loop whose tempo was "
        "asked for and has no whole number of equal bars; null where it is not.",
    )
    ensemble: tuple[Voice, ...] = Field(min_length=1, description="Who plays.")
    space: Space = Field(default_factory=Space, description="Room and echo.")
    mastering: Mastering = Field(default_factory=Mastering, description="The last touch.")

    @property
    def beats_per_bar(self) -> float:
        """Quarter notes in a bar: 4.0 for 4/4, 3.0 for 6/8."""
        upper, lower = (int(n) for n in self.time_signature.split("/"))
        return upper * 4.0 / lower

    @property
    def marked_density(self) -> float:
        """The density beyond what any piece may have, −1…1: 0 unless it is to be clearly sparse or clearly busy."""
        beyond = max(0.0, abs(self.density) - _USUAL_DENSITY) / (1.0 - _USUAL_DENSITY)
        return math.copysign(beyond, self.density)

    @property
    def bars(self) -> int:
        """Whole bars of the form."""
        return sum(section.bars for section in self.form)

    @property
    def beats(self) -> float:
        """Quarter notes of the form, from its first bar to the end of its last."""
        missing = 0.0 if self.last_bar_beats is None else self.beats_per_bar - self.last_bar_beats
        return self.bars * self.beats_per_bar - missing

    def voice(self, name: str) -> Voice:
        """The voice of that name; KeyError if there is none."""
        for voice in self.ensemble:
            if voice.name == name:
                return voice
        raise KeyError(name)
