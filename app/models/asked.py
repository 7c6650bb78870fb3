"""What a request says beside its prompt: fields that outrank the words, and a plan. Nothing where it is silent."""

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import BeforeValidator, Field, ValidationError
from pydantic_core import PydanticCustomError

from app.errors import Fault, InvalidFields, printable
from app.models.brief import Frozen

#: Faults shown of one request; what is wrong throughout is wrong in the first few places too.
MOST_FAULTS = 20


def _no_truth_value(value: Any) -> Any:
    """Python counts True as 1; JSON does not."""
    if isinstance(value, bool):
        raise PydanticCustomError("float_type", "Input should be a valid number")
    return value


#: Beats a minute, as far as the words of a prompt may go.
Tempo = Annotated[float, Field(ge=30, le=300, allow_inf_nan=False), BeforeValidator(_no_truth_value)]
#: Integrated loudness (ITU-R BS.1770), as far as a plan's mastering may go.
Loudness = Annotated[float, Field(ge=-30, le=-8, allow_inf_nan=False), BeforeValidator(_no_truth_value)]
#: A name of a table, or a word for it.
Word = Annotated[str, Field(min_length=1, max_length=60)]
Moods = Annotated[tuple[Word, ...], Field(max_length=8)]
Instruments = Annotated[tuple[Word, ...], Field(max_length=16)]


class Asked(Frozen):
    """Fields as they were sent; what their words mean is planning's to say."""

    tempo_bpm: Tempo | None = Field(None, description="Quarter notes a minute, 30 to 300.")
    key: Word | None = Field(None, description='Tonic, mode, or both: "F#m", "C minor", "D dorian", "Bb".')
    time_signature: Word | None = Field(None, description='Metre: "4/4", "6/8".')
    genre: Word | None = Field(None, description="Genre or sub-genre.")
    moods: Moods = Field((), description="Moods, strongest first.")
    instruments: Instruments = Field((), description="Instruments that must play.")
    exclude_instruments: Instruments = Field((), description="Instruments or families that must not play.")
    loop: bool | None = Field(None, description="Whether the end is to join the beginning without a seam.")
    loudness_lufs: Loudness | None = Field(None, description="Integrated loudness of the master, −30 to −8.")
    plan: dict[str, Any] | None = Field(None, description="A plan to play instead of making one.")

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
