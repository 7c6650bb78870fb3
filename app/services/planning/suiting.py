"""A style, a brief and a character go in, how well the style suits them comes out."""

import math
from collections.abc import Sequence

from app.models.brief import Brief
from app.models.score import DRUM_ROLES
from app.services.planning.catalogue import at_home_in_many, known_for, members_of, roles_of
from app.services.planning.character import Character
from app.services.styles import Style
from app.services.theory.instruments import INSTRUMENTS

#: Where an unmarked prompt stands on the plane of feeling, and how loosely.
_NEUTRAL = (0.25, 0.0)
_PULL, _LOOSE_PULL = 2.2, 0.4

#: How much more a style that is made of the instrument asked for suits than one that merely has it.
_MADE_OF_IT = 12.0

#: Arousal that "very fast" says of itself where nothing else says any, and "very slow" takes.
_SPEED_STIRS = 0.8

#: Weight of a style against one that is built on an instrument asked for: where it plays now and then or makes a
#: genre recognisable, where it could at least take a role, where it is a stranger, and of a style for another player.
_AT_HOME, _GUEST, _STRANGER, _OUTSIDER = 0.2, 0.006, 0.003, 0.001

#: The least of it for drums in a style that has drums of another kind.
_SOME_DRUMS = 0.5

#: Courses of energy that need a loud end of the scale, and the arousal of a style that has one.
_STRONG_ARCS, _LEAST_AROUSAL_TO_BUILD = frozenset({"builds", "bursts", "drop_at_end", "calm_loud_calm"}), -0.5

#: How welcome a stranger is among several who were asked for.
_GUEST_OF_SEVERAL = 0.15

#: Roles in which an instrument is what one hears first.
_PROMINENT = frozenset({"lead", "chords", "bass", "drums", "pad"})

#: What a style loses that is never in the metre asked for.
_STRANGE_METRE = 0.1

#: Families of an orchestra's core, those that join it, what a style with a drum kit loses where only they play, and how
#: much less where the feeling is lively.
_CONCERT = frozenset({"strings", "ensemble"})
_GUESTS_OF_CONCERT = frozenset({"piano", "pipe", "reed", "brass", "mallets"})
_DRUMMED_CONCERT, _LIVELY_CONCERT = 0.85, 0.9

#: Share of basses from which a style with drums is plugged in, what is left of one where everybody who was asked for is
#: of wood, wire and breath, and the feeling from which that goes: the rage of a piano.
_PLUGGED_SHARE, _BESIDE_WOOD, _DARK, _STIRRED = 0.8, 0.004, -0.3, 0.3
#: Families of wood, wire and breath, and the members that need a socket.
_OF_WOOD = _CONCERT | _GUESTS_OF_CONCERT
_PLUGGED = frozenset({"electric_piano_1", "electric_piano_2", "electric_grand_piano", "clavinet"})

#: Tempo of a mid-tempo piece in no particular style, and octaves between that and the ends of the scale of words.
MIDDLE_BPM, WORD_OCTAVES = 104.0, 0.85


def players_of(style: Style) -> frozenset[str]:
    """All instruments that a style may use; a single one where it is a style for one player."""
    return frozenset(key for row in style.ensemble.values() for key in row.instruments)


def suits(style: Style, brief: Brief, character: Character, least: float = 0.0) -> float:
    """How well a style suits what was said, above 0; those asked for are as welcome as `least` at least."""
    known = character.valence is not None and character.arousal is not None
    valence, arousal = (character.valence, character.arousal) if known else _NEUTRAL
    pull = stirred = _PULL if known else _LOOSE_PULL
    if not known and brief.tempo_feel is not None:
        arousal, stirred = _SPEED_STIRS * brief.tempo_feel.value, _PULL
    away = pull * (style.valence - (valence or 0.0)) ** 2 + stirred * (style.arousal - (arousal or 0.0)) ** 2
    weight = math.exp(-away)
    weight *= max(least, welcomes(style, [members_of(heard.value) for heard in brief.instruments]))
    drummed = max(
        (style.ensemble[role].presence for role in ("drums", "percussion") if role in style.ensemble), default=0
    )
    concert = brief.drums is None and character.drums is not False and _concert(brief)
    wanted = brief.drums.value if brief.drums is not None else character.drums
    if concert:
        calm = 1.0 - _LIVELY_CONCERT * max(0.0, character.arousal or 0.0)
        weight *= 1.0 - _DRUMMED_CONCERT * calm * drummed
    elif wanted is not None:
        weight *= (0.15 + 0.85 * drummed) if wanted else 1.0 - drummed * (0.85 if style.arousal > 0.3 else 0.5)
    if brief.drums is None and _rages(character) and _of_wood(brief) and _plugged_in(style):
        weight *= _BESIDE_WOOD
    if brief.tempo_bpm is not None:
        low, high = style.tempo_bpm.low, style.tempo_bpm.high
        away = max(0.0, math.log2(low / brief.tempo_bpm.value), math.log2(brief.tempo_bpm.value / high))
        weight *= math.exp(-4.0 * away)
    if brief.tempo_feel is not None:
        typical = math.log2(style.tempo_bpm.typical / MIDDLE_BPM)
        weight *= math.exp(-2.5 * (typical - WORD_OCTAVES * brief.tempo_feel.value * 0.6) ** 2)
    if brief.arc is not None and style.arousal < _LEAST_AROUSAL_TO_BUILD and brief.arc.value in _STRONG_ARCS:
        weight *= 0.03
    if brief.time_signature is not None and brief.time_signature.value not in style.time_signatures:
        weight *= _STRANGE_METRE
    if brief.solo is not None:
        weight *= 0.3 if len(style.ensemble) > 4 else 1.5
    return weight


def _concert(brief: Brief) -> bool:
    """Whether those asked for sit in an orchestra, with strings or a choir among them: they call for no drum kit."""
    families = [{INSTRUMENTS[key].family for key in members_of(heard.value)[:1]} for heard in brief.instruments]
    return any(one & _CONCERT for one in families) and all(one <= _CONCERT | _GUESTS_OF_CONCERT for one in families)


def _of_wood(brief: Brief) -> bool:
    """Whether players were asked for, and none of them is plugged in, a drummer, or made of current."""
    asked = [members_of(heard.value)[:1] for heard in brief.instruments]
    return bool(asked) and all(
        INSTRUMENTS[key].family in _OF_WOOD and INSTRUMENTS[key].source == "sampled" and key not in _PLUGGED
        for members in asked
        for key in members
    )


def _rages(character: Character) -> bool:
    """Whether the feeling is dark and stirred."""
    return (character.valence or 0.0) <= _DARK and (character.arousal or 0.0) >= _STIRRED


def _plugged_in(style: Style) -> bool:
    """Whether a style with drums has a bass of machines or amplifiers."""
    bass = style.ensemble.get("bass")
    if bass is None or "drums" not in style.ensemble:
        return False
    shares = bass.instruments
    plugged = (
        share
        for key, share in shares.items()
        if INSTRUMENTS[key].source == "synth" or (INSTRUMENTS[key].family == "bass" and key != "acoustic_bass")
    )
    return sum(plugged) >= _PLUGGED_SHARE * sum(shares.values())


def welcomes(style: Style, asked: Sequence[tuple[str, ...]]) -> float:
    """How much at home all instruments asked for are: of several, some may be guests."""
    players = players_of(style)
    foreign = len(players) == 1 and not any(players & set(members) for members in asked)
    least = _GUEST_OF_SEVERAL if len(asked) > 1 and not foreign else 0.0
    return math.prod(
        max(least if at_home_in_many(members) else 0.0, _drummed(style, members), _plays(style, members))
        for members in asked
    )


def _drummed(style: Style, members: Sequence[str]) -> float:
    """How welcome drums are at least in a style that has any: whose kit it is makes little difference."""
    drums = bool(members) and all(INSTRUMENTS[key].is_drums for key in members)
    return _SOME_DRUMS if drums and DRUM_ROLES & style.ensemble.keys() else 0.0


def _plays(style: Style, members: Sequence[str]) -> float:
    """How much at home an instrument is in a style: how likely it would play there unasked, and how prominently.

    More than 1 where the style is made of little else.
    """
    shares = {
        role: sum(row.instruments.get(key, 0.0) for key in members) / sum(row.instruments.values())
        for role, row in style.ensemble.items()
    }
    home = max(
        share * style.ensemble[role].presence * (1.0 if role in _PROMINENT else 0.6) for role, share in shares.items()
    )
    if home > 0.0:
        pitched = [share for role, share in shares.items() if role not in DRUM_ROLES]
        made_of_it = _MADE_OF_IT * (sum(pitched) / len(pitched)) ** 2 if pitched else 0.0
        return (_AT_HOME + (1.0 - _AT_HOME) * math.sqrt(home)) * (1.0 + made_of_it)
    if style.name in known_for(members[0] if members else ""):
        return _AT_HOME
    if len(players_of(style)) == 1:
        return _OUTSIDER
    return _GUEST if any(role in style.ensemble for key in members[:1] for role in roles_of(key)) else _STRANGER
