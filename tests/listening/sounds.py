"""Sounds whose tempo, metre and key are known because they were made so, without the composer."""

import numpy as np

from app.models.audio import BLOCK_FRAMES, SAMPLE_RATE
from app.services.listening import Ear
from app.utils.units import midi_to_hz


def pulse(beats_a_minute, accents, seconds=20.0, seed=1):
    """Strokes on every beat, each bar as heavy as the accents say; heavy ones are low."""
    rng = np.random.default_rng(seed)
    frames = round(seconds * SAMPLE_RATE)
    sound = rng.normal(0.0, 1e-4, frames)
    beat = 60.0 / beats_a_minute * SAMPLE_RATE
    time_s = np.arange(SAMPLE_RATE // 5) / SAMPLE_RATE
    for number in range(int(frames / beat)):
        at = round(number * beat)
        accent = accents[number % len(accents)]
        low = np.sin(2 * np.pi * 70 * time_s) * np.exp(-time_s / 0.05) * accent
        high = rng.normal(0.0, 0.2, len(time_s)) * np.exp(-time_s / 0.02)
        stroke = (low + high)[: frames - at]
        sound[at : at + len(stroke)] += 0.4 * stroke
    return np.stack((sound, sound), axis=1).astype(np.float32)


def chords(pitch_sets, seconds_each=1.5):
    """Held chords of a few partials, one after the other, the lowest note an octave deeper too."""
    time_s = np.arange(round(seconds_each * SAMPLE_RATE)) / SAMPLE_RATE
    envelope = np.minimum(1.0, np.minimum(time_s, time_s[::-1]) / 0.02)
    pieces = []
    for pitches in pitch_sets:
        pitches = (min(pitches) - 12, *pitches)
        tones = [
            np.sin(2 * np.pi * midi_to_hz(pitch) * part * time_s) / part**1.5
            for pitch in pitches
            for part in range(1, 6)
        ]
        pieces.append(0.05 * sum(tones) * envelope)
    sound = np.concatenate(pieces)
    return np.stack((sound, sound), axis=1).astype(np.float32)


def heard(samples, size=BLOCK_FRAMES):
    """The samples as the ear has them, fed in blocks."""
    ear = Ear()
    for first in range(0, len(samples), size):
        ear.add(samples[first : first + size])
    return ear.sound()
