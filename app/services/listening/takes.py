"""A model's take before it is mastered goes in, what is wrong with it as a recording comes out.

Rule: nothing here fails a track. A verdict only says which of two takes is the better, and what to warn of.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

import numpy as np
from scipy.fft import rfft

from app.models.audio import BLOCK_FRAMES, Samples
from app.models.brief import Brief
from app.models.plan import Plan
from app.services.listening.ear import LEVELS_PER_S, LISTENING_RATE, Ear, Mono, Sound
from app.services.listening.rhythm import band_levels, measure_tempo, onset_strengths

FaultKind = Literal["broken", "silence", "clipping", "noise", "tempo"]

#: A second is silent that never rises above this level, and a take where so many of them are: drums leave gaps.
_SILENT_DB, _MOSTLY_SILENT = -60.0, 0.5
#: A take that is quiet throughout is made louder later: its silence lies so far below its loudest, down to a floor.
_BELOW_LOUDEST_DB, _FLOOR_DB = 45.0, -70.0

#: Samples this near to the highest lie on a ceiling; so many of them are heard as distortion. Music that merely
#: reaches full scale holds a few in a thousand.
_CEILING, _CLIPPED, _FULL_SCALE = 0.995, 0.02, 0.97

#: Flatness of the spectrum inside bands an octave wide: noise of any colour has 0.56 (e to the power of minus Euler's
#: constant), music far less. Strokes of drums have as much, so nearly all moments must be so, and none of them quiet.
_FLAT, _NOISY, _QUIET_DB = 0.42, 0.7, -30.0
_WINDOW_FRAMES = 2_048
_OCTAVES_HZ = 86.0 * 2.0 ** np.arange(7)
#: Instruments and scenes that may sound like noise, when asked for.
_NOISE_MAKERS = frozenset({"rain", "storm", "wind", "ocean", "beach", "sea_waves", "vinyl_crackle"})

#: Octaves that the tempo may be off; nearer is a matter for the report. A tempo is believed from this clarity on.
_FAR_OCTAVES, _BELIEVED = 0.17, 0.1
#: Beats that count as the tempo, in octaves folded to one: itself, half and double, and in compound metres the dotted
#: beat.
_SAME_BEATS, _DOTTED_BEATS = (0.0,), (0.0, float(np.log2(2 / 3)) % 1.0)
_COMPOUND_METRES = frozenset({"6/8", "9/8", "12/8"})

#: What a fault leaves of a take's worth.
_WORTH: dict[FaultKind, float] = {"broken": 0.0, "silence": 0.1, "noise": 0.3, "clipping": 0.5, "tempo": 0.7}


@dataclass(frozen=True, kw_only=True, slots=True)
class Fault:
    """One thing that is wrong with a take."""

    kind: FaultKind
    #: In a sentence, with the figure.
    reason: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Verdict:
    """What a take is worth as a recording."""

    #: 0 (nothing to be heard) … 1 (no fault); verdicts on the same brief compare.
    score: float
    #: Worst first.
    faults: tuple[Fault, ...] = ()

    @property
    def bad(self) -> bool:
        """Whether another seed is worth a try."""
        return bool(self.faults)

    @property
    def reasons(self) -> tuple[str, ...]:
        """The faults in sentences, for the track's `warnings`."""
        return tuple(fault.reason for fault in self.faults)


def judge(brief: Brief, plan: Plan, mix: Samples) -> Verdict:
    """The verdict on a take's mix at the house rate, shape (frames, 2), before mastering."""
    if not len(mix):
        return Verdict(score=0.0, faults=(Fault(kind="broken", reason="The take holds no sound."),))
    if not np.isfinite(mix).all():
        return Verdict(score=0.0, faults=(Fault(kind="broken", reason="The take holds values that are no sound."),))
    ear = Ear()
    for first in range(0, len(mix), BLOCK_FRAMES):
        ear.add(mix[first : first + BLOCK_FRAMES])
    sound = ear.sound()
    score, faults = 1.0, []
    for fault, left in _faults(brief, plan, mix, sound):
        faults.append(fault)
        score *= _WORTH[fault.kind] * (0.5 + 0.5 * left)
        if fault.kind == "silence":
            break  # what is not there has no other fault
    return Verdict(score=round(score, 6), faults=tuple(faults))


def _faults(brief: Brief, plan: Plan, mix: Samples, sound: Sound) -> Iterator[tuple[Fault, float]]:
    """Each fault, worst first, with how much of the good is left, 0…1, by which two takes with the same are told."""
    silent = _silent_share(sound)
    if silent >= _MOSTLY_SILENT:
        yield Fault(kind="silence", reason=f"{silent:.0%} of the take is silent."), 1.0 - silent
    if not _NOISE_MAKERS & {heard.value for heard in (*brief.instruments, *brief.moods)}:
        noisy = _noisy_share(sound.mono)
        if noisy >= _NOISY:
            yield Fault(kind="noise", reason=f"{noisy:.0%} of the take is noise without a pitch."), 1.0 - noisy
    clipped = _clipped_share(mix)
    if clipped >= _CLIPPED:
        yield Fault(kind="clipping", reason=f"{clipped:.1%} of the take's samples are clipped."), 1.0 - clipped
    if brief.tempo_bpm is not None:
        found = measure_tempo(onset_strengths(band_levels(sound.mono)))
        if found is not None and found.clarity >= _BELIEVED:
            away = _octaves_off(found.tempo_bpm, brief.tempo_bpm.value, plan.time_signature)
            if away >= _FAR_OCTAVES:
                reason = f"The take sounds at {found.tempo_bpm:g} beats a minute, not {brief.tempo_bpm.value:g}."
                yield Fault(kind="tempo", reason=reason), 1.0 - away


def _silent_share(sound: Sound) -> float:
    powers = sound.powers if len(sound.powers) else np.square(sound.beginning, dtype=np.float64).mean(keepdims=True)
    loudest = np.maximum.reduceat(powers, np.arange(0, len(powers), LEVELS_PER_S))
    peak_db = 10 * np.log10(max(float(loudest.max()), 1e-20))
    silent_db = min(_SILENT_DB, max(_FLOOR_DB, peak_db - _BELOW_LOUDEST_DB))
    return float(np.mean(loudest <= 10 ** (silent_db / 10)))


def _clipped_share(mix: Samples) -> float:
    """Share of samples that lie on a ceiling: the highest value of their channel, at full scale or above it."""
    shares = []
    for channel in np.abs(mix).T:
        peak = float(channel.max())
        shares.append(float(np.mean(channel >= _CEILING * peak)) if peak >= _FULL_SCALE else 0.0)
    return max(shares)


def _noisy_share(mono: Mono) -> float:
    """Share of the moments whose spectrum is flat inside its octaves, 0…1."""
    frames = mono[: len(mono) // _WINDOW_FRAMES * _WINDOW_FRAMES].reshape(-1, _WINDOW_FRAMES)
    if not len(frames):
        return 0.0
    spectra = rfft(frames * np.hanning(_WINDOW_FRAMES).astype(np.float32))
    power = np.square(np.abs(spectra), dtype=np.float64) + 1e-20
    edges = np.round(_OCTAVES_HZ * _WINDOW_FRAMES / LISTENING_RATE).astype(int)
    flat, weight = np.zeros(len(power)), np.zeros(len(power))
    for low, high in pairwise(edges):
        band = power[:, low:high]
        # Each octave counts by the root of its energy: the loud ones more, the quiet ones still.
        share = np.sqrt(band.sum(axis=1))
        flat += share * np.exp(np.log(band).mean(axis=1)) / band.mean(axis=1)
        weight += share
    whole = power.sum(axis=1)
    sounding = whole > 10 ** (_QUIET_DB / 10) * whole.max()
    return float(np.mean(sounding & (flat / weight >= _FLAT)))


def _octaves_off(measured_bpm: float, asked_bpm: float, metre: str) -> float:
    """How far a tempo is from the one asked for, in octaves: 0…0.5, half and double counted as the same."""
    away = float(np.log2(measured_bpm / asked_bpm)) % 1.0
    beats = _DOTTED_BEATS if metre in _COMPOUND_METRES else _SAME_BEATS
    return min(min(abs(away - beat), 1.0 - abs(away - beat)) for beat in beats)
