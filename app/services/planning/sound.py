"""The band goes in, its place in the mix comes out: levels, stereo, tone, room, the last touch."""

from collections.abc import Sequence

from app.models.brief import Brief
from app.models.plan import Channel, Eq, Mastering, Role, Space, Voice
from app.models.score import DRUM_ROLES
from app.services.planning.character import Character
from app.services.planning.manners import manners_for
from app.services.planning.seats import TUNE_AND_HARMONY, Seat
from app.services.styles.schema import MixProfile
from app.services.theory.instruments import INSTRUMENTS

#: Tone by role: bass and drums keep their low end, all others leave it to them.
EQ_BY_ROLE: dict[Role, Eq] = {
    "lead": Eq(low_cut_hz=130, low_shelf_db=-1.5, mid_hz=2_600, mid_db=1.2),
    "counter": Eq(low_cut_hz=150, low_shelf_db=-2.0, mid_hz=1_600, mid_db=-0.5),
    "chords": Eq(low_cut_hz=110, low_shelf_db=-2.0, mid_hz=2_400, mid_db=-1.2),
    "arpeggio": Eq(low_cut_hz=160, low_shelf_db=-2.0, high_shelf_db=0.8),
    "pad": Eq(low_cut_hz=150, low_shelf_db=-3.0, mid_hz=2_200, mid_db=-1.8, high_shelf_db=-1.0),
    "bass": Eq(low_cut_hz=28, mid_hz=350, mid_db=-1.5),
    "drums": Eq(low_cut_hz=28, mid_hz=450, mid_db=-1.0, high_shelf_db=0.8),
    "percussion": Eq(low_cut_hz=120, high_shelf_db=0.5),
    "texture": Eq(low_cut_hz=180, low_shelf_db=-3.0, mid_hz=2_500, mid_db=-2.0),
}

#: Roles that stay in the middle of the picture.
_CENTRED: frozenset[Role] = frozenset({"lead", "bass", "drums", "texture"})

#: Where voices go that would sit on another's place, nearest first.
_PLACES = (0.25, -0.25, 0.4, -0.4, 0.55, -0.55, 0.15, -0.15, 0.7, -0.7)

#: Voices nearer than this cover each other.
_APART = 0.12

#: How much louder those are who were asked for, and, where some tune or harmony was, how much softer all others.
_ASKED_DB, _COMPANY_DB = 1.5, -3.0

#: Those asked for are no softer than this, whatever the style thinks of the role that was free for them; parts that are
#: struck softly need more of it.
_FRONT_DB: dict[Role, float] = {
    "lead": 2.0, "counter": -0.5, "chords": 1.5, "arpeggio": 2.0, "pad": -0.5, "texture": -3.0,
}  # fmt: skip

#: The same for guitars under a tune that was asked for too: five strings at a melody's level cover it. Measured, they
#: were 1 LU above a flute; a piano was 4 below a violin, and stays.
_UNDER_TUNE_DB: dict[Role, float] = {"chords": 0.0, "arpeggio": 0.5}

#: Highest shelf in dB that a bright or dark mood adds.
_MOOD_SHELF_DB = 2.0


def voices_of(seats: Sequence[Seat], character: Character, brief: Brief) -> tuple[Voice, ...]:
    """The members of the band with their channels and their ways of playing."""
    pans = spread([seat.role for seat in seats], [_pan(seat, seats) for seat in seats])
    drummed = any(seat.role == "drums" for seat in seats)
    fronted = any(seat.asked and seat.role in TUNE_AND_HARMONY for seat in seats)
    singers = {seat.instrument for seat in seats if seat.asked and seat.role == "lead"}
    return tuple(
        Voice(
            name=seat.name,
            role=seat.role,
            instrument=seat.instrument,
            low_pitch=seat.low_pitch,
            high_pitch=seat.high_pitch,
            manner=manners_for(brief, seat.instrument),
            channel=_channel(
                seat, pan, character, drummed=drummed, fronted=fronted, under=bool(singers - {seat.instrument})
            ),
        )
        for seat, pan in zip(seats, pans, strict=True)
    )


def _pan(seat: Seat, seats: Sequence[Seat]) -> float:
    """The style's place, except that hands of one player stay together."""
    twins = [other for other in seats if other.instrument == seat.instrument and other.role not in DRUM_ROLES]
    return 0.0 if len(twins) > 1 and len(twins) == len(seats) else seat.row.pan


def spread(roles: Sequence[Role], pans: Sequence[float]) -> list[float]:
    """Places from left (−1) to right (1) such that no two voices outside the middle cover each other."""
    placed: list[float] = []
    if len(set(pans)) == 1:
        return list(pans)
    outside: list[float] = []
    for role, pan in zip(roles, pans, strict=True):
        place = pan
        if role not in _CENTRED:
            if any(abs(place - other) < _APART for other in outside):
                free = [place_ for place_ in _PLACES if all(abs(place_ - other) >= _APART for other in outside)]
                place = min(free, key=lambda place_: abs(place_ - pan), default=pan)
            outside.append(place)
        placed.append(place)
    return placed


def _level_db(seat: Seat, *, fronted: bool, under: bool) -> float:
    """The style's level, except that those asked for stand in front and the others, where they do, behind them.

    Of two who were asked for, who has the tune stands before a guitar that is `under` it.
    """
    level_db = seat.row.level_db
    if seat.asked and under and seat.role in _UNDER_TUNE_DB and INSTRUMENTS[seat.instrument].family == "guitar":
        return max(level_db, _UNDER_TUNE_DB[seat.role])
    if seat.asked:
        return max(level_db + _ASKED_DB, _FRONT_DB.get(seat.role, level_db))
    return level_db + (_COMPANY_DB if fronted and seat.role in TUNE_AND_HARMONY else 0.0)


def _channel(seat: Seat, pan: float, character: Character, *, drummed: bool, fronted: bool, under: bool) -> Channel:
    row = seat.row
    eq = EQ_BY_ROLE[seat.role]
    tilt = _MOOD_SHELF_DB * character.brightness * (0.5 if seat.role in ("bass", "drums", "percussion") else 1.0)
    low_cut_hz = min(eq.low_cut_hz, 60.0) if seat.low_pitch < 40 else eq.low_cut_hz
    send = row.reverb_send_db + 3.0 * character.space if row.reverb_send_db > -60 else -60.0
    return Channel(
        level_db=_between(_level_db(seat, fronted=fronted, under=under), -60, 12),
        pan=_between(pan, -1, 1),
        width=_between(row.width, 0, 2),
        eq=eq.model_copy(update={"high_shelf_db": round(eq.high_shelf_db + tilt, 2), "low_cut_hz": low_cut_hz}),
        reverb_send_db=_between(send, -60, 6),
        delay_send_db=_between(row.delay_send_db, -60, 6),
        chorus=_between(row.chorus, 0, 1),
        drive=_between(row.drive, 0, 1),
        duck_db=_between(row.duck_db if drummed else 0.0, 0, 24),
    )


def space_of(mix: MixProfile, character: Character) -> Space:
    """The style's room, larger and darker or smaller and brighter with the mood."""
    return Space(
        reverb_s=_between(mix.reverb_s * (1.0 + 0.5 * character.space), 0.2, 12),
        predelay_ms=_between(mix.predelay_ms, 0, 200),
        brightness=_between(mix.brightness + 0.2 * character.brightness, 0, 1),
        delay_beats=_between(mix.delay_beats, 0.125, 4),
        delay_feedback=_between(mix.delay_feedback, 0, 0.8),
    )


def mastering_of(mix: MixProfile, character: Character, *, arousal: float, ring_s: float) -> Mastering:
    """The style's last touch; the fade takes the second half of the final chord's ring.

    A loop rings on into its beginning: `ring_s` is 0, and there is no fade.
    """
    return Mastering(
        glue_db=_between(mix.glue_db + 0.5 * arousal, 0, 6),
        fade_out_s=_between(0.5 * ring_s, 0.3, 6.0) if ring_s > 0 else 0.0,
        low_shelf_db=_between(mix.low_shelf_db - 0.5 * character.brightness, -6, 6),
        high_shelf_db=_between(mix.high_shelf_db + character.brightness, -6, 6),
    )


def _between(value: float, low: float, high: float) -> float:
    return round(max(low, min(high, value)), 3)
