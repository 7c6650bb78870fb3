"""Explicit fields and a Brief go in, a Brief comes out in which the fields outrank the words.

Each decision that a field made has words that name the field ("tempo_bpm=120"), and what it overruled stands among the
conflicts. Players add up: those of the fields come first, then those of the words, unless a field refuses them.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from app.errors import InvalidField
from app.models.asked import Asked
from app.models.brief import Brief, Heard
from app.services.planning.catalogue import members_of
from app.services.planning.lexicon import lexicon
from app.services.planning.naming import FAMILIES, key_named, metre_named, player_refused, row_named
from app.services.theory.instruments import INSTRUMENTS

#: Rows that stand for the whole drummer: refused, nobody drums.
_DRUMMERS = frozenset({"drums", "beat", "percussion"})

#: Words for speed further from the middle than this contradict a tempo beyond these.
_FEEL, _SLOW_BELOW_BPM, _FAST_FROM_BPM = 0.2, 90, 125


@dataclass(frozen=True, kw_only=True, slots=True)
class Wishes:
    """The explicit fields, understood: values as a Brief holds them."""

    tempo_bpm: Heard[float] | None
    tonic: Heard[str] | None
    mode: Heard[str] | None
    time_signature: Heard[str] | None
    genre: Heard[str] | None
    moods: tuple[Heard[str], ...]
    instruments: tuple[Heard[str], ...]
    excluded: tuple[Heard[str], ...]
    drums: Heard[bool] | None
    solo: Heard[bool] | None
    loop: Heard[bool] | None
    loudness_lufs: Heard[float] | None


def understood(asked: Asked) -> Wishes:
    """What the fields mean. `InvalidField` for a name that no table has, and for a player both wanted and refused."""
    tonic, mode = (None, None) if asked.key is None else key_named(asked.key)
    moods = {
        row_named("moods", word, "moods", number): _field("moods", word) for number, word in enumerate(asked.moods)
    }
    excluded = {
        player_refused(word, number): _field("exclude_instruments", word)
        for number, word in enumerate(asked.exclude_instruments)
    }
    wanted, drums, solo = _players(asked, frozenset(excluded))
    refused_drums = next((words for key, words in excluded.items() if key in _DRUMMERS), None)
    if refused_drums is not None and drums is None:
        drums = Heard[bool](value=False, words=refused_drums)
    return Wishes(
        tempo_bpm=_heard("tempo_bpm", asked.tempo_bpm),
        tonic=None if tonic is None else Heard[str](value=tonic, words=_field("key", asked.key)),
        mode=None if mode is None else Heard[str](value=mode, words=_field("key", asked.key)),
        time_signature=None
        if asked.time_signature is None
        else Heard[str](value=metre_named(asked.time_signature), words=_field("time_signature", asked.time_signature)),
        genre=None
        if asked.genre is None
        else Heard[str](value=row_named("genres", asked.genre, "genre"), words=_field("genre", asked.genre)),
        moods=tuple(Heard[str](value=key, words=words) for key, words in moods.items()),
        instruments=wanted,
        excluded=tuple(
            Heard[str](value=key, words=words) for key, words in excluded.items() if key not in ("drums", "beat")
        ),
        drums=drums,
        solo=solo,
        loop=None if asked.loop is None else Heard[bool](value=asked.loop, words=_field("loop", asked.loop)),
        loudness_lufs=_heard("loudness_lufs", asked.loudness_lufs),
    )


def granted(brief: Brief, wishes: Wishes) -> Brief:
    """The brief with the wishes in it: a wish outranks the words, and what it overruled is among the conflicts."""
    conflicts = list(brief.conflicts)
    changes: dict[str, Any] = {}
    for name in ("tempo_bpm", "tonic", "mode", "time_signature", "genre", "drums", "loop", "loudness_lufs"):
        wish, said = getattr(wishes, name), getattr(brief, name)
        if wish is None:
            continue
        changes[name] = wish
        if said is not None and said.value != wish.value:
            conflicts.append(f"{wish.words[0]} against {_quoted(said.words)}: the field wins.")
    if wishes.tempo_bpm is not None:
        changes["beat"] = None  # the words' note counted the words' number
    _note_speed(brief, wishes, conflicts)
    if wishes.genre is not None:
        changes["other_genres"] = ()
        changes["excluded_genres"] = _without(
            brief.excluded_genres, {wishes.genre.value}, wishes.genre.words[0], conflicts
        )
    if wishes.moods:
        changes.update(_feeling(brief, wishes, conflicts))
    if wishes.instruments or wishes.excluded or wishes.drums is not None:
        changes.update(_band(brief, wishes, conflicts))
    return brief.model_copy(update={**changes, "conflicts": tuple(dict.fromkeys(conflicts))})


def direct_members(key: str) -> frozenset[str]:
    """The instruments that a name itself means: not what else goes when it is refused."""
    if key in FAMILIES and key not in lexicon().instruments:
        return frozenset(name for name, row in INSTRUMENTS.items() if row.family == key)
    return frozenset(members_of(key))


def _field(name: str, value: object) -> tuple[str, ...]:
    shown = f"{value:g}" if isinstance(value, float) else str(value).lower() if isinstance(value, bool) else str(value)
    return (f"{name}={shown.strip()}",)


def _heard(name: str, value: float | None) -> Heard[float] | None:
    return None if value is None else Heard[float](value=value, words=_field(name, value))


def _quoted(words: Iterable[str]) -> str:
    return ", ".join(f"“{word}”" for word in words)


def _players(
    asked: Asked, excluded: frozenset[str]
) -> tuple[tuple[Heard[str], ...], Heard[bool] | None, Heard[bool] | None]:
    """Who must play, whether there must be drums, and whether those named play alone."""
    rows = lexicon().instruments
    wanted: dict[str, tuple[str, ...]] = {}
    drums = solo = None
    for number, word in enumerate(asked.instruments):
        key = row_named("instruments", word, "instruments", number)
        words = _field("instruments", word)
        row = rows.get(key)
        drummer = row.drums if row is not None else INSTRUMENTS[key].is_drums
        if row is not None and row.weak and not row.drums:
            raise InvalidField("instruments", "is not an instrument; it can only be excluded", inside=(number,))
        if key in excluded or (drummer and excluded & {"drums", "beat"}):
            raise InvalidField("instruments", "is excluded by exclude_instruments as well", inside=(number,))
        if drummer and drums is None:
            drums = Heard[bool](value=True, words=words)
        if row is not None and row.alone and len(asked.instruments) == 1:
            solo = Heard[bool](value=True, words=words)
        if key not in ("drums", "beat"):
            for member in (row.all if row is not None else ()) or (key,):
                wanted.setdefault(member, words)
    return tuple(Heard[str](value=key, words=words) for key, words in wanted.items()), drums, solo


def _note_speed(brief: Brief, wishes: Wishes, conflicts: list[str]) -> None:
    if wishes.tempo_bpm is None or brief.tempo_feel is None:
        return
    feel, tempo_bpm = brief.tempo_feel.value, wishes.tempo_bpm.value
    if (feel < -_FEEL and tempo_bpm >= _FAST_FROM_BPM) or (feel > _FEEL and tempo_bpm <= _SLOW_BELOW_BPM):
        conflicts.append(f"{wishes.tempo_bpm.words[0]} against {_quoted(brief.tempo_feel.words)}: the field wins.")


def _feeling(brief: Brief, wishes: Wishes, conflicts: list[str]) -> dict[str, Any]:
    """Moods and their place on the plane: the field's; scenes that the words painted stay behind them."""
    rows = lexicon().moods
    named = {heard.value for heard in wishes.moods}
    others = [heard for heard in brief.moods if heard.value not in named]
    scenes = [heard for heard in others if rows[heard.value].scene]
    conflicts.extend(
        f"{wishes.moods[0].words[0]} against {_quoted(heard.words)}: the field wins."
        for heard in others
        if heard not in scenes
    )
    return {
        "moods": (*wishes.moods, *scenes),
        "valence": round(sum(rows[key].valence for key in named) / len(named), 3),
        "arousal": round(sum(rows[key].arousal for key in named) / len(named), 3),
    }


def _band(brief: Brief, wishes: Wishes, conflicts: list[str]) -> dict[str, Any]:
    """Players wanted and refused by fields and words together."""
    named = {heard.value for heard in wishes.instruments}
    refused = {heard.value: heard.words[0] for heard in wishes.excluded}
    gone = {key: words for name, words in refused.items() for key in direct_members(name)} | refused
    kept: list[Heard[str]] = []
    for heard in brief.instruments:
        members = direct_members(heard.value)
        by = gone.get(heard.value) or (gone[min(members)] if members and members <= set(gone) else None)
        if by is None and wishes.drums is not None and not wishes.drums.value and _drums(heard.value):
            by = wishes.drums.words[0]
        if by is not None:
            conflicts.append(f"{by} against {_quoted(heard.words)}: the field wins.")
        elif heard.value not in named:
            kept.append(heard)
    instruments = (*wishes.instruments, *kept)
    lead = brief.lead if brief.lead is not None and brief.lead.value in {heard.value for heard in instruments} else None
    said = _without(brief.excluded_instruments, named, "instruments", conflicts)
    return {
        "instruments": instruments,
        "excluded_instruments": (*wishes.excluded, *(heard for heard in said if heard.value not in refused)),
        "lead": lead,
        "solo": wishes.solo or brief.solo,
    }


def _drums(key: str) -> bool:
    row = lexicon().instruments.get(key)
    return row.drums and not row.all if row is not None else INSTRUMENTS[key].is_drums


def _without(
    said: tuple[Heard[str], ...], named: Iterable[str], field: str, conflicts: list[str]
) -> tuple[Heard[str], ...]:
    """What the words refused and no field wants."""
    named = set(named)
    conflicts.extend(
        f"{field} against {_quoted(heard.words)}: the field wins." for heard in said if heard.value in named
    )
    return tuple(heard for heard in said if heard.value not in named)
