"""A prompt goes in, a Brief comes out: what the words said, each decision with its words. No dice are thrown here."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from app.models.brief import Brief, Heard
from app.services.planning.bands import BandRead, read_band
from app.services.planning.catalogue import members_of
from app.services.planning.clauses import Said, in_context
from app.services.planning.course import read_course
from app.services.planning.feeling import GENERAL_USES, read_feeling
from app.services.planning.figures import counted, read_figures
from app.services.planning.hinting import read_hints
from app.services.planning.kinds import GenresRead, read_genres, tones_of
from app.services.planning.languages import language_of
from app.services.planning.lexicon import MEANINGS, lexicon
from app.services.planning.manners import read_manners
from app.services.planning.matching import Match, find_matches, leftovers
from app.services.planning.tokens import Passage, passage_of

#: "Not slow" is not the same as fast: it goes half as far to the other side.
_DENIED = -0.5

Value = TypeVar("Value")

#: How much each further word for density that says the same adds: "sparse, minimal, few notes".
_AGREEING = 0.2


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
    language = language_of(passage)
    matches = find_matches(passage, figures.used, language)
    words = _Words(passage, list(figures.conflicts))
    said = [
        one
        for one in in_context(passage.tokens, matches)
        if not _says_nothing(one) and not _only_plays(one.match, matches)
    ]
    course = read_course(passage, said, words.of, words.conflicts)
    kinds = read_genres(passage, said, words.of, words.conflicts)
    genre = kinds.chosen
    hints = [] if figures.used else read_hints(passage, said, matches, language)
    feeling = read_feeling([*said, *tones_of(passage, said)], hints, kinds, course, words.of, words.conflicts)
    players = [one for one in said if one.match.first not in course.staged]
    band = read_band(players, matches, genre, words.of, words.conflicts)
    tempo_feel = _read_scale("tempo", [one for one in said if not _moves_so(one, said)], words)
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
    metre = metre or _first(
        Heard(value=row.metre, words=other.words)
        for other in kinds.others
        if (row := lexicon().genres[other.value]).colour and row.metre
    )
    _note_metre(figures.time_signature, genre, words)
    _note_beat(figures.tempo_bpm, figures.beat, metre, genre, words)
    return Brief(
        prompt=prompt,
        genre=genre,
        other_genres=kinds.others,
        excluded_genres=kinds.refused,
        moods=feeling.moods,
        valence=feeling.valence,
        arousal=feeling.arousal,
        tempo_bpm=figures.tempo_bpm,
        beat=figures.beat,
        tempo_feel=tempo_feel,
        feel=feel,
        tonic=figures.tonic,
        mode=figures.mode,
        time_signature=metre,
        instruments=(*band.wanted, *_lent(kinds, band)),
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


def _lent(kinds: GenresRead, band: BandRead) -> tuple[Heard[str], ...]:
    """Players lent by a word for a kind of music, unless one that could answer it was named or refused, or all are."""
    said = {member for heard in (*band.wanted, *band.refused) for member in members_of(heard.value)}
    if band.solo is not None:
        return ()
    return tuple(heard for heard in kinds.lent if not said & set(members_of(heard.value)))


def _says_nothing(one: Said) -> bool:
    """Whether it names what is only ever refused, and nothing refuses it: "a catchy melody", "spoken word"."""
    row = lexicon().instruments.get(one.meaning("instruments") or "")
    if row is None or not row.weak or row.drums or one.refused:
        return False
    return not any(one.meaning(table) for table in MEANINGS if table != "instruments")


def _only_plays(match: Match, matches: Sequence[Match]) -> bool:
    """Whether it is an instrument that is alone and nobody lonely: "piano alone", "nur Klavier allein"."""
    return match.says("only") and any(
        other.key("instruments") and (other.last == match.first or match.last == other.first) for other in matches
    )


def _moves_so(one: Said, said: Sequence[Said]) -> bool:
    """Whether it says how the energy moves, and nothing of the tempo: "slowly swells", "grows slowly"."""
    rows = lexicon().course
    moves = [
        other.match
        for other in said
        if (course := other.meaning("course")) and (course in ("grow", "shrink", "burst") or rows[course].curve)
    ]
    return any(-1 <= one.match.first - move.last <= 0 or 0 <= move.first - one.match.last <= 1 for move in moves)


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


def _read_scale(table: str, said: Sequence[Said], words: _Words) -> Heard[float] | None:
    """Tempo or density in words, −1…1; several are averaged, and words for density that agree make it stronger."""
    rows = lexicon().tempo if table == "tempo" else lexicon().density
    heard = [one for one in said if one.meaning(table)]
    if not heard:
        return None
    values = [rows[one.meaning(table) or ""] * (_DENIED if one.refused else one.degree) for one in heard]
    if min(values) < -0.2 and max(values) > 0.2:
        listed = ", ".join(f"“{part}”" for one in heard for part in words.of(one))
        words.conflicts.append(f"{listed} pull apart: the middle is taken.")
    value = sum(values) / len(values)
    if table == "density" and (min(values) > 0 or max(values) < 0):
        value *= 1.0 + _AGREEING * (len(values) - 1)
    return Heard(
        value=round(max(-1.0, min(1.0, value)), 3),
        words=tuple(dict.fromkeys(part for one in heard for part in words.of(one))),
    )


def _read_use(said: Sequence[Said], words: _Words) -> Heard[str] | None:
    """What the music is for: the longest phrase wins, a general purpose ("game") only if it is the only one."""
    wanted = [one for one in said if one.meaning("uses") and not one.refused]
    if not wanted:
        return None

    def rank(one: Said) -> tuple[bool, int]:
        return one.meaning("uses") not in GENERAL_USES, one.match.last - one.match.first

    best = max(wanted, key=rank)
    return Heard(value=best.meaning("uses") or "", words=words.of(best))
