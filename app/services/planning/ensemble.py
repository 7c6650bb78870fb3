"""Brief and style go in, the band comes out: who takes which role, who was asked for, what each may reach."""

from collections.abc import Sequence
from dataclasses import replace

from app.models.brief import Brief
from app.models.plan import Role
from app.models.score import DRUM_ROLES
from app.services.planning.catalogue import members_of, refused_by, roles_of
from app.services.planning.character import Character, genre_row
from app.services.planning.lexicon import lexicon
from app.services.planning.seats import (
    LOW_ENOUGH,
    TUNE_AND_HARMONY,
    Band,
    Seat,
    free_role,
    pick,
    roles_of_group,
    seat_from_style,
    substitute,
)
from app.services.planning.soloists import seat_soloists
from app.services.planning.suiting import players_of
from app.services.styles import Style
from app.services.theory.instruments import INSTRUMENTS
from app.utils.seeds import rng_for

#: Roles in the order in which they are filled and listed.
ROLES: tuple[Role, ...] = ("lead", "counter", "chords", "arpeggio", "pad", "bass", "drums", "percussion", "texture")


#: Arousal from which a mood brings drums into a style that has none.
_DRUMS_FROM_AROUSAL = 0.6

#: Styles this lively are not themselves without drums, however peaceful the words.
_DRUMS_DEFINE_FROM = 0.5

#: Chance that an instrument that merely suits the mood joins, if nobody was asked for.
_MOOD_BAND_CHANCE = 0.6

#: Semitones that chords need, by role: closed ones and spread ones.
_CHORD_ROOM: dict[Role, int] = {"chords": 16, "pad": 19}

#: Middle pitch of a tune from which on its chords lie below it.
_HIGH_TUNE = 67

#: Roles whose strokes tell the beat.
_STRIKING: frozenset[Role] = frozenset({"chords", "arpeggio", "drums", "percussion"})

#: Where several were asked for, the chance that is left to others who would only fill up: they would cover them.
_SPARED = 0.4
_OPTIONAL: frozenset[Role] = frozenset({"counter", "arpeggio", "pad", "texture"})


def make_band(
    brief: Brief, style: Style, character: Character, *, density: float, arousal: float, seed: int
) -> tuple[Seat, ...]:
    """Who plays. Nobody who was refused; everybody who was asked for, in a role that suits."""
    band = Band(
        style, frozenset(key for heard in brief.excluded_instruments for key in refused_by(heard.value)), character.lift
    )
    drums = _wants_drums(brief, style, character, arousal)
    asked = [heard.value for heard in brief.instruments if members_of(heard.value)]
    if brief.solo is not None and brief.solo.value and (asked or drums):
        seat_soloists(band, asked, brief, drums=bool(brief.drums and brief.drums.value), seed=seed)
        return _ordered(band)
    _seat_asked(band, asked, brief, seed, closed=_refused_roles(brief))
    several = len({seat.instrument for seat in band.seats if seat.role in TUNE_AND_HARMONY}) > 1
    if drums and any(seat.role in DRUM_ROLES for seat in band.seats):
        drums = None  # whoever was asked for drums: the style decides on the rest
    if (genre := genre_row(brief)) and not (genre.general and asked):
        _seat_suited(band, genre.band, drums, seed)
    for heard in brief.other_genres:
        if (row := lexicon().genres.get(heard.value)) is not None and row.colour:
            _seat_suited(band, row.band[:1], drums, seed)  # "Japanese rock": a koto among the guitars
    if not asked and len(players_of(style)) > 1 and rng_for(seed, "mood_band").random() < _MOOD_BAND_CHANCE:
        _seat_suited(band, character.band[:2], drums, seed)
    closed = (_twins_instead(band) if asked else frozenset()) | _refused_roles(brief)
    for role in ROLES:
        if band.taken(role) or role in closed or (role in DRUM_ROLES and drums is False):
            continue
        spare = _SPARED if several and role in _OPTIONAL else 1.0
        seat_from_style(band, role, wanted=_wanted(role, style, drums), density=density, seed=seed, spare=spare)
    if brief.tempo_bpm is not None and "arpeggio" not in closed:
        _count_out(band, density, seed)
    if not any(seat.role not in DRUM_ROLES for seat in band.seats) and not asked:
        band.seat("chords", substitute(band, "chords") or "acoustic_grand_piano", asked=False)
    return _ordered(band)


def _count_out(band: Band, density: float, seed: int) -> None:
    """Have arpeggios from the beginning, if the style knows them and nobody else would strike a beat.

    Who asks for a tempo in numbers wants to hear it, under pads and long tunes too.
    """
    striking = [number for number, seat in enumerate(band.seats) if seat.role in _STRIKING]
    if not striking:
        seat_from_style(band, "arpeggio", wanted="arpeggio" in band.style.ensemble, density=density, seed=seed)
        striking = [number for number, seat in enumerate(band.seats) if seat.role == "arpeggio"]
    if all(band.seats[number].role == "arpeggio" for number in striking):
        for number in striking:
            seat = band.seats[number]
            band.seats[number] = replace(seat, row=seat.row.model_copy(update={"from_energy": 0.0}))


def _twins_instead(band: Band) -> frozenset[Role]:
    """Roles that a style for one player leaves to the one asked for in its stead; a low bass is theirs too.

    "Guitar" in a style for solo piano is a guitar alone, with no piano under it; a flute it accompanies.
    """
    players = players_of(band.style)
    chords = next((seat for seat in band.seats if seat.role == "chords"), None)
    if len(players) != 1 or chords is None or chords.instrument in players:
        return frozenset()
    if not band.taken("bass") and INSTRUMENTS[chords.instrument].low_pitch <= LOW_ENOUGH:
        band.seat("bass", chords.instrument, asked=True)
    return frozenset(band.style.ensemble)


def _refused_roles(brief: Brief) -> frozenset[Role]:
    """Roles that nobody takes: "no bass" means no low line, whoever would play it, "no melody" no tune."""
    rows = [lexicon().instruments.get(heard.value) for heard in brief.excluded_instruments]
    return frozenset(role for row in rows if row is not None for role in row.roles)


def _ordered(band: Band) -> tuple[Seat, ...]:
    return tuple(sorted(_under_the_tune(band.seats), key=lambda seat: ROLES.index(seat.role)))


def _under_the_tune(seats: Sequence[Seat]) -> list[Seat]:
    """The band with those who play chords kept below the upper half of another player's tune.

    A low tune has its chords round it and above, one player's two hands stay where they are, those asked for as well,
    and whoever has no room below keeps the room that chords need.
    """
    leads = [seat for seat in seats if seat.role == "lead"]
    middle = (leads[0].low_pitch + leads[0].high_pitch) // 2 if leads else 0
    if middle < _HIGH_TUNE:
        return list(seats)
    return [
        replace(seat, high_pitch=max(min(seat.high_pitch, middle), min(seat.high_pitch, seat.low_pitch + room)))
        if (room := _CHORD_ROOM.get(seat.role)) and not seat.asked and seat.instrument != leads[0].instrument
        else seat
        for seat in seats
    ]


def _wants_drums(brief: Brief, style: Style, character: Character, arousal: float) -> bool | None:
    """True if there must be drums or percussion, False if there must be none, None if the style decides."""
    if brief.drums is not None:
        return brief.drums.value
    genre = genre_row(brief)
    if genre is not None and genre.drums is not None:
        return genre.drums
    if character.drums is False:
        named = brief.genre is not None and style.arousal >= _DRUMS_DEFINE_FROM
        return None if named else False
    lively = character.drums is True and arousal >= _DRUMS_FROM_AROUSAL
    return True if lively and len(players_of(style)) > 1 else None


def _wanted(role: Role, style: Style, drums: bool | None) -> bool:
    """Whether the role must be filled whatever the dice say."""
    if drums is not True or role not in DRUM_ROLES:
        return False
    return role == "drums" if "drums" in style.ensemble or "percussion" not in style.ensemble else role == "percussion"


def _seat_suited(band: Band, instruments: Sequence[str], drums: bool | None, seed: int) -> None:
    """Seat those who make a genre or a mood recognisable, in roles that nobody asked for holds."""
    for word in instruments:
        members = [key for key in members_of(word) if key not in band.refused]
        for key in members:
            roles = [
                role for role in roles_of(key) if not band.taken(role) and not (role in DRUM_ROLES and drums is False)
            ]
            own = [role for role in roles if role in band.style.ensemble]
            if own:
                early = drums is True and own[0] in DRUM_ROLES
                band.seat(own[0], pick(band, members, own[0], seed), asked=False, early=early)
                break


def _seat_asked(band: Band, asked: Sequence[str], brief: Brief, seed: int, *, closed: frozenset[Role]) -> None:
    """Seat those asked for, each in the best role still free: the lead first, a drummer before who only joins in."""
    lead = brief.lead.value if brief.lead is not None else None
    order = sorted(asked, key=lambda word: (word != lead, roles_of_group(word)[0] == "percussion"))
    melodic = [word for word in asked if "lead" in roles_of_group(word)]
    for word in order:
        members = members_of(word)
        roles = roles_of_group(word)
        if word == lead and "lead" in roles:
            roles = ("lead", *(role for role in roles if role != "lead"))
        if brief.drums is not None and not brief.drums.value and "percussion" in roles:
            roles = ("percussion",)  # "no drums but tribal drums": those named, and no drum set
        if "arpeggio" in roles and any(one.value == "arpeggiated" and one.player == word for one in brief.manners):
            roles = ("arpeggio",)  # "synth arpeggios", in a style that has none by itself too
        role = free_role(band, tuple(role for role in roles if role not in closed) or roles)
        band.seat(role, pick(band, members, role, seed), asked=True)
        # The only one asked for carries the tune as well as the harmony, if it can do both.
        if melodic == [word] and role != "lead" and not band.taken("lead") and "lead" not in closed:
            band.seat("lead", _twin(band, members, role, seed), asked=True)
        elif melodic == [word] and "chords" in roles and not band.taken("chords") and _alone(band, word, lead):
            band.seat("chords", _twin(band, members, role, seed), asked=True)
    if not band.taken("chords") and (plucked := _arpeggios_of(band, asked)) is not None:
        # "Flute over harp": no strings come between them.
        band.seat("chords", plucked, asked=True)
    if melodic and not band.taken("lead") and "lead" in band.style.ensemble and "lead" not in closed:
        # Nobody else takes the tune from those who were asked for: of a harp and strings the strings have it.
        singer = min(melodic, key=lambda word: roles_of_group(word).index("lead"))
        band.seat("lead", pick(band, members_of(singer), "lead", seed), asked=True)


def _arpeggios_of(band: Band, asked: Sequence[str]) -> str | None:
    """Who was asked for, plays the arpeggios and can play the chords as well, in a style in which somebody does."""
    if "chords" not in band.style.ensemble:
        return None
    able = [key for word in asked for key in members_of(word) if "chords" in roles_of_group(word)]
    return next((seat.instrument for seat in band.seats if seat.role == "arpeggio" and seat.instrument in able), None)


def _alone(band: Band, word: str, lead: str | None) -> bool:
    """Whether nobody else would play chords under a tune: it was to lead, or the style has none who do."""
    return word == lead or "chords" not in band.style.ensemble


def _twin(band: Band, members: Sequence[str], role: Role, seed: int) -> str:
    """The instrument just seated in `role`, to take a second one."""
    return next((seat.instrument for seat in band.seats if seat.role == role), pick(band, members, role, seed))
