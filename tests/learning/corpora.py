"""Corpora made by hand: tunes with a manner of their own that no packaged style has."""

from io import BytesIO

import mido
import numpy as np

#: Ticks a beat.
TICKS = 480

#: Scale, from the key note up, over an octave and a half.
_SCALE = (0, 2, 4, 5, 7, 9, 11, 12, 14, 16)

#: Root of the chord of each bar, above the key note, and what it is.
_CHORDS = ((0, (0, 4, 7)), (10, (0, 4, 7)), (5, (0, 4, 7)), (0, (0, 4, 7)))


def midi(lines, *, tempo_bpm=96, metre=(3, 4)):
    """A MIDI file's bytes of lines: (channel, program, notes as (pitch, start, length) in beats)."""
    file = mido.MidiFile(type=1, ticks_per_beat=TICKS)
    head = mido.MidiTrack()
    head.append(mido.MetaMessage("set_tempo", tempo=round(60e6 / tempo_bpm)))
    head.append(mido.MetaMessage("time_signature", numerator=metre[0], denominator=metre[1]))
    file.tracks.append(head)
    for channel, program, notes in lines:
        events = [(0.0, 0, mido.Message("program_change", channel=channel, program=program))]
        for pitch, start, length in notes:
            events.append((start, 2, mido.Message("note_on", channel=channel, note=pitch, velocity=90)))
            events.append((start + length, 1, mido.Message("note_off", channel=channel, note=pitch)))
        track, now = mido.MidiTrack(), 0
        for beat, _, message in sorted(events, key=lambda event: event[:2]):
            tick = round(beat * TICKS)
            track.append(message.copy(time=tick - now))
            now = tick
        file.tracks.append(track)
    written = BytesIO()
    file.save(file=written)
    return written.getvalue()


def jig(seed, *, bars=32):
    """A dance in D mixolydian, in three, its flute in quavers that turn about, its cello on roots."""
    rng = np.random.default_rng(seed)
    flute, cello, harp = [], [], []
    place = int(rng.integers(2, 8))
    for bar in range(bars):
        root, tones = _CHORDS[bar % 4]
        cello.append((38 + root, 3 * bar, 3))
        harp += [(62 + (root + tone) % 12, 3 * bar + beat, 1) for tone in tones for beat in (1, 2)]
        rhythm = (0, 2) if bar % 4 == 3 else (0, 0.5, 1, 1.5, 2, 2.5) if rng.random() < 0.8 else (0, 1, 1.5, 2)
        for start, end in zip(rhythm, (*rhythm[1:], 3), strict=True):
            place = min(max(place + int(rng.choice((-2, -1, 0, 1, 2), p=(0.2, 0.25, 0.1, 0.25, 0.2))), 0), 9)
            flute.append((74 + _SCALE[place], 3 * bar + start, end - start))
    return midi([(0, 73, flute), (1, 46, harp), (2, 42, cello)], tempo_bpm=90 + seed % 12)
