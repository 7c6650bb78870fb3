"""Asked against measured: what a finished track was to be, and what sounds."""

from typing import Any

from pydantic import Field

from app.models.brief import Frozen


class ReportRow(Frozen):
    """One thing that was asked for, planned and measured."""

    what: str = Field(description="What the row is about.", examples=["tempo"])
    asked: Any = Field(
        description="What the prompt or the request asked for; null where they were silent.", examples=[90]
    )
    planned: Any = Field(description="What the plan decided.", examples=[90])
    measured: Any = Field(
        description="What the finished audio sounds like, whatever was planned; null if not measured.", examples=[180.2]
    )
    agrees: bool | None = Field(
        description="Whether what sounds is what was asked, or planned where nothing was asked; null if not measured.",
        examples=[True],
    )
    tolerance: str = Field(description="How near is near enough.", examples=["within 4 %, half and double counted"])
    note: str | None = Field(
        None, description="What else there is to say, in a sentence.", examples=["It sounds at double the tempo."]
    )
