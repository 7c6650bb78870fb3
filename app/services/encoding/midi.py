"""Score and Plan → a standard MIDI file: what a sequencer or a notation program needs to go on with the music."""

import math
from collections.abc import Iterable, Sequence
from itertools import zip_longest
from pathlib import Path

import mido

from app.models.plan import Channel, Mode, Plan, Voice
from app.models.score import KeyChange, Note, Part, Score
from app.services.encoding.draft import Draft
from app.services.encoding.tags import Tags
from app.services.theory.instruments import INSTRUMENTS
from app.utils.units import db_to_gain

#: Ticks of a beat (quarter note).
TICKS_PER_BEAT = 480

#: General MIDI plays drums on channel 10, counted from 0 here; the others are for melodies.
DRUM_CHANNEL = 9
MELODIC_CHANNELS = tuple(channel for channel in range(16) if channel != DRUM_CHANNEL)

VOLUME, PAN, EXPRESSION, DAMPER = 7, 10, 11, 64
#: Controller value of a channel at 0 dB; General MIDI's volume is 40 dB a decade, so this leaves 4 dB above it.
REFERENCE_VOLUME = 100
#: Ticks between two looks at a strength that changes: a sixteenth of a beat.
_STRENGTH_TICKS = TICKS_PER_BEAT // 16

#: Keys by their place on the line of fifths, seven flats to seven sharps: major, and the minor of the same signature.
MAJOR_KEYS = ("Cb", "Gb", "Db", "Ab", "Eb", "Bb", "F", "C", "G", "D", "A", "E", "B", "F#", "C#")
MINOR_KEYS = ("Abm", "Ebm", "Bbm", "Fm", "Cm", "Gm", "Dm", "Am", "Em", "Bm", "F#m", "C#m", "G#m", "D#m", "A#m")
LETTER_FIFTHS = {"F": -1, "C": 0, "G": 1, "D": 2, "A": 3, "E": 4, "B": 5}
#: How far a scale's signature lies from that of the major scale on the same tonic, in fifths.
MODE_FIFTHS: dict[Mode, int] = {
    "lydian": 1, "major": 0, "mixolydian": -1, "dorian": -2, "minor": -3, "harmonic_minor": -3, "phrygian": -4,
}  # fmt: skip
MINOR_THIRD_MODES = frozenset({"minor", "harmonic_minor", "dorian", "phrygian"})

#: At the same tick: notes end first, then everything else is set, then notes begin.
_ORDER = {"note_off": 0, "note_on": 2}
#: Ticks from the beginning, and a message; `_track` gives it its time.
_Event = tuple[int, mido.Message | mido.MetaMessage]


def write_midi(score: Score, plan: Plan, path: Path, tags: Tags) -> None:
    """Write a format 1 file that lasts as long as the score: one track for tempo, form and harmony, one a part.

    What is held beyond the score's end is cut there. `StorageFailed`.
    """
    end = _ticks(score.length_beats)
    file = mido.MidiFile(type=1, ticks_per_beat=TICKS_PER_BEAT, charset="utf-8")
    file.tracks.append(_track(_conductor(score, plan, tags), end))
    channels = allot_channels([plan.voice(part.voice) for part in score.parts])
    for part, channel in zip(score.parts, channels, strict=True):
        set_up = _set_up(plan.voice(part.voice), channel)
        # A controller moves a whole channel: where two voices share one, neither has it to itself.
        strength = _strength(part, channel, end) if channels.count(channel) == 1 else []
        file.tracks.append(_track([*set_up, *_pedal(part, channel, end), *strength, *_notes(part, channel, end)], end))
    with Draft(path) as draft:
        file.save(draft.file)


def key_signature(tonic: str, mode: Mode) -> str:
    """The key whose accidentals are those of the scale, as MIDI names it: "Am", "F#", "Bb".

    >>> key_signature("D", "dorian")
    'Am'
    """
    fifths = LETTER_FIFTHS[tonic[0]] + 7 * (tonic.count("#") - tonic.count("b")) + MODE_FIFTHS[mode]
    if abs(fifths) > 7:  # G# major would need eight sharps; Ab major is the same keys with four flats
        fifths -= 12 if fifths > 0 else -12
    return (MINOR_KEYS if mode in MINOR_THIRD_MODES else MAJOR_KEYS)[fifths + 7]


def allot_channels(voices: Sequence[Voice]) -> list[int]:
    """A channel for each voice: drums on the tenth, the others on one of their own as long as there are any.

    From the sixteenth melodic voice on, channels are shared, with a voice of the same program if there is one.
    """
    channels: list[int] = []
    programs: dict[int, int] = {}
    for voice in voices:
        row = INSTRUMENTS[voice.instrument]
        if row.is_drums:
            channels.append(DRUM_CHANNEL)
            continue
        free = [channel for channel in MELODIC_CHANNELS if channel not in programs]
        same = [channel for channel, program in programs.items() if program == row.program]
        channel = (free or same or MELODIC_CHANNELS[-1:])[0]
        programs.setdefault(channel, row.program)
        channels.append(channel)
    return channels


def volume(channel: Channel) -> int:
    """Controller 7 for a channel's level, 1…127."""
    return min(127, max(1, round(REFERENCE_VOLUME * db_to_gain(channel.level_db / 2.0))))


def pan(channel: Channel) -> int:
    """Controller 10 for a channel's place between left (0) and right (127)."""
    return min(127, max(0, round(64 + 64 * channel.pan)))


def _conductor(score: Score, plan: Plan, tags: Tags) -> list[_Event]:
    upper, lower = score.time_signature
    events: list[_Event] = [(0, mido.MetaMessage("track_name", name=tags.title or plan.title))]
    about = [
        tags.prompt,
        tags.genre and f"Genre: {tags.genre}",
        tags.key and f"Key: {tags.key}",
        None if tags.seed is None else f"Seed: {tags.seed}",
        tags.generator and f"Made by {tags.generator}",
    ]
    events += [(0, mido.MetaMessage("text", text=line)) for line in about if line]
    events.append((0, mido.MetaMessage("time_signature", numerator=upper, denominator=lower)))
    if plan.last_bar_beats is not None:
        last = _ticks((plan.bars - 1) * plan.beats_per_bar)
        events.append((last, mido.MetaMessage("time_signature", numerator=plan.last_bar_beats, denominator=4)))
    keys = score.keys or (KeyChange(beat=0.0, tonic=plan.tonic, mode=plan.mode),)
    events += [
        (_ticks(key.beat), mido.MetaMessage("key_signature", key=key_signature(key.tonic, key.mode))) for key in keys
    ]
    events += [
        (_ticks(change.beat), mido.MetaMessage("set_tempo", tempo=round(60e6 / change.tempo_bpm)))
        for change in score.tempo_changes
    ]
    events += [(_ticks(beat), mido.MetaMessage("marker", text=name)) for beat, name in score.markers]
    events += [(_ticks(chord.start_beat), mido.MetaMessage("lyrics", text=chord.symbol)) for chord in score.chords]
    return events


def _set_up(voice: Voice, channel: int) -> list[_Event]:
    program = INSTRUMENTS[voice.instrument].program
    return [
        (0, mido.MetaMessage("track_name", name=voice.name)),
        (0, mido.MetaMessage("instrument_name", name=voice.instrument)),
        (0, mido.Message("program_change", channel=channel, program=program)),
        (0, mido.Message("control_change", channel=channel, control=VOLUME, value=volume(voice.channel))),
        (0, mido.Message("control_change", channel=channel, control=PAN, value=pan(voice.channel))),
    ]


def _pedal(part: Part, channel: int, end: int) -> list[_Event]:
    events: list[_Event] = []
    for span in part.pedal:
        for beat, value in ((span.start_beat, 127), (span.end_beat, 0)):
            message = mido.Message("control_change", channel=channel, control=DAMPER, value=value)
            events.append((min(_ticks(beat), end), message))
    return events


def _strength(part: Part, channel: int, end: int) -> list[_Event]:
    """Controller 11 along the part's course of strength, a message where its value changes."""
    events: list[_Event] = []
    held = -1
    for point, following in zip_longest(part.strength, part.strength[1:]):
        first = min(_ticks(point.beat), end)
        last = first if following is None else min(_ticks(following.beat), end)
        for tick in range(first, max(last, first + 1), _STRENGTH_TICKS):
            along = (tick - first) / max(last - first, 1)
            level = point.level + (along * (following.level - point.level) if following else 0.0)
            # Players take the controller's square for amplitude (General MIDI level 2, 40 log10).
            value = round(127 * math.sqrt(level))
            if value != held:
                held = value
                message = mido.Message("control_change", channel=channel, control=EXPRESSION, value=value)
                events.append((tick, message))
    return events


def _notes(part: Part, channel: int, end: int) -> list[_Event]:
    events: list[_Event] = []
    for pitch, notes in _by_pitch(part.notes).items():
        starts = sorted(notes)
        for start, following in zip(starts, (*starts[1:], end), strict=True):
            note = notes[start]
            # A key that is struck again was let go before.
            stop = min(max(_ticks(note.start_beat + note.length_beats), start + 1), following)
            velocity = min(127, max(1, note.velocity))
            if start < stop:
                events.append((start, _key("note_on", channel, pitch, velocity)))
                events.append((stop, _key("note_off", channel, pitch, 64)))
    return events


def _key(kind: str, channel: int, pitch: int, velocity: int) -> mido.Message:
    """A key's message. Made by the thousand, so without mido's checks: the values are in range by now."""
    return mido.Message(kind, skip_checks=True, channel=channel, note=pitch, velocity=velocity)


def _by_pitch(notes: Iterable[Note]) -> dict[int, dict[int, Note]]:
    """The notes of each key by their first tick; of two struck at once, the longer."""
    keys: dict[int, dict[int, Note]] = {}
    for note in notes:
        key = keys.setdefault(_playable(note.pitch), {})
        start = max(0, _ticks(note.start_beat))
        if start not in key or key[start].length_beats < note.length_beats:
            key[start] = note
    return keys


def _playable(pitch: int) -> int:
    """The pitch, moved by octaves into MIDI's 0…127."""
    while pitch > 127:
        pitch -= 12
    while pitch < 0:
        pitch += 12
    return pitch


def _ticks(beat: float) -> int:
    return round(beat * TICKS_PER_BEAT)


def _track(events: Iterable[_Event], end: int) -> mido.MidiTrack:
    track = mido.MidiTrack()
    now = 0
    for tick, message in sorted(events, key=lambda event: (event[0], _ORDER.get(event[1].type, 1))):
        message.time = tick - now
        track.append(message)
        now = tick
    track.append(mido.MetaMessage("end_of_track", time=max(0, end - now)))
    return track
