"""Numbers and notes in a prompt: tempo, metre, key. Words with a musical meaning of their own are read elsewhere."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache

from app.models.brief import Heard
from app.services.planning.keys import Key, alone, ends_clause, key_at, phrase_at
from app.services.planning.lexicon import Phrase, lexicon, phrase_of
from app.services.planning.progressions import progressions
from app.services.planning.spelt import spelt_at
from app.services.planning.tokens import Passage, fold

#: Tempi that are kept, in beats a minute; a number outside is noted and left.
SLOWEST_BPM, FASTEST_BPM = 30, 300

#: A number after "at" is a tempo only inside this range: "at 90", not "at 7".
_BARE_BPM = range(40, 221)

#: Metres that the composer plays; keys.toml names the nearest one to each other metre.
METRES = ("4/4", "3/4", "2/4", "6/8", "12/8", "5/4", "7/8")

#: Metres whose beat is a dotted quarter.
COMPOUND_METRES = frozenset({"6/8", "12/8"})

#: Quarter notes in each note that a tempo may count.
_QUARTERS = {"quarter": 1.0, "dotted_quarter": 1.5, "eighth": 0.5, "half": 2.0}

#: The Plan's slowest and fastest tempo, quarter notes a minute.
_FEWEST_QUARTERS, _MOST_QUARTERS = 20.0, 300.0

#: A number that stands alone between commas is a tempo inside this range: "liquid drum and bass, 174".
_LONE_BPM = range(56, 241)

#: Japanese for "beats a bar": 3拍子 is 3/4; 8分の6拍子 is 6/8.
_BEATS_A_BAR = ("拍", "子")

#: Keys that are easier to read under another name.
_SIMPLER = {"E#": "F", "B#": "C", "Cb": "B", "Fb": "E"}


@dataclass(slots=True)
class Figures:
    """What the numbers and notes said."""

    tempo_bpm: Heard[float] | None = None
    #: The note that the tempo counts, if named.
    beat: Heard[str] | None = None
    time_signature: Heard[str] | None = None
    tonic: Heard[str] | None = None
    mode: Heard[str] | None = None
    #: Indices of the tokens that were understood.
    used: set[int] = field(default_factory=set)
    conflicts: list[str] = field(default_factory=list)


def read_figures(passage: Passage) -> Figures:
    """Tempo, metre and key written in a passage; of several, the first counts.

    Chords in a row say the key where no words do.
    """
    figures = Figures()
    chords = progressions(passage)
    for row in chords:
        figures.used.update(range(row.first, row.last))
    _read_metre(passage, figures)
    _read_tempo(passage, figures)
    _read_key(passage, figures)
    for row in chords:
        if figures.tonic is None and figures.mode is None:
            words = (passage.text(row.first, row.last),)
            figures.tonic = Heard(value=_SIMPLER.get(row.tonic, row.tonic), words=words)
            figures.mode = Heard(value=row.mode, words=words)
    return figures


def counted(tempo_bpm: float, beat: str | None, metre: str) -> tuple[str, float]:
    """The note that a tempo counts in a metre, and the tempo in quarter notes a minute.

    Where nothing was said, compound metres are counted in dotted quarters, as they are conducted, unless that would
    be faster than can be planned: then the eighths were meant.

    >>> counted(120, None, "6/8"), counted(120, None, "3/4"), counted(220, None, "6/8")
    (('dotted_quarter', 180.0), ('quarter', 120.0), ('eighth', 110.0))
    """
    note = beat or ("dotted_quarter" if metre in COMPOUND_METRES else "quarter")
    if tempo_bpm * _QUARTERS[note] > _MOST_QUARTERS:
        note = "eighth"
    elif tempo_bpm * _QUARTERS[note] < _FEWEST_QUARTERS:
        note = "quarter"
    return note, tempo_bpm * _QUARTERS[note]


def _read_metre(passage: Passage, figures: Figures) -> None:
    for i in range(len(passage) - 2):
        asked, length = _fraction(passage, i) or _japanese_metre(passage, i) or ("", 0)
        played = asked if asked in METRES else lexicon().keys["nearest"].get(asked)
        if played is None or i in figures.used:
            continue
        if figures.time_signature is None:
            figures.time_signature = Heard(value=played, words=(passage.text(i, i + length),))
            if played != asked:
                figures.conflicts.append(f"{asked} is not played; {played} is the nearest metre that is.")
        elif figures.time_signature.value != played:
            figures.conflicts.append(
                f"{figures.time_signature.value} and {asked} were both asked for; the first counts."
            )
        figures.used.update(range(i, i + length))


def _fraction(passage: Passage, i: int) -> tuple[str, int] | None:
    """A metre written "6/8" at i, and its length."""
    if (passage.kind(i), passage.folded(i + 1), passage.kind(i + 2)) != ("number", "/", "number"):
        return None
    upper, lower = passage.folded(i), passage.folded(i + 2)
    return (f"{int(upper)}/{int(lower)}", 3) if len(upper) + len(lower) <= 4 else None


def _japanese_metre(passage: Passage, i: int) -> tuple[str, int] | None:
    """A metre written 3拍子 or 8分の6拍子 at i, and its length."""
    if passage.kind(i) != "number" or len(passage.folded(i)) > 2:
        return None
    if (passage.folded(i + 1), passage.folded(i + 2)) == _BEATS_A_BAR:
        beats = int(passage.folded(i))
        return f"{beats}/{8 if beats in (6, 7, 12) else 4}", 3
    parts = [passage.folded(i + step) for step in range(1, 6)]
    if parts[:2] == ["分", "の"] and tuple(parts[3:]) == _BEATS_A_BAR and passage.kind(i + 3) == "number":
        return f"{parts[2]}/{passage.folded(i)}", 6
    return None


@lru_cache(maxsize=1)
def _tempo_words() -> tuple[Mapping[Phrase, str], Mapping[str, frozenset[str]]]:
    """Units as phrases; all other words around a tempo by their row in keys.toml."""
    rows = lexicon().keys["tempo"]
    units = {phrase_of(word): word for word in rows["unit"]}
    return units, {key: frozenset(fold(word) for word in words) for key, words in rows.items()}


def _read_tempo(passage: Passage, figures: Figures) -> None:
    units, words = _tempo_words()
    i = 0
    while i < len(passage):
        first = i
        i += 1
        spelt = spelt_at(passage, first) if passage.kind(first) in ("word", "east") else (0.0, 0)
        if (passage.kind(first) != "number" and not spelt[1]) or first in figures.used:
            continue
        if _of_clock(passage, first):
            figures.used.add(first)
            continue
        value, last = _number(passage, first) if passage.kind(first) == "number" else (spelt[0], first + spelt[1])
        # "90-100 bpm", "90 to 100 bpm", "between 90 and 100 bpm": the middle.
        joined = words["to"] | (words["and"] if passage.folded(first - 1) in words["between_two"] else frozenset())
        second_at = last + 1 if passage.folded(last) in joined else last
        ranged = False
        if passage.kind(second_at) == "number":
            second, end = _number(passage, second_at)
            ranged = passage.folded(first - 1) in words["between_two"] and ends_clause(passage, end)
            ranged = ranged and value in _LONE_BPM and second in _LONE_BPM
            if ranged or phrase_at(passage, end, units)[1] or _tempo_word_before(passage, first) is not None:
                value, last = (value + second) / 2, end
        last += passage.folded(last) in words["about"]
        unit = phrase_at(passage, last, units)[1]
        beat, note = _beat_beside(passage, first, last, figures.used)
        unit = unit or note
        foreign = passage.folded(last) in words["other_units"]
        named_at = None if unit or foreign else _tempo_word_before(passage, first)
        bare = not spelt[1] and passage.folded(first - 1) in words["at"] and value in _BARE_BPM and not foreign
        bare = bare or (_nearly(passage, first) and ends_clause(passage, last) and value in _LONE_BPM)
        lone = alone(passage, first, last) or _among_music(passage, first, last)
        # "Dnb at one seventy four, dark", "techno, one twenty"; "my gran at ninety" is no tempo.
        told = spelt[1] != 1 or (passage.folded(first - 1) in words["at"] and _among_music(passage, first, last))
        bare = bare or ranged or (lone and told and value in _LONE_BPM and len(passage) > 1)
        if not unit and named_at is None and not bare:
            if passage.folded(last) in words["duration"]:
                figures.used.add(first)  # "30 seconds" is understood, and no tempo
            continue
        begin, last = (first if named_at is None else named_at), last + unit
        quoted = passage.text(begin, last)
        figures.used.update(range(begin, last))
        i = last
        if not SLOWEST_BPM <= value <= FASTEST_BPM:
            figures.conflicts.append(
                f"“{quoted}” is outside {SLOWEST_BPM} to {FASTEST_BPM} beats a minute and was left out."
            )
        elif figures.tempo_bpm is None:
            figures.tempo_bpm = Heard(value=value, words=(quoted,))
            figures.beat = beat
        elif figures.tempo_bpm.value != value:
            figures.conflicts.append(f"“{quoted}” comes after “{figures.tempo_bpm.words[0]}”; the first counts.")


def _nearly(passage: Passage, first: int) -> bool:
    """Whether "autour de" or the like stands before a number."""
    before = tuple(passage.folded(i) for i in range(max(0, first - 3), first))
    return any(before[at:] in _nearly_words() for at in range(len(before)))


@lru_cache(maxsize=1)
def _nearly_words() -> frozenset[Phrase]:
    return frozenset(phrase_of(word) for word in lexicon().keys["tempo"]["nearly"])


def _of_clock(passage: Passage, i: int) -> bool:
    """Whether a number is an hour or its minutes: "11:58"."""

    def pair(left: int) -> bool:
        parts = (passage.kind(left), passage.folded(left + 1), passage.kind(left + 2))
        return parts == ("number", ":", "number") and not passage.tokens[left + 2].spaced

    return pair(i) or (i >= 2 and pair(i - 2))


def _among_music(passage: Passage, first: int, last: int) -> bool:
    """Whether a number without a unit stands as producers write it: "dark techno wobble 135", "174 liquid dnb".

    It ends a clause that names a genre or an instrument, or stands before a genre or a feel; "route 66", "rock 80s"
    and "100 jazz songs" are none.
    """
    phrases, words = lexicon().phrases, _tempo_words()[1]
    if passage.folded(first - 1) in words["numbering"]:
        return False

    def names(begin: int, end: int, *tables: str) -> bool:
        senses = phrases.get(tuple(passage.folded(i) for i in range(begin, end)), ())
        return any(sense.table in tables for sense in senses)

    if ends_clause(passage, last):
        begin = first
        while begin > 0 and not ends_clause(passage, begin - 1):
            begin -= 1
        spans = ((i, j) for i in range(begin, first) for j in range(i + 1, min(first, i + 3) + 1))
        return any(names(i, j, "genres", "instruments") for i, j in spans)
    before = range(max(0, first - 3), first)
    near = any(names(i, j, "genres") for i in before for j in range(i + 1, first + 1))
    if near and passage.folded(last) in words["joining"]:
        return True  # "EDM drop 128 no vocals", "trap 140 with flute"
    digits, after = passage.folded(first), passage.folded(last)
    exact = digits.isdecimal() and (int(digits) % 10 != 0 or int(digits) > 100)
    if near and exact and after not in words["counted"] | words["other_units"]:
        return True  # "dub techno 118 deep chords"; "disco 70 style" may mean the year
    kinds: tuple[str, ...] = ("genres", "feel")
    if any(names(begin, first, "genres") for begin in range(max(0, first - 3), first)):
        kinds = ("genres", "feel", "instruments")  # "hardstyle 150 reverse bass"
    ends = [end for end in range(last + 1, min(len(passage), last + 3) + 1) if names(last, end, *kinds)]
    return bool(ends) and passage.folded(ends[-1]) not in words["counted"]


def _beat_beside(passage: Passage, first: int, last: int, used: set[int]) -> tuple[Heard[str] | None, int]:
    """The note that a number counts, and how many tokens after it say so: "quarter = 90", "90 eighths a minute"."""
    table, after = _beat_words()
    value, length = phrase_at(passage, last, table)
    if value is not None and passage.folded(last + length) in after:
        return Heard(value=value, words=(passage.text(last, last + length),)), length + 2
    if passage.folded(first - 1) == "=":
        for back in (4, 3, 2):
            value, length = phrase_at(passage, first - back, table) if first >= back else (None, 0)
            if value is not None and first - back + length == first - 1:
                used.update(range(first - back, first))
                return Heard(value=value, words=(passage.text(first - back, first - 1),)), 0
    return None, 0


@lru_cache(maxsize=1)
def _beat_words() -> tuple[Mapping[Phrase, str], frozenset[str]]:
    """Names of notes as phrases, and the words that join them to "minute"."""
    rows = lexicon().keys
    beats = {phrase_of(word): note for note, words in rows["beats"].items() for word in words}
    return beats, frozenset(rows["tempo"]["a_minute"])


def _number(passage: Passage, i: int) -> tuple[float, int]:
    """The number at i, a decimal part included, and the index after it."""
    text, last = passage.folded(i)[:6], i + 1
    joined = passage.folded(last) in (".", ",") and passage.kind(last + 1) == "number"
    if joined and not (passage.tokens[last].spaced or passage.tokens[last + 1].spaced):
        text, last = f"{text}.{passage.folded(last + 1)[:3]}", last + 2
    return float(text), last


def _tempo_word_before(passage: Passage, i: int) -> int | None:
    """Where a word like "tempo" stands before i, at most two small words away; None if nowhere."""
    _, words = _tempo_words()
    names = _tempo_names()
    at = i
    while at > max(0, i - 3):
        for length in range(min(3, at), 0, -1):
            if tuple(passage.folded(at - length + step) for step in range(length)) in names:
                return at - length
        if passage.folded(at - 1) not in words["between"]:
            return None
        at -= 1
    return None


@lru_cache(maxsize=1)
def _tempo_names() -> frozenset[Phrase]:
    return frozenset(phrase_of(word) for word in lexicon().keys["tempo"]["name"])


def _read_key(passage: Passage, figures: Figures) -> None:
    i = 0
    while i < len(passage):
        key = Key() if i in figures.used else key_at(passage, i)
        if key.length:
            _note_key(passage, i, key, figures)
        i += max(1, key.length)


def _note_key(passage: Passage, i: int, key: Key, figures: Figures) -> None:
    words = (passage.text(i, i + key.length),)
    figures.used.update(range(i, i + key.length))
    tonic = _SIMPLER.get(key.tonic, key.tonic) if key.tonic else None
    if tonic and figures.tonic and figures.tonic.value != tonic:
        figures.conflicts.append(f"“{words[0]}” comes after “{figures.tonic.words[0]}”; the first key counts.")
        return
    if tonic and figures.tonic is None:
        figures.tonic = Heard(value=tonic, words=words)
    if key.mode and figures.mode is None:
        figures.mode = Heard(value=key.mode, words=words)
