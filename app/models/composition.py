"""How the music that is played was chosen: the candidates written from one plan, and what each was worth."""

from pydantic import Field

from app.models.brief import Frozen


class Criterion(Frozen):
    """One thing that candidates are judged by."""

    name: str = Field(description="Short name, the key of the candidates' scores.", examples=["strong_beats"])
    meaning: str = Field(
        description="What is measured, in a sentence.",
        examples=["Share of the melody's weighty notes that belong to the chord under them."],
    )
    weight: float = Field(gt=0, description="How much it counts in the total.", examples=[1.5])


class Candidate(Frozen):
    """One score that was written from the plan."""

    number: int = Field(ge=0, description="Which it is; 0 is written with the seed's own dice.", examples=[2])
    scores: dict[str, float] = Field(
        description="0 (poor) … 1 (good) by criterion; one that says nothing about this music is left out.",
        examples=[{"strong_beats": 0.94, "climax": 1.0}],
    )
    total: float = Field(ge=0, le=1, description="Weighted mean of the scores.", examples=[0.83])


class Composition(Frozen):
    """The choice between the candidates."""

    criteria: tuple[Criterion, ...] = Field(
        description="What the candidates were judged by.",
        examples=[[{"name": "climax", "meaning": "Share of the melody's highest notes …", "weight": 1.0}]],
    )
    candidates: tuple[Candidate, ...] = Field(
        description="The scores written, in order of their numbers.",
        examples=[[{"number": 0, "scores": {"climax": 1.0}, "total": 0.83}]],
    )
    chosen: int = Field(
        ge=0, description="Number of the one that is played: the first with the highest total.", examples=[0]
    )
