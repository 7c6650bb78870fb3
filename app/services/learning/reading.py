"""A MIDI file's bytes → Tune. Rule: nothing here trusts the file."""

from collections import defaultdict
from io import BytesIO
from typing import TypeVar

import mido

from app.models.score import Note
from app.services.learning.tune import Line, Tune, key_of, ordered

Value = TypeVar("Value", float, str)

#: Largest file that is read, and most notes: an hour of an orchestra has fewer.
MOST_BYTES, MOST_NOTES = 5_000_000, 200_000

#: Bytes that a process may hold while it reads a file, or the table of a ZIP, beyond those that it holds already.
MOST_MEMORY_BYTES = 1_500_000_000

#: Fewest notes with pitches that say anything about how a music goes.
FEWEST_NOTES = 8

#: Longest piece, in beats.
MOST_BEATS = 20_000.0

#: Tempo of a file that names none, by the MIDI standard; and the tempos that are believed.
UNSAID_BPM, BELIEVED_BPM = 120.0, (30.0, 300.0)

#: MIDI channel 10, counted from 0.
_DRUM_CHANNEL = 9

#: Metres that are taken as they are; pieces in others are heard in 4/4.
METRES = ("4/4", "3/4", "2/4", "6/8", "2/2", "3/8", "9/8", "12/8", "5/4", "7/8")


class FileUnusable(ValueError):
    """A file that nothing can be learned from; the message says why."""


def read_tune(content: bytes) -> Tune:
    """The tune that a MIDI file holds. For what is none FileUnusable; where memory is bounded, MemoryError."""
    if len(content) > MOST_BYTES:
        raise FileUnusable(f"is larger than {MOST_BYTES // 1_000_000} MB")
    if not content.startswith(b"MThd"):
        raise FileUnusable("is not a MIDI file (it does not begin with MThd)")
    try:
        file = mido.MidiFile(file=BytesIO(content), clip=True)
    except MemoryError:
        raise
    except Exception as error:  # mido raises what its parser meets: EOFError, OSError, IndexError, ValueError …
        raise FileUnusable("is a broken or truncated MIDI file") from error
    if not 1 <= file.ticks_per_beat <= 0x7FFF or file.type == 2:
        raise FileUnusable("counts time in frames or holds unrelated patterns; allowed are MIDI types 0 and 1 in beats")
    return _heard(_Reader(file))


class _Reader:
    """The notes and signs of a file, in beats."""

    def __init__(self, file: mido.MidiFile) -> None:
        #: Notes by track, channel and program.
        self.notes: dict[tuple[int, int, int], list[Note]] = defaultdict(list)
        #: Tempo and metre changes: (beat, value).
        self.tempos: list[tuple[float, float]] = []
        self.metres: list[tuple[float, str]] = []
        #: Beat of the last event.
        self.end = 0.0
        for number, track in enumerate(file.tracks):
            self._track(number, track, file.ticks_per_beat)

    def _track(self, number: int, track: mido.MidiTrack, ticks_per_beat: int) -> None:
        tick = 0
        programs: dict[int, int] = {}
        sounding: dict[tuple[int, int], tuple[float, int]] = {}
        for message in track:
            tick += message.time
            beat = tick / ticks_per_beat
            self.end = max(self.end, beat)
            if message.type == "program_change":
                programs[message.channel] = message.program
            elif message.type == "set_tempo":
                self.tempos.append((beat, 60e6 / max(message.tempo, 1)))
            elif message.type == "time_signature":
                self.metres.append((beat, f"{message.numerator}/{message.denominator}"))
            elif message.type in ("note_on", "note_off"):
                begun = sounding.pop((message.channel, message.note), None)
                if begun is not None and beat > begun[0]:
                    note = Note(
                        pitch=message.note, start_beat=begun[0], length_beats=beat - begun[0], velocity=begun[1]
                    )
                    self.notes[number, message.channel, programs.get(message.channel, 0)].append(note)
                if message.type == "note_on" and message.velocity:
                    sounding[message.channel, message.note] = (beat, message.velocity)


def _heard(reader: _Reader) -> Tune:
    """The tune in what was read."""
    lines, drums = [], []
    for (_, channel, program), notes in sorted(reader.notes.items()):
        inside = sorted(notes, key=lambda note: (note.start_beat, note.pitch))
        if channel == _DRUM_CHANNEL:
            drums += inside
        else:
            lines.append(Line(program=program, notes=tuple(inside)))
    count = sum(len(line.notes) for line in lines)
    if count < FEWEST_NOTES:
        raise FileUnusable(f"has {count} notes with a pitch; at least {FEWEST_NOTES} are needed")
    if count + len(drums) > MOST_NOTES or reader.end > MOST_BEATS:
        raise FileUnusable(f"is too long: at most {MOST_NOTES} notes and {MOST_BEATS:.0f} beats are read")
    high_first = ordered(lines)
    root, third = key_of(high_first)
    metre = _longest(reader.metres, reader.end, "4/4")
    low, high = BELIEVED_BPM
    return Tune(
        lines=high_first,
        drums=tuple(sorted(drums, key=lambda note: (note.start_beat, note.pitch))),
        tempo_bpm=min(max(_longest(reader.tempos, reader.end, UNSAID_BPM), low), high),
        time_signature=metre if metre in METRES else "4/4",
        root=root,
        third=third,
    )


def _longest(changes: list[tuple[float, Value]], end: float, unsaid: Value) -> Value:
    """The value that holds longest."""
    held: dict[Value, float] = defaultdict(float)
    placed = sorted(changes, key=lambda change: change[0])
    placed.insert(0, (0.0, unsaid))
    ends = [beat for beat, _ in placed[1:]] + [end]
    for (beat, value), after in zip(placed, ends, strict=True):
        held[value] += max(after - beat, 0.0)
    return max(held.items(), key=lambda item: item[1])[0]
