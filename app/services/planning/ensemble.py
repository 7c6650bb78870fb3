"""Brief and style go in, the band comes out: who takes which role, who was asked for, what each may reach."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from app.models.brief import Brief
from app.models.plan import Role
from app.models.score import DRUM_ROLES
from app.services.planning.catalogue import members_of, plain_role, refused_by, roles_of, substitutes_for
from app.services.planning.character import Character, genre_row
from app.services.planning.choices import choose
from app.services.planning.lexicon import lexicon
from app.services.styles import Style
from app.services.styles.schema import EnsembleRole
from app.services.theory.instruments import INSTRUMENTS
from app.utils.seeds import rng_for

#: Roles in the order in which they are filled and listed.
ROLES: tuple[Role, ...] = ("lead", "counter", "chords", "arpeggio", "pad", "bass", "drums", "percussion", "texture")

#: A voice is given at least this many semitones, or all that its instrument has.
_LEAST_SPAN = 15

#: Arousal from which a mood brings drums into a style that has none.
_DRUMS_FROM_AROUSAL = 0.6

#: Styles this lively are not themselves without drums, however peaceful the words.
_DRUMS_DEFINE_FROM = 0.5

#: Chance that an instrument that merely suits the mood joins, if nobody was asked for.
_MOOD_BAND_CHANCE = 0.6

#: Roles that people name as they name instruments.
_REFUSABLE: tuple[Role, ...] = ("bass", "pad")

#: An instrument that reaches this pitch can play its own bass.
_LOW_ENOUGH = 41

#: Groups that play alone and have an instrument twice.
_SECOND_DESKS = {frozenset({"violin", "viola", "cello"}): "violin"}

#: Drums that the words call for play from this energy on, and are at least this loud.
_EARLY_ENERGY, _EARLY_DB = 0.4, 0.0

#: Kit by contract genre where a style has none of its own.
_KITS = {"electronic": "synth_909", "hip-hop": "synth_808", "ambient": "brush_kit", "classical": "orchestra_kit"}


@dataclass(frozen=True, slots=True)
class Seat:
    """A member of the band before the mix."""

    name: str
    role: Role
    instrument: str
    low_pitch: int
    high_pitch: int
    row: EnsembleRole
    #: Whether the words asked for it.
    asked: bool


@dataclass(slots=True)
class _Band:
    """Seats as they are taken."""

    style: Style
    refused: frozenset[str]
    lift: float
    seats: list[Seat] = field(default_factory=list)

    def taken(self, role: Role) -> bool:
        return any(seat.role == role for seat in self.seats)

    def row(self, role: Role) -> EnsembleRole:
        return self.style.ensemble.get(role) or plain_role(role)

    def seat(self, role: Role, instrument: str, *, asked: bool, early: bool = False) -> None:
        """Seat a player; with `early` one who does not wait for a style's strongest sections, nor stays behind."""
        row = self.row(role)
        if early:
            row = row.model_copy(
                update={"from_energy": min(row.from_energy, _EARLY_ENERGY), "level_db": max(row.level_db, _EARLY_DB)}
            )
        number = sum(seat.role == role for seat in self.seats)
        low, high = reach(row, instrument, 0.0 if role == "bass" else self.lift if role == "lead" else self.lift / 2)
        name = role if not number else f"{role}_{number + 1}"
        self.seats.append(Seat(name, role, instrument, low, high, row, asked))


def reach(row: EnsembleRole, instrument: str, lift: float) -> tuple[int, int]:
    """Lowest and highest pitch of a voice: its role's register, moved by `lift` semitones, as far as it can play."""
    table = INSTRUMENTS[instrument]
    if table.is_drums:
        return table.low_pitch, table.high_pitch
    wanted_low, wanted_high = row.low_pitch + round(lift), row.high_pitch + round(lift)
    low, high = max(wanted_low, table.low_pitch), min(wanted_high, table.high_pitch)
    span = min(_LEAST_SPAN, table.high_pitch - table.low_pitch)
    if high - low < span:
        # The instrument lives elsewhere: as near to the role's register as it can be.
        low = max(table.low_pitch, min(low, table.high_pitch - span))
        high = low + span
    return low, high


def _seat_second_desk(band: _Band, asked: Sequence[str], brief: Brief) -> None:
    """The first instrument once more, in groups that have it twice: a string quartet has two violins."""
    doubled = _SECOND_DESKS.get(frozenset(asked))
    threes = any("trio" in word.lower() for heard in brief.instruments for word in heard.words)
    if doubled is not None and not threes:
        band.seat("counter", doubled, asked=True)


def make_band(
    brief: Brief, style: Style, character: Character, *, density: float, arousal: float, seed: int
) -> tuple[Seat, ...]:
    """Who plays. Nobody who was refused; everybody who was asked for, in a role that suits."""
    band = _Band(
        style, frozenset(key for heard in brief.excluded_instruments for key in refused_by(heard.value)), character.lift
    )
    drums = _wants_drums(brief, style, character, arousal)
    asked = [heard.value for heard in brief.instruments if members_of(heard.value)]
    if brief.solo is not None and brief.solo.value and (asked or drums):
        _seat_soloists(band, asked, brief, drums=bool(brief.drums and brief.drums.value), seed=seed)
        return _ordered(band)
    _seat_asked(band, asked, brief, seed)
    if drums and any(seat.role in DRUM_ROLES for seat in band.seats):
        drums = None  # whoever was asked for drums: the style decides on the rest
    if genre := genre_row(brief):
        _seat_suited(band, genre.band, drums, seed)
    if not asked and len(_players(style)) > 1 and rng_for(seed, "mood_band").random() < _MOOD_BAND_CHANCE:
        _seat_suited(band, character.band[:2], drums, seed)
    closed = (_twins_instead(band) if asked else frozenset()) | _refused_roles(brief)
    for role in ROLES:
        if band.taken(role) or role in closed or (role in DRUM_ROLES and drums is False):
            continue
        _seat_from_style(band, role, wanted=_wanted(role, style, drums), density=density, seed=seed)
    if not any(seat.role not in DRUM_ROLES for seat in band.seats) and not asked:
        band.seat("chords", _substitute(band, "chords") or "acoustic_grand_piano", asked=False)
    return _ordered(band)


def _twins_instead(band: _Band) -> frozenset[Role]:
    """Roles that a style for one player leaves to the one asked for in its stead; a low bass is theirs too.

    "Guitar" in a style for solo piano is a guitar alone, with no piano under it; a flute it accompanies.
    """
    players = _players(band.style)
    chords = next((seat for seat in band.seats if seat.role == "chords"), None)
    if len(players) != 1 or chords is None or chords.instrument in players:
        return frozenset()
    if not band.taken("bass") and INSTRUMENTS[chords.instrument].low_pitch <= _LOW_ENOUGH:
        band.seat("bass", chords.instrument, asked=True)
    return frozenset(band.style.ensemble)


def _players(style: Style) -> frozenset[str]:
    """All instruments that a style may use; a single one where it is a style for one player."""
    return frozenset(key for row in style.ensemble.values() for key in row.instruments)


def _refused_roles(brief: Brief) -> frozenset[Role]:
    """Roles that nobody takes: "no bass" means no low line, whoever would play it."""
    refused = {heard.value for heard in brief.excluded_instruments}
    return frozenset(role for role in _REFUSABLE if role in refused)


def _ordered(band: _Band) -> tuple[Seat, ...]:
    return tuple(sorted(band.seats, key=lambda seat: ROLES.index(seat.role)))


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
    return True if lively and len(_players(style)) > 1 else None


def _wanted(role: Role, style: Style, drums: bool | None) -> bool:
    """Whether the role must be filled whatever the dice say."""
    if drums is not True or role not in DRUM_ROLES:
        return False
    return role == "drums" if "drums" in style.ensemble or "percussion" not in style.ensemble else role == "percussion"


def _seat_from_style(band: _Band, role: Role, *, wanted: bool, density: float, seed: int) -> None:
    row = band.style.ensemble.get(role)
    rng = rng_for(seed, "ensemble", role)
    present = rng.random()
    if row is None:
        if wanted:
            kit = _KITS.get(band.style.genres[0], "standard_kit")
            band.seat(role, kit, asked=False)
        return
    # A busy piece fills more of the optional roles, a sparse one fewer.
    chance = row.presence if row.presence >= 1 else max(0.0, min(1.0, row.presence + 0.3 * density))
    if present >= chance and not wanted:
        return
    choices = {key: weight for key, weight in row.instruments.items() if key not in band.refused}
    instrument = choose(rng, choices) if choices else _substitute(band, role)
    if instrument is not None:
        band.seat(role, instrument, asked=False, early=wanted)


def _substitute(band: _Band, role: Role) -> str | None:
    return next((key for key in substitutes_for(role) if key not in band.refused), None)


def _seat_suited(band: _Band, instruments: Sequence[str], drums: bool | None, seed: int) -> None:
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
                band.seat(own[0], _pick(band, members, own[0], seed), asked=False, early=early)
                break


def _pick(band: _Band, members: Sequence[str], role: Role, seed: int) -> str:
    """Which member of a group takes a role: one that the style likes there, else the usual one."""
    allowed = [key for key in members if key not in band.refused] or list(members)
    liked = {key: weight for key, weight in band.row(role).instruments.items() if key in allowed}
    if liked:
        return choose(rng_for(seed, "pick", role, *members), liked)
    return next((key for key in allowed if role in roles_of(key)), allowed[0])


def _seat_asked(band: _Band, asked: Sequence[str], brief: Brief, seed: int) -> None:
    """Seat those asked for: the lead first, then each in the best role still free."""
    lead = brief.lead.value if brief.lead is not None else None
    order = sorted(asked, key=lambda word: word != lead)
    melodic = [word for word in asked if "lead" in _roles_of_group(word)]
    for word in order:
        members = members_of(word)
        roles = _roles_of_group(word)
        if word == lead and "lead" in roles:
            roles = ("lead", *(role for role in roles if role != "lead"))
        if brief.drums is not None and not brief.drums.value and "percussion" in roles:
            roles = ("percussion",)  # "no drums but tribal drums": those named, and no drum set
        role = _free_role(band, roles)
        band.seat(role, _pick(band, members, role, seed), asked=True)
        # The only one asked for carries the tune as well as the harmony, if it can do both.
        if melodic == [word] and role != "lead" and not band.taken("lead"):
            band.seat("lead", _twin(band, members, role, seed), asked=True)
        elif melodic == [word] and "chords" in roles and not band.taken("chords") and _alone(band, word, lead):
            band.seat("chords", _twin(band, members, role, seed), asked=True)
    if melodic and not band.taken("lead") and "lead" in band.style.ensemble:
        # Nobody else takes the tune from those who were asked for.
        band.seat("lead", _pick(band, members_of(melodic[0]), "lead", seed), asked=True)


def _alone(band: _Band, word: str, lead: str | None) -> bool:
    """Whether nobody else would play chords under a tune: it was to lead, or the style has none who do."""
    return word == lead or "chords" not in band.style.ensemble


def _twin(band: _Band, members: Sequence[str], role: Role, seed: int) -> str:
    """The instrument just seated in `role`, to take a second one."""
    return next((seat.instrument for seat in band.seats if seat.role == role), _pick(band, members, role, seed))


def _roles_of_group(word: str) -> tuple[Role, ...]:
    """Roles of a word: its own if it has any, else those of its first member, then what the others add."""
    if word in lexicon().roles["keys"]:
        return roles_of(word)
    return tuple(dict.fromkeys(role for key in members_of(word) for role in roles_of(key)))


def _free_role(band: _Band, roles: Sequence[Role]) -> Role:
    free = [role for role in roles if not band.taken(role)]
    own = [role for role in free if role in band.style.ensemble]
    return (own or free or list(roles))[0]


def _seat_soloists(band: _Band, asked: Sequence[str], brief: Brief, *, drums: bool, seed: int) -> None:
    """Seat those who play alone. One that can play chords covers tune, harmony and, where it reaches, bass."""
    lead = brief.lead.value if brief.lead is not None else None
    melodic = [word for word in asked if not INSTRUMENTS[members_of(word)[0]].is_drums]
    if len(melodic) == 1:
        members = members_of(melodic[0])
        roles = _roles_of_group(melodic[0])
        first: Role = "lead" if "lead" in roles else roles[0]
        instrument = _pick(band, members, first, seed)
        band.seat(first, instrument, asked=True)
        support = next((role for role in ("chords", "pad", "arpeggio") if role in roles_of(instrument)), None)
        if support is not None and support != first:
            band.seat(support, instrument, asked=True)
            if INSTRUMENTS[instrument].low_pitch <= _LOW_ENOUGH:
                band.seat("bass", instrument, asked=True)
    else:
        for word in sorted(melodic, key=lambda word: word != lead):
            roles = _roles_of_group(word)
            if not band.taken("lead") and "lead" in roles and (word == lead or lead is None):
                roles = ("lead", *roles)
            if word == melodic[-1] and not band.taken("bass") and "bass" in roles:
                roles = ("bass", *roles)
            role = _free_role(band, roles)
            band.seat(role, _pick(band, members_of(word), role, seed), asked=True)
        _seat_second_desk(band, melodic, brief)
    drummers = [word for word in asked if word not in melodic]
    for word in drummers or (["drums"] if drums else []):
        if word == "drums":
            _seat_from_style(band, "drums", wanted=True, density=0.0, seed=seed)
        else:
            role = _free_role(band, _roles_of_group(word))
            band.seat(role, _pick(band, members_of(word), role, seed), asked=True)
