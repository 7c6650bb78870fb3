"""Music as notes: a score is what is written, a performance is how it is played."""

from dataclasses import dataclass

from app.models.plan import Mode

#: MIDI channel 10's note numbers are drums, not pitches.
DRUM_ROLES = frozenset({"drums", "percussion"})


@dataclass(frozen=True, kw_only=True, slots=True)
class Note:
    """One sounding note of a part."""

    #: MIDI pitch; 60 is middle C (C4). In drum parts a General MIDI drum key.
    pitch: int
    #: Where it begins, in beats (quarter notes) from the start of the piece.
    start_beat: float
    #: How long it is held, in beats; above 0.
    length_beats: float
    #: How hard it is played, 1…127.
    velocity: int


@dataclass(frozen=True, kw_only=True, slots=True)
class PedalSpan:
    """A stretch in which the damper pedal is down."""

    #: Where it goes down and where it is lifted, in beats.
    start_beat: float
    end_beat: float


@dataclass(frozen=True, kw_only=True, slots=True)
class Strength:
    """How strongly a part sounds from a beat on; to the next it changes evenly."""

    beat: float
    #: Amplitude against what the notes' velocities ask for, 0…1.
    level: float


@dataclass(frozen=True, kw_only=True, slots=True)
class Part:
    """One voice's line through the whole piece."""

    #: Name of the voice in the plan that plays it; unique in a score.
    voice: str
    #: Sorted by start_beat, then pitch.
    notes: tuple[Note, ...]
    #: Sorted, apart from each other; for those who play from the notes. A performance holds its notes themselves.
    pedal: tuple[PedalSpan, ...] = ()
    #: Sorted; how what is held grows and fades. Empty where it sounds as it was struck.
    strength: tuple[Strength, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class TempoChange:
    """From `beat` on, the tempo is `tempo_bpm`."""

    beat: float
    tempo_bpm: float


@dataclass(frozen=True, kw_only=True, slots=True)
class ChordSpan:
    """A chord that the harmony holds; for lead sheets, markers and reports."""

    #: Where it begins, in beats.
    start_beat: float
    #: How long it lasts, in beats.
    length_beats: float
    #: As a musician writes it: "Am7", "F/C".
    symbol: str


@dataclass(frozen=True, kw_only=True, slots=True)
class KeyChange:
    """From `beat` on, the music is in this key."""

    beat: float
    #: Key note: "C", "F#", "Bb".
    tonic: str
    mode: Mode


@dataclass(frozen=True, kw_only=True, slots=True)
class Score:
    """All parts, in beats (quarter notes)."""

    parts: tuple[Part, ...]
    #: Sorted by beat; the first stands at beat 0.
    tempo_changes: tuple[TempoChange, ...]
    #: Sorted, without gaps, from beat 0 to `length_beats`.
    chords: tuple[ChordSpan, ...]
    #: (beat, name) of each section's first beat.
    markers: tuple[tuple[float, str], ...]
    #: Upper and lower number: (4, 4), (6, 8).
    time_signature: tuple[int, int]
    #: Length of the written music in beats; what sounds after it is ringing.
    length_beats: float
    #: Sorted by beat, the first at beat 0; empty where the plan's key holds throughout.
    keys: tuple[KeyChange, ...] = ()

    def seconds_at(self, beat: float) -> float:
        """Seconds from the start of the piece at which a beat falls."""
        seconds = 0.0
        changes = self.tempo_changes
        for change, following in zip(changes, (*changes[1:], None), strict=True):
            end = beat if following is None else min(beat, following.beat)
            if end <= change.beat and change.beat > 0:
                break
            seconds += (end - change.beat) * 60.0 / change.tempo_bpm
        return seconds
