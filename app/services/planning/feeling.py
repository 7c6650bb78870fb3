"""Words in context go in, the feeling they ask for comes out: moods, and a place on the plane of feeling."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from app.models.brief import Heard
from app.services.planning.clauses import Said
from app.services.planning.course import CourseRead
from app.services.planning.kinds import GenresRead, home_of
from app.services.planning.lexicon import lexicon
from app.services.planning.rows import MoodRow

Quote = Callable[[Said], tuple[str, ...]]

#: How much each kind of word moves the place on the plane of feeling.
_MOOD_WEIGHT, _EVENT_WEIGHT, _SCENE_WEIGHT, _USE_WEIGHT, _GENERAL_USE_WEIGHT = 1.0, 0.8, 0.5, 0.6, 0.25

#: How much a small word weighs that hints at a feeling.
_HINT_WEIGHT = 0.35

#: How much of a feeling an everyday word has that only goes with it: a book is no "relaxing".
_EVERYDAY = 0.7

#: How much where and when weigh beside an event: a chase is a chase, in the rain too.
_SETTING_WEIGHT = 0.25

#: How much each genre named moves the place, and how much more its arousal the further that is from the middle; how
#: much each word for speed or density moves the arousal.
_GENRE_WEIGHT, _GENRE_ENERGY, _MOVEMENT_WEIGHT = 0.25, 0.35, 0.35

#: How much it weighs that what is dear is missing.
_MISSING = 1.5

#: "Not sad" is not the same as happy: it goes half as far to the other side.
_DENIED = -0.5

#: How much of a feeling that only a quiet part has goes to the whole.
_PARTLY = 0.25
#: How much a feeling weighs that the piece leaves for its opposite.
_LEFT = 0.2

#: Arousal up to which a word is calm, valence up to which another is sorrow or fear, and how much of the calm one's
#: good cheer is left beside it: who walks home quiet after a defeat is not glad. No more is who runs from something;
#: only from this valence on a word is glad in itself.
_STILL, _SORROW, _CALM_BESIDE_SORROW, _GLAD = 0.0, -0.45, 0.0, 0.5

#: Two moods further apart in valence than this contradict each other.
_CONTRADICTION = 1.15

#: Purposes so general that any other purpose says more.
GENERAL_USES = frozenset(
    {
        "film",
        "game",
        "vlog",
        "presentation",
        "stream",
        "tutorial",
        "dance",
        "background",
        "game_town",
        "restaurant",
        "kids_show",
    }
)


@dataclass(frozen=True, slots=True)
class FeelingRead:
    """What the words said about feeling; a place on the plane is −1…1, None where nothing was said."""

    #: Strongest first.
    moods: tuple[Heard[str], ...]
    valence: float | None = None
    arousal: float | None = None


def read_feeling(
    said: Sequence[Said],
    hints: Sequence[Said],
    kinds: GenresRead,
    course: CourseRead,
    quote: Quote,
    conflicts: list[str],
) -> FeelingRead:
    """Moods, and the place on the plane that moods, scenes, purposes, speed and genre give together.

    What was said of a quiet part alone ("starts calm") is no mood of the whole, and what the piece leaves for its
    opposite is little of one. Contradictions are added to `conflicts`.
    """
    tables = lexicon()
    strengths: dict[str, float] = {}
    quotes: dict[str, list[str]] = {}
    weights = valence = arousal = 0.0
    sorrow = any(
        tables.moods[key].valence <= _SORROW
        for one in said
        if not one.refused and one.match.first not in course.left and (key := one.meaning("moods")) is not None
    )
    eventful = any(
        not one.refused and (key := one.meaning("moods")) is not None and tables.moods[key].event for one in said
    )
    purposes = {one.meaning("uses") for one in said} - GENERAL_USES - {None}
    for one in said:
        for table, rows in (("moods", tables.moods), ("uses", tables.uses)):
            key = one.meaning(table)
            if key is None or (table == "uses" and purposes and key in GENERAL_USES):
                continue
            row = rows[key]
            strength = _use_weight(key) if table == "uses" else _mood_weight(row)
            if one.match.is_everyday(table) and not row.scene:
                strength *= _EVERYDAY
            weight = min(strength, _SETTING_WEIGHT) if eventful and row.scene and not row.event else strength
            factor = _DENIED if one.refused else one.degree
            behind = one.match.first in course.left
            partly = one.match.first in course.staged and row.arousal < 0 and not behind
            weight *= _LEFT if behind else 1.0
            if partly:
                factor *= _PARTLY
            if one.refused and row.dear:
                weights += _MISSING
                valence -= _MISSING * abs(row.valence)
                arousal -= _MISSING * abs(row.arousal)
                continue
            weights += weight
            still = sorrow and not one.refused and row.valence > 0 and (row.arousal <= _STILL or row.valence < _GLAD)
            valence += weight * factor * row.valence * (_CALM_BESIDE_SORROW if still else 1.0)
            arousal += weight * factor * row.arousal
            if table == "moods" and not one.refused and not partly:
                strengths[key] = strengths.get(key, 0.0) + strength * one.degree * (_LEFT if behind else 1.0)
                quotes.setdefault(key, []).extend(quote(one))
    for one in hints:
        key = one.meaning("moods") or ""
        weights += _HINT_WEIGHT
        valence += _HINT_WEIGHT * tables.moods[key].valence
        arousal += _HINT_WEIGHT * tables.moods[key].arousal
        strengths[key], quotes[key] = strengths.get(key, 0.0) + _HINT_WEIGHT, [*quotes.get(key, ()), *quote(one)]
    feeling = _Feeling(weights, weights, valence, arousal)
    lent = [genre for other in kinds.others if (genre := tables.genres[other.value]).valence is not None]
    chosen = tables.genres[kinds.chosen.value] if kinds.chosen is not None else None
    if not weights and lent and (chosen is None or chosen.valence is None):
        # "8-bit funeral march": what is named beside the genre that leads says how it feels.
        return FeelingRead((), lent[0].valence, lent[0].arousal if lent[0].arousal is not None else 0.0)
    if weights:
        feeling.add_movement(said)
        feeling.add_genres(kinds)
    order = sorted(strengths, key=lambda key: -strengths[key])
    left = {one.meaning("moods") for one in said if one.match.first in course.left}
    _note_contradiction([key for key in order if key not in left], conflicts)
    moods = tuple(Heard[str](value=key, words=tuple(dict.fromkeys(quotes[key]))) for key in order)
    if not weights:
        return FeelingRead(moods)
    return FeelingRead(
        moods, _held(feeling.valence / feeling.valence_weight), _held(feeling.arousal / feeling.arousal_weight)
    )


@dataclass(slots=True)
class _Feeling:
    """Sums on the way to a place on the plane."""

    valence_weight: float
    arousal_weight: float
    valence: float
    arousal: float

    def add_movement(self, said: Sequence[Said]) -> None:
        """Speed and density are excitement too: "sad but fast", "dark and explosive"."""
        tables = lexicon()
        for one in said:
            for table, rows in (("tempo", tables.tempo), ("density", tables.density)):
                key = one.meaning(table)
                if key is None or one.meaning("moods") or one.refused:
                    continue
                self.arousal_weight += _MOVEMENT_WEIGHT
                self.arousal += _MOVEMENT_WEIGHT * max(-1.0, min(1.0, rows[key] * one.degree))

    def add_genres(self, kinds: GenresRead) -> None:
        """A genre has a feeling of its own, and more of an energy: "dark ambient for a game"."""
        for key in kinds.colours:
            valence, arousal = home_of(key)
            self.valence_weight += _GENRE_WEIGHT
            self.valence += _GENRE_WEIGHT * valence
            weight = _GENRE_WEIGHT + _GENRE_ENERGY * abs(arousal)
            self.arousal_weight += weight
            self.arousal += weight * arousal


def _mood_weight(row: MoodRow) -> float:
    return _EVENT_WEIGHT if row.event else _SCENE_WEIGHT if row.scene else _MOOD_WEIGHT


def _use_weight(key: str) -> float:
    return _GENERAL_USE_WEIGHT if key in GENERAL_USES else _USE_WEIGHT


def _held(value: float) -> float:
    return round(max(-1.0, min(1.0, value)), 3)


def _note_contradiction(moods: Sequence[str], conflicts: list[str]) -> None:
    rows = lexicon().moods
    feelings = sorted((key for key in moods if not rows[key].scene), key=lambda key: rows[key].valence)
    if len(feelings) > 1 and rows[feelings[-1]].valence - rows[feelings[0]].valence > _CONTRADICTION:
        conflicts.append(f"{feelings[0]} and {feelings[-1]} pull apart: the music stands between them.")
