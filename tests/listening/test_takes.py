"""Verdicts on takes whose faults are known because they were made so."""

import numpy as np
import pytest

from app.models.audio import SAMPLE_RATE
from app.services.listening import judge
from app.services.planning import make_plan, read
from tests.dsp.sounds import noise
from tests.listening.sounds import chords, pulse

TRIADS = [(60, 64, 67), (65, 69, 72), (67, 71, 74), (60, 64, 67)]


def verdict(samples, prompt="jazz"):
    brief = read(prompt)
    plan = make_plan(brief, duration_s=10, seed=1, soundfont_sha256=None)
    return judge(brief, plan, samples)


def kinds(samples, prompt="jazz"):
    return [fault.kind for fault in verdict(samples, prompt).faults]


def coloured(seconds, slope):
    """Noise whose spectrum falls by `slope` dB an octave."""
    frames = round(seconds * SAMPLE_RATE)
    spectrum = np.fft.rfft(np.random.default_rng(3).normal(size=frames))
    spectrum[1:] *= np.arange(1, len(spectrum)) ** (-slope / 6.02)
    sound = np.fft.irfft(spectrum, frames)
    sound = 0.3 * sound / np.abs(sound).max()
    return np.stack((sound, sound), axis=1).astype(np.float32)


@pytest.mark.parametrize("samples", [chords(TRIADS, 2.5), pulse(120, (1.0, 0.3, 0.6, 0.3))], ids=["chords", "drums"])
def test_music_has_no_fault(samples):
    found = verdict(samples)

    assert found.score == 1.0
    assert not found.bad
    assert found.reasons == ()


@pytest.mark.parametrize("level", [0.0, 1e-4])
def test_silence_is_found(level):
    found = verdict(level * chords(TRIADS))

    assert [fault.kind for fault in found.faults] == ["silence"]
    assert found.reasons == ("100% of the take is silent.",)


def test_music_that_breaks_off_is_mostly_silent():
    music = chords(TRIADS)

    assert kinds(np.concatenate((music, np.zeros((2 * len(music), 2), np.float32)))) == ["silence"]
    assert kinds(np.concatenate((music, np.zeros((len(music) // 4, 2), np.float32)))) == []


def test_music_that_is_merely_quiet_is_no_silence():
    """It is made louder when it is mastered; what of it is silent is told by what is not."""
    played = chords(TRIADS, 2.5) * np.linspace(1.0, 0.1, len(chords(TRIADS, 2.5)))[:, None].astype(np.float32)

    assert kinds(0.01 * played) == []
    assert kinds(0.01 * np.concatenate((played, np.zeros((2 * len(played), 2), np.float32)))) == ["silence"]


@pytest.mark.parametrize(
    "samples", [0.2 * noise(6.0), coloured(6.0, 3.0), coloured(6.0, 6.0)], ids=["white", "pink", "brown"]
)
def test_noise_of_any_colour_is_found(samples):
    assert kinds(samples) == ["noise"]


def test_noise_that_was_asked_for_is_none():
    assert kinds(coloured(6.0, 3.0), "gentle rain and piano") == []


def test_clipping_is_found():
    music = chords(TRIADS)
    loud = music / np.abs(music).max()

    assert kinds(loud) == []
    assert kinds(np.clip(6.0 * loud, -1.0, 1.0)) == ["clipping"]
    # Louder than full scale but whole: mastering makes room.
    assert kinds(3.0 * loud) == []


@pytest.mark.parametrize(
    ("played", "faults"), [(100, []), (50, []), (200, []), (103, []), (130, ["tempo"]), (75, ["tempo"])]
)
def test_only_a_tempo_that_is_far_off_is_a_fault(played, faults):
    assert kinds(pulse(played, (1.0, 0.3, 0.6, 0.3)), "jazz at 100 bpm") == faults


def test_a_tempo_that_nobody_asked_for_is_no_fault():
    assert kinds(pulse(130, (1.0, 0.3, 0.6, 0.3)), "jazz") == []


def test_the_dotted_beat_is_the_tempo_of_a_compound_metre():
    dotted = pulse(80, (1.0, 0.5))

    assert kinds(dotted, "a jig in 6/8, quarter = 120 bpm") == []
    assert kinds(dotted, "rock in 4/4 at 120 bpm") == ["tempo"]


@pytest.mark.parametrize("samples", [np.zeros((0, 2), np.float32), np.full((4_096, 2), np.nan, np.float32)])
def test_what_is_no_sound_is_worth_nothing(samples):
    found = verdict(samples)

    assert found.score == 0.0
    assert [fault.kind for fault in found.faults] == ["broken"]


def test_a_moment_is_judged_as_well():
    assert kinds(chords(TRIADS[:1], 0.05)) == []


def test_the_better_take_has_the_higher_score():
    music = chords(TRIADS)
    clipped = np.clip(6.0 * music / np.abs(music).max(), -1.0, 1.0)
    worse = np.clip(30.0 * music / np.abs(music).max(), -1.0, 1.0)
    scores = [verdict(samples).score for samples in (music, clipped, worse, coloured(6.0, 3.0), 0.0 * music)]

    assert scores == sorted(scores, reverse=True)
    assert len(set(scores)) == len(scores)
