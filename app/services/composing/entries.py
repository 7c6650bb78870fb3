"""The plan of a fugue: where its subject enters, in which keys, over which chords; what stands between is episodes.

Rule: nothing here knows a pitch of the subject; the harmony is made first, so that subject and answer fit it.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from app.models.plan import Mode, Plan, Role, Voice
from app.services.composing.changes import Changes, changes
from app.services.composing.layout import Stretch
from app.services.theory.chords import read_numeral
from app.services.theory.keys import Key
from app.services.theory.metre import Metre
from app.services.theory.scales import third_of

#: Roles that carry the lines of a fugue, in the order of their entries.
LINES: tuple[Role, ...] = ("lead", "counter", "bass")

#: Lines a fugue has at least and at most; more voices of these roles keep silent.
FEWEST, MOST = 2, 4

#: Bars of the subject, longer first; a bar that lasts longer than this, in seconds, makes it a short one.
SUBJECT_BARS, LONG_BAR_S = (2, 1), 3.4

#: The chords under the subject by its length and its key's third; bars divided by `|`, their halves by spaces.
SUBJECT_CHORDS: dict[tuple[int, str], str] = {
    (1, "major"): "I V", (1, "minor"): "i V", (2, "major"): "I IV | V7 I", (2, "minor"): "i iv | V7 i",
}  # fmt: skip

#: The same in bars shorter than this, in seconds, whose halves nobody follows: the subject stays on its tonic at first.
CALM_BELOW_S = 2.9
CALM_CHORDS: dict[tuple[int, str], str] = {**SUBJECT_CHORDS, (2, "major"): "I | V7 I", (2, "minor"): "i | V7 i"}

#: What an episode passes through, falling by fifths; it takes the last bars, and ends before the key that comes.
FALLING_FIFTHS = {"major": ("I IV", "viio iii", "vi ii"), "minor": ("i iv", "VII III", "VI iv")}

#: Where the subject stands in the middle of the piece: semitones above the key note, and the scale there, in turn.
MIDDLE_KEYS: dict[str, tuple[tuple[int, Mode], ...]] = {
    "major": ((-3, "minor"), (5, "major"), (2, "minor")),
    "minor": ((3, "major"), (5, "minor"), (-2, "major")),
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Entry:
    """The subject, once."""

    #: Counted from 0.
    number: int
    first_bar: int
    bars: int
    #: The key it stands in: an answer's is a fifth above the tonic.
    key: Key
    #: Whether it belongs to the exposition, in which the lines come in one by one.
    exposition: bool


def lines_of(voices: Sequence[Voice]) -> list[Voice]:
    """The voices that carry the lines of a fugue, in the order in which they enter."""
    found = [voice for role in LINES for voice in voices if voice.role == role]
    return found[:MOST]


def entries_of(plan: Plan, metre: Metre, stretches: Sequence[Stretch]) -> tuple[Entry, ...]:
    """All entries of the subject in order; none if the plan is no fugue, or too short or too thin for one.

    The exposition has one entry for each line, the second a fifth above the first; the last entry comes home.
    """
    count = len(lines_of(plan.ensemble))
    if plan.counterpoint != "fugue" or count < FEWEST:
        return ()
    bar_s = metre.beats * 60.0 / plan.tempo_bpm
    usable = plan.bars - (0 if plan.loop else 1)
    fitting = [bars for bars in SUBJECT_BARS if (count + 1) * bars + 2 <= usable and (bars == 1 or bar_s <= LONG_BAR_S)]
    if not fitting:
        return ()
    bars = fitting[0]
    starts = [number * bars for number in range(count)]
    final = usable - 1 - bars
    at = count * bars + bars
    while at + 2 * bars <= final:
        starts.append(at)
        at += 2 * bars
    starts.append(final)
    keys = [_key(plan, stretches, number, start, count, start == final) for number, start in enumerate(starts)]
    return tuple(
        Entry(number=number, first_bar=start, bars=bars, key=key, exposition=number < count)
        for number, (start, key) in enumerate(zip(starts, keys, strict=True))
    )


def exposed_bar(entries: Sequence[Entry]) -> int:
    """The first bar after the exposition; 0 where there is no fugue."""
    return max((entry.first_bar + entry.bars for entry in entries if entry.exposition), default=0)


def fugal_changes(entries: Sequence[Entry], metre: Metre, bar_s: float) -> Iterator[tuple[int, Changes]]:
    """Bar and chords for each bar of the entries and of the episodes between them; a bar lasts `bar_s` seconds."""
    chords = CALM_CHORDS if bar_s < CALM_BELOW_S else SUBJECT_CHORDS
    for entry in entries:
        bars = chords[entry.bars, third_of(entry.key.mode)].split("|")
        for number, numerals in enumerate(bars):
            yield entry.first_bar + number, _bar(numerals.split(), entry.key, metre)
    for before, after in pairwise(entries):
        length = after.first_bar - before.first_bar - before.bars
        home = before.key if not before.exposition else entries[0].key
        passage = FALLING_FIFTHS[third_of(home.mode)]
        for number in range(length):
            bar = before.first_bar + before.bars + number
            if number == length - 1:
                yield bar, _bar(["V", "V7"], after.key, metre)
            else:
                yield bar, _bar(passage[number % len(passage)].split(), home, metre)


def _bar(numerals: Sequence[str], key: Key, metre: Metre) -> Changes:
    """A bar whose chords share it in halves."""
    chords = [read_numeral(numeral, key.tonic, key.mode) for numeral in numerals]
    return changes(dict(zip((0.0, metre.half()), chords, strict=False)), metre.beats)


def _key(plan: Plan, stretches: Sequence[Stretch], number: int, bar: int, count: int, final: bool) -> Key:
    """The key of an entry: tonic and fifth in turn, then the section's own, or one nearby."""
    home = Key(plan.tonic, plan.mode)
    if final:
        return home
    if number < count:
        return home.moved(7) if number % 2 else home
    there = next(s.tonality for s in stretches if s.first_bar <= bar < s.first_bar + s.bars)
    if there != home:
        return there
    semitones, mode = MIDDLE_KEYS[third_of(home.mode)][(number - count) % 3]
    return home.moved(semitones, mode)
