"""Where a model's next track is made: on which device, in which process, and who makes room for it. Decides only.

Rule: a model lives once on a device. Several devices are several workers, of one model or of many.
"""

from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass
from typing import TypeAlias


@dataclass(frozen=True, kw_only=True, slots=True)
class Seat:
    """A process that holds a model, or is about to."""

    #: Tells it from others.
    number: int
    model: str
    device: str
    #: Bytes that it holds, or is thought to need.
    size_bytes: int
    #: Tracks in its hands, and how many more it would take.
    runs: int
    room: int
    #: Moment at which it was last at work.
    used_at: float
    #: Whether it was told to leave; what it holds is not free yet.
    leaving: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class Join:
    """Give the track to a process that has the model."""

    number: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Start:
    """Load the model on a device."""

    device: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Wait:
    """Not now."""

    #: Device that must be left free of other work, until those who hold its memory have gone; None for any.
    device: str | None = None
    #: Processes to send away for it.
    evict: tuple[int, ...] = ()


Choice: TypeAlias = Join | Start | Wait


def choose(
    model: str,
    size_bytes: int,
    *,
    seats: Sequence[Seat],
    devices: Sequence[str],
    budgets: Mapping[str, int],
    closed: Set[str] = frozenset(),
) -> Choice:
    """What to do with the next track of a model.

    `budgets` says how many bytes a device may hold; one that is not named holds as many as there are. A model that
    needs more than all of it has the device to itself. `closed` devices take nothing new.
    """
    here = [seat for seat in seats if seat.model == model and not seat.leaving]
    open_here = [seat for seat in here if seat.device not in closed and seat.room > 0]
    idle = [seat for seat in open_here if seat.runs == 0]
    if idle:
        return Join(number=min(idle, key=lambda seat: seat.number).number)
    taken = {seat.device for seat in here}
    others = [device for device in devices if device not in closed and device not in taken]
    busy = {seat.device for seat in seats if seat.runs > 0}
    choices = [
        _room_on(device, size_bytes, [seat for seat in seats if seat.device == device], budgets.get(device))
        for device in others
        if device not in busy or not here
    ]
    ready = [choice for choice in choices if isinstance(choice, Start)]
    # An idle device is worth a second copy of the model; a busy one only where there is none yet.
    if ready:
        return min(ready, key=lambda choice: choice.device in busy)
    if open_here:
        return Join(number=min(open_here, key=lambda seat: (seat.runs, seat.number)).number)
    if here:
        return Wait()
    waits = [choice for choice in choices if isinstance(choice, Wait)]
    return min(waits, key=lambda wait: not wait.evict, default=Wait())


def over_budget(seats: Sequence[Seat], budgets: Mapping[str, int]) -> tuple[int, ...]:
    """Processes to send away because more is held than may be, the least recently used first. Never the last one."""
    gone: list[int] = []
    for device, budget in budgets.items():
        held = [seat for seat in seats if seat.device == device and not seat.leaving]
        excess = sum(seat.size_bytes for seat in held) - budget
        newest = max(held, key=lambda seat: seat.used_at, default=None)
        for seat in _idle_first_used(held):
            if excess > 0 and seat is not newest:
                gone.append(seat.number)
                excess -= seat.size_bytes
    return tuple(gone)


def _room_on(device: str, size_bytes: int, seats: Sequence[Seat], budget: int | None) -> Start | Wait:
    if budget is None:
        return Start(device=device)
    excess = sum(seat.size_bytes for seat in seats) + size_bytes - budget
    if excess <= 0 or not seats:
        return Start(device=device)
    excess -= sum(seat.size_bytes for seat in seats if seat.leaving)
    evict: list[int] = []
    for seat in _idle_first_used(seats):
        if excess <= 0:
            break
        evict.append(seat.number)
        excess -= seat.size_bytes
    if excess > 0 and any(seat.runs > 0 for seat in seats):
        return Wait(device=device)  # those at work are let finish; sending others away would not be enough
    return Wait(device=device, evict=tuple(evict))


def _idle_first_used(seats: Sequence[Seat]) -> list[Seat]:
    return sorted((seat for seat in seats if seat.runs == 0 and not seat.leaving), key=lambda seat: seat.used_at)
