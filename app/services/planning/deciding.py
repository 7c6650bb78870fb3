"""Everything that was asked goes in, Brief and Plan come out: explicit field, then plan, then prompt."""

from dataclasses import dataclass

from app.models.asked import Asked
from app.models.brief import Brief
from app.models.plan import Plan
from app.services.planning.looping import settled
from app.services.planning.overruled import without_overruled
from app.services.planning.planner import make_plan
from app.services.planning.posted import edited, plan_of
from app.services.planning.reading import read
from app.services.planning.wishes import granted, understood
from app.services.styles import load_style


@dataclass(frozen=True, kw_only=True, slots=True)
class Terms:
    """Length and seed once it is known who decides them."""

    #: Seconds.
    duration: int
    seed: int


def terms_of(
    asked: Asked, *, duration: int | None, seed: int | None, default: Terms, soundfont_sha256: str | None
) -> Terms:
    """Length and seed: the request's own, else the plan's, else the default. `InvalidFields` for what cannot be played.

    What passes here is played: `decide` with these terms raises nothing.
    """
    wishes = understood(asked)
    if asked.plan is None:
        return Terms(
            duration=default.duration if duration is None else duration, seed=default.seed if seed is None else seed
        )
    plan = plan_of(asked.plan, soundfont_sha256=soundfont_sha256)
    terms = Terms(duration=plan.duration_s if duration is None else duration, seed=plan.seed if seed is None else seed)
    edited(plan, wishes, seed=terms.seed, duration_s=terms.duration)
    return terms


def decide(
    prompt: str,
    asked: Asked | None,
    *,
    duration_s: int,
    seed: int,
    soundfont_sha256: str | None,
    style: str | None = None,
) -> tuple[Brief, Plan]:
    """What was understood, and the plan to play: the same for the same arguments.

    `style` is the name of the one to plan with, whatever genre the words name; None chooses by them.

    A plan that was sent is played as the explicit fields change it; the words are read for the record alone.
    `InvalidFields` where `terms_of` would refuse.
    """
    brief = read(prompt)
    if asked is not None:
        wishes = understood(asked)
        brief = granted(brief, wishes)
        if asked.plan is not None:
            sent = plan_of(asked.plan, soundfont_sha256=soundfont_sha256)
            played = edited(sent, wishes, seed=seed, duration_s=duration_s)
            return _told(without_overruled(brief, played), sent, played), played
    styles = None if style is None else {style: load_style(style)}
    plan = make_plan(brief, duration_s=duration_s, seed=seed, soundfont_sha256=soundfont_sha256, styles=styles)
    if brief.loudness_lufs is not None:
        mastering = plan.mastering.model_copy(update={"loudness_lufs": brief.loudness_lufs.value})
        plan = plan.model_copy(update={"mastering": mastering})
    return settled(brief, plan), plan


def _told(brief: Brief, sent: Plan, played: Plan) -> Brief:
    """The brief with a sentence on a tempo that gave way to a loop."""
    if not played.loop or sent.loop or sent.tempo_bpm == played.tempo_bpm:
        return brief
    told = (
        f"loop=true: the plan plays at {played.tempo_bpm:.6g} beats a minute instead of {sent.tempo_bpm:g}, "
        f"so that its bars fill {played.duration_s} s."
    )
    return brief.model_copy(update={"conflicts": (*brief.conflicts, told)})
