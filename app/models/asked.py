"""What a request says beside its prompt: fields that outrank the words, and a plan. Nothing where it is silent."""

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Field, ValidationError
from pydantic_core import PydanticCustomError

from app.errors import Fault, InvalidFields, printable
from app.models.brief import Frozen
from app.models.clip import ClipUse

#: Levels of lists and objects in a plan, with room for more.
DEEPEST = 10

#: Faults shown of one request; what is wrong throughout is wrong in the first few places too.
MOST_FAULTS = 20


def _no_truth_value(value: Any) -> Any:
    """Python counts True as 1; JSON does not."""
    if isinstance(value, bool):
        raise PydanticCustomError("float_type", "Input should be a valid number")
    return value


def _flat(plan: dict[str, Any]) -> dict[str, Any]:
    """A plan nested no deeper than any is, all its text valid Unicode: what comes after may recur, and write it."""
    level: list[Any] = [plan]
    for _ in range(DEEPEST):
        inner: list[Any] = []
        for value in level:
            if isinstance(value, dict):
                inner.extend([*value.keys(), *value.values()])
            elif isinstance(value, list | tuple):
                inner.extend(value)
            elif isinstance(value, str) and any("\ud800" <= character <= "\udfff" for character in value):
                raise PydanticCustomError("string_unicode", "Text should be valid Unicode, without lone surrogates")
        level = inner
    if level:
        raise PydanticCustomError("value_error", f"Plans are nested no deeper than {DEEPEST} levels")
    return plan


#: Beats a minute, as far as the words of a prompt may go.
Tempo = Annotated[float, Field(ge=30, le=300, allow_inf_nan=False), BeforeValidator(_no_truth_value)]
#: Integrated loudness (ITU-R BS.1770), as far as a plan's mastering may go.
Loudness = Annotated[float, Field(ge=-30, le=-8, allow_inf_nan=False), BeforeValidator(_no_truth_value)]
#: A name of a table, or a word for it.
Word = Annotated[str, Field(min_length=1, max_length=60)]
Moods = Annotated[tuple[Word, ...], Field(max_length=8)]
Instruments = Annotated[tuple[Word, ...], Field(max_length=16)]
#: A plan as JSON values; whether it can be played is planning's to say.
PlanValues = Annotated[dict[str, Any], AfterValidator(_flat)]


class AudioPrompted(Frozen):
    """A clip that comes with the words."""

    clip: str = Field(
        pattern=r"^clip_[0-9a-f]{1,64}$",
        description="Its `clip_id`, as `POST /music/clips` answers.",
        examples=["clip_a1b2c3d4e5f60718"],
    )
    use: ClipUse = Field(
        "continue",
        description="`continue`: the track begins where the clip ends, and does not repeat it. `melody`: the track "
        "follows the clip's tune.",
        examples=["continue"],
    )


class Asked(Frozen):
    """Fields as they were sent; what their words mean is planning's to say."""

    tempo_bpm: Tempo | None = Field(None, description="Beats a minute, 30 to 300.")
    key: Word | None = Field(None, description='Tonic, mode, or both: "F#m", "C minor", "D dorian", "Bb".')
    time_signature: Word | None = Field(None, description='Metre: "4/4", "6/8".')
    genre: Word | None = Field(None, description="Genre or sub-genre.")
    moods: Moods = Field((), description="Moods, strongest first.")
    instruments: Instruments = Field((), description="Instruments that must play.")
    exclude_instruments: Instruments = Field((), description="Instruments or families that must not play.")
    loop: bool | None = Field(None, description="Whether the end is to join the beginning without a seam.")
    loudness_lufs: Loudness | None = Field(None, description="Integrated loudness of the master, −30 to −8.")
    plan: PlanValues | None = Field(None, description="A plan to play instead of making one.")
    audio_prompt: AudioPrompted | None = Field(None, description="A clip to go on from or to follow.")

    def values(self) -> dict[str, Any]:
        """What was said, as JSON values by field; empty if nothing was."""
        return {name: value for name, value in self.model_dump(mode="json").items() if value not in (None, [])}


def asked_of(fields: Mapping[str, Any]) -> Asked | None:
    """The fields of a request that are not None; None if there are none. `InvalidFields` naming each that is wrong."""
    try:
        asked = Asked.model_validate({name: value for name, value in fields.items() if value is not None})
    except ValidationError as error:
        raise faults_of(error) from None
    return asked if asked.values() else None


def faults_of(error: ValidationError, *inside: str) -> InvalidFields:
    """Everything that a model found wrong, each with its place; `inside` names the field that was looked into.

    Neither the input nor its context is repeated: they may hold what JSON cannot (NaN, lone surrogates).
    """
    found = error.errors(include_url=False, include_context=False, include_input=False)[:MOST_FAULTS]
    return InvalidFields(
        Fault(
            (*inside, *(part if isinstance(part, int) else printable(part) for part in fault["loc"])),
            printable(fault["msg"], 300),
            fault["type"],
        )
        for fault in found
    )
