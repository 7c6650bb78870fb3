"""The first choices of a plan: style, metre, tempo, key. What the words asked for stands; dice decide the rest."""

from collections import defaultdict
from collections.abc import Mapping
from typing import TypeVar, cast

import numpy as np

from app.models.brief import Brief
from app.models.plan import Mode
from app.services.planning.catalogue import Styles, members_of, roles_of, styles_of
from app.services.planning.character import Character, genre_row
from app.services.planning.figures import counted
from app.services.planning.lexicon import lexicon
from app.services.planning.rows import GenreRow
from app.services.planning.suiting import MIDDLE_BPM, WORD_OCTAVES, players_of, suits, welcomes
from app.services.styles import Style
from app.services.theory.instruments import INSTRUMENTS
from app.services.theory.metre import metre_of
from app.services.theory.scales import MODES, third_of

#: Weight of the second, third … style of a genre against the one before it.
_PREFERENCE = 0.45

#: Weight of a style that no mood or purpose wishes for, and what the players asked for add where they are at home.
_UNWISHED, _CALLED_FOR, _CALLED_FOR_BESIDE_WISHES = 0.01, 0.5, 0.15

#: A wish of mood or scene counts inside the genre that was named from this on.
_WISHED_INSIDE = 1.0

#: A wish this strong makes players welcome at least so much in a style that is not theirs.
_WISHED, _WISHED_GUEST = 0.5, 0.04
#: The same where one of the players calls for the style.
_CALLED_GUEST = 0.15

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

#: Styles this much less suited than the best are left out where the words say anything of what suits.
_LEAST_SHARE = 0.25

#: Weight of a general genre's first style ("ballad", "acoustic") where instruments say more.
_HINTED = 1.0
#: The same of a place.
_PLACED = 4.0

#: How much a style's rarity counts where players were named: a power of its weight, 0…1.
_RARITY_WITH_PLAYERS = 0.3

#: Unknown words that tell a picture, at least, and how readily a style is chosen then that is not listed for it.
_TOLD_IN, _UNTOLD = 2, 0.001

#: How much is left of a style that is out of place in the time that was named.
_ANACHRONISM = 0.1

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
            name: _PREFERENCE**place * suits(styles[name], brief, character) * _wished_inside(character, name)
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
        home = min(1.0, welcomes(style, [members_of(heard.value) for heard in brief.instruments]))
        calling = _CALLED_FOR_BESIDE_WISHES if character.styles else _CALLED_FOR
        unwished = _UNWISHED + (calling * home**2 if brief.instruments else 0.0)
        common = spread.get(name, _UNTOLD if picture else 1.0) ** (_RARITY_WITH_PLAYERS if brief.instruments else 1.0)
        weight = wished + unwished * common if character.styles or called else common
        least = _WISHED_GUEST if wished >= _WISHED and len(players_of(style)) > 1 else 0.0
        least = max(least, _CALLED_GUEST if called[name] >= _WISHED and least else 0.0)
        weight *= _ANACHRONISM if character.era and name not in character.era else 1.0
        weights[name] = 0.0 if name in refused else weight * suits(style, brief, character, least)
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
        spoken = MIDDLE_BPM * 2.0 ** (WORD_OCTAVES * feel)
        styled = _inside(low, typical, high, max(-1.0, min(1.0, 1.4 * feel + 0.1 * noise)))
        pull = _WORD_PULL if row is not None else _WORD_PULL_FREE
        return float(styled ** (1 - pull) * spoken**pull)
    styled = _inside(low, typical, high, max(-1.0, min(1.0, 0.9 * character.tempo + 0.22 * noise)))
    purpose = lexicon().uses.get(brief.use.value) if brief.use is not None else None
    speed = (purpose.tempo_feel or 0.0) if purpose is not None else 0.0
    spoken = MIDDLE_BPM * 2.0 ** (WORD_OCTAVES * speed)
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
