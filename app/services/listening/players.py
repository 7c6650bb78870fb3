"""Who was asked for, who was planned, and who is heard: the report's rows about players."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from app.models.brief import Brief
from app.models.plan import Plan
from app.models.report import ReportRow
from app.models.score import DRUM_ROLES
from app.services.listening.voices import AUDIBLE_DB

#: What is said of players where an engine makes its sound in one piece.
_WHOLE = "This engine plays no single voices."


@dataclass(frozen=True, kw_only=True, slots=True)
class Wishes:
    """What was asked for in keys of the instrument table, and in seconds."""

    duration_s: int
    #: Each instrument or group asked for, with the instruments that would do.
    instruments: Mapping[str, frozenset[str]] = field(default_factory=dict)
    #: Instruments that were refused.
    refused: frozenset[str] = frozenset()


def instruments_row(plan: Plan, wishes: Wishes, shares_db: Mapping[str, float]) -> ReportRow:
    """Which instruments sound, against those asked for, refused and planned; by the voices' shares in dB."""
    heard = _heard(shares_db)
    planned = {voice.name: voice.instrument for voice in plan.ensemble}
    playing = {planned[name] for name in heard if name in planned}
    silent = [f"{name} ({instrument})" for name, instrument in planned.items() if name not in heard]
    missing = [word for word, members in wishes.instruments.items() if not members & playing]
    unwanted = sorted(wishes.refused & playing)
    faults = [
        f"{fault}: {', '.join(names)}."
        for fault, names in (("Silent", silent), ("Asked for and not heard", missing), ("Refused and heard", unwanted))
        if names
    ]
    return ReportRow(
        what="instruments",
        asked=list(wishes.instruments) or None,
        planned=planned,
        measured={name: heard[name] for name in planned if name in heard} if shares_db else None,
        agrees=not faults if shares_db else None,
        tolerance=f"every voice above {AUDIBLE_DB:g} dB of the whole, every instrument asked for, none refused",
        note=" ".join(faults) or None if shares_db else _WHOLE,
    )


def drums_row(brief: Brief, plan: Plan, shares_db: Mapping[str, float]) -> ReportRow:
    """Whether drums or percussion sound."""
    heard = _heard(shares_db)
    drummers = {voice.name for voice in plan.ensemble if voice.role in DRUM_ROLES}
    asked = brief.drums.value if brief.drums else None
    sounding = bool(drummers & heard.keys()) if shares_db else None
    target = asked if asked is not None else bool(drummers)
    return ReportRow(
        what="drums",
        asked=asked,
        planned=bool(drummers),
        measured=sounding,
        agrees=None if sounding is None else sounding == target,
        tolerance=f"drums or percussion above {AUDIBLE_DB:g} dB of the whole, or none",
        note=None if shares_db else _WHOLE,
    )


def _heard(shares_db: Mapping[str, float]) -> dict[str, float]:
    return {name: share for name, share in shares_db.items() if share >= AUDIBLE_DB}
