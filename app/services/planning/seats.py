"""Chairs of the band: roles are taken by instruments that can, one after the other."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from app.models.plan import Role
from app.services.planning.catalogue import members_of, plain_role, roles_of, substitutes_for
from app.services.planning.choices import choose
from app.services.planning.lexicon import lexicon
from app.services.styles import Style
from app.services.styles.schema import EnsembleRole
from app.services.theory.instruments import INSTRUMENTS, TESSITURAS
from app.utils.seeds import rng_for

#: Roles of tune and harmony; the others carry them.
TUNE_AND_HARMONY: frozenset[Role] = frozenset({"lead", "counter", "chords", "arpeggio", "pad"})

#: An instrument that reaches this pitch can play its own bass.
LOW_ENOUGH = 41

#: A voice is given at least this many semitones, or all that its instrument has; one that sings in a register of its
#: own, a few more.
_LEAST_SPAN, _LEAST_SONG = 15, 19

#: Roles that sing.
_SINGING: frozenset[Role] = frozenset({"lead", "counter"})

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
class Band:
    """Seats as they are taken."""

    style: Style
    refused: frozenset[str]
    lift: float
    seats: list[Seat] = field(default_factory=list)

    def taken(self, role: Role) -> bool:
        """Whether somebody holds a role."""
        return any(seat.role == role for seat in self.seats)

    def row(self, role: Role) -> EnsembleRole:
        """What a role is in the style, or what it is anywhere."""
        return self.style.ensemble.get(role) or plain_role(role)

    def seat(self, role: Role, instrument: str, *, asked: bool, early: bool = False) -> None:
        """Seat a player; with `early` one who does not wait for a style's strongest sections, nor stays behind."""
        row = self.row(role)
        if early:
            row = row.model_copy(
                update={"from_energy": min(row.from_energy, _EARLY_ENERGY), "level_db": max(row.level_db, _EARLY_DB)}
            )
        number = sum(seat.role == role for seat in self.seats)
        lift = 0.0 if role == "bass" else self.lift if role == "lead" else self.lift / 2
        low, high = reach(row, instrument, lift, sings=role in _SINGING)
        name = role if not number else f"{role}_{number + 1}"
        self.seats.append(Seat(name, role, instrument, low, high, row, asked))


def reach(row: EnsembleRole, instrument: str, lift: float, *, sings: bool = False) -> tuple[int, int]:
    """Lowest and highest pitch of a voice: its role's register, moved by `lift` semitones, as far as it can play.

    Who `sings` a tune does it where the instrument does.
    """
    table = INSTRUMENTS[instrument]
    if table.is_drums:
        return table.low_pitch, table.high_pitch
    lowest, highest = table.low_pitch, table.high_pitch
    least = _LEAST_SPAN
    if sings and instrument in TESSITURAS:
        lowest, highest = TESSITURAS[instrument]
        least = _LEAST_SONG
    wanted_low, wanted_high = row.low_pitch + round(lift), row.high_pitch + round(lift)
    low, high = max(wanted_low, lowest), min(wanted_high, highest)
    span = min(least, highest - lowest)
    if high - low < span:
        # The instrument lives elsewhere: as near to the role's register as it can be.
        low = max(lowest, min(low, highest - span))
        high = low + span
    return low, high


def seat_from_style(band: Band, role: Role, *, wanted: bool, density: float, seed: int, spare: float = 1.0) -> None:
    """Seat one of those whom the style knows in a role, by its dice; surely if `wanted`, seldom if `spare` is small."""
    row = band.style.ensemble.get(role)
    rng = rng_for(seed, "ensemble", role)
    present = rng.random()
    if row is None:
        if wanted:
            kit = _KITS.get(band.style.genres[0], "standard_kit")
            band.seat(role, kit, asked=False)
        return
    # A busy piece fills more of the optional roles, a sparse one fewer.
    chance = row.presence if row.presence >= 1 else spare * max(0.0, min(1.0, row.presence + 0.3 * density))
    if present >= chance and not wanted:
        return
    choices = {key: weight for key, weight in row.instruments.items() if key not in band.refused}
    instrument = choose(rng, choices) if choices else substitute(band, role)
    if instrument is not None:
        band.seat(role, instrument, asked=False, early=wanted)


def substitute(band: Band, role: Role) -> str | None:
    """Who stands in for a role whose own were all refused."""
    return next((key for key in substitutes_for(role) if key not in band.refused), None)


def pick(band: Band, members: Sequence[str], role: Role, seed: int) -> str:
    """Which member of a group takes a role: one that the style likes there, else the usual one."""
    allowed = [key for key in members if key not in band.refused] or list(members)
    liked = {key: weight for key, weight in band.row(role).instruments.items() if key in allowed}
    if liked:
        return choose(rng_for(seed, "pick", role, *members), liked)
    return next((key for key in allowed if role in roles_of(key)), allowed[0])


def roles_of_group(word: str) -> tuple[Role, ...]:
    """Roles of a word: its own if it has any, else those of its first member, then what the others add."""
    if word in lexicon().roles["keys"]:
        return roles_of(word)
    return tuple(dict.fromkeys(role for key in members_of(word) for role in roles_of(key)))


def free_role(band: Band, roles: Sequence[Role]) -> Role:
    """The best of some roles that nobody holds, those of the style first."""
    free = [role for role in roles if not band.taken(role)]
    own = [role for role in free if role in band.style.ensemble]
    return (own or free or list(roles))[0]
