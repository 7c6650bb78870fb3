"""A band that is given the right tempo and plays it like a clock: what a detector can be expected to find at best.

Kick and snare on the beats, hats between them, a root and a triad: arithmetic, no music.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

import librosa
import numpy as np
import soundfile
from numpy.typing import NDArray

from benchmarks.quality import outside, rhythm
from benchmarks.quality.prompts import Prompt

#: Frames a second of its files, which outside ears may not be able to convert.
RATE = 44_100

#: Seconds of each piece.
SECONDS = 30.0

#: Roots of its four bars, in Hz, and the third and fifth over them.
_ROOTS_HZ, _CHORD = (110.0, 146.8, 164.8, 110.0), (1.0, 1.25, 1.5)

#: Beats of a bar: an accent on the first, and on the third if there are four.
_BEATS = {"3/4": 3, "2/4": 2}

Mono = NDArray[np.float32]


def band(tempo_bpm: float, metre: str | None) -> Mono:
    """Half a minute at a tempo, full scale at most; the beats of 6/8 are divided in three. Shape (frames,)."""
    rng = np.random.default_rng(1)
    beat_s = 60.0 / tempo_bpm
    sound = np.zeros(round((SECONDS + 4.0) * RATE))
    kick = _drum(0.25, np.sin(2 * np.pi * np.cumsum(50 + 120 * _fading(0.25, 0.03)) / RATE), 0.09)
    noise = rng.normal(0.0, 0.6, round(0.2 * RATE))
    snare = _drum(0.2, noise + 0.6 * np.sin(2 * np.pi * 190 * _seconds(0.2)), 0.06)
    hat = _drum(0.06, np.diff(rng.normal(0.0, 0.25, round(0.06 * RATE) + 1)), 0.02)
    beats = _BEATS.get(metre or "4/4", 4)
    for number in range(int(SECONDS / beat_s)):
        at, place, bar = number * beat_s, number % beats, number // beats
        root_hz = _ROOTS_HZ[bar % 4]
        _add(sound, at, kick if place == 0 or (place == 2 and beats == 4) else snare)
        for part in (0, 1 / 3, 2 / 3) if metre == "6/8" else (0, 1 / 2):
            _add(sound, at + part * beat_s, hat * (0.7 if part else 1.0))
        if place % 2 == 0:
            length_s = 1.6 * beat_s
            _add(sound, at, 0.35 * _drum(length_s, np.sin(2 * np.pi * root_hz * _seconds(length_s)), 0.5))
        if place == 0:
            _add(sound, at, _held(beats * beat_s, root_hz))
    sound = sound[: round(SECONDS * RATE)]
    return np.asarray(0.8 * sound / np.abs(sound).max(), dtype=np.float32)


def heard_in_bands(prompts: Sequence[Prompt], folder: Path, tracker: str) -> tuple[outside.Heard, outside.Heard]:
    """What a beat tracker (a command) and librosa hear in bands that are given the tempos that prompts ask for."""
    files = write_bands(prompts, folder)
    heard = {}
    for name, path in files.items():
        sound = librosa.resample(soundfile.read(path, dtype="float32")[0], orig_sr=RATE, target_sr=rhythm.RATE)
        heard[name] = {"tempo_bpm": rhythm.beat_of(sound).tempo_bpm}
    return outside.ask(tracker, files), heard


def write_bands(prompts: Sequence[Prompt], folder: Path) -> Mapping[str, Path]:
    """A WAV file for each prompt that asks for a tempo, by prompt id."""
    files = {}
    for prompt in prompts:
        if prompt.tempo_bpm is not None:
            files[prompt.id] = folder / f"{prompt.id}.wav"
            soundfile.write(files[prompt.id], band(prompt.tempo_bpm, prompt.metre), RATE)
    return files


def _seconds(length_s: float) -> NDArray[np.float64]:
    return np.arange(round(length_s * RATE)) / RATE


def _fading(length_s: float, decay_s: float) -> NDArray[np.float64]:
    return np.asarray(np.exp(-_seconds(length_s) / decay_s), dtype=np.float64)


def _drum(length_s: float, wave: NDArray[np.float64], decay_s: float) -> NDArray[np.float64]:
    return wave * _fading(length_s, decay_s)


def _held(length_s: float, root_hz: float) -> NDArray[np.float64]:
    """A triad of square waves, softly begun."""
    time_s = _seconds(length_s)
    waves = sum((np.sign(np.sin(4 * np.pi * root_hz * ratio * time_s)) for ratio in _CHORD), np.zeros(len(time_s)))
    return 0.05 * waves * np.minimum(1.0, time_s / 0.02)


def _add(sound: NDArray[np.float64], at_s: float, what: NDArray[np.float64]) -> None:
    begin = round(at_s * RATE)
    part = what[: len(sound) - begin]
    sound[begin : begin + len(part)] += part
