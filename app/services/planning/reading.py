"""A prompt goes in, a Brief comes out: what the words said, each decision with its words. No dice are thrown here."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from app.models.brief import Brief, Heard
from app.services.planning.bands import read_band
from app.services.planning.clauses import Said, in_context
from app.services.planning.course import read_course
from app.services.planning.figures import counted, read_figures
from app.services.planning.kinds import GenresRead, home_of, read_genres, tones_of
from app.services.planning.languages import language_of
from app.services.planning.lexicon import lexicon
from app.services.planning.manners import read_manners
from app.services.planning.matching import Match, find_matches, leftovers
from app.services.planning.tokens import Passage, passage_of

#: How much each kind of word moves the place on the plane of feeling.
_MOOD_WEIGHT, _SCENE_WEIGHT, _USE_WEIGHT, _GENERAL_USE_WEIGHT = 1.0, 0.5, 0.6, 0.25

#: How much each genre named moves the place, and how much more its arousal the further that is from the middle; how
#: much each word for speed or density moves the arousal.
_GENRE_WEIGHT, _GENRE_ENERGY, _MOVEMENT_WEIGHT = 0.25, 0.35, 0.35

#: "Not sad" is not the same as happy: it goes half as far to the other side.
_DENIED = -0.5

#: How much of a feeling that only a quiet part has goes to the whole.
_PARTLY = 0.25

#: Two moods further apart in valence than this contradict each other.
_CONTRADICTION = 1.15

#: Purposes so general that any other purpose says more.
_GENERAL_USES = frozenset({"film", "game", "vlog", "presentation", "stream", "tutorial", "dance", "background"})

Value = TypeVar("Value")


@dataclass(slots=True)
class _Words:
    """The passage, to quote from, and what was found to contradict itself."""

    passage: Passage
    conflicts: list[str] = field(default_factory=list)

    def quote(self, match: Match) -> str:
        return self.passage.text(match.first, match.last)

    def of(self, said: Said) -> tuple[str, ...]:
        """The words of a match with those that refuse or weigh it."""
        parts = [part for part in (said.refused_by, said.degree_by, said.match) if part is not None]
        return tuple(self.quote(part) for part in sorted(parts, key=lambda part: part.first))


def read(prompt: str) -> Brief:
    """What a prompt says about the music: the same for the same prompt, whatever it holds.

    >>> brief = read("slow sad piano in C minor, no drums")
    >>> brief.moods[0].value, brief.tonic.value, brief.mode.value, brief.drums.value
    ('sad', 'C', 'minor', False)
    """
    passage = passage_of(prompt)
    figures = read_figures(passage)
    matches = find_matches(passage, figures.used, language_of(passage))
    words = _Words(passage, list(figures.conflicts))
    said = in_context(passage.tokens, matches)
    course = read_course(said, words.of, words.conflicts)
    kinds = read_genres(passage, said, words.of, words.conflicts)
    genre = kinds.chosen
    moods, valence, arousal = _read_moods([*said, *tones_of(passage, said)], words, kinds, course.staged)
    players = [one for one in said if one.match.first not in course.staged]
    band = read_band(players, matches, genre, words.of, words.conflicts)
    tempo_feel = _read_scale("tempo", said, words)
    feel: Heard[str] | None = _first(
        Heard(value=one.meaning("feel") or "", words=words.of(one))
        for one in said
        if one.meaning("feel") and not one.refused
    )
    # "Half-time" beside a number says how the drums play, not how fast.
    spoken = tempo_feel is not None and not (feel and set(tempo_feel.words) <= set(feel.words))
    if figures.tempo_bpm and tempo_feel and spoken and _against(tempo_feel.value, figures.tempo_bpm.value):
        slow = ", ".join(tempo_feel.words)
        words.conflicts.append(f"“{slow}” against {figures.tempo_bpm.value:g} beats a minute: the number wins.")
    metre = figures.time_signature or _first(
        Heard(value=match.key("metres") or "", words=(words.quote(match),)) for match in matches if match.key("metres")
    )
    _note_metre(figures.time_signature, genre, words)
    _note_beat(figures.tempo_bpm, figures.beat, metre, genre, words)
    return Brief(
        prompt=prompt,
        genre=genre,
        excluded_genres=kinds.refused,
        moods=moods,
        valence=valence,
        arousal=arousal,
        tempo_bpm=figures.tempo_bpm,
        beat=figures.beat,
        tempo_feel=tempo_feel,
        feel=feel,
        tonic=figures.tonic,
        mode=figures.mode,
        time_signature=metre,
        instruments=band.wanted,
        excluded_instruments=band.refused,
        lead=band.lead,
        manners=read_manners(passage, said),
        drums=band.drums,
        density=_read_scale("density", [one for one in said if one.match.first not in course.staged], words),
        arc=course.arc,
        loop=course.loop,
        use=_read_use(said, words),
        solo=band.solo,
        not_understood=leftovers(passage, matches, figures.used),
        conflicts=tuple(words.conflicts),
    )


def _first(values: Iterable[Value]) -> Value | None:
    return next(iter(values), None)


def _note_metre(asked: Heard[str] | None, genre: Heard[str] | None, words: _Words) -> None:
    """Say so where a metre was written that the genre is never in: "waltz in 4/4"."""
    own = lexicon().genres[genre.value].metre if genre else None
    if asked is not None and genre is not None and own is not None and own != asked.value:
        words.conflicts.append(f"{genre.value} is in {own}, “{asked.words[0]}” was written: the number wins.")


def _note_beat(
    tempo_bpm: Heard[float] | None,
    beat: Heard[str] | None,
    metre: Heard[str] | None,
    genre: Heard[str] | None,
    words: _Words,
) -> None:
    """Say which note a tempo counts where that is not the quarter."""
    row = lexicon().genres.get(genre.value) if genre else None
    asked = metre.value if metre else row.metre if row else None
    if tempo_bpm is None or asked is None:
        return
    note, quarters = counted(tempo_bpm.value, beat.value if beat else None, asked)
    if note != "quarter" and beat is None:
        name = note.replace("_", " ")
        words.conflicts.append(
            f"In {asked} a beat is a {name}: {tempo_bpm.value:g} beats a minute are {quarters:g} quarter notes."
        )


def _against(feel: float, tempo_bpm: float) -> bool:
    """Whether a word for speed and a number contradict each other."""
    return (feel < -0.2 and tempo_bpm >= 125) or (feel > 0.2 and tempo_bpm <= 90)


def _read_moods(
    said: Sequence[Said], words: _Words, kinds: GenresRead, staged: Mapping[int, str]
) -> tuple[tuple[Heard[str], ...], float | None, float | None]:
    """Moods, strongest first, and the place on the plane that moods, scenes and purposes give together.

    What was said of a quiet part alone ("starts calm") is no mood of the whole.
    """
    tables = lexicon()
    strengths: dict[str, float] = {}
    quotes: dict[str, list[str]] = {}
    weights = valence = arousal = 0.0
    purposes = {one.meaning("uses") for one in said} - _GENERAL_USES - {None}
    for one in said:
        for table, rows in (("moods", tables.moods), ("uses", tables.uses)):
            key = one.meaning(table)
            if key is None or (table == "uses" and purposes and key in _GENERAL_USES):
                continue
            row = rows[key]
            weight = _use_weight(key) if table == "uses" else _SCENE_WEIGHT if row.scene else _MOOD_WEIGHT
            factor = _DENIED if one.refused else one.degree
            partly = one.match.first in staged and row.arousal < 0
            if partly:
                factor *= _PARTLY
            weights += weight
            valence += weight * factor * row.valence
            arousal += weight * factor * row.arousal
            if table == "moods" and not one.refused and not partly:
                strengths[key] = strengths.get(key, 0.0) + weight * one.degree
                quotes.setdefault(key, []).extend(words.of(one))
    feeling = _Feeling(weights, weights, valence, arousal)
    if weights:
        feeling.add_movement(said)
        feeling.add_genres(kinds)
    order = sorted(strengths, key=lambda key: -strengths[key])
    _note_contradiction(order, words)
    moods = tuple(Heard[str](value=key, words=tuple(dict.fromkeys(quotes[key]))) for key in order)
    if not weights:
        return moods, None, None
    return moods, _held(feeling.valence / feeling.valence_weight), _held(feeling.arousal / feeling.arousal_weight)


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


def _use_weight(key: str) -> float:
    return _GENERAL_USE_WEIGHT if key in _GENERAL_USES else _USE_WEIGHT


def _held(value: float) -> float:
    return round(max(-1.0, min(1.0, value)), 3)


def _note_contradiction(moods: Sequence[str], words: _Words) -> None:
    rows = lexicon().moods
    feelings = sorted((key for key in moods if not rows[key].scene), key=lambda key: rows[key].valence)
    if len(feelings) > 1 and rows[feelings[-1]].valence - rows[feelings[0]].valence > _CONTRADICTION:
        words.conflicts.append(f"{feelings[0]} and {feelings[-1]} pull apart: the music stands between them.")


def _read_scale(table: str, said: Sequence[Said], words: _Words) -> Heard[float] | None:
    """Tempo or density in words, −1…1; several are averaged."""
    rows = lexicon().tempo if table == "tempo" else lexicon().density
    heard = [one for one in said if one.meaning(table)]
    if not heard:
        return None
    values = [rows[one.meaning(table) or ""] * (_DENIED if one.refused else one.degree) for one in heard]
    if min(values) < -0.2 and max(values) > 0.2:
        listed = ", ".join(f"“{part}”" for one in heard for part in words.of(one))
        words.conflicts.append(f"{listed} pull apart: the middle is taken.")
    return Heard(
        value=_held(sum(values) / len(values)),
        words=tuple(dict.fromkeys(part for one in heard for part in words.of(one))),
    )


def _read_use(said: Sequence[Said], words: _Words) -> Heard[str] | None:
    """What the music is for: the longest phrase wins, a general purpose ("game") only if it is the only one."""
    wanted = [one for one in said if one.meaning("uses") and not one.refused]
    if not wanted:
        return None

    def rank(one: Said) -> tuple[bool, int]:
        return one.meaning("uses") not in _GENERAL_USES, one.match.last - one.match.first

    best = max(wanted, key=rank)
    return Heard(value=best.meaning("uses") or "", words=words.of(best))
