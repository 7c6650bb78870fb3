"""Tempo, metre, onsets and strokes of finished audio, by librosa. Sound is one channel at `RATE`."""

from dataclasses import dataclass

import librosa
import numpy as np
from numpy.typing import NDArray

#: Frames a second at which rhythm and harmony are listened to.
RATE = 22_050

#: Frames between two onset strengths: 5.8 ms.
HOP = 128

#: Lengths of a bar in half beats, by what it is counted in, whatever multiple of the beat was found.
BARS = {2: (4, 8, 16), 3: (3, 6, 12), 5: (5, 10, 20), 7: (7, 14, 28)}

#: Written metres by what they are counted in. A bar of 6/8 is counted in two too, if its beats are divided in three.
METRES = {2: ("2/4", "4/4"), 3: ("3/4", "6/8"), 5: ("5/4",), 7: ("7/8",)}

#: Bars counted in two are taken for such if they fit so well against those that fit best: what comes back after two
#: beats does so after six as well.
DUPLE = 0.9

#: Bars of a waltz that go by in a minute, at most.
IN_ONE_BPM = 62.0

#: A bar lasts between these, in seconds.
_SHORTEST_S, _LONGEST_S = 0.9, 6.0

Mono = NDArray[np.float32]


@dataclass(frozen=True, kw_only=True, slots=True)
class Beat:
    """What the beat tracker found."""

    tempo_bpm: float
    #: Seconds of each beat.
    times_s: NDArray[np.float64]


def beat_of(mono: Mono) -> Beat:
    """Tempo and beats by librosa's tracker (Ellis 2007), the tempo taken from all onsets.

    The tracker's own tempo lies on a grid of lags that is up to 3 % wide, and its beats follow it.
    """
    strength = librosa.onset.onset_strength(y=mono, sr=RATE, hop_length=HOP * 2, aggregate=np.median)
    tempo, times = librosa.beat.beat_track(
        onset_envelope=strength, sr=RATE, hop_length=HOP * 2, trim=False, units="time"
    )
    rough = float(np.atleast_1d(tempo)[0])
    times = np.asarray(times, dtype=np.float64)
    if len(times) < 8 or rough <= 0:
        return Beat(tempo_bpm=rough, times_s=times)
    # Theil and Sen's line: the median of all slopes, which a skipped or doubled beat does not bend.
    numbers = np.concatenate(([0.0], np.cumsum(np.maximum(1, np.round(np.diff(times) * rough / 60)))))
    first, second = np.triu_indices(len(times), len(times) // 3)
    slope = float(np.median((times[second] - times[first]) / (numbers[second] - numbers[first])))
    return Beat(tempo_bpm=_refined(mono, 60.0 / slope), times_s=times)


def _refined(mono: Mono, tempo_bpm: float) -> float:
    """The tempo within 4 % at which beats, halves and quarters gather most onset strength (Grosche and Müller 2011)."""
    strength = librosa.onset.onset_strength(y=mono, sr=RATE, hop_length=HOP, aggregate=np.median)
    times_s = np.arange(len(strength)) * HOP / RATE
    beats_a_second = tempo_bpm / 60.0 * np.arange(0.96, 1.0401, 0.0005)
    gathered = sum(
        np.abs(np.exp(-2j * np.pi * times * np.outer(beats_a_second, times_s)) @ (strength - strength.mean()))
        for times in (1, 2, 4)
    )
    return float(beats_a_second[np.argmax(gathered)] * 60.0)


def tempo_found(measured: float, asked: float, *, multiples: tuple[float, ...] = (1.0,)) -> bool:
    """Whether a tempo is the asked one, or one of its multiples, within 4 %."""
    return any(abs(measured / (asked * times) - 1) <= 0.04 for times in multiples)


def onset_rate(mono: Mono) -> float:
    """Onsets a second."""
    return len(librosa.onset.onset_detect(y=mono, sr=RATE, hop_length=HOP * 2)) / (len(mono) / RATE)


def _likeness_later(mono: Mono) -> NDArray[np.float64]:
    """How much the piece resembles itself so many moments of 4 `HOP` later: onsets of four bands, turns of harmony."""
    bands = librosa.feature.melspectrogram(y=mono, sr=RATE, hop_length=HOP * 4, n_mels=40, fmax=8000)
    # The square root of the amplitude keeps heavy strokes apart from light ones; decibels make them alike.
    rises = np.maximum(np.diff(bands**0.25, axis=1), 0)
    chroma = librosa.feature.chroma_stft(y=mono, sr=RATE, hop_length=HOP * 4, n_fft=4096, tuning=0.0)
    turns = np.maximum(np.diff(chroma, axis=1), 0).sum(axis=0)
    envelopes = [part.sum(axis=0) for part in np.array_split(rises, 4)]
    curves = [_self_likeness(curve) for curve in (*envelopes, envelopes[0], turns[: rises.shape[1]])]
    return np.asarray(np.mean(curves, axis=0))


def bar_likeness(mono: Mono, beat: Beat) -> dict[int, float]:
    """How much more the piece resembles itself a bar later than a beat before or after that, by the count of its bars.

    Counts are 2, 3, 5 and 7. Only neighbours compare: where the beat wanders, what lies further apart is less alike
    whatever the metre.
    """
    likeness = _likeness_later(mono)
    half_beat = 30.0 / beat.tempo_bpm * RATE / (HOP * 4)
    places = np.arange(len(likeness))
    give = np.arange(-3.0, 3.1, 0.5)

    def at(lag: float) -> float:
        return float(np.interp(lag + give, places, likeness).max())

    found: dict[int, float] = {}
    for count, bars in BARS.items():
        for lag in (bar * half_beat for bar in bars):
            lasts_s = lag * HOP * 4 / RATE
            if not _SHORTEST_S <= lasts_s <= _LONGEST_S or 3 * lag + 2 * half_beat >= len(likeness):
                continue
            turns = [turn * lag for turn in (1, 2, 3)]
            out = [at(turn) - (at(turn - 2 * half_beat) + at(turn + 2 * half_beat)) / 2 for turn in turns]
            found[count] = max(found.get(count, -1.0), sum(out) / 3)
    return found


def metre_count(mono: Mono, beat: Beat) -> int | None:
    """What the bars are counted in: 2, 3, 5 or 7; None where no bar fits."""
    found = bar_likeness(mono, beat)
    if not found:
        return None
    best = max(found, key=lambda count: found[count])
    return 2 if found.get(2, -1.0) >= DUPLE * found[best] > 0 else best


def metres_of(mono: Mono, beat: Beat) -> tuple[str, ...]:
    """The written metres that would sound like this; empty where no bar fits."""
    count = metre_count(mono, beat)
    if count is None:
        return ()
    if count != 2 or not beats_in_three(mono, beat):
        return METRES[count]
    # Who beats so slowly may have taken the bars of a quick waltz for beats.
    return (*METRES[count], "6/8", "3/4") if beat.tempo_bpm < IN_ONE_BPM else (*METRES[count], "6/8")


def beats_in_three(mono: Mono, beat: Beat) -> bool:
    """Whether the beats are divided in three rather than in two or four."""
    likeness = _likeness_later(mono)
    length = 60.0 / beat.tempo_bpm * RATE / (HOP * 4)
    places = np.arange(len(likeness))

    def at(*parts: float) -> float:
        return float(np.mean([np.interp(part * length, places, likeness) for part in parts]))

    return at(1 / 3, 2 / 3, 4 / 3, 5 / 3) > at(1 / 2, 3 / 2, 1 / 4, 3 / 4)


def _self_likeness(curve: NDArray[np.float64]) -> NDArray[np.float64]:
    # Smoothed, so that bars that fall between two moments count as much as those that fall on one.
    smooth = np.convolve(curve, np.hanning(9), "same")
    centred = smooth - smooth.mean()
    size = 1 << (2 * len(centred) - 1).bit_length()
    spectrum = np.abs(np.fft.rfft(centred, size)) ** 2
    correlation = np.fft.irfft(spectrum)[: len(centred)]
    overlap = len(centred) - np.arange(len(centred))
    whole = correlation / overlap
    return np.asarray((whole / max(whole[0], 1e-12))[: len(centred) * 9 // 10])


def strokes(mono: Mono) -> float:
    """How much of the sound is strokes without pitch: the score that tells drums from none, higher for drums.

    Harmonic and percussive parts by median filters (Fitzgerald 2010) with a margin, so that a piano's hammers stay
    out; what is left is weighed by how noise-like it is and how sharply it sets in.
    """
    spectrum = librosa.stft(mono, n_fft=1024, hop_length=512)
    _harmonic, percussive = librosa.decompose.hpss(np.abs(spectrum), margin=(1.0, 4.0))
    power = percussive**2
    whole = np.abs(spectrum) ** 2
    frequencies = librosa.fft_frequencies(sr=RATE, n_fft=1024)
    scores = []
    for low, high in ((30, 150), (1_000, 4_000), (4_000, 11_000)):
        band = (frequencies >= low) & (frequencies < high)
        struck = power[band].sum(axis=0)
        # The strongest tenth of the moments: strokes are few.
        loudest = np.sort(struck)[-max(1, len(struck) // 10) :].mean()
        scores.append(np.log10(loudest / (whole.sum(axis=0).mean() + 1e-12) + 1e-6))
    return float(np.mean(scores))
