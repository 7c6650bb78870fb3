"""Synthesised drum kits."""

import numpy as np
import pytest

from app.models.audio import SAMPLE_RATE
from app.services.instruments import SoundFont
from app.services.theory.instruments import SYNTH_KITS
from tests.instruments.playing import loudest, note, play, power


def centre_hz(samples: np.ndarray) -> float:
    spectrum = np.abs(np.fft.rfft(samples.sum(axis=1))) ** 2
    return float((spectrum * np.fft.rfftfreq(len(samples), 1 / SAMPLE_RATE)).sum() / spectrum.sum())


@pytest.mark.parametrize("kit", SYNTH_KITS)
def test_every_drum_key_is_answered(kit: str, font: SoundFont) -> None:
    for key in (*range(27, 60), 69, 70, 75, 76, 77, 87, 100):
        samples = play(kit, [note(key, length_s=0.05)], font, seconds=0.5)

        assert np.isfinite(samples).all()
        assert 0.02 < loudest(samples) < 2.0


@pytest.mark.parametrize("kit", SYNTH_KITS)
def test_drums_sound_like_what_they_are(kit: str, font: SoundFont) -> None:
    kick, snare, hat, crash = (play(kit, [note(key)], font, seconds=1.5) for key in (36, 38, 42, 49))

    assert centre_hz(kick) < 300
    assert centre_hz(kick) < centre_hz(snare) < centre_hz(hat)
    assert power(hat[SAMPLE_RATE // 4 :]) < 1e-7 < power(crash[SAMPLE_RATE // 4 : SAMPLE_RATE // 2])


@pytest.mark.parametrize("kit", SYNTH_KITS)
def test_toms_climb_with_their_keys(kit: str, font: SoundFont) -> None:
    pitches = []
    for key in (41, 43, 45, 47, 48, 50):
        samples = play(kit, [note(key)], font, seconds=0.4)[2_000:].sum(axis=1)
        spectrum = np.abs(np.fft.rfft(samples * np.hanning(len(samples)), 1 << 17))
        pitches.append(100 + int(np.argmax(spectrum[100:])))

    assert pitches == sorted(pitches)
    assert len(set(pitches)) == 6


@pytest.mark.parametrize("kit", SYNTH_KITS)
def test_a_closing_hat_chokes_the_open_one(kit: str, font: SoundFont) -> None:
    ringing = play(kit, [note(46)], font, seconds=1.0)
    choked = play(kit, [note(46), note(44, 0.05)], font, seconds=1.0)

    late = slice(round(0.18 * SAMPLE_RATE), round(0.3 * SAMPLE_RATE))
    assert power(choked[late]) < 0.1 * power(ringing[late])


def test_repeated_hits_differ_a_little_and_follow_the_seed(font: SoundFont) -> None:
    events = [note(42, 0.2 * place, 0.1) for place in range(8)]
    samples = play("synth_909", events, font, seconds=1.6)
    hits = {samples[round(0.2 * place * SAMPLE_RATE) :][:4_000].tobytes() for place in range(8)}

    assert 2 <= len(hits) <= 3
    assert samples.tobytes() != play("synth_909", events, font, seconds=1.6, seed=2).tobytes()


def test_a_short_note_does_not_cut_a_drum_short(font: SoundFont) -> None:
    short, long = (play("synth_808", [note(36, length_s=length)], font, seconds=1.0) for length in (0.01, 0.9))

    np.testing.assert_allclose(short, long, rtol=0.2, atol=2e-3)


@pytest.mark.parametrize("kit", ["synth_808", "synth_909"])
def test_a_kick_drums_no_key_of_its_own_under_the_music(kit: str, font: SoundFont) -> None:
    kick = play(kit, [note(36)], font, seconds=1.0).sum(axis=1)
    spectrum = np.abs(np.fft.rfft(kick, 1 << 17)) ** 2
    hertz = np.fft.rfftfreq(1 << 17, 1 / SAMPLE_RATE)
    low = (hertz >= 30) & (hertz < 250)
    classes = np.zeros(12)
    np.add.at(classes, np.round(12 * np.log2(hertz[low] / 440)).astype(int) % 12, spectrum[low])

    assert classes.max() < 0.2 * classes.sum()
