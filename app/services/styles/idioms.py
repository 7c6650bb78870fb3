"""The second half of a style file: its feel, harmony, melody manner and what each role plays.

Rhythms are strings as `theory/rhythm.py` reads them; their signs are listed with each field. Every pattern says for
which energies it is meant; of those that fit a section one is drawn by weight.
"""

from collections.abc import Mapping
from typing import Literal, TypeAlias

from pydantic import Field, field_serializer, model_validator

from app.models.brief import Frozen
from app.models.plan import Mode, Role, SectionKind
from app.services.theory.chords import read_numeral
from app.services.theory.metre import metre_of
from app.services.theory.voicing import Spacing

#: What a plain triad takes on.
Colour: TypeAlias = Literal["plain", "seventh", "ninth", "add9", "sixth", "sus"]

#: How a second voice goes with the first.
Manner: TypeAlias = Literal["answer", "line", "thirds", "canon"]

#: What a chord may become when its progression comes round again. pedal: a bass that stays under all chords of an
#: intro, a break (the tonic) or a build (the dominant).
Device: TypeAlias = Literal[
    "secondary_dominant",
    "two_five",
    "passing_diminished",
    "tritone",
    "relative",
    "borrowed",
    "suspension",
    "inversion",
    "colour",
    "early",
    "pedal",
]

#: Steps a beat that a rhythm may be written on.
GRIDS = (0.5, 1, 2, 3, 4, 6, 8, 12)


def check_grid(rhythm: str, metre: str) -> None:
    """Raise ValueError where a bar of a rhythm divides its metre's beats into something no one can count."""
    beats = metre_of(metre).beats
    for bar in rhythm.replace(" ", "").split("|"):
        if len(bar) / beats not in GRIDS:
            raise ValueError(f"{bar!r} has {len(bar)} steps; a bar of {metre} takes {beats:g} times one of {GRIDS}")


class Fitting(Frozen):
    """What every choice says about when it may be chosen."""

    #: Lowest and highest energy it suits, 0…1.
    energy: tuple[float, float] = (0.0, 1.0)
    #: How often it is drawn against the others that suit.
    weight: float = Field(1.0, gt=0)
    #: Metre it is written for; in others it is fitted pulse by pulse.
    metre: str = Field("4/4", pattern=r"^\d{1,2}/(2|4|8|16)$")
    #: Instrument families it is written for ("guitar", "piano"); empty means all.
    families: tuple[str, ...] = ()
    #: Modes it is written for, such as the church modes of a chant; empty means all that none is written for.
    modes: tuple[Mode, ...] = ()


class Pattern(Fitting):
    """A rhythm for one line; bars are divided by `|`."""

    rhythm: str

    @model_validator(mode="after")
    def _fits_its_metre(self) -> "Pattern":
        check_grid(self.rhythm, self.metre)
        return self

    @property
    def strokes_a_bar(self) -> float:
        """How much happens in it."""
        return sum(sign not in "-.|" for sign in self.rhythm) / (self.rhythm.count("|") + 1)


class Progression(Frozen):
    """Chords as Roman numerals, bars divided by `|`: "ii7 V7 | Imaj7"."""

    chords: str
    #: Modes it is meant for.
    modes: tuple[Mode, ...]
    #: Section kinds it is meant for; empty means all.
    sections: tuple[SectionKind, ...] = ()
    weight: float = Field(1.0, gt=0)
    #: Whether its bars may be stretched or squeezed to the style's pace (a twelve-bar blues may not).
    elastic: bool = True

    @model_validator(mode="after")
    def _reads_in_its_modes(self) -> "Progression":
        for bar in self.bars:
            if not bar:
                raise ValueError(f"a bar of {self.chords!r} is empty")
            for numeral in bar:
                for mode in self.modes:
                    read_numeral(numeral, "C", mode)
        return self

    @property
    def bars(self) -> tuple[tuple[str, ...], ...]:
        """Numerals of each bar."""
        return tuple(tuple(bar.split()) for bar in self.chords.split("|"))


class Feel(Frozen):
    """How people play it."""

    #: Which off-beats swing.
    swing_unit: Literal["eighth", "sixteenth"] = "eighth"
    #: Spread of the players' timing (one standard deviation of a loose voice).
    timing_ms: float = Field(7.0, ge=0, le=40)
    #: Spread of their touch, as a fraction of the velocity.
    touch: float = Field(0.07, ge=0, le=0.4)
    #: How much softer weak sections are played than strong ones: 1 as their energies are apart, 2 twice as far.
    dynamics: float = Field(1.0, ge=0.5, le=3.0)
    #: How far behind the beat the melody leans.
    lead_late_ms: float = Field(4.0, ge=-30, le=60)
    #: How far behind the beat the snare leans.
    snare_late_ms: float = Field(0.0, ge=-20, le=40)
    #: Time a guitar's chord takes from the first string to the last.
    strum_ms: float = Field(24.0, ge=0, le=120)
    #: Time a harp's or piano's broad chord takes.
    roll_ms: float = Field(0.0, ge=0, le=300)
    #: How far the tempo breathes within phrases, as a fraction.
    rubato: float = Field(0.0, ge=0, le=0.12)
    #: How far a piano, a harp or a vibraphone holds its notes into the chord they belong to: 0 as written, 1 until the
    #: chord changes.
    pedal: float = Field(0.0, ge=0, le=1)
    #: How much slower the last bars before the final chord are, as a fraction.
    ritardando: float = Field(0.0, ge=0, le=0.3)
    #: From this tempo on a written bar fills two: for music that is counted in halves as often as in quarters.
    broad_from_bpm: float = Field(400.0, ge=100)


class Dropout(Frozen):
    """Players who fall silent together at the end of a period, so that the others are heard alone."""

    roles: tuple[Role, ...]
    #: Length of a period in bars, and how many of its last bars are left out; half a bar is 0.5.
    every: int = Field(8, ge=2, le=32)
    bars: float = Field(1.0, gt=0, le=8)
    #: Chance at the end of each period.
    chance: float = Field(0.5, ge=0, le=1)
    #: Lowest and highest energy of a section that it suits.
    energy: tuple[float, float] = (0.35, 1.0)
    #: Beats from echo to echo of the last drum stroke before the silence; 0 for none.
    echo_beats: float = Field(0.0, ge=0, le=2)


class Modulation(Frozen):
    """A section in another key. The planner decides where in a piece it comes; short pieces stay at home."""

    #: lift: the last return of such a section, and all that follows · visit: one such section, then home again.
    manner: Literal["lift", "visit"]
    #: Section kinds it suits.
    sections: tuple[SectionKind, ...]
    #: Modes of the plan it is meant for.
    modes: tuple[Mode, ...]
    #: Semitones from the plan's key note to the new one.
    semitones: int = Field(ge=-6, le=6)
    #: The new scale; none keeps the old.
    mode: Mode | None = None
    #: How often a piece that has room for it takes it.
    chance: float = Field(0.5, ge=0, le=1)


class Harmony(Frozen):
    """The chords it speaks in."""

    progressions: tuple[Progression, ...] = ()
    #: Chord changes a minute that its progressions are stretched towards.
    changes_per_minute: float = Field(24.0, ge=2, le=80)
    #: Types that plain triads take on, with weights: plain, seventh, ninth, add9, sixth, sus.
    colours: Mapping[Colour, float] = {"plain": 1.0}
    #: Last bars of a section that lead into the next, in place of the progression's own.
    turnarounds: tuple[Progression, ...] = ()
    #: Chance of a turnaround at a section's end.
    turnaround_chance: float = Field(0.5, ge=0, le=1)
    #: What leads into the final chord.
    cadences: tuple[Progression, ...] = ()
    #: Whether it may dwell on few chords, as drones and meditations do.
    static: bool = False
    #: What is added to the final tonic's numeral.
    final_colour: Literal["", "5", "6", "69", "add9", "maj7", "maj9", "7", "9"] = ""
    #: Whether the final tonic has a major third in every mode, as flamenco rests on it and a Picardy third ends on it.
    final_major: bool = False
    #: How a progression is varied when it comes round again: chance of each device at a chord that it suits.
    devices: Mapping[Device, float] = {"inversion": 0.2, "colour": 0.2, "relative": 0.15, "suspension": 0.15}
    #: Sections that stand in another key.
    modulations: tuple[Modulation, ...] = ()


class Melody(Frozen):
    """How it sings."""

    #: Bars of melody, `x` a note, `-` held.
    rhythms: tuple[Pattern, ...] = (
        Pattern(rhythm="x---x-x-x---x---"),
        Pattern(rhythm="x-----x-x---x-x-"),
        Pattern(rhythm="x---x---x-x-x-x-"),
    )
    #: Bars that end a phrase: a long note, then breath.
    endings: tuple[Pattern, ...] = (Pattern(rhythm="x---x-------...."), Pattern(rhythm="x-----------...."))
    scale: Literal["mode", "pentatonic", "blues"] = "mode"
    #: Semitones that a phrase usually spans.
    span: int = Field(10, ge=3, le=24)
    #: Liking for leaps, 0…1.
    leaps: float = Field(0.3, ge=0, le=1)
    #: Liking for repeated notes, 0…1.
    repeats: float = Field(0.2, ge=0, le=1)
    #: Liking for ornaments when a phrase returns, 0…1.
    ornaments: float = Field(0.2, ge=0, le=1)
    #: Share of its written length that a note sounds.
    legato: float = Field(0.95, ge=0.2, le=1.0)
    #: Chance that a phrase is left out, so that the line breathes.
    silence: float = Field(0.0, ge=0, le=0.8)
    #: Liking for chromatic approach notes and enclosures before chord tones on strong beats, 0…1.
    approaches: float = Field(0.0, ge=0, le=1)
    #: Liking for sliding into long notes from a semitone below, 0…1.
    slides: float = Field(0.0, ge=0, le=1)
    #: How often it takes an interval of so many semitones, downwards below 0, with weights; empty means as `leaps` and
    #: `repeats` say. A line whose intervals were counted keeps its rhythms as they are written.
    intervals: Mapping[int, float] = {}
    #: The same from each degree, by third: "major" or "minor" → semitones above the key note, 0…11 → interval → weight.
    #: Where it says nothing of a degree, `intervals` do.
    moves: Mapping[str, Mapping[int, Mapping[int, float]]] = {}
    #: Marks of passages (see theory/passages.py) that no line says: those that a learned style was learned from.
    avoided: frozenset[int] = frozenset()

    @field_serializer("avoided")
    def _in_order(self, avoided: frozenset[int]) -> list[int]:
        return sorted(avoided)


class Counter(Frozen):
    """How a second voice goes with the first, with weights."""

    #: answer: fragments in the melody's rests · line: slow notes against it · thirds: along with it ·
    #: canon: the melody again, a bar or two later.
    manner: Mapping[Manner, float] = {"line": 0.6, "answer": 0.4}
    #: Chance that a piece for which nothing else was asked is a fugue.
    fugue: float = Field(0.0, ge=0, le=1)


class Comping(Frozen):
    """What plays the chords."""

    #: `x` chord, `X` accented, `o` soft, `s` short, `b` its lowest note, `u` all above it, 1–9 its notes from below.
    patterns: tuple[Pattern, ...] = (
        Pattern(rhythm="x---------------", energy=(0.0, 0.5)),
        Pattern(rhythm="x-------x-------", energy=(0.4, 1.0)),
    )
    #: Notes of a chord.
    voices: int = Field(4, ge=1, le=6)
    spacing: Spacing = "close"


class Arpeggio(Frozen):
    """What breaks the chords up."""

    #: 1–9 notes of the chord, counted upwards through the register; a zero is the top note.
    patterns: tuple[Pattern, ...] = (
        Pattern(rhythm="1-2-3-4-3-2-3-2-", energy=(0.0, 0.6)),
        Pattern(rhythm="1234543212345432", energy=(0.5, 1.0)),
    )
    #: Share of its written length that a note sounds.
    legato: float = Field(0.9, ge=0.1, le=1.5)


class Pad(Frozen):
    """What holds the chords."""

    voices: int = Field(4, ge=1, le=6)
    spacing: Spacing = "spread"
    #: Whether notes that two chords share are held over.
    tied: bool = True
    #: Rhythms of strokes, signs as in Comping, for sections that hit and swell; empty means held from chord to chord.
    patterns: tuple[Pattern, ...] = ()


class Bass(Frozen):
    """What carries them."""

    #: R root, 5 fifth, 8 octave, 3 third, 6 sixth, 7 seventh, w a walking step, a approach to the next root,
    #: p the coming root, early and held until the next stroke (a tumbao), g ghost, s short root.
    patterns: tuple[Pattern, ...] = (
        Pattern(rhythm="R---------------", energy=(0.0, 0.45)),
        Pattern(rhythm="R-------R---5---", energy=(0.4, 0.75)),
        Pattern(rhythm="R-R-R-R-R-R-5-a-", energy=(0.7, 1.0)),
    )
    #: Share of its written length that a note sounds.
    legato: float = Field(0.92, ge=0.1, le=1.0)
    #: Whether its root follows the chord's bass (inversions, pedals).
    follows_inversions: bool = True
    #: Whether a long note that comes again is held on, up to this many beats; 0 strikes each.
    tied_beats: float = Field(0.0, ge=0, le=64)
