"""A Brief and the plan that was sent go in, the Brief comes out without what the plan decided otherwise.

The plan outranks the words: what they ask for and it does not do was not asked for in the end. Each such thing is said
among the conflicts.
"""

from collections.abc import Callable, Iterable
from typing import Any

from app.models.brief import Brief, Heard
from app.models.plan import Plan
from app.models.score import DRUM_ROLES
from app.services.planning.wishes import direct_members

#: Notes that a tempo in words may count, in quarters; and how near is the same.
_COUNTED, _NEAR = (0.5, 1.0, 1.5, 2.0), 0.04


def without_overruled(brief: Brief, plan: Plan) -> Brief:
    """The brief as far as the plan does what it asks: unchanged beside a plan that was made from it."""
    conflicts = list(brief.conflicts)
    changes: dict[str, Any] = {}

    def overrule(name: str, heard: Heard[Any], instead: str) -> None:
        changes[name] = None
        conflicts.append(f"{_quoted(heard)} against the plan's {instead}: the plan wins.")

    if brief.tempo_bpm is not None and not _counts(brief.tempo_bpm.value, plan.tempo_bpm):
        overrule("tempo_bpm", brief.tempo_bpm, f"{plan.tempo_bpm:g} quarter notes a minute")
    if brief.tonic is not None and brief.tonic.value != plan.tonic:
        overrule("tonic", brief.tonic, f"key note {plan.tonic}")
    if brief.mode is not None and brief.mode.value != plan.mode:
        overrule("mode", brief.mode, plan.mode.replace("_", " "))
    if brief.time_signature is not None and brief.time_signature.value != plan.time_signature:
        overrule("time_signature", brief.time_signature, plan.time_signature)
    if brief.loop is not None and brief.loop.value != plan.loop:
        overrule("loop", brief.loop, "loop" if plan.loop else "ending")
    drums = any(voice.role in DRUM_ROLES for voice in plan.ensemble)
    if brief.drums is not None and brief.drums.value != drums:
        overrule("drums", brief.drums, "drums" if drums else "band without drums")
    players = {voice.instrument for voice in plan.ensemble}
    wanted = _kept(brief.instruments, conflicts, lambda members: bool(members & players))
    refused = _kept(brief.excluded_instruments, conflicts, lambda members: not members & players)
    played = {manner for voice in plan.ensemble for manner in voice.manner}
    conflicts.extend(
        f"{_quoted(heard)} against the plan's players: the plan wins."
        for heard in brief.manners
        if heard.value not in played
    )
    if brief.lead is not None and brief.lead.value not in {heard.value for heard in wanted}:
        changes["lead"] = None
    return brief.model_copy(
        update={
            **changes,
            "manners": tuple(heard for heard in brief.manners if heard.value in played),
            "instruments": wanted,
            "excluded_instruments": refused,
            "conflicts": tuple(dict.fromkeys(conflicts)),
        }
    )


def _counts(asked_bpm: float, planned_bpm: float) -> bool:
    return any(abs(planned_bpm / (asked_bpm * quarters) - 1) <= _NEAR for quarters in _COUNTED)


def _kept(
    heard: Iterable[Heard[str]], conflicts: list[str], does: Callable[[frozenset[str]], bool]
) -> tuple[Heard[str], ...]:
    kept = []
    for one in heard:
        if does(direct_members(one.value)):
            kept.append(one)
        else:
            conflicts.append(f"{_quoted(one)} against the plan's ensemble: the plan wins.")
    return tuple(kept)


def _quoted(heard: Heard[Any]) -> str:
    return ", ".join(f"“{word}”" for word in heard.words)
