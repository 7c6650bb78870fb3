"""Ways of playing in context go in, each with the player it was said of comes out; and who of a band plays so."""

from collections.abc import Sequence
from typing import cast

from app.models.brief import Brief, HeardManner
from app.models.plan import Manner
from app.services.planning.catalogue import members_of
from app.services.planning.clauses import Said
from app.services.planning.lexicon import lexicon
from app.services.planning.tokens import Passage
from app.services.theory.instruments import INSTRUMENTS

#: A way of playing belongs to an instrument at most this many tokens away: "guitar, gently fingerpicked".
_REACH = 3


def read_manners(passage: Passage, said: Sequence[Said]) -> tuple[HeardManner, ...]:
    """The ways of playing that were asked for, each once.

    They are found inside the names of instruments too: "staccato strings".
    """
    players = [one for one in said if one.meaning("instruments") is not None and not one.refused]
    heard: dict[tuple[str, str | None], HeardManner] = {}
    for one in said:
        if one.refused:
            continue
        for manner, first, last in _within(passage, one):
            player = _player(one, [other for other in players if _able(manner, other.meaning("instruments") or "")])
            heard.setdefault(
                (manner, player), HeardManner(value=manner, words=(passage.text(first, last),), player=player)
            )
    return tuple(heard.values())


def manners_for(brief: Brief, instrument: str) -> tuple[Manner, ...]:
    """The ways of playing that an instrument of the band was asked for and can play.

    What was said of the narrowest name counts: beside "legato violin", "staccato strings" are the others.
    """
    row, families = INSTRUMENTS[instrument], lexicon().manner
    own = [heard for heard in brief.manners if heard.player is not None and instrument in members_of(heard.player)]
    narrowest = min((len(members_of(heard.player or "")) for heard in own), default=0)
    said = [heard for heard in own if len(members_of(heard.player or "")) == narrowest]
    said += [heard for heard in brief.manners if heard.player is None]
    return tuple(
        dict.fromkeys(
            cast(Manner, heard.value)
            for heard in said
            if (row.family in families[heard.value] if families[heard.value] else not row.is_drums)
        )
    )


def _able(manner: str, player: str) -> bool:
    """Whether those whom a name means can play so at all: nobody picks a drum kit."""
    families = lexicon().manner[manner]
    members = [INSTRUMENTS[key] for key in members_of(player)]
    return any(row.family in families if families else not row.is_drums for row in members)


def _within(passage: Passage, one: Said) -> list[tuple[str, int, int]]:
    """The manners that a match means or holds, with their place."""
    first, last = one.match.first, one.match.last
    whole = one.meaning("manner")
    if whole is not None:
        return [(whole, first, last)]
    if one.meaning("instruments") is None or last - first < 2:
        return []
    phrases = lexicon().phrases
    found = []
    for begin in range(first, last):
        for end in range(last, begin, -1):
            senses = phrases.get(tuple(passage.folded(i) for i in range(begin, end)), ())
            found += [(sense.key, begin, end) for sense in senses if sense.table == "manner"]
    return found


def _player(one: Said, players: Sequence[Said]) -> str | None:
    """The instrument that a manner was said of: its own match, the one right after it, else the one before it."""
    key = one.meaning("instruments")
    if key is not None and any(other is one for other in players):
        return key
    after = [other for other in players if 0 <= other.match.first - one.match.last < _REACH]
    before = [other for other in players if 0 <= one.match.first - other.match.last < _REACH]
    beside = after[:1] or before[-1:]
    return beside[0].meaning("instruments") if beside else None
