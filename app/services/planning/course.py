"""Words about change over time go in, the shape of the energy comes out: "starts small and grows until it bursts"."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from app.models.brief import Heard
from app.services.planning.clauses import Said
from app.services.planning.kinds import home_of
from app.services.planning.lexicon import lexicon
from app.services.planning.tokens import Passage

Quote = Callable[[Said], tuple[str, ...]]

#: A word for a level belongs to a word for a part at most this many tokens away: "calm again at the end".
_REACH = 5

#: A quiet word so soon after one that lets the piece fall, with small words between, is where it falls to: "fades into
#: calm".
_FALLS_TO = 2

#: Moods this far from the middle are levels too: "starts melancholic, ends triumphant".
_QUIET_AROUSAL, _LOUD_AROUSAL = -0.35, 0.5

#: The same of a scene: a storm is loud.
_LOUD_SCENE = 0.7

#: Arousal of a genre that is loud in itself: "turns into heavy metal".
_LOUD_GENRE = 0.75

#: Shapes that say where the high point is: they say more than "builds".
_PEAKED = ("drop_at_end", "bursts")

#: Shapes, and the movement, that go down at the end.
_FALLS = ("fades", "calm_loud_calm", "shrink")

#: Words that name where a way begins and where it leads, in all languages, and how near they stand.
_FROM = frozenset({"from", "de", "del", "du", "des", "do", "da", "dal", "dalla", "dallo", "dall", "von", "vom", "aus"})
_TO = frozenset(
    {"to", "into", "a", "al", "ao", "au", "aux", "zu", "zum", "zur", "ins", "alla", "allo", "all", "ate", "へ"}
)
_FROM_REACH = 2

#: How far apart two feelings are opposites, from where on one is glad or dark, and how much more is a rise.
_APART, _TONE, _RISEN = 0.7, 0.3, 0.25

_PARTS = ("begin", "middle", "next", "until", "end")

#: What the level of a part may be told by, besides words for levels: what bursts is loud there.
_MOVEMENTS = ("grow", "shrink", "burst")


@dataclass(slots=True)
class CourseRead:
    """What the words said about change over time."""

    arc: Heard[str] | None = None
    loop: Heard[bool] | None = None
    #: Words that told the level of a part only, by the part: "begin", "middle" or "end"; keys are the first token.
    staged: dict[int, str] = field(default_factory=dict)
    #: First tokens of feelings that the piece leaves for their opposite: "from panic to peace".
    left: frozenset[int] = frozenset()


def read_course(passage: Passage, said: Sequence[Said], quote: Quote, conflicts: list[str]) -> CourseRead:
    """Shape and loop of a passage; contradictions are added to `conflicts`."""
    read = CourseRead(loop=_loop(said, quote))
    named = [one for one in said if _shape(one) and not one.refused]
    told, used = _told(passage, said, quote)
    if named:
        read.arc = _named_shape(named, said, quote, conflicts)
    else:
        read.arc = told
    if read.arc is not None:
        read.staged.update({one.match.first: part for part, word in used.items() for one in _row_of(word, said)})
        read.staged.update({one.match.first: "end" for one in _fallen_to(passage, said)})
    if (crossing := _crossing(passage, said)) is not None:
        start, goal = crossing
        read.left = frozenset({start.match.first})
        read.staged.pop(goal.match.first, None)
        if read.arc is None and (shape := _way(start, goal)):
            read.arc = Heard(value=shape, words=_words(crossing, quote))
    if read.arc is None and (denied := [one for one in said if one.refused and _moves(one)]):
        read.arc = Heard(value="steady", words=_words(denied, quote))
    return read


def _words(spoken: Sequence[Said], quote: Quote) -> tuple[str, ...]:
    return tuple(dict.fromkeys(part for one in spoken for part in quote(one)))


def _shape(one: Said) -> bool:
    key = one.meaning("course")
    return key is not None and bool(lexicon().course[key].curve)


def _moves(one: Said) -> bool:
    return _shape(one) or one.meaning("course") in ("grow", "burst")


def _loop(said: Sequence[Said], quote: Quote) -> Heard[bool] | None:
    """Whether the end is to join the beginning; a refusal outranks the wish."""
    spoken = [one for one in said if one.meaning("course") == "loop"]
    if not spoken:
        return None
    refused = [one for one in spoken if one.refused]
    return Heard(value=not refused, words=_words(refused or spoken, quote))


def _named_shape(named: Sequence[Said], said: Sequence[Said], quote: Quote, conflicts: list[str]) -> Heard[str]:
    """The shape that was named; of several the one that says where the high point is, else the first."""
    values = list(dict.fromkeys(one.meaning("course") or "" for one in named))
    bursts = [one for one in said if one.meaning("course") == "burst" and not one.refused]
    if values == ["builds"] and bursts:
        return Heard(value="bursts", words=_words([*named, *bursts], quote))
    best = next((value for value in _PEAKED if value in values), values[0])
    if set(values) - {"builds", *_PEAKED, best}:
        conflicts.append(f"{' and '.join(values)} were all asked for: {best} is followed.")
    return Heard(value=best, words=_words(named, quote))


def _row_of(word: Said, said: Sequence[Said]) -> list[Said]:
    """A word for a level with those right behind it that tell the same: "calm and quiet"."""
    row = [word]
    for one in said:
        gap = one.match.first - row[-1].match.last
        if 0 <= gap <= 1 and not one.refused and _level(one) == _level(word) and one.meaning("moods"):
            row.append(one)
    return row


def _fallen_to(passage: Passage, said: Sequence[Said]) -> list[Said]:
    """The quiet words that say where the piece falls to; no mark parts them from the word that lets it fall."""
    falls = {one.match.last for one in said if not one.refused and one.meaning("course") in _FALLS}
    return [
        one
        for one in said
        if not one.refused
        and _level(one) == "quiet"
        and any(
            end in falls and all(passage.kind(i) == "word" for i in range(end, one.match.first))
            for end in range(one.match.first - _FALLS_TO, one.match.first)
        )
    ]


def _told(passage: Passage, said: Sequence[Said], quote: Quote) -> tuple[Heard[str] | None, dict[str, Said]]:
    """The shape told by parts, levels and movement, and the words that told the level of each part."""
    spoken = [one for one in said if not one.refused]
    parts = [one for one in spoken if one.meaning("course") in _PARTS]
    moves = [one for one in spoken if one.meaning("course") in ("grow", "shrink", "burst")]
    levels, used = _levels(parts, spoken, _level)
    if not parts and (way := _way_between(passage, [one for one in spoken if _level(one)])):
        used = dict(zip(("begin", "end"), way, strict=True))  # "from a whisper to a roar"
        levels = {part: _level(one) for part, one in used.items()}
    value = _shape_of(levels, [one.meaning("course") or "" for one in moves])
    if value is None:
        return None, used
    told = sorted([*moves, *used.values()], key=lambda one: one.match.first)
    return Heard(value=value, words=_words(told, quote)), used


def _crossing(passage: Passage, said: Sequence[Said]) -> tuple[Said, Said] | None:
    """Two opposite feelings, the one that the piece sets out from and the one that it arrives at."""
    spoken = [one for one in said if not one.refused]
    felt = [one for one in spoken if one.meaning("moods")]
    if (way := _way_between(passage, felt)) and _apart(*way):
        return way
    parts = [one for one in spoken if one.meaning("course") in _PARTS]
    tones, used = _levels(parts, spoken, _tone)
    if {tones.get("begin"), tones.get("end")} != {"glad", "dark"}:
        return None
    start, goal = used["begin"], used["end"]
    # An uneasy calm before the storm is one feeling.
    return (start, goal) if any(start.match.last <= p.match.first < goal.match.first for p in parts) else None


def _way_between(passage: Passage, stations: Sequence[Said]) -> tuple[Said, Said] | None:
    """Two neighbours that small words make the beginning and the goal of a way: "from panic to peace"."""
    for start, goal in pairwise(stations):
        gap = [passage.folded(i) for i in range(start.match.last, goal.match.first)]
        near = {passage.folded(i) for i in range(start.match.first - _FROM_REACH, start.match.first)}
        led = gap == ["か", "ら"] and passage.folded(goal.match.last) in _TO
        if led or (near & _FROM and gap[:1] and gap[0] in _TO and len(gap) <= _FROM_REACH):
            return start, goal
    return None


def _apart(start: Said, goal: Said) -> bool:
    """Whether two feelings are far from each other."""
    rows = lexicon().moods
    one, other = rows[start.meaning("moods") or ""], rows[goal.meaning("moods") or ""]
    return max(abs(one.valence - other.valence), abs(one.arousal - other.arousal)) >= _APART


def _way(start: Said, goal: Said) -> str | None:
    """The shape between two feelings, by how much they stir."""
    rows = lexicon().moods
    risen = rows[goal.meaning("moods") or ""].arousal - rows[start.meaning("moods") or ""].arousal
    return "builds" if risen >= _RISEN else "fades" if risen <= -_APART else None


def _tone(one: Said) -> str:
    """Whether a word is "glad", "dark", or "" for neither."""
    mood = one.meaning("moods")
    valence = lexicon().moods[mood].valence if mood is not None else 0.0
    return "glad" if valence >= _TONE else "dark" if valence <= -_TONE else ""


def _levels(
    parts: Sequence[Said], spoken: Sequence[Said], level: Callable[[Said], str]
) -> tuple[dict[str, str], dict[str, Said]]:
    """The level ("quiet" or "loud") or the tone by part, and the words that said so."""
    names = _named(parts)
    # "Grow gently and end": gently is how it grows.
    adverbs = {one.match.last for one in spoken if one.meaning("course") in _MOVEMENTS}
    near: list[tuple[int, int, int]] = []
    for p, part in enumerate(parts):
        for i, one in enumerate(spoken):
            if one is part:
                continue
            behind, ahead = part.match.first - one.match.last, one.match.first - part.match.last
            # Italian "inizia piano" begins softly; "inizia con il piano" with a piano.
            reach = 1 if one.meaning("instruments") else _REACH
            if part.meaning("course") == "until" and ahead < 0:
                continue  # "until it is full": what comes before is not the end
            if level(one) and max(behind, ahead) < reach and one.match.first not in adverbs:
                # "Calm intro" comes before "intro, calm", and that before "calm again at the end".
                near.append((behind if behind == 0 else 1 + ahead if ahead >= 0 else 2 + behind, p, i))
    levels: dict[str, str] = {}
    used: dict[str, Said] = {}
    for _, p, i in sorted(near):
        if names[p] not in levels and spoken[i] not in used.values():
            levels[names[p]], used[names[p]] = level(spoken[i]), spoken[i]
    turned = parts[0] if parts and parts[0].meaning("course") == "next" else None
    if turned is not None and "begin" not in levels:
        # "A quiet piano piece which suddenly turns into heavy metal": what comes before the turn is the beginning.
        before = [one for one in spoken if one.match.last <= turned.match.first and level(one)]
        if first := next((one for one in before if one not in used.values()), None):
            levels["begin"], used["begin"] = level(first), first
    return levels, used


def _named(parts: Sequence[Said]) -> list[str]:
    """The parts with "then" read as the middle or the end, by whether another part follows."""
    keys = [one.meaning("course") or "" for one in parts]
    return [
        "end" if key == "until" else key if key != "next" else "end" if i == len(keys) - 1 else "middle"
        for i, key in enumerate(keys)
    ]


def _level(one: Said) -> str:
    """The level that a word tells: "quiet", "loud", or "" for none."""
    key = one.meaning("course")
    if key in ("quiet", "loud"):
        return key
    if key == "burst":
        return "loud"
    genre = one.meaning("genres")
    if genre is not None and one.meaning("moods") is None:
        return "loud" if home_of(genre)[1] >= _LOUD_GENRE else ""
    mood = one.meaning("moods")
    arousal = lexicon().moods[mood].arousal if mood is not None else 0.0
    if mood is not None and lexicon().moods[mood].scene and arousal < _LOUD_SCENE:
        return ""
    return "quiet" if arousal <= _QUIET_AROUSAL else "loud" if arousal >= _LOUD_AROUSAL else ""


def _shape_of(levels: Mapping[str, str], moves: Sequence[str]) -> str | None:
    begin, middle, end = (levels.get(part) for part in ("begin", "middle", "end"))
    if middle == "loud" and end == "quiet":
        return "calm_loud_calm"
    if "grow" in moves or ("burst" in moves and begin == "quiet"):
        if end == "quiet" or "shrink" in moves:
            return "calm_loud_calm"
        return "bursts" if "burst" in moves else "builds"
    if "shrink" in moves:
        return None if begin == "quiet" else "fades"
    if middle is not None and middle != (end or begin or middle):
        outer = {level for level in (begin, end) if level is not None}
        if end is None:
            return "builds" if middle == "loud" else "fades"
        if len(outer) == 1:
            return "calm_loud_calm" if middle == "loud" else "loud_calm_loud"
    if begin is not None and end is not None and begin != end:
        return "builds" if end == "loud" else "fades"
    return None
