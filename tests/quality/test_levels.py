"""The meters of the quality benchmark, on sounds whose figures are known by arithmetic."""

import numpy as np
import pytest

from tests.quality.sounds import RATE, both_sides, cadence, chords, strokes

pytest.importorskip("pyloudnorm", reason="pyloudnorm (requirements/quality.txt) measures loudness")

from benchmarks.quality import levels


def sine(hertz, level_db, seconds=5.0, phase=0.0):
    time_s = np.arange(round(seconds * RATE)) / RATE
    return both_sides(10 ** (level_db / 20) * np.sin(2 * np.pi * hertz * time_s + phase))


@pytest.fixture(scope="module")
def clean():
    """Music with drums that begins at once and ends in silence, at −14 LUFS."""
    sound = both_sides(strokes(100, seconds=16.0) + chords(cadence(2, "minor"), decay_s=0.5))
    sound *= np.minimum(1.0, np.arange(len(sound))[::-1] / RATE)[:, None] ** 2
    sound *= 10 ** ((-14 - levels.loudness_lufs(sound, RATE)) / 20)
    return sound * min(1.0, 0.88 / np.abs(sound).max())


def test_a_tone_is_as_loud_as_the_standard_says():
    assert levels.loudness_lufs(sine(1000, -23.0), RATE) == pytest.approx(-23.0, abs=0.1)


def test_a_peak_between_the_samples_is_found():
    between = sine(RATE / 4, 0.0, phase=np.pi / 4)[RATE:-RATE] * np.hanning(3 * RATE)[:, None]

    assert 20 * np.log10(np.abs(between).max()) == pytest.approx(-3.0, abs=0.1)
    assert levels.true_peak_dbtp(between) == pytest.approx(0.0, abs=0.1)


def test_clean_music_passes_everything_but_what_it_was_not_made_for(clean):
    checks, _figures = levels.technical(clean, RATE, duration_s=16.0, target_lufs=levels.loudness_lufs(clean, RATE))

    assert [name for name, right in checks.items() if not right] == []


@pytest.mark.parametrize(
    ("fault", "check"),
    [
        (lambda sound: sound[: -RATE // 10], "length"),
        (lambda sound: sound * 0.5, "loudness"),
        (lambda sound: sound / np.abs(sound).max(), "true peak"),
        (lambda sound: np.clip(sound * 8, -1.0, 1.0), "no clipping"),
        (lambda sound: sound + 0.01, "no DC"),
        (lambda sound: np.concatenate((0 * sound[:RATE], sound[:-RATE])), "clean start"),
        (lambda sound: np.concatenate((sound[: -3 * RATE], sound[: 3 * RATE])), "clean end"),
        (lambda sound: sound * (1, -1), "mono"),
    ],
)
def test_each_fault_fails_its_check(clean, fault, check):
    checks, _figures = levels.technical(
        fault(clean), RATE, duration_s=16.0, target_lufs=levels.loudness_lufs(clean, RATE)
    )

    assert not checks[check]


@pytest.mark.parametrize("at_s", [3.21, 7.77, 11.05])
def test_a_single_wrong_sample_is_a_click(clean, at_s):
    spoilt = clean.copy()
    spoilt[round(at_s * RATE)] += 0.15

    assert levels.clicks(clean, RATE) == []
    assert levels.clicks(spoilt, RATE) == pytest.approx([at_s], abs=0.002)


def test_a_break_in_a_tone_is_a_click():
    tone = sine(220, -12.0)
    broken = np.concatenate((tone[:RATE], tone[RATE + 61 :]))

    assert levels.clicks(tone, RATE) == []
    assert levels.clicks(broken, RATE) == pytest.approx([1.0], abs=0.002)


def test_what_is_different_on_both_sides_loses_three_decibels_in_mono():
    noise = np.random.default_rng(1).normal(0.0, 0.1, (5 * RATE, 2))

    assert levels.mono_loss_lu(noise, RATE) == pytest.approx(3.0, abs=0.2)
    assert levels.mono_loss_lu(both_sides(noise[:, 0]), RATE) == pytest.approx(0.0, abs=0.01)


def test_the_loudness_range_is_that_of_two_levels():
    noise = np.random.default_rng(1).normal(0.0, 0.1, (40 * RATE, 2))
    noise[20 * RATE :] *= 10 ** (-10 / 20)

    assert levels.loudness_range_lu(noise, RATE) == pytest.approx(10.0, abs=0.5)
