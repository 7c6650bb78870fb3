"""Sounds made by plain arithmetic, whose tempo, metre, key and faults are known; nothing of `app` takes part."""

import numpy as np

RATE = 44_100
#: The rate that most detectors listen at, and every how many samples are kept for it.
LISTENING_RATE = 22_050


def strokes(beats_a_minute, accents=(1.0, 0.5, 0.7, 0.5), seconds=20.0, seed=1):
    """A low thump and a burst of noise on every beat, as heavy as the accents say; shape (frames,)."""
    rng = np.random.default_rng(seed)
    frames = round(seconds * RATE)
    sound = rng.normal(0.0, 1e-4, frames)
    time_s = np.arange(RATE // 4) / RATE
    set_in = np.minimum(1.0, time_s / 0.002)
    for number in range(int(seconds * beats_a_minute / 60)):
        at = round(number * 60 / beats_a_minute * RATE)
        accent = accents[number % len(accents)]
        thump = np.sin(2 * np.pi * 65 * time_s) * np.exp(-time_s / 0.06) * accent**2
        burst = rng.normal(0.0, 0.3, len(time_s)) * np.exp(-time_s / 0.03) * accent
        stroke = (0.4 * set_in * (thump + burst))[: frames - at]
        sound[at : at + len(stroke)] += stroke
    return sound


def tone(pitch, seconds, decay_s=None):
    """One note of six partials, struck if it decays, else held; shape (frames,)."""
    time_s = np.arange(round(seconds * RATE)) / RATE
    hertz = 440 * 2 ** ((pitch - 69) / 12)
    partials = sum(np.sin(2 * np.pi * hertz * part * time_s) / part**1.6 for part in range(1, 7))
    ends = np.minimum(1.0, np.minimum(time_s, time_s[::-1]) / 0.02)
    return 0.1 * partials * ends * (1.0 if decay_s is None else np.exp(-time_s / decay_s))


def chords(pitch_sets, seconds_each=1.0, decay_s=None):
    """Chords one after the other, each over its lowest note an octave deeper; shape (frames,)."""
    return np.concatenate(
        [sum(tone(pitch, seconds_each, decay_s) for pitch in (min(notes) - 12, *notes)) for notes in pitch_sets]
    )


def cadence(tonic, third):
    """I–IV–V–I and its repetition with the sixth degree, as pitch sets in a major or minor key."""
    if third == "major":
        steps = [(0, 4, 7), (5, 9, 12), (7, 11, 14), (0, 4, 7), (9, 12, 16), (5, 9, 12), (7, 11, 14), (0, 4, 7)]
    else:
        steps = [(0, 3, 7), (5, 8, 12), (7, 11, 14), (0, 3, 7), (8, 12, 15), (5, 8, 12), (7, 11, 14), (0, 3, 7)]
    return [tuple(60 + tonic + step for step in notes) for notes in steps] * 2


def both_sides(sound):
    """The same on the left and on the right, shape (frames, 2)."""
    return np.stack((sound, sound), axis=1)


def listened(sound):
    """One channel at the listening rate, float32."""
    pairs = sound[: len(sound) // 2 * 2].reshape(-1, 2)
    return pairs.mean(axis=1).astype(np.float32)
