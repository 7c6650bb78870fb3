"""Tracks of a comparison go in, a table of what was measured of each comes out."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from app.models.track import Track
from app.services.engines.base import Capabilities

#: What a track's model can do; None if this server no longer has it.
CapabilitiesOf = Callable[[str], Capabilities | None]


@dataclass(frozen=True, kw_only=True, slots=True)
class Difference:
    """One row of the table."""

    what: str
    #: Unit of the values; None for words and truths.
    unit: str | None
    #: One a track, in order; None where it is not known (yet).
    values: tuple[Any, ...]
    #: Largest value minus smallest; None unless two numbers are known.
    spread: float | None
    #: Whether it may tell which model a track is by, so that a blind page must hide it.
    telling: bool = False


def differences_of(tracks: Sequence[Track], capabilities_of: CapabilitiesOf) -> list[Difference]:
    """Always the same rows in the same order; what is measured is known of completed tracks only."""
    return [
        _row("tempo", "beats a minute", tracks, lambda track: _heard(track, "tempo")),
        _row("key", None, tracks, lambda track: _heard(track, "key")),
        _row("loudness", "LUFS", tracks, lambda track: track.measured.get("loudness_lufs")),
        _row("loudness range", "LU", tracks, lambda track: track.measured.get("loudness_range_lu")),
        _row("brightness", "Hz", tracks, lambda track: track.measured.get("brightness_hz")),
        _row("time taken", "s", tracks, _time_taken_s, telling=True),
        _row("cost", "USD", tracks, lambda track: _cost_usd(track, capabilities_of(track.model)), telling=True),
        _row("licence", None, tracks, lambda track: _licence(capabilities_of(track.model)), telling=True),
        _row("commercial use", None, tracks, lambda track: _commercial_use(capabilities_of(track.model)), telling=True),
    ]


def _row(
    what: str, unit: str | None, tracks: Sequence[Track], value: Callable[[Track], Any], *, telling: bool = False
) -> Difference:
    values = tuple(value(track) for track in tracks)
    numbers = [] if unit is None else [number for number in values if number is not None]
    spread = round(max(numbers) - min(numbers), 4) if len(numbers) > 1 else None
    return Difference(what=what, unit=unit, values=values, spread=spread, telling=telling)


def _heard(track: Track, what: str) -> Any:
    """What the report on a track says was measured."""
    return next((row["measured"] for row in track.report or () if row["what"] == what), None)


def _time_taken_s(track: Track) -> float | None:
    return round(sum(track.timings.values()), 2) if track.status == "completed" and track.timings else None


def _cost_usd(track: Track, capabilities: Capabilities | None) -> float | None:
    """What a remote service charged, as far as its engine tells; what runs here costs nothing."""
    if track.status != "completed":
        return None
    own = 0.0 if capabilities is not None and not capabilities.remote else None
    return track.measured.get("cost_usd", own)


def _licence(capabilities: Capabilities | None) -> str | None:
    if capabilities is None:
        return None
    return f"code: {capabilities.code_licence}; weights or sounds: {capabilities.weights_licence}"


def _commercial_use(capabilities: Capabilities | None) -> bool | None:
    return None if capabilities is None else capabilities.commercial_use
