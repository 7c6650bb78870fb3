"""Sound to picture and back: what was drawn is heard."""

import numpy as np
import pytest

from app.models.audio import SAMPLE_RATE
from app.services.dsp import mel
from app.utils.units import midi_to_hz

CHORD_HZ = [midi_to_hz(pitch) for pitch in (45, 60, 64, 67, 76)]


def chord(seconds=2.0):
    time_s = np.arange(round(seconds * SAMPLE_RATE)) / SAMPLE_RATE
    return sum(np.sin(2 * np.pi * hertz * time_s) for hertz in CHORD_HZ).astype(np.float32)


def again(sound, **options):
    pixels = mel.pixels_of_mel(mel.mel_of_sound(sound))
    return mel.sound_of_mel(mel.mel_of_pixels(pixels), len(sound), rng=np.random.default_rng(1), **options)


def test_a_chord_comes_back_in_tune():
    sound = again(chord())[SAMPLE_RATE // 4 : -SAMPLE_RATE // 4]

    power = np.abs(np.fft.rfft(sound * np.hanning(len(sound)))) ** 2
    hertz = np.fft.rfftfreq(len(sound), 1 / SAMPLE_RATE)
    near = np.min(np.abs(hertz[:, None] - CHORD_HZ), axis=1) <= 10.0
    assert power[near].sum() >= 0.99 * power.sum()


def test_each_note_keeps_its_weight():
    sound = again(chord())[SAMPLE_RATE // 4 : -SAMPLE_RATE // 4]

    power = np.abs(np.fft.rfft(sound * np.hanning(len(sound)))) ** 2
    hertz = np.fft.rfftfreq(len(sound), 1 / SAMPLE_RATE)
    levels_db = [10 * np.log10(power[np.abs(hertz - note) <= 10.0].sum()) for note in CHORD_HZ]
    assert max(levels_db) - min(levels_db) < 3.0


def test_a_click_stays_where_it_was():
    sound = np.zeros(SAMPLE_RATE, np.float32)
    sound[SAMPLE_RATE // 2] = 1.0

    assert abs(int(np.argmax(np.abs(again(sound)))) - SAMPLE_RATE // 2) < SAMPLE_RATE // 20


def test_the_same_phases_give_the_same_samples_and_others_do_not():
    drawn = mel.mel_of_sound(chord(0.5))

    def played(seed):
        return mel.sound_of_mel(drawn, 20_000, rng=np.random.default_rng(seed), rounds=2)

    np.testing.assert_array_equal(played(1), played(1))
    assert not np.array_equal(played(1), played(2))


def test_a_circle_has_no_seam():
    columns = mel.mel_of_sound(chord(2.0))[:, 50:150]
    frames = 100 * mel.HOP_FRAMES

    open_ended = mel.sound_of_mel(columns, frames, rng=np.random.default_rng(1))
    circular = mel.sound_of_mel(columns, frames, rng=np.random.default_rng(1), circular=True)

    def edge(sound):
        """Level of the last and the first 20 ms against the whole, in dB."""
        ends = np.concatenate((sound[-882:], sound[:882]))
        return 10 * np.log10(np.mean(ends**2) / np.mean(sound**2))

    step = abs(circular[0] - circular[-1])
    assert step <= np.abs(np.diff(circular)).max()
    assert edge(circular) > -3.0
    assert edge(circular) > edge(open_ended) - 1.0


@pytest.mark.parametrize("frames", [100, 20_000, 60_000])
def test_the_length_is_exact(frames):
    assert mel.sound_of_mel(
        np.ones((mel.BANDS, 50), np.float32), frames, rng=np.random.default_rng(1), rounds=1
    ).shape == (frames,)


def test_a_white_picture_is_silent():
    drawn = mel.mel_of_pixels(np.ones((mel.BANDS, 20), np.float32))

    assert not mel.sound_of_mel(drawn, 8_820, rng=np.random.default_rng(1), rounds=2).any()


def test_low_notes_are_dark_rows_at_the_bottom():
    time_s = np.arange(SAMPLE_RATE) / SAMPLE_RATE
    pixels = mel.pixels_of_mel(mel.mel_of_sound(np.sin(2 * np.pi * 110 * time_s).astype(np.float32)))

    assert int(np.argmin(pixels[:, 50])) > mel.BANDS * 0.9
    assert pixels.min() == 0.0


def test_the_search_says_how_far_it_is():
    seen = []
    mel.sound_of_mel(
        np.ones((mel.BANDS, 30), np.float32), 9_000, rng=np.random.default_rng(1), rounds=4, each_round=seen.append
    )

    assert seen == [0.0, 0.25, 0.5, 0.75]
