"""A picture in words goes in, what its small words hint at comes out: "the plumber never came", "a new leaf"."""

from collections.abc import Sequence

from app.services.planning.clauses import Said
from app.services.planning.lexicon import MEANINGS, Sense, hints_of, lexicon
from app.services.planning.matching import Match
from app.services.planning.tokens import Passage

#: Tables whose words say what music is wanted: beside them a small word hints at nothing.
_PLAIN = ("genres", "instruments", "uses", "tempo", "density", "feel", "manner")

#: Row of the words by which one asks for music.
ASKING = "asking"

#: Mood of what is not there, and how many words on it denies another hint.
_LACK, _DENIES = "melancholic", 2

#: Tokens of the longest hint.
_LONGEST = 3


def read_hints(passage: Passage, said: Sequence[Said], matches: Sequence[Match], language: str) -> list[Said]:
    """The first word for each mood hinted at where none says anything of music or feeling; places do not count.

    What refuses something else hints at nothing ("no drums"), and neither does who asks for music ("a good song").
    """
    if any(match.key("refused") or match.key("metres") for match in matches):
        return []
    if any(one.meaning(table) for one in said for table in _PLAIN) or any(_felt(one) for one in said):
        return []
    spoken = [match for match in matches if any(match.key(table) for table in MEANINGS if table != "course")]
    spoken += [one.refused_by for one in said if one.refused_by is not None]
    taken = {i for match in spoken for i in range(match.first, match.last)}
    if not spoken and _explained(passage, matches):
        return []
    words, hints, i = hints_of(language), dict[str, Said](), 0
    lacking = -_DENIES - 1
    while i < len(passage):
        for last in range(min(i + _LONGEST, len(passage)), i, -1):
            key = words.get(tuple(passage.folded(k) for k in range(i, last)))
            if key == ASKING:
                return []
            if key is not None and not taken.intersection(range(i, last)):
                if key != _LACK and i - lacking <= _DENIES:
                    i = last - 1
                    break  # who does not come has not arrived
                lacking = i if key == _LACK else lacking
                hints.setdefault(key, Said(Match(i, last, (Sense("moods", key),))))
                i = last - 1
                break
        i += 1
    return list(hints.values())


def _explained(passage: Passage, matches: Sequence[Match]) -> bool:
    """Whether no word is left that might tell a picture."""
    known = {i for match in matches for i in range(match.first, match.last)}
    return all(i in known or passage.kind(i) in ("mark", "number") for i in range(len(passage)))


def _felt(one: Said) -> bool:
    """Whether it names a feeling, or something that happens."""
    mood = one.meaning("moods")
    return mood is not None and (not lexicon().moods[mood].scene or lexicon().moods[mood].event)
