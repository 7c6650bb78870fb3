"""Comparisons: the same wish by several models, seeds or plans, equally loud, to be judged blind."""

import asyncio
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import partial
from string import ascii_uppercase
from typing import TYPE_CHECKING, Any

from app.errors import ComparisonNotFinished, ComparisonNotFound, GroupNotFound, InvalidField, printable
from app.models.group import Comparison, Side, Standing, Varied
from app.models.track import Track
from app.services.access import may_see, owner
from app.services.comparing.differences import CapabilitiesOf
from app.services.generator import MusicGeneratorService
from app.services.groups import Groups, Place, Together, Wish
from app.utils.chance import random_token
from app.utils.seeds import new_seed

if TYPE_CHECKING:
    from app.services.storage.changes import Changes

#: Loudness of every track unless another is asked for, in LUFS.
DEFAULT_LUFS = -14.0
#: Tracks are equally loud if they come so near to each other, in LU.
MATCHED_LU = 0.5
#: Sides of a comparison.
FEWEST_SIDES, MOST_SIDES = 2, 8

#: The field of a wish that each list fills.
_FIELD_OF: dict[Varied, str] = {"models": "model", "seeds": "seed", "plans": "plan"}


@dataclass(frozen=True, kw_only=True, slots=True)
class Contest:
    """What is to be compared; exactly one of the three lists is given."""

    prompt: str
    #: Seconds; None where a plan or the default decides.
    duration: int | None = None
    model: str | None = None
    seed: int | None = None
    #: Explicit fields that hold for every side, as `asked_of` takes them.
    fields: Mapping[str, Any] = field(default_factory=dict)
    models: Sequence[str] | None = None
    seeds: Sequence[int] | None = None
    plans: Sequence[dict[str, Any]] | None = None
    #: Whom to tell once all are finished, and each.
    webhook_url: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Compared:
    """A comparison and its tracks as they now stand."""

    comparison: Comparison
    together: Together
    capabilities_of: CapabilitiesOf

    @property
    def sides(self) -> list[tuple[Side, Track]]:
        """Those whose tracks are still there, in the order they were asked for."""
        tracks = {track.id: track for track in self.together.tracks}
        return [(side, tracks[side.track_id]) for side in self.comparison.sides if side.track_id in tracks]

    @property
    def loudness_matched(self) -> bool | None:
        """Whether all completed tracks are equally loud, by measurement; None while there are not two."""
        measured = [t.measured["loudness_lufs"] for t in self.together.tracks if "loudness_lufs" in t.measured]
        return None if len(measured) < 2 else max(measured) - min(measured) <= MATCHED_LU


class Comparisons:
    """What can be done with comparisons. Holds nothing of its own."""

    def __init__(self, service: MusicGeneratorService) -> None:
        self._service = service
        self._groups = Groups(service)

    async def compare(self, contest: Contest) -> Compared:
        """Accept a track for each side, or nothing. The errors of `generate_music`."""
        varied, values = _varied(contest)
        loudness_lufs = contest.fields.get("loudness_lufs")
        loudness_lufs = DEFAULT_LUFS if loudness_lufs is None else float(loudness_lufs)
        tracks = await self._groups.prepare(_wishes(contest, varied, values, loudness_lufs))
        name = f"comparison_{random_token()}"
        labels = _blind_labels(name, len(tracks))
        comparison = Comparison(
            id=name,
            group_id=f"group_{random_token()}",
            created_at=(await self._service.backend()).clock.now(),
            prompt=tracks[0].prompt,
            varied=varied,
            loudness_lufs=loudness_lufs,
            owner=owner(),
            sides=tuple(
                Side(label=label, track_id=track.id, name=_name(varied, number, track))
                for number, (label, track) in enumerate(zip(labels, tracks, strict=True), start=1)
            ),
        )
        backend = await self._service.backend()
        return Compared(
            comparison=comparison,
            together=await self._groups.accept("comparison", tracks, comparison, contest.webhook_url),
            capabilities_of=backend.models.capabilities_of,
        )

    async def get(self, comparison_id: str) -> Compared:
        """A comparison and its tracks as they now stand. `ComparisonNotFound`."""
        backend = await self._service.backend()
        comparison = await asyncio.to_thread(backend.store.comparison, comparison_id)
        if comparison is None or not may_see(comparison.owner):
            raise ComparisonNotFound(comparison_id)
        try:
            return Compared(
                comparison=comparison,
                together=await self._groups.get(comparison.group_id),
                capabilities_of=backend.models.capabilities_of,
            )
        except GroupNotFound:  # its last track went in this very moment
            raise ComparisonNotFound(comparison_id) from None

    async def vote(self, comparison_id: str, winner: str) -> Compared:
        """Prefer a side, named by its label or its track; a later vote replaces an earlier one.

        `ComparisonNotFound`, `ComparisonNotFinished`, `InvalidField` for what is no completed side of it.
        """
        compared = await self.get(comparison_id)
        if compared.together.status == "processing":
            raise ComparisonNotFinished(
                f"Comparison {comparison_id} is not finished yet ({compared.together.progress} %)"
            )
        good = {side.label: (side, track) for side, track in compared.sides if track.status == "completed"}
        if not good:
            raise ComparisonNotFinished(
                f"No track of comparison {comparison_id} was completed: nothing can be preferred"
            )
        label = next((label for label, (side, _) in good.items() if winner in (label, side.track_id)), None)
        if label is None:
            said = f"must be one of {', '.join(sorted(good))}, or the id of its track; got {printable(winner)!r}"
            raise InvalidField("winner", said)
        models = {track.model: track.model == good[label][1].model for _, track in compared.sides}
        backend = await self._service.backend()
        now = backend.clock.now()
        write = partial(_vote, comparison_id, label, models if len(models) > 1 else {}, now)
        voted = await asyncio.wrap_future(backend.queue.record(write))
        if voted is None:
            raise ComparisonNotFound(comparison_id)
        return replace(compared, comparison=voted)

    async def standings(self) -> dict[str, Standing]:
        """By model, how often it was preferred to others; models nobody compared are left out."""
        backend = await self._service.backend()
        return await asyncio.to_thread(backend.store.standings)


def _vote(
    comparison_id: str, label: str, models: Mapping[str, bool], now: datetime, changes: "Changes"
) -> Comparison | None:
    return changes.vote(comparison_id, label, models, now)


def _varied(contest: Contest) -> tuple[Varied, Sequence[Any]]:
    """The list that was given. `InvalidField` unless it is one, of two to eight different values."""
    given: list[tuple[Varied, Sequence[Any] | None]] = [
        ("models", contest.models),
        ("seeds", contest.seeds),
        ("plans", contest.plans),
    ]
    sent = [(name, values) for name, values in given if values is not None]
    if len(sent) != 1:
        said = " and ".join(name for name, _ in sent) or "none"
        raise InvalidField("models" if not sent else sent[-1][0], f"send one of models, seeds and plans; got {said}")
    ((varied, values),) = sent
    if not FEWEST_SIDES <= len(values) <= MOST_SIDES:
        raise InvalidField(varied, f"{FEWEST_SIDES} to {MOST_SIDES} can be compared, got {len(values)}")
    for number, value in enumerate(values):
        if value in values[:number]:
            raise InvalidField(varied, "is there twice: each can be compared once", inside=(number,))
    beside = {"models": contest.model, "seeds": contest.seed, "plans": contest.fields.get("plan")}[varied]
    if beside is not None:
        raise InvalidField(_FIELD_OF[varied], f"is said by {varied}; leave it out")
    return varied, values


def _wishes(contest: Contest, varied: Varied, values: Sequence[Any], loudness_lufs: float) -> list[Wish]:
    seed = contest.seed
    if varied == "models" and seed is None and contest.fields.get("plan") is None:
        seed = new_seed()  # one for all, so that all play the same plan
    wishes = []
    for number, value in enumerate(values):
        wish = Wish(
            prompt=contest.prompt,
            duration=contest.duration,
            model=contest.model,
            seed=seed,
            fields={**contest.fields, "loudness_lufs": loudness_lufs},
            place=partial(_place, varied, number),
        )
        if varied == "models":
            wish = replace(wish, model=value)
        elif varied == "seeds":
            wish = replace(wish, seed=value)
        else:
            wish = replace(wish, fields={**wish.fields, "plan": value})
        wishes.append(wish)
    return wishes


def _place(varied: Varied, number: int, place: Place) -> Place:
    """Where in the request a fault of a side is: what is wrong with all is said of the request's own field."""
    return (varied, number, *place[1:]) if place[:1] == (_FIELD_OF[varied],) else place


def _name(varied: Varied, number: int, track: Track) -> str:
    return {"models": track.model, "seeds": f"seed {track.seed}", "plans": f"plan {number}"}[varied]


def _blind_labels(comparison_id: str, count: int) -> list[str]:
    """A letter for each side: a shuffle that its id decides, so that it tells nothing about what was asked for."""
    order = sorted(range(count), key=lambda place: hashlib.sha256(f"{comparison_id}/{place}".encode()).digest())
    labels = dict(zip(order, ascii_uppercase, strict=False))
    return [labels[place] for place in range(count)]
