"""Players who were asked to play alone take their chairs: tune, harmony and bass among as few as there are."""

from collections.abc import Sequence

from app.models.brief import Brief
from app.models.plan import Role
from app.services.planning.catalogue import members_of, roles_of
from app.services.planning.seats import LOW_ENOUGH, Band, free_role, pick, roles_of_group, seat_from_style
from app.services.theory.instruments import INSTRUMENTS

#: Groups that play alone and have an instrument twice.
_SECOND_DESKS = {frozenset({"violin", "viola", "cello"}): "violin"}


#: Players of one note at a time: alone they have a tune, and no chords to it.
_ONE_AT_A_TIME = frozenset({"violin", "viola", "cello", "contrabass", "fiddle"}) | {
    key
    for key, row in INSTRUMENTS.items()
    if row.family in ("reed", "pipe") or key in ("trumpet", "muted_trumpet", "trombone", "tuba", "french_horn")
}


def seat_soloists(band: Band, asked: Sequence[str], brief: Brief, *, drums: bool, seed: int) -> None:
    """Seat those who play alone. Who can play chords covers tune, harmony and, where it reaches, bass."""
    lead = brief.lead.value if brief.lead is not None else None
    melodic = [word for word in asked if not INSTRUMENTS[members_of(word)[0]].is_drums]
    if len(melodic) == 1:
        members = members_of(melodic[0])
        roles = roles_of_group(melodic[0])
        first: Role = "lead" if "lead" in roles else roles[0]
        instrument = pick(band, members, first, seed)
        band.seat(first, instrument, asked=True)
        support = next((role for role in ("chords", "pad", "arpeggio") if role in roles_of(instrument)), None)
        if support is not None and support != first and instrument not in _ONE_AT_A_TIME:
            band.seat(support, instrument, asked=True)
            if INSTRUMENTS[instrument].low_pitch <= LOW_ENOUGH:
                band.seat("bass", instrument, asked=True)
    else:
        # Of two, who has one note at a time has the tune, whoever was named first: the piano accompanies the violin.
        order = sorted(
            melodic, key=lambda word: (word != lead, len(melodic) == 2 and not set(members_of(word)) <= _ONE_AT_A_TIME)
        )
        for word in order:
            roles = roles_of_group(word)
            if not band.taken("lead") and "lead" in roles and (word == lead or lead is None):
                roles = ("lead", *roles)
            if word == order[-1] and not band.taken("bass") and "bass" in roles:
                roles = ("bass", *roles)
            role = free_role(band, roles)
            band.seat(role, pick(band, members_of(word), role, seed), asked=True)
        _seat_second_desk(band, melodic, brief)
        if not any(band.taken(role) for role in ("chords", "pad", "arpeggio")):
            # The pianist of a trio has a left hand, and its guitarist more than one string.
            able = [seat.instrument for seat in band.seats if "chords" in roles_of(seat.instrument)]
            if able:
                band.seat("chords", able[0], asked=True)
    drummers = [word for word in asked if word not in melodic]
    for word in drummers or (["drums"] if drums else []):
        if word == "drums":
            seat_from_style(band, "drums", wanted=True, density=0.0, seed=seed)
        else:
            role = free_role(band, roles_of_group(word))
            band.seat(role, pick(band, members_of(word), role, seed), asked=True)


def _seat_second_desk(band: Band, asked: Sequence[str], brief: Brief) -> None:
    """The first instrument once more, in groups that have it twice: a string quartet has two violins."""
    doubled = _SECOND_DESKS.get(frozenset(asked))
    threes = any("trio" in word.lower() for heard in brief.instruments for word in heard.words)
    if doubled is not None and not threes:
        band.seat("counter", doubled, asked=True)
