"""Who plays, as the words have it: instruments wanted and refused, drums, who leads, and whether they play alone."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from app.models.brief import Heard
from app.services.planning.catalogue import members_of, roles_of
from app.services.planning.clauses import Said
from app.services.planning.lexicon import lexicon, phrase_of
from app.services.planning.matching import Match
from app.services.theory.instruments import INSTRUMENTS

#: Contract genres in which "a guitar solo" is a moment inside a band's piece.
_BAND_GENRES = frozenset({"rock", "pop", "blues", "jazz", "country", "reggae", "electronic", "hip-hop"})

#: Those in which even an instrument that can play alone does not.
_LOUD_GENRES = frozenset({"rock", "electronic", "hip-hop"})

#: Rows that mean whoever drums: refused, there are no drums. Without one kind of drum there are others.
_DRUMMERS = frozenset({"drums", "beat", "percussion"})

#: Words of course.toml after which others join.
_TURNS = frozenset({"begin", "next"})

Quote = Callable[[Said], tuple[str, ...]]


@dataclass(slots=True)
class BandRead:
    """What the words said about the players."""

    wanted: tuple[Heard[str], ...] = ()
    refused: tuple[Heard[str], ...] = ()
    drums: Heard[bool] | None = None
    lead: Heard[str] | None = None
    solo: Heard[bool] | None = None


@dataclass(slots=True)
class _Draft:
    """Words collected by instrument."""

    wanted: dict[str, list[str]] = field(default_factory=dict)
    refused: dict[str, list[str]] = field(default_factory=dict)
    drums: dict[bool, list[str]] = field(default_factory=dict)
    alone: list[str] = field(default_factory=list)


def read_band(
    said: Sequence[Said], matches: Sequence[Match], genre: Heard[str] | None, quote: Quote, conflicts: list[str]
) -> BandRead:
    """The players; contradictions are added to `conflicts`."""
    rows = lexicon().instruments
    draft = _Draft()
    for one in said:
        key = one.meaning("instruments")
        if key is not None:
            _hear(draft, key, one.refused, quote(one))
    for match in matches:
        key = match.key("refused")
        if key is not None:
            _hear(draft, key, True, quote(Said(match)))
    _one_kit(draft, said)
    conflicts.extend(
        f"“{' '.join(quote(one))}”: a part of a drum kit is not left out by itself."
        for one in said
        if one.refused
        and (row := rows.get(one.meaning("instruments") or "")) is not None
        and (row.part or _one_item(one.meaning("instruments") or "", quote(one)))
    )
    for key in [key for key in draft.wanted if key in draft.refused]:
        conflicts.append(f"{key} was both wanted and refused: it is left out.")
        del draft.wanted[key]
    if len(draft.drums) == 2:
        conflicts.append("Drums were both wanted and refused: there are none but those named.")
    instruments = [one for one in said if one.meaning("instruments") and not one.refused]
    lead = _lead(instruments, matches, quote)
    solo = _solo(instruments, matches, draft, genre, quote)
    if solo is not None and any(one.meaning("course") in _TURNS for one in said):
        solo = Heard[bool](value=False, words=solo.words)  # "starts with solo violin, then full orchestra"
    if solo is not None and lead is None and not solo.value:
        lead = Heard(value=_melodic(instruments, solo.words, quote) or "", words=solo.words)
    return BandRead(
        wanted=tuple(Heard(value=key, words=tuple(dict.fromkeys(words))) for key, words in draft.wanted.items()),
        refused=tuple(Heard(value=key, words=tuple(dict.fromkeys(words))) for key, words in draft.refused.items()),
        drums=_drums(draft),
        lead=lead if lead and lead.value and not rows[lead.value].drums else None,
        solo=solo if solo is not None and solo.value else None,
    )


def _one_kit(draft: _Draft, said: Sequence[Said]) -> None:
    """The kit that was named takes the place of the one that an ensemble brings: "jazz trio with brushes"."""
    rows = lexicon().instruments
    named = {one.meaning("instruments") for one in said if not one.refused} & draft.wanted.keys()
    kits = {key for key in named if key in INSTRUMENTS and INSTRUMENTS[key].is_drums}
    brought = {key for one in said if (row := rows.get(one.meaning("instruments") or "")) for key in row.all}
    if kits:
        for key in brought - kits:
            if INSTRUMENTS[key].is_drums:
                draft.wanted.pop(key, None)


def _hear(draft: _Draft, key: str, refused: bool, words: Sequence[str]) -> None:
    row = lexicon().instruments[key]
    if row.part:
        # Asked for, it brings the kit; refused, it leaves the rest of it.
        if not refused:
            draft.drums.setdefault(True, []).extend(words)
        return
    if refused and _one_item(key, words):
        return
    if row.drums and (key in _DRUMMERS if refused else not row.weak):
        draft.drums.setdefault(not refused, []).extend(words)
    if refused:
        if key not in ("drums", "beat"):
            draft.refused.setdefault(key, []).extend(words)
        return
    if row.weak or key == "drums":
        return
    if row.alone:
        draft.alone.extend(words)
    for member in row.all or (key,):
        draft.wanted.setdefault(member, []).extend(words)


def _one_item(key: str, words: Sequence[str]) -> bool:
    """Whether the words name a single thing of a group, which nobody misses but by itself: "no claps"."""
    items = {phrase_of(item) for item in lexicon().instruments[key].items}
    return any(phrase_of(word) in items for word in words)


def _drums(draft: _Draft) -> Heard[bool] | None:
    """Refusal outranks the wish."""
    for value in (False, True):
        if value in draft.drums:
            return Heard(value=value, words=tuple(dict.fromkeys(draft.drums[value])))
    return None


def _lead(instruments: Sequence[Said], matches: Sequence[Match], quote: Quote) -> Heard[str] | None:
    """The instrument beside "lead" or "melody": before it, else after it with small words between."""
    for match in matches:
        if not match.says("lead"):
            continue
        before = next((one for one in instruments if _carries(one.match, match, matches)), None)
        one = before or _next_to(match, instruments, matches)
        if one is not None:
            key = one.meaning("instruments") or ""
            if not lexicon().instruments[key].all:
                return Heard(value=key, words=(*quote(one), *quote(Said(match))))
    return None


def _carries(instrument: Match, tune: Match, matches: Sequence[Match]) -> bool:
    """Whether an instrument stands right before "melody", or only a verb that gives it the melody comes between."""
    if instrument.last == tune.first:
        return True
    between = [match for match in matches if instrument.last <= match.first and match.last <= tune.first]
    said = all(match.says("filler", "carries") for match in between)
    covered = sum(match.last - match.first for match in between) == tune.first - instrument.last
    return said and covered and any(match.says("carries") for match in between)


def _solo(
    instruments: Sequence[Said],
    matches: Sequence[Match],
    draft: _Draft,
    genre: Heard[str] | None,
    quote: Quote,
) -> Heard[bool] | None:
    """True if those named play alone; False marks a solo inside a band; None if nothing was said."""
    melodic = [one for one in instruments if not lexicon().instruments[one.meaning("instruments") or ""].drums]
    for match in matches:
        if not match.says("solo", "only") or (match.says("solo") and _unwanted(match, matches)):
            continue
        # "A cello, nothing else": a comma or "and" may stand before a phrase that closes the list.
        gap = 1 if match.says("only") and match.last - match.first > 1 else 0
        before = next((one for one in instruments if _only_fillers(one.match, match, matches, gap)), None)
        after = _next_to(match, instruments, matches)
        one = before if before is not None and before.match.last == match.first else after or before
        if one is None:
            continue
        words = (*quote(one), *quote(Said(match)))
        if match.says("only"):
            return Heard(value=True, words=words)
        family = genre and (lexicon().genres[genre.value].parent or genre.value)
        members = members_of(one.meaning("instruments") or "")
        full = bool(members) and roles_of(members[0])[0] == "chords"
        apart = genre is not None and _stands_apart(one.match, matches)
        inside = one is before and (
            family in (_LOUD_GENRES if full and not apart else _BAND_GENRES) or _comes_with(one.match, matches)
        )
        one_player = bool(members) and len(draft.wanted) == 1 and len(melodic) >= 1
        drums_alone = not members and not draft.wanted  # "solo drums", "drum solo": a kit has no members
        return Heard(value=not inside and (one_player or drums_alone), words=words)
    if draft.alone and _only_its_members(draft, instruments):
        return Heard(value=True, words=tuple(dict.fromkeys(draft.alone)))
    return None


def _unwanted(solo: Match, matches: Sequence[Match]) -> bool:
    """Whether a refusal reaches a solo: "no solos", "no guitar solo", "sans solo de guitare"."""
    return any(match.says("refuse") and 0 <= solo.first - match.last <= 2 for match in matches)


def _stands_apart(instrument: Match, matches: Sequence[Match]) -> bool:
    """Whether a genre was named before the instrument and other things between: "acid jazz at 108, Rhodes solo"."""
    genres = [match for match in matches if match.key("genres") and match.last <= instrument.first]
    return bool(genres) and genres[-1].last < instrument.first


def _only_its_members(draft: _Draft, instruments: Sequence[Said]) -> bool:
    """Whether all instruments named belong to the ensemble named: "jazz trio: piano, bass, drums" is the trio alone.

    Groups that a member answers ("bass") are then no longer wanted beside it.
    """
    rows = lexicon().instruments
    keys = [one.meaning("instruments") or "" for one in instruments]
    members = {member for key in keys if rows[key].alone for member in rows[key].all}
    others = [key for key in keys if not rows[key].alone and key not in members]
    covered = all(members & set(members_of(key)) or (key == "drums" and draft.drums.get(True)) for key in others)
    if covered:
        for key in others:
            draft.wanted.pop(key, None)
    return covered


def _melodic(instruments: Sequence[Said], words: Sequence[str], quote: Quote) -> str | None:
    """The instrument that a solo was said of, or else the first that is no drum kit or ensemble."""
    rows = lexicon().instruments
    order = sorted(instruments, key=lambda one: not set(quote(one)) <= set(words))
    keys = [one.meaning("instruments") or "" for one in order]
    return next((key for key in keys if not rows[key].drums and not rows[key].all), None)


def _next_to(match: Match, instruments: Sequence[Said], matches: Sequence[Match]) -> Said | None:
    """The instrument after a word, with nothing but small words and moods between."""
    return next((one for one in instruments if _only_fillers(match, one.match, matches)), None)


def _only_fillers(earlier: Match, later: Match, matches: Sequence[Match], gap: int = 0) -> bool:
    """Whether nothing but small words and qualities stands between, and at most `gap` tokens that no table knows."""
    if earlier.last > later.first or later.first - earlier.last > 4:
        return False
    between = [match for match in matches if earlier.last <= match.first and match.last <= later.first]
    covered = sum(match.last - match.first for match in between)
    return covered + gap >= later.first - earlier.last and all(
        match.says("filler")
        or (gap and match.says("also"))
        or match.key("moods")
        or match.key("density")
        or match.key("tempo")
        for match in between
    )


def _comes_with(instrument: Match, matches: Sequence[Match]) -> bool:
    """Whether "with" introduces the instrument: "ballad with a piano solo"."""
    before = [match for match in matches if match.last <= instrument.first][-2:]
    return any(match.says("turn") for match in before)
