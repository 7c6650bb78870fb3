"""A Plan goes in, the best of several scores comes out, with what each was worth.

Rule: the plan alone decides. Candidate 0 has the dice of the plan's seed, each other one dice made from it; the way of
playing always has the seed's own.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from app.models.composition import Candidate, Composition
from app.models.plan import Plan
from app.models.score import Score
from app.services.composing.composer import write
from app.services.composing.judging import CRITERIA, Hearing, judged
from app.services.composing.setting import Setting
from app.utils.seeds import MAX_SEED, rng_for

_WEIGHTS = {judge.criterion.name: judge.criterion.weight for judge in CRITERIA}


@dataclass(frozen=True, kw_only=True, slots=True)
class Choice:
    """The score to play, and why it."""

    score: Score
    composition: Composition


def compose(plan: Plan) -> Score:
    """The written music of a plan: exactly its bars, the same for the same plan, the best of its candidates."""
    numbers = numbers_of(plan)
    return _written(plan, numbers[0])[1] if len(numbers) == 1 else choose(plan).score


def choose(plan: Plan) -> Choice:
    """The plan's candidates judged, and the best of them; the first of equals."""
    best: tuple[Candidate, Score] | None = None
    candidates = []
    for number in numbers_of(plan):
        setting, score = _written(plan, number)
        verdicts = judged(Hearing(setting, score))
        candidate = Candidate(number=number, scores=verdicts, total=total_of(verdicts))
        candidates.append(candidate)
        if best is None or candidate.total > best[0].total:  # the scores of the others are not kept
            best = (candidate, score)
    assert best is not None  # noqa: S101 - a plan has at least one candidate
    chosen, score = best
    criteria = tuple(judge.criterion for judge in CRITERIA)
    composition = Composition(criteria=criteria, candidates=tuple(candidates), chosen=chosen.number)
    return Choice(score=score, composition=composition)


def numbers_of(plan: Plan) -> tuple[int, ...]:
    """Numbers of the candidates that are written: the one the plan names, or all."""
    return (plan.candidate,) if plan.candidate is not None else tuple(range(plan.candidates))


def total_of(scores: Mapping[str, float]) -> float:
    """Weighted mean of scores, 0…1; 1 where nothing could be judged.

    >>> total_of({"climax": 0.5, "steps": 1.0})
    0.75
    """
    weight = sum(_WEIGHTS[name] for name in scores)
    return round(sum(_WEIGHTS[name] * score for name, score in scores.items()) / weight, 4) if weight else 1.0


def _written(plan: Plan, number: int) -> tuple[Setting, Score]:
    if number == 0:
        return write(plan)
    seed = int(rng_for(plan.seed, "candidate", str(number)).integers(MAX_SEED + 1))
    return write(plan.model_copy(update={"seed": seed}))
