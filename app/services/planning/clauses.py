"""Matches go in, the same come out knowing what their neighbours do to them: refused, weakened, strengthened."""

from collections.abc import Sequence
from dataclasses import dataclass

from app.services.planning.lexicon import MEANINGS
from app.services.planning.matching import Match
from app.services.planning.tokens import Token

#: Tables that a degree weighs: "very" says nothing of a genre or an instrument.
_WEIGHED = ("moods", "uses", "tempo", "density")

#: Tables of names, which a refusal finds behind words that nobody knows: "no heavy orchestral drums".
_NAMED = ("genres", "instruments", "tempo", "density", "course", "manner")

#: Marks that end a thought, and those that only separate a list.
_STOPS, _COMMAS = frozenset(".;:!?()[]|。"), frozenset(",、，")

#: Words between a degree and what it weighs: "a bit of a sad tune".
_DEGREE_REACH = 2

#: Words between "no" and what it refuses that may be unknown: "no heavy orchestral drums".
_PATIENCE = 3


@dataclass(slots=True)
class Said:
    """A match with a meaning, in its context."""

    match: Match
    #: The word that refuses it, if one does.
    refused_by: Match | None = None
    #: Factor on its strength: 0.5 "a bit" … 1.35 "very".
    degree: float = 1.0
    degree_by: Match | None = None

    @property
    def refused(self) -> bool:
        """Whether it was asked not to be."""
        return self.refused_by is not None

    def meaning(self, table: str) -> str | None:
        """The row it names in a table."""
        return self.match.key(table)


def in_context(stream: Sequence[Token], matches: Sequence[Match]) -> list[Said]:
    """Every meaningful match in order, with the refusals and degrees that reach it."""
    said: list[Said] = []
    refusal: _Refusal | None = None
    degree: Match | None = None
    position = 0
    for number, match in enumerate(matches):
        refusal = _across(stream, position, match.first, refusal, matches[number:])
        if any(token.folded in _STOPS or token.folded in _COMMAS for token in stream[position : match.first]):
            degree = None
        position = match.last
        if match.says("refuse", "deny", "lessen"):
            refusal = _Refusal(by=match, quality=not match.says("refuse"), lessens=match.says("lessen"))
        elif match.says("turn", "only"):
            # "Nothing with drums" refuses them; "no drums but bass" keeps the bass.
            if refusal is None or refusal.hit is not None or match.first > refusal.by.last:
                refusal = None
        elif match.says("refuse_after") or (match.says("out") and _held(stream, said, match, matches)):
            _refuse_back(stream, said, match, matches)
        elif match.says("either", "also"):
            if refusal is not None:
                refusal.joined = "either" if match.says("either") else "also"
        elif match.key("degree") is not None:
            degree = match
        if not any(match.key(table) for table in MEANINGS):
            if refusal is not None and match.says("filler") and refusal.hit and stream[match.first].folded in _ARTICLES:
                refusal.article = True
            continue
        spoken = Said(match)
        if degree is not None and match.first - degree.last > _DEGREE_REACH:
            degree = None
        if degree is not None and any(match.key(table) for table in _WEIGHED):
            spoken.degree, spoken.degree_by, degree = float(degree.key("degree") or 1.0), degree, None
        if refusal is not None:
            if refusal.reaches(match):
                spoken.refused_by = refusal.by
                refusal.took(match)
                following = matches[number + 1] if number + 1 < len(matches) else None
                showing_off = following is not None and following.says("solo") and following.first == match.last
                if (refusal.lessens or showing_off) and match.key("instruments") is not None:
                    continue  # "less drums" and "no guitar solo" neither ask for a player nor do without
            else:
                refusal = None
        said.append(spoken)
    return said


def _refuse_back(stream: Sequence[Token], said: Sequence[Said], by: Match, matches: Sequence[Match]) -> None:
    """Refuse what stands right before a word like "free", and what "each" joins to it: ピアノもギターもなし."""
    later = by
    for one in reversed(said):
        between = [match for match in matches if one.match.last <= match.first and match.last <= later.first]
        if not _near(one.match, later, matches) or any(t.kind == "mark" for t in stream[one.match.last : later.first]):
            return
        if later is not by and not any(match.says("each") for match in between):
            return
        one.refused_by = by
        later = one.match


def _held(stream: Sequence[Token], said: Sequence[Said], out: Match, matches: Sequence[Match]) -> bool:
    """Whether a word like "out" closes what one like "keep" opened: "keep the drums out", "leave out" apart."""
    if not said or said[-1].match.last != out.first:
        return False
    before = [match for match in matches if match.last <= said[-1].match.first][-3:]
    opened = next((match for match in reversed(before) if match.says("hold")), None)
    return opened is not None and not any(token.kind == "mark" for token in stream[opened.last : out.first])


_ARTICLES = frozenset({"a", "an", "some", "un", "una", "ein", "eine", "une", "um", "uma"})


@dataclass(slots=True)
class _Refusal:
    """A "no" on its way through the words after it."""

    by: Match
    #: "not", which takes one quality, rather than "no", which takes things.
    quality: bool
    #: "less", which takes nothing away.
    lessens: bool = False
    #: The last match it took.
    hit: Match | None = None
    #: "either" or "also" if such a word stands since the last hit.
    joined: str = ""
    article: bool = False
    listing: bool = False
    #: Whether unknown words stand between it and what it takes first.
    gap: bool = False
    #: Whether a colon stands after it: what follows is a list.
    headed: bool = False

    def reaches(self, match: Match) -> bool:
        """Whether it refuses this match too."""
        if self.hit is None:
            # "They never found the dark box" denies no darkness.
            return not self.gap or any(match.key(table) for table in _NAMED)
        things = self.hit.key("instruments") is not None
        same = things == (match.key("instruments") is not None)
        if self.headed:
            return True
        if self.joined == "either" or self.listing:
            return same
        if self.joined == "also":
            return same and not self.article
        # "no aggressive drums": a quality before its thing.
        return not self.quality and not things and match.key("instruments") is not None and match.first == self.hit.last

    def took(self, match: Match) -> None:
        """Remember what it refused."""
        self.hit, self.joined, self.article, self.listing = match, "", False, False


def _across(
    stream: Sequence[Token], start: int, end: int, refusal: _Refusal | None, ahead: Sequence[Match]
) -> _Refusal | None:
    """The refusal that survives the unknown words and marks between two matches."""
    if refusal is None:
        return None
    between = stream[start:end]
    if start == refusal.by.last and refusal.hit is None and [token.folded for token in between] == [":"]:
        refusal.headed = True  # "Avoid: saxophone, strings"
        return refusal
    if any(token.folded in _STOPS for token in between):
        return None
    unknown = sum(token.kind != "mark" for token in between)
    refusal.gap |= unknown > 0 and refusal.hit is None
    if unknown > _PATIENCE or (unknown and refusal.quality and not refusal.lessens and refusal.hit is None):
        return None  # who did not say something at the funeral was there
    if any(token.folded in _COMMAS for token in between):
        if not refusal.headed and (refusal.hit is None or not _list_ends_in_either(stream, end, ahead)):
            return None
        refusal.listing = True
    return refusal


def _list_ends_in_either(stream: Sequence[Token], start: int, ahead: Sequence[Match]) -> bool:
    """Whether the list that goes on at `start` ends in "or": "no drums, bass or vocals"."""
    position = start
    for match in ahead:
        if any(token.folded in _STOPS or token.kind in ("word", "east") for token in stream[position : match.first]):
            return False
        position = match.last
        if match.says("either"):
            return True
        if not (match.key("instruments") or match.key("moods") or match.says("filler")):
            return False
    return False


def _near(earlier: Match, later: Match, matches: Sequence[Match]) -> bool:
    """Whether only fillers stand between two matches."""
    between = [match for match in matches if earlier.last <= match.first and match.last <= later.first]
    return all(match.says("filler", "each") for match in between) and later.first - earlier.last <= 2
