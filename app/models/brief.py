"""What the prompt's words said, each decision with the words it came from; None where they were silent."""

from typing import Generic, TypeVar

from pydantic import BaseModel, ConfigDict, Field

Value = TypeVar("Value")


class Frozen(BaseModel):
    """A value that never changes and takes no unknown field."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Heard(Frozen, Generic[Value]):
    """Something that the prompt said."""

    value: Value = Field(description="What was understood.")
    words: tuple[str, ...] = Field(description="The prompt's own words it was understood from.")


class HeardManner(Heard[str]):
    """A way of playing that the prompt asked for."""

    player: str | None = Field(None, description="The instrument or group that is to play so; null for all who can.")


class Brief(Frozen):
    """All that the words said, and nothing that they did not."""

    prompt: str = Field(description="The user's words, untouched.")
    genre: Heard[str] | None = Field(None, description="Genre or sub-genre, a key of the vocabulary.")
    other_genres: tuple[Heard[str], ...] = Field(
        (), description="Further genres that were named; they colour the feeling, the genre leads."
    )
    excluded_genres: tuple[Heard[str], ...] = Field((), description="Genres refused, keys of the vocabulary.")
    moods: tuple[Heard[str], ...] = Field((), description="Moods, strongest first, keys of the vocabulary.")
    valence: float | None = Field(None, ge=-1, le=1, description="From sad (−1) to happy (1).")
    arousal: float | None = Field(None, ge=-1, le=1, description="From calm (−1) to excited (1).")
    tempo_bpm: Heard[float] | None = Field(None, description="Tempo asked for as a number, beats a minute.")
    beat: Heard[str] | None = Field(
        None,
        description='Note that the tempo counts, if named: "quarter", "dotted_quarter", "eighth", "half". '
        "Otherwise the dotted quarter in 6/8 and 12/8, the quarter elsewhere.",
    )
    tempo_feel: Heard[float] | None = Field(
        None, description="Tempo asked for in words, from −1 (very slow) to 1 (very fast)."
    )
    feel: Heard[str] | None = Field(
        None, description='Rhythmic feel asked for: "swing", "shuffle", "straight", "half-time", "double-time".'
    )
    tonic: Heard[str] | None = Field(None, description='Key note asked for: "C", "F#", "Bb".')
    mode: Heard[str] | None = Field(None, description='"major", "minor" or a church mode asked for.')
    time_signature: Heard[str] | None = Field(None, description='Metre asked for: "3/4", "6/8".')
    instruments: tuple[Heard[str], ...] = Field(
        (), description="Instruments wanted, keys of the instrument table or groups of the vocabulary."
    )
    excluded_instruments: tuple[Heard[str], ...] = Field((), description="Instruments or families refused.")
    lead: Heard[str] | None = Field(None, description="The wanted instrument that is to carry the melody.")
    manners: tuple[HeardManner, ...] = Field(
        (),
        description='Ways of playing asked for: "rubato", "staccato", "legato", "pizzicato", "tremolo", "palm_muted", '
        '"fingerpicked", "strummed", "brushed", "arpeggiated", "accented".',
    )
    drums: Heard[bool] | None = Field(None, description="True if drums were asked for, False if refused.")
    density: Heard[float] | None = Field(None, description="How much is to happen, from −1 (sparse) to 1 (busy).")
    arc: Heard[str] | None = Field(
        None,
        description='Course of the energy asked for: "builds", "bursts", "drop_at_end", "fades", "calm_loud_calm", '
        '"loud_calm_loud", "waves" or "steady".',
    )
    loop: Heard[bool] | None = Field(None, description="True if the end is to join the beginning without a seam.")
    loudness_lufs: Heard[float] | None = Field(None, description="Integrated loudness asked for.")
    use: Heard[str] | None = Field(None, description="What the music is for, a key of the vocabulary.")
    solo: Heard[bool] | None = Field(None, description="True if the instruments asked for are to play alone.")
    not_understood: tuple[str, ...] = Field((), description="Words that no table knows and that are no filler.")
    conflicts: tuple[str, ...] = Field((), description="Contradictions, and how each was settled, in a sentence.")
