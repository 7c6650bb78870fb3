"""Technical checks of finished audio: loudness, peaks, DC, clicks, beginning, end and what is lost in mono.

Loudness is pyloudnorm's; the rest is SciPy. Samples are shape (frames, 2), full scale −1…1.
"""

from collections.abc import Mapping

import numpy as np
import pyloudnorm
from numpy.typing import NDArray
from scipy.linalg import LinAlgError, solve_toeplitz
from scipy.signal import butter, lfilter, resample_poly, sosfilt

Samples = NDArray[np.float64]

#: What passes. Length, loudness and peak are the goals' own figures; the others are where trouble becomes audible.
LENGTH_S, LOUDNESS_LU, PEAK_DBTP = 0.05, 0.5, -1.0
DC, MONO_LOSS_LU, BASS_LOSS_DB = 1e-3, 3.0, 3.0
FIRST_SOUND_S, START_STEP, END_DB, LONGEST_SILENCE_S = 0.5, 0.02, -50.0, 3.0

#: True peaks are looked for between the samples, at so many times the rate (BS.1770-4 annex 2 asks for four).
OVERSAMPLING = 8

#: A click: a sample that its neighbours predict so much worse than usual, and that so far from silence.
CLICK_TIMES, CLICK_STEP = 60.0, 0.02
_ORDER, _STRETCH = 24, 2048

#: What follows a click is foretold again once it has left the predictor's memory.
_AROUND = 200
_NEXT = slice(_AROUND - _ORDER - 3, _AROUND + _ORDER + 4)


def loudness_lufs(samples: Samples, rate: int) -> float:
    """Integrated loudness (ITU-R BS.1770-4)."""
    return float(pyloudnorm.Meter(rate).integrated_loudness(samples))


def true_peak_dbtp(samples: Samples) -> float:
    """Highest level between the samples, dB against full scale; −200 for silence."""
    peak = max(float(np.abs(resample_poly(side, OVERSAMPLING, 1)).max()) for side in samples.T)
    return float(20 * np.log10(peak)) if peak > 1e-10 else -200.0


def loudness_range_lu(samples: Samples, rate: int) -> float:
    """Spread of the loudness over the piece, 10th to 95th percentile of 3 s stretches (EBU Tech 3342's gates)."""
    meter = pyloudnorm.Meter(rate)
    starts = range(0, max(1, len(samples) - 3 * rate + 1), 3 * rate // 2)
    stretches = np.array([meter.integrated_loudness(samples[start : start + 3 * rate]) for start in starts])
    stretches = stretches[stretches > -70]
    if not len(stretches):
        return 0.0
    gate = 10 * np.log10(np.mean(10 ** (stretches / 10))) - 20
    low, high = np.percentile(stretches[stretches > gate], (10, 95))
    return float(high - low)


def clipped(samples: Samples) -> int:
    """Samples of runs of three or more that stand still within 0.1 dB of full scale."""
    full = np.abs(samples) >= 10 ** (-0.1 / 20)
    still = full[2:] & full[1:-1] & full[:-2] & (samples[2:] == samples[:-2])
    return int(still.sum())


def clicks(samples: Samples, rate: int) -> list[float]:
    """Seconds at which a single sample, or a break, does not follow from those before and after it.

    A drum's stroke is not foretold by what came before either, but what follows it is as rough for a while. A click is
    foretold badly for a few samples alone, seen from both sides.
    """
    found: list[float] = []
    for side in samples.T:
        for start in range(0, len(side) - _STRETCH, _STRETCH // 2):
            stretch = side[start : start + _STRETCH]
            bends = np.diff(stretch, 2)
            # Linear prediction is slow: only where something bends sharply, and alone, is it worth its while.
            if np.abs(bends).max() < max(CLICK_STEP, 6 * float(np.sqrt(np.mean(bends**2)))):
                continue
            error = _unforeseen(stretch)
            if error is None:
                continue
            middle = slice(_STRETCH // 4, 3 * _STRETCH // 4)
            usual = np.sqrt(np.mean(np.sort(error**2)[: int(0.98 * len(error))])) + 1e-6
            worst = int(np.argmax(error[middle])) + _STRETCH // 4
            around = np.delete(error[worst - _AROUND : worst + _AROUND + 1], _NEXT)
            alone = error[worst] > 12 * np.sqrt(np.mean(around**2))
            if error[worst] > CLICK_TIMES * usual and error[worst] > CLICK_STEP and alone:
                found.append((start + worst) / rate)
    return sorted({round(second, 3) for second in found})


def _unforeseen(stretch: NDArray[np.float64]) -> NDArray[np.float64] | None:
    # How much of each sample neither its past nor its future foretells, by linear prediction (autocorrelation method):
    # of a single wrong sample itself, of a break what comes after it from before and what comes before it from after.
    windowed = stretch * np.hanning(len(stretch))
    spectrum = np.abs(np.fft.rfft(windowed, 2 * len(stretch))) ** 2
    correlation = np.fft.irfft(spectrum)[: _ORDER + 1]
    correlation[0] *= 1 + 1e-6
    try:
        weights = solve_toeplitz(correlation[:-1], correlation[1:])
    except LinAlgError:
        return None
    whitening = np.concatenate(([1.0], -weights))
    forward = np.abs(lfilter(whitening, [1.0], stretch))
    backward = np.abs(lfilter(whitening, [1.0], stretch[::-1]))[::-1]
    error = np.minimum(forward, np.maximum(backward, np.roll(backward, 1)))
    error[:_ORDER] = error[-_ORDER:] = 0.0
    return np.asarray(error)


def mono_loss_lu(samples: Samples, rate: int) -> float:
    """How much quieter both sides together as one are than as two, LU."""
    mono = np.repeat(samples.mean(axis=1)[:, None], 2, axis=1)
    return loudness_lufs(samples, rate) - loudness_lufs(mono, rate)


def bass_loss_db(samples: Samples, rate: int) -> float:
    """The same for what lies below 150 Hz, dB; 0 where there is next to nothing."""
    low = sosfilt(butter(4, 150, "low", fs=rate, output="sos"), samples, axis=0)
    both, one = float(np.mean(low**2)), float(np.mean(low.mean(axis=1) ** 2))
    if both < 1e-4 * float(np.mean(samples**2)) or both < 1e-10:
        return 0.0
    return float(10 * np.log10(both / max(one, 1e-12)))


def first_sound_s(samples: Samples, rate: int) -> float:
    """Seconds until something sounds louder than −50 dB against the loudest sample."""
    loud = np.abs(samples).max(axis=1) > 10 ** (-50 / 20) * np.abs(samples).max()
    return float(np.argmax(loud)) / rate


def silent_end_s(samples: Samples, rate: int) -> float:
    """Seconds of silence, −60 dB against the loudest sample, at the very end."""
    loud = np.abs(samples).max(axis=1) > 10 ** (-60 / 20) * np.abs(samples).max()
    return float(np.argmax(loud[::-1])) / rate


def end_db(samples: Samples, rate: int) -> float:
    """Level of the last 20 ms against the whole, dB; −120 for silence."""
    whole, last = np.mean(samples**2), np.mean(samples[-rate // 50 :] ** 2)
    return float(10 * np.log10(max(last / max(whole, 1e-12), 1e-12)))


def technical(
    samples: Samples, rate: int, *, duration_s: float, target_lufs: float = -14.0, loop: bool = False
) -> tuple[dict[str, bool], Mapping[str, float]]:
    """Every technical check by name, and the figures behind them. A loop's beginning and end are its seam's matter."""
    figures = {
        "length_s": len(samples) / rate,
        "loudness_lufs": loudness_lufs(samples, rate),
        "loudness_range_lu": loudness_range_lu(samples, rate),
        "true_peak_dbtp": true_peak_dbtp(samples),
        "clipped": float(clipped(samples)),
        "dc": float(np.abs(samples.mean(axis=0)).max()),
        "clicks": float(len(clicks(samples, rate))),
        "first_sound_s": first_sound_s(samples, rate),
        "first_step": float(np.abs(samples[0]).max()),
        "end_db": end_db(samples, rate),
        "silent_end_s": silent_end_s(samples, rate),
        "mono_loss_lu": mono_loss_lu(samples, rate),
        "bass_loss_db": bass_loss_db(samples, rate),
    }
    checks = {
        "length": abs(figures["length_s"] - duration_s) <= LENGTH_S,
        "loudness": abs(figures["loudness_lufs"] - target_lufs) <= LOUDNESS_LU,
        "true peak": figures["true_peak_dbtp"] <= PEAK_DBTP,
        "no clipping": figures["clipped"] == 0,
        "no DC": figures["dc"] <= DC,
        "no clicks": figures["clicks"] == 0,
        "clean start": loop or (figures["first_sound_s"] <= FIRST_SOUND_S and figures["first_step"] <= START_STEP),
        "clean end": loop or (figures["end_db"] <= END_DB and figures["silent_end_s"] <= LONGEST_SILENCE_S),
        "mono": figures["mono_loss_lu"] <= MONO_LOSS_LU and figures["bass_loss_db"] <= BASS_LOSS_DB,
    }
    return checks, figures
