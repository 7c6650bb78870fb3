"""A second voice in imitation: the melody again some beats later, at the interval that suits its register.

Rule: the rhythm is the leader's; a step up stays a step up. Within that, each note goes where the harmony has room.
"""

from bisect import bisect_right
from collections.abc import Sequence

from app.models.score import Note
from app.services.composing.setting import Bar, Setting
from app.services.theory.chords import chord_scale

#: Scale steps at which a voice may follow, and how much each is liked less than the octave.
INTERVALS: dict[int, float] = {-7: 0.0, 7: 0.0, 0: 2.0, -4: 1.0, -3: 1.0, 3: 1.0, 4: 1.0, -14: 0.5, -11: 1.5}

#: A follower enters after two bars where a bar is shorter than this, in seconds; else after one.
ROOMY_BAR_S = 1.5

#: Costs of a note: off its place by a semitone, foreign to its chord where it weighs, another turn than the leader's,
#: a second or seventh against what the leader sings meanwhile.
_OFF, _FOREIGN, _TURNED, _RUB = 1.0, 2.5, 7.0, 2.5


def imitated(
    setting: Setting, bars: Sequence[Bar], lead: Sequence[Note], reach: tuple[int, int], *, place: int = 0
) -> list[tuple[Bar, float, Note, int]]:
    """Bar, position in it, leader's note and pitch of each note of the follower within the bars.

    `lead` is sorted; `place` counts followers: each enters as long after the one before.
    """
    delay = delay_beats(setting) * (place + 1)
    begin, end = bars[0].start_beat, bars[-1].start_beat + setting.metre.beats
    led = [note for note in lead if begin - 1e-6 <= note.start_beat < end - delay - 1e-6]
    if not led:
        return []
    starts = [note.start_beat for note in lead]
    interval = _interval(led, bars[0].scale, reach)
    followed: list[tuple[Bar, float, Note, int]] = []
    previous: tuple[int, int] | None = None
    for note in led:
        beat = note.start_beat + delay
        bar = bars[min(int((beat - begin + 1e-6) // setting.metre.beats), len(bars) - 1)]
        position = beat - bar.start_beat
        target = _moved(note.pitch, interval, bar.scale)
        chord = bar.change_at(position).chord
        allowed = chord_scale(chord, bar.scale)
        weighty = setting.metre.strength(position) >= 0.6 or note.length_beats >= 1.0
        meanwhile = _sounding(lead, starts, beat)
        options = {}
        for pitch in range(max(reach[0], target - 4), min(reach[1], target + 4) + 1):
            if pitch % 12 not in allowed:
                continue
            cost = _OFF * abs(pitch - target)
            if pitch % 12 not in chord.classes:
                cost += _FOREIGN if weighty else 0.3
            if previous is not None and _turn(pitch - previous[1]) != _turn(note.pitch - previous[0]):
                cost += _TURNED
            if meanwhile is not None and (pitch - meanwhile) % 12 in (1, 2, 10, 11):
                cost += _RUB if weighty else 0.8
            options[pitch] = cost
        if not options:
            continue
        pitch = min(options, key=lambda option: (options[option], option))
        previous = (note.pitch, pitch)
        followed.append((bar, position, note, pitch))
    return followed


def delay_beats(setting: Setting) -> float:
    """Beats after which a follower enters: a bar, or two short ones."""
    return setting.metre.beats * (1 if setting.bar_s >= ROOMY_BAR_S else 2)


def _interval(led: Sequence[Note], scale: tuple[int, ...], reach: tuple[int, int]) -> int:
    """The interval that keeps most of the line within the voice's reach, near its middle."""
    middle = (reach[0] + reach[1]) / 2

    def strain(interval: int) -> float:
        pitches = [_moved(note.pitch, interval, scale) for note in led]
        outside = sum(not reach[0] <= pitch <= reach[1] for pitch in pitches) / len(pitches)
        return 30.0 * outside + INTERVALS[interval] + 0.15 * abs(sum(pitches) / len(pitches) - middle)

    return min(INTERVALS, key=strain)


def _moved(pitch: int, steps: int, scale: tuple[int, ...]) -> int:
    """A pitch moved by scale steps; one between two degrees keeps its distance to the lower one."""
    ladder = sorted((tone - scale[0]) % 12 for tone in scale)
    octave, inside = divmod(pitch - scale[0], 12)
    below = max(index for index, offset in enumerate(ladder) if offset <= inside)
    octaves, degree = divmod(below + steps, len(ladder))
    return scale[0] + 12 * (octave + octaves) + ladder[degree] + inside - ladder[below]


def _turn(interval: int) -> int:
    return (interval > 0) - (interval < 0)


def _sounding(lead: Sequence[Note], starts: Sequence[float], beat: float) -> int | None:
    """What the leader sings at a beat; nothing in its rests."""
    index = bisect_right(starts, beat + 1e-6) - 1
    if index < 0 or lead[index].start_beat + lead[index].length_beats <= beat + 1e-6:
        return None
    return lead[index].pitch
