"""The first choices of a plan: style, metre, tempo, key. What the words asked for stands; dice decide the rest."""

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import TypeVar, cast

import numpy as np

from app.models.brief import Brief
from app.models.plan import Mode
from app.models.score import DRUM_ROLES
from app.services.planning.catalogue import Styles, at_home_in_many, known_for, members_of, roles_of, styles_of
from app.services.planning.character import Character, genre_row
from app.services.planning.figures import counted
from app.services.planning.lexicon import lexicon
from app.services.planning.rows import GenreRow
from app.services.styles import Style
from app.services.theory.instruments import INSTRUMENTS
from app.services.theory.metre import metre_of
from app.services.theory.scales import MODES, third_of

#: Where an unmarked prompt stands on the plane of feeling, and how loosely.
_NEUTRAL = (0.25, 0.0)
_PULL, _LOOSE_PULL = 2.2, 0.4

#: How much more a style that is made of the instrument asked for suits than one that merely has it.
_MADE_OF_IT = 12.0

#: Weight of the second, third … style of a genre against the one before it.
_PREFERENCE = 0.45

#: Arousal that "very fast" says of itself where nothing else says any, and "very slow" takes.
_SPEED_STIRS = 0.8

#: Weight of a style that no mood or purpose wishes for, and what the players asked for add where they are at home.
_UNWISHED, _CALLED_FOR, _CALLED_FOR_BESIDE_WISHES = 0.01, 0.5, 0.15

#: A wish of mood or scene counts inside the genre that was named from this on.
_WISHED_INSIDE = 1.0

#: A wish this strong makes players welcome at least so much in a style that is not theirs.
_WISHED, _WISHED_GUEST = 0.5, 0.04
#: The same where one of the players calls for the style.
_CALLED_GUEST = 0.15

#: Weight of a style against one that is built on an instrument asked for: where it plays now and then or makes a
#: genre recognisable, where it could at least take a role, where it is a stranger, and of a style for another player.
_AT_HOME, _GUEST, _STRANGER, _OUTSIDER = 0.2, 0.006, 0.003, 0.001

#: The least of it for drums in a style that has drums of another kind.
_SOME_DRUMS = 0.5

#: Courses of energy that need a loud end of the scale, and the arousal of a style that has one.
_STRONG_ARCS, _LEAST_AROUSAL_TO_BUILD = frozenset({"builds", "bursts", "drop_at_end", "calm_loud_calm"}), -0.5

#: Tempo of a mid-tempo piece in no particular style, and octaves between that and the ends of the scale of words.
_MIDDLE_BPM, _WORD_OCTAVES = 104.0, 0.85

#: How far words for speed pull a style out of its own range.
_WORD_PULL, _WORD_PULL_FREE = 0.45, 0.6

#: Speed of a purpose, −1…1, from which it pulls a style as words for speed do.
_MOVING_USE = 0.4
#: The same of a slow one where a genre was named: a march at a funeral.
_STILL_USE = 0.6

#: Valence from which a feeling is plain, and what is left of the weight of scales that would belie it.
_PLAIN_FEELING, _AGAINST = 0.6, 0.1

#: Valence up to which a genre that knows major only may be in minor.
_AGAINST_GENRE = -0.35

#: Valence below which a key that was named without its mode may be minor as well as major.
_MINOR_BELOW = -0.2

#: What is added to a scale's weight, and what to that of one that the style has no chords for, but for its kind.
_RARE, _UNSPOKEN = 0.02, 0.001

#: Tonics as they are usually written, with how readily they are chosen.
_MAJOR_TONICS = {
    "C": 1.0, "Db": 0.5, "D": 1.0, "Eb": 0.8, "E": 0.8, "F": 1.0, "F#": 0.3, "G": 1.0, "Ab": 0.6, "A": 1.0, "Bb": 0.8,
    "B": 0.4,
}  # fmt: skip
_MINOR_TONICS = {
    "C": 0.9, "C#": 0.7, "D": 1.0, "Eb": 0.4, "E": 1.0, "F": 0.8, "F#": 0.8, "G": 0.9, "G#": 0.4, "A": 1.0, "Bb": 0.5,
    "B": 0.8,
}  # fmt: skip

#: How welcome a stranger is among several who were asked for.
_GUEST_OF_SEVERAL = 0.15

#: Styles this much less suited than the best are left out where the words say anything of what suits.
_LEAST_SHARE = 0.25

#: Weight of a general genre's first style ("ballad", "acoustic") where instruments say more.
_HINTED = 1.0
#: The same of a place.
_PLACED = 4.0

#: How much a style's rarity counts where players were named: a power of its weight, 0…1.
_RARITY_WITH_PLAYERS = 0.3

#: Roles in which an instrument is what one hears first.
_PROMINENT = frozenset({"lead", "chords", "bass", "drums", "pad"})

#: Unknown words that tell a picture, at least, and how readily a style is chosen then that is not listed for it.
_TOLD_IN, _UNTOLD = 2, 0.001

#: How much is left of a style that is out of place in the time that was named.
_ANACHRONISM = 0.1

#: What a style loses that is never in the metre asked for.
_STRANGE_METRE = 0.1

#: Families of an orchestra's core, those that join it, what a style with a drum kit loses where only they play, and how
#: much less where the feeling is lively.
_CONCERT = frozenset({"strings", "ensemble"})
_GUESTS_OF_CONCERT = frozenset({"piano", "pipe", "reed", "brass", "mallets"})
_DRUMMED_CONCERT, _LIVELY_CONCERT = 0.85, 0.9

_MAJOR_LIKE = frozenset({"major", "lydian", "mixolydian"})

Key = TypeVar("Key", bound=str)


def choose(rng: np.random.Generator, weights: Mapping[Key, float]) -> Key:
    """One of the keys, each as likely as its weight says; the first if all weigh nothing."""
    keys = list(weights)
    values = np.array([max(0.0, weights[key]) for key in keys])
    total = values.sum()
    return keys[int(rng.choice(len(keys), p=values / total))] if total > 0 else keys[0]


def choose_style(brief: Brief, character: Character, styles: Styles, rng: np.random.Generator) -> Style:
    """The genre's style where a genre is named, else one that suits mood, players and purpose."""
    row = genre_row(brief)
    pitched = any(not INSTRUMENTS[key].is_drums for heard in brief.instruments for key in members_of(heard.value))
    hint = row if row is not None and row.general and pitched else None
    if row is not None and hint is None:
        names = styles_of(row, styles)
        if row.parent:
            return styles[names[0]]
        weights = {
            name: _PREFERENCE**place * _suits(styles[name], brief, character) * _wished_inside(character, name)
            for place, name in enumerate(names)
        }
        return styles[choose(rng, weights)]
    picture = _is_picture(brief)
    spread = lexicon().told if picture else lexicon().spread
    refused = _refused_styles(brief, styles)
    brief = _without_weather(brief)
    called: dict[str, float] = defaultdict(float)
    for heard in brief.instruments:
        if (word := lexicon().instruments.get(heard.value)) is not None:
            for name, wish in word.styles.items():
                called[name] += wish
    weights = {}
    if hint is not None:
        # "Ballad for vibraphone and double bass": a general word is one wish beside the players.
        for place, name in enumerate(styles_of(hint, styles)):
            called[name] += (_PLACED if hint.place else _HINTED) * _PREFERENCE**place
    for name, style in styles.items():
        wished = character.styles.get(name, 0.0) + called[name]
        # Players who are all at home in a style call for it even where no mood does, and however rare it is.
        home = min(1.0, _welcomes(style, [members_of(heard.value) for heard in brief.instruments]))
        calling = _CALLED_FOR_BESIDE_WISHES if character.styles else _CALLED_FOR
        unwished = _UNWISHED + (calling * home**2 if brief.instruments else 0.0)
        common = spread.get(name, _UNTOLD if picture else 1.0) ** (_RARITY_WITH_PLAYERS if brief.instruments else 1.0)
        weight = wished + unwished * common if character.styles or called else common
        least = _WISHED_GUEST if wished >= _WISHED and len(players_of(style)) > 1 else 0.0
        least = max(least, _CALLED_GUEST if called[name] >= _WISHED and least else 0.0)
        weight *= _ANACHRONISM if character.era and name not in character.era else 1.0
        weights[name] = 0.0 if name in refused else weight * _suits(style, brief, character, least)
    if brief.instruments or character.styles or brief.time_signature is not None:
        least = _LEAST_SHARE * max(weights.values())
        weights = {name: weight if weight >= least else 0.0 for name, weight in weights.items()}
    return styles[choose(rng, weights)]


def _is_picture(brief: Brief) -> bool:
    """Whether words tell something, and none of them says anything of music, feeling or purpose."""
    heard = (brief.moods, brief.instruments, brief.excluded_instruments, brief.excluded_genres, brief.manners)
    asked = (brief.use, brief.tempo_bpm, brief.tempo_feel, brief.feel, brief.density, brief.drums, brief.time_signature)
    return len(brief.not_understood) >= _TOLD_IN and brief.valence is None and not any((*heard, *asked))


def _wished_inside(character: Character, name: str) -> float:
    """How much more a style of the genre named weighs because mood or scene wish for it: "electronic, eighties"."""
    wished = character.styles.get(name, 0.0)
    return 1.0 + wished if wished >= _WISHED_INSIDE else 1.0


def _without_weather(brief: Brief) -> Brief:
    """The brief without rain, waves and crackle where players were asked for too: any style can stand in the rain."""
    players = tuple(
        heard
        for heard in brief.instruments
        if any(set(roles_of(key)) - {"texture"} for key in members_of(heard.value)[:1])
    )
    return brief.model_copy(update={"instruments": players}) if players else brief


def _refused_styles(brief: Brief, styles: Styles) -> set[str]:
    rows = lexicon().genres
    return {
        name
        for heard in brief.excluded_genres
        for name, style in styles.items()
        if name == rows[heard.value].styles[0] or (not rows[heard.value].parent and style.genres[0] == heard.value)
    }


def players_of(style: Style) -> frozenset[str]:
    """All instruments that a style may use; a single one where it is a style for one player."""
    return frozenset(key for row in style.ensemble.values() for key in row.instruments)


def _suits(style: Style, brief: Brief, character: Character, least: float = 0.0) -> float:
    """How well a style suits what was said, above 0; those asked for are as welcome as `least` at least."""
    known = character.valence is not None and character.arousal is not None
    valence, arousal = (character.valence, character.arousal) if known else _NEUTRAL
    pull = stirred = _PULL if known else _LOOSE_PULL
    if not known and brief.tempo_feel is not None:
        arousal, stirred = _SPEED_STIRS * brief.tempo_feel.value, _PULL
    away = pull * (style.valence - (valence or 0.0)) ** 2 + stirred * (style.arousal - (arousal or 0.0)) ** 2
    weight = math.exp(-away)
    weight *= max(least, _welcomes(style, [members_of(heard.value) for heard in brief.instruments]))
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
    if brief.tempo_bpm is not None:
        low, high = style.tempo_bpm.low, style.tempo_bpm.high
        away = max(0.0, math.log2(low / brief.tempo_bpm.value), math.log2(brief.tempo_bpm.value / high))
        weight *= math.exp(-4.0 * away)
    if brief.tempo_feel is not None:
        typical = math.log2(style.tempo_bpm.typical / _MIDDLE_BPM)
        weight *= math.exp(-2.5 * (typical - _WORD_OCTAVES * brief.tempo_feel.value * 0.6) ** 2)
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


def _welcomes(style: Style, asked: Sequence[tuple[str, ...]]) -> float:
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


def choose_metre(brief: Brief, style: Style, rng: np.random.Generator) -> str:
    """The metre asked for, else the genre's, else the style's.

    A number for the tempo counts quarters unless another metre was asked for: the dice then keep to those that beat in
    quarters, and in nothing but quarters.
    """
    if brief.time_signature is not None:
        return brief.time_signature.value
    row = genre_row(brief)
    if row is not None and row.metre:
        return row.metre
    metres = style.time_signatures
    if brief.tempo_bpm is not None:
        in_quarters = {metre: weight for metre, weight in metres.items() if set(metre_of(metre).lengths) == {1.0}}
        metres = in_quarters or metres
    return choose(rng, metres)


def choose_tempo(brief: Brief, character: Character, style: Style, metre: str, rng: np.random.Generator) -> float:
    """Quarter notes a minute: the number asked for, else by words for speed, else by mood inside the style's range."""
    if brief.tempo_bpm is not None:
        return counted(brief.tempo_bpm.value, brief.beat.value if brief.beat else None, metre)[1]
    row = genre_row(brief)
    low, typical, high = _range(row, style)
    noise = float(rng.uniform(-1.0, 1.0))
    if brief.tempo_feel is not None:
        feel = brief.tempo_feel.value
        spoken = _MIDDLE_BPM * 2.0 ** (_WORD_OCTAVES * feel)
        styled = _inside(low, typical, high, max(-1.0, min(1.0, 1.4 * feel + 0.1 * noise)))
        pull = _WORD_PULL if row is not None else _WORD_PULL_FREE
        return float(styled ** (1 - pull) * spoken**pull)
    styled = _inside(low, typical, high, max(-1.0, min(1.0, 0.9 * character.tempo + 0.22 * noise)))
    purpose = lexicon().uses.get(brief.use.value) if brief.use is not None else None
    speed = (purpose.tempo_feel or 0.0) if purpose is not None else 0.0
    spoken = _MIDDLE_BPM * 2.0 ** (_WORD_OCTAVES * speed)
    least = _MOVING_USE if row is None else _STILL_USE
    if (abs(speed) if row is None else -speed) >= least and (spoken > styled) == (speed > 0.0):
        return float(styled ** (1 - _WORD_PULL) * spoken**_WORD_PULL)  # a workout is fast in any style
    return styled


def _range(row: GenreRow | None, style: Style) -> tuple[float, float, float]:
    if row is not None and row.tempo is not None:
        return row.tempo
    return style.tempo_bpm.low, style.tempo_bpm.typical, style.tempo_bpm.high


def _inside(low: float, typical: float, high: float, position: float) -> float:
    """The tempo at a position from −1 (low) over 0 (typical) to 1 (high)."""
    end = high if position > 0 else low
    return float(typical * (end / typical) ** abs(position))


def _scales(insisted: Mapping[Mode, float] | None, style: Style, valence: float | None) -> dict[Mode, float]:
    """Scales by weight. A genre insists on its own; else a mood may bring in one that the style rarely uses."""
    if insisted:
        if valence is not None and valence <= _AGAINST_GENRE and all(third_of(mode) == "major" for mode in insisted):
            return {**insisted, "minor": sum(insisted.values())}  # a villain's march, a creepy carnival
        return dict(insisted)
    spoken = {mode for option in style.harmony.progressions for mode in option.modes}
    thirds = {third_of(mode) for mode in spoken}
    return {
        mode: style.modes.get(mode, 0.0) + (_UNSPOKEN if mode not in spoken and third_of(mode) in thirds else _RARE)
        for mode in MODES
    }


def _third_against(valence: float | None) -> str | None:
    """The third that would belie a plain feeling: a minor one where all is happy, a major one where all is sad."""
    if valence is None or abs(valence) < _PLAIN_FEELING:
        return None
    return "minor" if valence > 0 else "major"


def choose_key(brief: Brief, character: Character, style: Style, rng: np.random.Generator) -> tuple[str, Mode]:
    """Tonic and mode: those asked for, else dice weighted by style and mood."""
    row = genre_row(brief)
    if brief.mode is not None:
        mode = cast(Mode, brief.mode.value)
    else:
        weights = _scales(row.modes if row is not None else None, style, brief.valence)
        against = _third_against(character.valence)
        if brief.tonic is not None and against is None and (character.valence or 0.0) > _MINOR_BELOW:
            against = "minor"  # "in G" is G major
        weights = {
            name: weight * character.modes[name] * (_AGAINST if third_of(name) == against else 1.0)
            for name, weight in weights.items()
        }
        mode = choose(rng, weights)
    tonics = _MAJOR_TONICS if mode in _MAJOR_LIKE else _MINOR_TONICS
    return brief.tonic.value if brief.tonic is not None else choose(rng, tonics), mode
