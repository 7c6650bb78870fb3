"""A plan from outside goes in, a Plan that can be played comes out, or everything that is wrong with it by field.

Every plan that `make_plan` made passes unchanged; an edited one passes as long as the composer can play what it says.
"""

import json
import unicodedata
from collections.abc import Iterator, Mapping
from typing import Any

from pydantic import ValidationError

from app.errors import Fault, InvalidField, InvalidFields
from app.models.asked import MOST_FAULTS, faults_of
from app.models.plan import COMPOSER_VERSION, Plan, Voice
from app.services.planning.figures import METRES, counted
from app.services.planning.form import bar_seconds, bars_for, ring_seconds
from app.services.planning.title import LONGEST as LONGEST_TITLE
from app.services.planning.wishes import Wishes
from app.services.styles import is_style, style_names
from app.services.theory.instruments import INSTRUMENTS
from app.utils.units import beats_to_seconds

#: Members of the band; letters of a name.
_MOST_VOICES, _LONGEST_NAME = 64, 40

#: A voice that is no drum kit is given at least an octave, or all that its instrument has.
_LEAST_SPAN = 12

#: Seconds that sections may fall short of the duration at least: the final chord's ring, whatever the bar.
_RING_S = 1.5

#: Seconds that sections may seem to outlast the duration, for a tempo is rounded.
_ROUNDING_S = 0.05

#: How far the tempo may give way where a plan that ends becomes a loop.
_LOOP_GIVE = 0.08

_TOO_LONG = "a last bar of its own is shorter than the others"

#: Fields that choose what a plan has already chosen.
_CHOICES = ("genre", "moods", "instruments", "exclude_instruments")


def plan_of(posted: Mapping[str, Any], *, soundfont_sha256: str | None) -> Plan:
    """The plan of `Asked`, checked. `InvalidFields` with every fault by its place; another version or font first."""
    version = posted.get("composer_version")
    if isinstance(version, int) and not isinstance(version, bool) and version != COMPOSER_VERSION:
        raise InvalidField(
            "plan",
            f"was made by version {str(version)[:20]} of the composer, but this server has version {COMPOSER_VERSION}: "
            "the same plan would not sound the same",
            inside=("composer_version",),
        )
    try:
        # Strict, so that true is no number; as JSON, where lists are what tuples are written as.
        plan = Plan.model_validate_json(json.dumps(posted), strict=True)
    except ValidationError as error:
        raise faults_of(error, "plan") from None
    if plan.soundfont_sha256 != soundfont_sha256:
        raise InvalidField(
            "plan",
            f"was made for the soundfont with SHA-256 {_shown(plan.soundfont_sha256)}, but this server plays "
            f"{_shown(soundfont_sha256)}: set MUSIC_SOUNDFONT to the file that the plan was made with",
            inside=("soundfont_sha256",),
        )
    faults = [fault for _, fault in zip(range(MOST_FAULTS), _unplayable(plan), strict=False)]
    if faults:
        raise InvalidFields(faults)
    return plan


def edited(plan: Plan, wishes: Wishes, *, seed: int, duration_s: int) -> Plan:
    """The plan as the explicit fields change it. `InvalidField` where they would need another plan.

    Seed, loudness, loop, tempo, metre and key are changed in place; whatever else a field asks for was chosen when the
    plan was made. The sections must last `duration_s`, before and after.
    """
    for field, wish in zip(_CHOICES, (wishes.genre, wishes.moods, wishes.instruments, wishes.excluded), strict=True):
        if wish or (field == "exclude_instruments" and wishes.drums is not None):
            raise InvalidField(
                field, "cannot change a plan that is made: change the plan's style or ensemble, or leave the plan out"
            )
    changes: dict[str, Any] = {"seed": seed, "duration_s": duration_s}
    if seed != plan.seed:
        changes["candidate"] = None  # other dice, other candidates
    check_length(plan.model_copy(update=changes), "plan", inside=("form",))
    for name in ("tempo_bpm", "time_signature", "tonic", "mode"):
        wish = getattr(wishes, name)
        if wish is not None:
            changes[name] = wish.value
    if wishes.tempo_bpm is not None:
        metre = changes.get("time_signature", plan.time_signature)
        changes["tempo_bpm"] = counted(wishes.tempo_bpm.value, None, metre)[1]
    if wishes.loudness_lufs is not None:
        changes["mastering"] = plan.mastering.model_copy(update={"loudness_lufs": wishes.loudness_lufs.value})
    changed = plan.model_copy(update=changes)
    if not _fits(changed):
        raise InvalidField("time_signature", f"{_TOO_LONG}; the plan's has {changed.last_bar_beats} beats")
    if wishes.tempo_bpm is not None or wishes.time_signature is not None:
        check_length(changed, "time_signature" if wishes.tempo_bpm is None else "tempo_bpm")
    if wishes.loop is None or wishes.loop.value == plan.loop:
        return changed
    return _looped(changed, exact=wishes.tempo_bpm is not None) if wishes.loop.value else _ended(changed)


def _fits(plan: Plan) -> bool:
    """Whether the last bar is no longer than the others."""
    return plan.last_bar_beats is None or plan.last_bar_beats < plan.beats_per_bar


def _looped(plan: Plan, *, exact: bool) -> Plan:
    """The plan as a loop, its tempo slowed until the bars fill the duration. `InvalidField` if that takes too much."""
    filling_bpm = plan.beats * 60.0 / plan.duration_s
    given = 0.0 if exact else _LOOP_GIVE
    if abs(filling_bpm / plan.tempo_bpm - 1.0) > max(given, _ROUNDING_S / plan.duration_s):
        raise InvalidField(
            "loop",
            f"a loop lasts whole bars: the plan's {plan.bars} bars last {plan.duration_s} s at {filling_bpm:.6g} beats "
            f"a minute, not at {plan.tempo_bpm:g}; send that tempo, or leave the plan out",
        )
    mastering = plan.mastering.model_copy(update={"fade_out_s": 0.0})
    return plan.model_copy(update={"loop": True, "tempo_bpm": filling_bpm, "mastering": mastering})


def _ended(plan: Plan) -> Plan:
    """A loop's plan as a piece that ends: the fade takes the second half of the final chord's ring."""
    ring_s = ring_seconds(plan.duration_s, bar_seconds(plan.time_signature, plan.tempo_bpm), plan.bars)
    fade_out_s = round(min(6.0, max(0.3, 0.5 * ring_s)), 3)
    mastering = plan.mastering.model_copy(update={"fade_out_s": fade_out_s})
    return plan.model_copy(update={"loop": False, "mastering": mastering})


def check_length(plan: Plan, field: str, *, inside: tuple[str | int, ...] = ()) -> None:
    """`InvalidField` naming both lengths unless the sections last the duration.

    They do where what is left after the last bar is less than a bar, which the final chord rings through; they never
    outlast it, except where a single bar is longer than the piece. A loop's bars fill it.
    """
    bar_s = bar_seconds(plan.time_signature, plan.tempo_bpm)
    lasts_s = beats_to_seconds(plan.beats, plan.tempo_bpm)
    left_s = plan.duration_s - lasts_s
    rings = not plan.loop and (0 < left_s < max(bar_s, _RING_S) or plan.bars == bars_for(plan.duration_s, bar_s))
    if rings or abs(left_s) <= _ROUNDING_S:
        return
    raise InvalidField(
        field,
        f"the plan's sections last {lasts_s:.2f} s ({plan.bars} bars of {plan.time_signature} at "
        f"{plan.tempo_bpm:g} beats a minute), but the duration is {plan.duration_s} s",
        inside=inside,
    )


def _shown(sha256: str | None) -> str:
    return "none" if sha256 is None else sha256[:64] if sha256.isalnum() and sha256.isascii() else "(not hexadecimal)"


def _unplayable(plan: Plan) -> Iterator[Fault]:
    """What the schema allows and the composer cannot play."""
    if not 5 <= plan.duration_s <= 300:
        yield Fault(("plan", "duration_s"), "must be 5 to 300 seconds")
    if not _is_plain(plan.title, LONGEST_TITLE):
        yield Fault(("plan", "title"), f"must be 1 to {LONGEST_TITLE} characters, none of them a control character")
    if not is_style(plan.style):
        said = f"must be one of {', '.join(style_names())}, or a learned one that this server has"
        yield Fault(("plan", "style"), said)
    if plan.time_signature not in METRES:
        yield Fault(("plan", "time_signature"), f"must be one of {', '.join(METRES)}")
    elif not _fits(plan):
        yield Fault(("plan", "last_bar_beats"), _TOO_LONG)
    if len(plan.ensemble) > _MOST_VOICES:
        yield Fault(("plan", "ensemble"), f"must be 1 to {_MOST_VOICES} voices, got {len(plan.ensemble)}")
        return
    names: set[str] = set()
    for number, voice in enumerate(plan.ensemble):
        yield from (Fault(("plan", "ensemble", number, field), said) for field, said in _unfit(voice, names))
        names.add(voice.name)
    yield from _unsung(plan, names)


def _unfit(voice: Voice, names: set[str]) -> Iterator[tuple[str, str]]:
    """Fields of a voice that cannot be, each with what is allowed."""
    if voice.name in names:
        yield "name", "must be unique in the ensemble"
    if len(voice.name) > _LONGEST_NAME:
        yield "name", f"must be at most {_LONGEST_NAME} characters"
    row = INSTRUMENTS.get(voice.instrument)
    if row is None:
        yield "instrument", "must be a key of the instrument table; GET /music/instruments lists them"
        return
    if row.is_drums != (voice.role in ("drums", "percussion")):
        yield "role", "of a drum kit must be drums or percussion, and of any other instrument neither"
    if voice.low_pitch < row.low_pitch:
        yield "low_pitch", f"must be {row.low_pitch} to {row.high_pitch}, which is what {row.key} can play"
    elif voice.high_pitch > row.high_pitch:
        yield "high_pitch", f"must be {row.low_pitch} to {row.high_pitch}, which is what {row.key} can play"
    elif voice.high_pitch - voice.low_pitch < min(_LEAST_SPAN, row.high_pitch - row.low_pitch):
        yield "high_pitch", f"must lie at least {_LEAST_SPAN} semitones above low_pitch"


def _unsung(plan: Plan, names: set[str]) -> Iterator[Fault]:
    """Sections with voices that are not there, or material that is no name; a piece in which nobody plays."""
    for number, section in enumerate(plan.form):
        if not _is_plain(section.material, _LONGEST_NAME):
            yield Fault(("plan", "form", number, "material"), f"must be 1 to {_LONGEST_NAME} plain characters")
        if not set(section.voices) <= names:
            yield Fault(("plan", "form", number, "voices"), "must be names of voices of the ensemble")
    if not any(section.voices for section in plan.form):
        yield Fault(("plan", "form", 0, "voices"), "somebody must play in some section")


def _is_plain(text: str, longest: int) -> bool:
    return 1 <= len(text) <= longest and not any(
        unicodedata.category(character) in ("Cc", "Cs", "Zl", "Zp") for character in text
    )
