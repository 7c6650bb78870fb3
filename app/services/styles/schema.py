"""What a style file may say. Planning reads the first half, composing the second."""

from difflib import get_close_matches

from pydantic import Field, field_validator

from app.models.brief import Frozen
from app.models.plan import Mode, Role, SectionKind
from app.services.styles.grooves import PLAIN_PERCUSSION, Drums
from app.services.styles.idioms import (
    Arpeggio,
    Bass,
    Comping,
    Counter,
    Dropout,
    Feel,
    Harmony,
    Melody,
    Pad,
)
from app.services.theory.instruments import INSTRUMENTS


class TempoRange(Frozen):
    """Quarter notes a minute."""

    low: float
    typical: float
    high: float


class EnsembleRole(Frozen):
    """Who may take a role in the band."""

    #: Key of the instrument table to weight.
    instruments: dict[str, float]
    #: Chance that the role is filled, 0…1.
    presence: float = Field(1.0, ge=0, le=1)
    #: From which section energy on it plays; 0 = always.
    from_energy: float = Field(0.0, ge=0, le=1)
    low_pitch: int = 36
    high_pitch: int = 84
    level_db: float = 0.0
    pan: float = 0.0
    width: float = 1.0
    reverb_send_db: float = -14.0
    delay_send_db: float = -60.0
    chorus: float = 0.0
    drive: float = 0.0
    duck_db: float = 0.0

    @field_validator("instruments")
    @classmethod
    def _are_known(cls, instruments: dict[str, float]) -> dict[str, float]:
        for key in instruments:
            if key not in INSTRUMENTS:
                near = ", ".join(get_close_matches(key, INSTRUMENTS)) or "see theory/instruments.py"
                raise ValueError(f"unknown instrument {key!r}; near it: {near}")
        return instruments


class FormStep(Frozen):
    """One section of a form template."""

    kind: SectionKind
    material: str
    #: Relative length; the planner turns it into whole bars (multiples of 4 or 2 where they fit).
    weight: float = Field(1.0, gt=0)
    energy: float = Field(ge=0, le=1)


class MixProfile(Frozen):
    """The room and the master."""

    reverb_s: float = 1.8
    predelay_ms: float = 18.0
    brightness: float = 0.5
    delay_beats: float = 0.75
    delay_feedback: float = 0.3
    glue_db: float = 1.5
    low_shelf_db: float = 0.0
    high_shelf_db: float = 0.0


class Style(Frozen):
    """A kind of music."""

    name: str
    title: str
    #: Genres of the contract it may stand for.
    genres: tuple[str, ...]
    tempo_bpm: TempoRange
    time_signatures: dict[str, float] = Field(default_factory=lambda: {"4/4": 1.0})
    modes: dict[Mode, float]
    #: Where it stands between sad (−1) and happy (1), calm (−1) and excited (1).
    valence: float = 0.0
    arousal: float = 0.0
    #: 0 straight, 1 triplets.
    swing: float = 0.0
    #: Bars of a whole phrase; sections are multiples of it where they fit (12 for a blues).
    phrase_bars: int = Field(4, ge=1)
    ensemble: dict[Role, EnsembleRole]
    #: Templates from short to long; the planner takes those that fit the duration.
    forms: tuple[tuple[FormStep, ...], ...]
    mix: MixProfile = Field(default_factory=MixProfile)
    #: Whether its chords and rhythms were counted in somebody's music: each is taken as often as it was there, at its
    #: own pace, and not changed for the sake of variety.
    counted: bool = False

    # The second half: how it is composed and played. What a style leaves out is played in a plain manner.
    feel: Feel = Field(default_factory=Feel)
    harmony: Harmony = Field(default_factory=Harmony)
    melody: Melody = Field(default_factory=Melody)
    counter: Counter = Field(default_factory=Counter)
    chords: Comping = Field(default_factory=Comping)
    arpeggio: Arpeggio = Field(default_factory=Arpeggio)
    pad: Pad = Field(default_factory=Pad)
    bass: Bass = Field(default_factory=Bass)
    drums: Drums = Field(default_factory=Drums)
    dropouts: tuple[Dropout, ...] = ()
    percussion: Drums = Field(default_factory=lambda: Drums(grooves=PLAIN_PERCUSSION, fills=()))
