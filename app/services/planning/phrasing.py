"""A Brief goes in, the prompt for a text-to-music model comes out: in English, in the style the model was trained on.

Rule: only what was asked for is said, and nothing that was refused; such models hear "no drums" as "drums".
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Literal, get_args

from app.models.brief import Brief, Heard
from app.models.plan import Plan
from app.services.planning.english import ADJECTIVES, COURSES, IDLE, SCENES, named
from app.services.planning.languages import ENGLISH, language_of
from app.services.planning.lexicon import MIXED, lexicon
from app.services.planning.tokens import Passage, passage_of

#: Families of models, by the captions they learned from.
PhrasedFor = Literal["musicgen", "riffusion", "stable-audio", "ace-step", "magenta", "lyria"]
PHRASED_FOR: tuple[str, ...] = get_args(PhrasedFor)

#: From this far off the middle, a density in words is said, and a tempo is no longer a middling one.
_CLEARLY, _PACED = 0.25, 0.33

#: Phrases in what is said before them: a comma or one of these ends what a "no" reaches.
_NEW_THOUGHT = frozenset({"but", "with", "just", "only", "instead"})


def describe(brief: Brief, plan: Plan, *, manner: str) -> str:
    """The prompt for a model of the family `manner` (one of `PHRASED_FOR`); never empty.

    Where the words name neither a kind of music nor a feeling, player or use, the plan's style is named.
    `ValueError` for an unknown family.
    """
    if manner not in PHRASED_FOR:
        raise ValueError(f"manner must be one of {', '.join(PHRASED_FOR)}, got {manner!r}")
    said = _said(brief)
    if not said.anything:
        # What the plan chose stands in where the words chose nothing.
        said = replace(said, genre=plan.style.replace("_", " "))
    return _sentence(said) if manner in ("musicgen", "lyria") else _tags(said, manner)


@dataclass(frozen=True, kw_only=True, slots=True)
class _Said:
    """What was asked for, in English."""

    genre: str = ""
    moods: tuple[str, ...] = ()
    instruments: tuple[str, ...] = ()
    pace: tuple[str, ...] = ()
    playing: tuple[str, ...] = ()
    course: str = ""
    use: str = ""
    tempo: str = ""
    key: str = ""
    metre: str = ""
    #: The user's words that no table knows.
    unknown: tuple[str, ...] = ()

    @property
    def anything(self) -> bool:
        """Whether more is known than figures and unknown words."""
        return bool(self.genre or self.moods or self.instruments or self.use or self.pace)


def _said(brief: Brief) -> _Said:
    passage = passage_of(brief.prompt)
    english = language_of(passage) in (ENGLISH, MIXED)

    def name(heard: Heard[str]) -> str:
        return (_quoted(heard) if english else "") or named(heard.value)

    refused = {named(heard.value).lower() for heard in (*brief.excluded_instruments, *brief.excluded_genres)}
    drums = (_quoted(brief.drums) if english and brief.drums else "") or "drums"
    players = [name(heard) for heard in brief.instruments]
    if brief.lead is not None and brief.lead.value not in {heard.value for heard in brief.instruments}:
        players.insert(0, f"lead {named(brief.lead.value)}")
    if brief.drums is not None and brief.drums.value:
        players.append(drums)
    if brief.solo is not None and brief.solo.value and len(players) == 1:
        players = [f"solo {players[0].removeprefix('solo ')}"]
    genre = _kind(brief, name)
    so_far = f"{genre} {' '.join(players)}".lower()
    feel = named(brief.feel.value) if brief.feel else ""
    return _Said(
        genre=genre,
        moods=_once(name(heard) for heard in brief.moods),
        instruments=tuple(
            one for one in _once(players) if one.lower() not in refused and one.lower() not in genre.lower()
        ),
        pace=_once((_tempo_word(brief), _density_word(brief), f"{feel} feel" if feel else "")),
        playing=tuple(way for way in _once(named(heard.value) for heard in brief.manners) if way not in so_far),
        course=COURSES.get(brief.arc.value, "") if brief.arc else "",
        use=named(brief.use.value) if brief.use else "",
        tempo=f"{brief.tempo_bpm.value:g}" if brief.tempo_bpm else "",
        key=_key(brief),
        metre=brief.time_signature.value if brief.time_signature else "",
        unknown=_unknown(brief, passage) if english else (),
    )


def _kind(brief: Brief, name: Callable[[Heard[str]], str]) -> str:
    """The genre, those named beside it before it: "dark ambient horror drone"."""
    lead = name(brief.genre) if brief.genre else ""
    others = [one for one in _once(name(heard) for heard in brief.other_genres) if one.lower() not in lead.lower()]
    return " ".join([*others, lead]).strip()


def _quoted(heard: Heard[str] | Heard[bool]) -> str:
    """The words something was understood from, if they stood together and refuse nothing."""
    if len(heard.words) != 1:
        return ""
    words = heard.words[0].strip()
    folded = [token.folded for token in passage_of(words).tokens]
    return "" if any(_refuses(token) for token in folded) or not words.isascii() else words


def _refuses(token: str) -> bool:
    senses = lexicon().phrases.get((token,), ())
    return any(sense.table == "grammar" and sense.key in ("refuse", "deny", "refuse_after") for sense in senses) or any(
        sense.table == "refused" for sense in senses
    )


def _unknown(brief: Brief, passage: Passage) -> tuple[str, ...]:
    """Words that no table knows, without those that a "no" before them reaches."""
    wanted: set[str] = set()
    refusing = False
    for i in range(len(passage.tokens)):
        token = passage.tokens[i]
        if token.kind == "mark" or token.folded in _NEW_THOUGHT:
            refusing = refusing and token.folded in ("'", "-", "&", "/")
        elif _refuses(token.folded):
            refusing = True
        elif not refusing:
            wanted.add(token.folded)
    return tuple(
        word
        for word in _once(brief.not_understood)
        if word.isascii()
        and word.lower() not in IDLE
        and all(token.folded in wanted for token in passage_of(word).tokens if token.kind == "word")
    )


def _tempo_word(brief: Brief) -> str:
    feel = brief.tempo_feel.value if brief.tempo_feel else None
    if feel is None or brief.tempo_bpm is not None:
        return ""
    return "slow" if feel <= -_PACED else "fast" if feel >= _PACED else "mid-tempo"


def _density_word(brief: Brief) -> str:
    density = brief.density.value if brief.density else 0.0
    return "sparse" if density <= -_CLEARLY else "busy" if density >= _CLEARLY else ""


def _key(brief: Brief) -> str:
    mode = brief.mode.value.replace("_", " ") if brief.mode else ""
    if brief.tonic is None:
        return f"{mode} key" if mode else ""
    return f"{brief.tonic.value} {mode}".strip()


def _once(words: Iterable[str]) -> tuple[str, ...]:
    return tuple({word.lower(): word for word in words if word}.values())


def _sentence(said: _Said) -> str:
    """As people describe a recording: "upbeat 80s synth pop with punchy drums, 120 bpm"."""
    moods = tuple(mood for mood in said.moods if mood.lower() not in said.genre.lower())
    scenes = [mood for mood in moods if mood.lower() in SCENES]
    feelings = [mood for mood in moods if mood not in scenes]
    last = said.genre.lower().rpartition(" ")[2]
    kind = [said.genre, *scenes, "music" if scenes or not said.genre or last in ADJECTIVES else ""]
    lead = " ".join(part for part in (", ".join((*said.pace, *feelings)), *kind) if part)
    if said.unknown:
        lead += f", {' '.join(said.unknown)}"
    if said.instruments:
        *others, last = said.instruments
        lead += f" with {', '.join(others)} and {last}" if others else f" with {last}"
    return ", ".join(
        part
        for part in (
            lead,
            ", ".join(said.playing),
            said.course,
            f"for {said.use}" if said.use else "",
            f"{said.tempo} bpm" if said.tempo else "",
            f"in {said.key if said.key.split(' ')[0].isupper() or said.key[1:2] in '#b' else f'a {said.key}'}"
            if said.key
            else "",
            f"in {said.metre} time" if said.metre else "",
        )
        if part
    )


def _tags(said: _Said, manner: str) -> str:
    """As collections tag a recording: "synth pop, upbeat, punchy drums, 120 BPM"."""
    unit = "BPM" if manner == "stable-audio" else "bpm"
    return ", ".join(
        _once(
            (
                said.genre,
                *said.instruments,
                *said.moods,
                *said.pace,
                *said.playing,
                *said.unknown,
                said.course,
                said.use and f"for {said.use}",
                said.tempo and f"{said.tempo} {unit}",
                said.key,
                said.metre and f"{said.metre} time",
            )
        )
    )
