"""Conversions between the units that names carry. Rule: every conversion of the project lives here."""

import math


def midi_to_hz(pitch: float) -> float:
    """Frequency in Hz of a MIDI pitch in twelve-tone equal temperament (A4 = 440 Hz).

    >>> midi_to_hz(69)
    440.0
    """
    return float(440.0 * 2.0 ** ((pitch - 69.0) / 12.0))


def hz_to_midi(frequency_hz: float) -> float:
    """MIDI pitch, fractions included, of a frequency above 0 Hz.

    >>> hz_to_midi(880.0)
    81.0
    """
    return 69.0 + 12.0 * math.log2(frequency_hz / 440.0)


def db_to_gain(level_db: float) -> float:
    """Amplitude factor of a level in decibels.

    >>> round(db_to_gain(-6.0206), 4)
    0.5
    """
    return float(10.0 ** (level_db / 20.0))


def gain_to_db(gain: float) -> float:
    """Level in decibels of an amplitude factor; −200 dB stands for silence.

    >>> gain_to_db(10.0)
    20.0
    """
    return 20.0 * math.log10(gain) if gain > 1e-10 else -200.0


def beats_to_seconds(beats: float, tempo_bpm: float) -> float:
    """Seconds that a number of beats lasts at a steady tempo.

    >>> beats_to_seconds(4, 120)
    2.0
    """
    return beats * 60.0 / tempo_bpm


def seconds_to_beats(seconds: float, tempo_bpm: float) -> float:
    """Beats that fit into a number of seconds at a steady tempo.

    >>> seconds_to_beats(2.0, 120)
    4.0
    """
    return seconds * tempo_bpm / 60.0


def seconds_to_frames(seconds: float, sample_rate: int) -> int:
    """Nearest whole number of frames in a time.

    >>> seconds_to_frames(0.5, 44_100)
    22050
    """
    return round(seconds * sample_rate)
