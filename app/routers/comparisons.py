"""Comparisons: the same wish in several ways, side by side or blind, and what was preferred."""

from typing import Annotated

from fastapi import APIRouter, Query

from app.models.many import CompareRequest, ComparisonRecord, DifferenceRow, SideRecord, VoteRequest
from app.routers.bodies import JsonRoute
from app.routers.dependencies import BaseUrl, ComparisonId, ServiceComparisons
from app.routers.problems import answers
from app.services.comparing import Compared, Contest, differences_of
from app.services.generator import download_url

router = APIRouter(prefix="/music/compare", tags=["comparisons"], route_class=JsonRoute)

Blind = Annotated[
    bool,
    Query(
        description="Whether to shuffle the sides and to hide names, models, seeds and what would tell them, until "
        "there is a vote.",
        examples=[True],
    ),
]


@router.post("", responses=answers(400, 403, 409, 413, 422, 503), summary="Make the same in several ways")
async def compare(asked: CompareRequest, comparisons: ServiceComparisons, base_url: BaseUrl) -> ComparisonRecord:
    """One track for each of `models`, `seeds` or `plans`, all mastered to the same loudness; all accepted, or none."""
    contest = Contest(
        prompt=asked.prompt,
        duration=asked.seconds,
        model=asked.model,
        seed=asked.seed,
        fields=asked.asked(),
        models=asked.models,
        seeds=asked.seeds,
        plans=asked.plans,
        webhook_url=asked.webhook_url,
    )
    return _record(await comparisons.compare(contest), base_url, blind=False)


@router.get("/{comparison_id:anything}", responses=answers(404, 422, 503), summary="Look at a comparison")
async def look_at_comparison(
    comparison_id: ComparisonId, comparisons: ServiceComparisons, base_url: BaseUrl, blind: Blind = False
) -> ComparisonRecord:
    """What was measured of each track. With `blind=true` a page can play them without giving them away."""
    return _record(await comparisons.get(comparison_id), base_url, blind=blind)


@router.post("/{comparison_id:anything}/vote", responses=answers(404, 409, 413, 422, 503), summary="Prefer a track")
async def vote(
    comparison_id: ComparisonId, asked: VoteRequest, comparisons: ServiceComparisons, base_url: BaseUrl
) -> ComparisonRecord:
    """One winner, once no track is in work. A later vote replaces the earlier one; `votes` counts them."""
    return _record(await comparisons.vote(comparison_id, asked.winner), base_url, blind=False)


def _record(compared: Compared, base_url: str, *, blind: bool) -> ComparisonRecord:
    comparison = compared.comparison
    hidden = blind and comparison.winner is None
    sides = sorted(compared.sides, key=lambda pair: pair[0].label) if hidden else compared.sides
    rows = differences_of([track for _, track in sides], compared.capabilities_of)
    return ComparisonRecord(
        comparison_id=comparison.id,
        group_id=comparison.group_id,
        created_at=comparison.created_at,
        prompt=comparison.prompt,
        varied=comparison.varied,
        status=compared.together.status,
        progress=compared.together.progress,
        loudness_lufs=comparison.loudness_lufs,
        loudness_matched=compared.loudness_matched,
        blind=hidden,
        sides=[
            SideRecord(
                label=side.label,
                name=None if hidden else side.name,
                model=None if hidden else track.model,
                seed=None if hidden else track.seed,
                track_id=track.id,
                status=track.status,
                progress=track.progress,
                error=None if hidden else track.error,
                download_url=download_url(track, base_url),
            )
            for side, track in sides
        ],
        differences=[
            DifferenceRow(what=row.what, unit=row.unit, values=list(row.values), spread=row.spread)
            for row in rows
            if not (hidden and row.telling)
        ],
        winner=comparison.winner,
        voted_at=comparison.voted_at,
        votes=comparison.votes,
    )
