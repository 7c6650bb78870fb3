"""How hard a note is struck, from how strong its bar and its place are."""

from app.models.plan import Plan, Role
from app.services.composing.setting import Bar

#: What a role adds to the velocity of a melody.
ROLE_TOUCH: dict[Role, float] = {
    "lead": 4.0, "counter": -7.0, "chords": -10.0, "arpeggio": -11.0, "pad": -14.0, "bass": 0.0, "drums": 0.0,
    "percussion": -8.0, "texture": -18.0,
}  # fmt: skip


#: How much of what keeps accompaniments back a piece gives up that is to be as busy as can be: its figures are meant to
#: be heard.
_BUSY_GIVES = 0.8


def velocity(plan: Plan, bar: Bar, role: Role, accent: float = 0.5) -> int:
    """Velocity of a stroke whose accent is 0 (passing) … 1 (the weightiest), 12…124."""
    role_touch = ROLE_TOUCH[role]
    if role_touch < 0:
        role_touch *= 1.0 - _BUSY_GIVES * max(plan.marked_density, 0.0)
    touch = 52.0 + 46.0 * bar.force + 7.0 * plan.arousal + role_touch + 18.0 * (accent - 0.5)
    return max(12, min(124, round(touch)))
