"""Sections and band go in, who plays when comes out: thin beginnings, full high points, nobody asked for left out."""

from collections.abc import Sequence

from app.models.plan import Role, Section
from app.models.score import DRUM_ROLES
from app.services.planning.form import Stretch
from app.services.planning.seats import Seat
from app.services.planning.steps import SHORT_KINDS

#: Roles that may open a piece, so that it sounds from its first beat; most suitable first.
_OPENERS: tuple[Role, ...] = ("chords", "pad", "arpeggio", "lead", "bass", "drums", "percussion", "counter", "texture")

#: Roles without which a section does not carry; they play in half of the bars at least.
_CARRYING: frozenset[Role] = frozenset({"lead", "chords", "bass"})

#: Shares of the bars in which drums play at least: where the style never does without, and elsewhere.
_DRUMMED, _NOW_AND_THEN = 0.6, 0.2

#: Roles that the quieter of two sections leaves to the stronger one, where the same ones would play in both.
_SPARED: tuple[Role, ...] = ("counter", "arpeggio", "percussion", "pad")

#: Players of a section that is no way in or out, at least.
_LEAST_PLAYERS = 3

#: From this share of the piece on an ending is long enough for the tune to be missed.
_LONG_ENDING = 0.2

#: Pieces this short have no time to build: everybody plays.
_ALL_PLAY_S = 12.0


def sections_of(stretches: Sequence[Stretch], seats: Sequence[Seat], *, duration_s: float) -> tuple[Section, ...]:
    """The form with the names of those who play in each section."""
    players = [set(_players(stretch, seats, all_play=duration_s <= _ALL_PLAY_S)) for stretch in stretches]
    for stretch, playing in zip(stretches, players, strict=True):
        _fill(stretch, seats, playing)
    for seat in seats:
        _give_share(seat, stretches, players)
    _tell_apart(seats, stretches, players)
    _say_goodbye(seats, stretches, players)
    opening = players[0]
    if not any(seat.name in opening and seat.role in _OPENERS[:4] for seat in seats):
        # Drums alone may open dance music, but there something must sound on the first beat too.
        opener = min(seats, key=lambda seat: _OPENERS.index(seat.role))
        opening.add(opener.name)
    return tuple(
        Section(
            kind=stretch.kind,
            material=stretch.material,
            bars=stretch.bars,
            energy=stretch.energy,
            voices=tuple(seat.name for seat in seats if seat.name in playing),
        )
        for stretch, playing in zip(stretches, players, strict=True)
    )


def _players(stretch: Stretch, seats: Sequence[Seat], *, all_play: bool) -> list[str]:
    """Those whose threshold the section reaches; the mood thins or fills it a little."""
    level = (2.0 * stretch.texture + stretch.energy) / 3.0
    return [seat.name for seat in seats if all_play or seat.asked or level >= seat.row.from_energy - 1e-9]


def _fill(stretch: Stretch, seats: Sequence[Seat], playing: set[str]) -> None:
    """Let those into a thin section who come in soonest, where it is no way in or out but the music itself."""
    if stretch.kind in SHORT_KINDS:
        return
    for seat in sorted(seats, key=lambda seat: (seat.row.from_energy, _OPENERS.index(seat.role))):
        if len(playing) >= _LEAST_PLAYERS:
            return
        playing.add(seat.name)


def _give_share(seat: Seat, stretches: Sequence[Stretch], players: list[set[str]]) -> None:
    """Let a voice into the strongest sections until it has its share: half for carrying roles, one section for all."""
    total = sum(stretch.bars for stretch in stretches)
    share = _share(seat)
    for i in sorted(range(len(stretches)), key=lambda i: -stretches[i].texture):
        heard = sum(stretch.bars for stretch, playing in zip(stretches, players, strict=True) if seat.name in playing)
        if heard > 0 and heard >= share * total:
            return
        players[i].add(seat.name)


def _share(seat: Seat) -> float:
    if seat.role in _CARRYING:
        return 0.5
    if seat.role not in DRUM_ROLES:
        return 0.0
    return _DRUMMED if seat.role == "drums" and seat.row.presence >= 1.0 else _NOW_AND_THEN


def _tell_apart(seats: Sequence[Seat], stretches: Sequence[Stretch], players: list[set[str]]) -> None:
    """Let neighbours of the same material differ in who plays: the quieter one leaves somebody to the stronger one."""
    # The only drummers keep the beat.
    drummers = [seat for seat in seats if seat.role in DRUM_ROLES]
    kept = {seat.name for seat in drummers} if len(drummers) == 1 else set()
    for i in range(1, len(stretches)):
        before, after = stretches[i - 1], stretches[i]
        if before.material != after.material or players[i - 1] != players[i]:
            continue
        quieter = i if after.energy < before.energy else i - 1
        spared = [seat for role in _SPARED for seat in seats if seat.role == role and seat.name in players[quieter]]
        spared = [seat for seat in spared if not seat.asked and seat.name not in kept and len(players[quieter]) > 2]
        if spared:
            players[quieter].discard(spared[0].name)


def _say_goodbye(seats: Sequence[Seat], stretches: Sequence[Stretch], players: list[set[str]]) -> None:
    """Let the tune into an ending that takes long, so that it does not stop where much of the piece is left."""
    leads = [seat.name for seat in seats if seat.role == "lead"]
    if not leads or stretches[-1].kind != "outro" or players[-1] & set(leads):
        return
    if stretches[-1].bars >= _LONG_ENDING * sum(stretch.bars for stretch in stretches):
        players[-1].add(leads[0])
