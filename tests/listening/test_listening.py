"""Listening to sounds whose answers are known."""

import time

import numpy as np
import pytest

from app.models.audio import SAMPLE_RATE, Block
from app.services.listening.metre import count_of, measure_metre
from app.services.listening.rhythm import band_levels, measure_tempo, onset_strengths
from app.services.listening.shape import measure_ends, measure_sections
from app.services.listening.tonality import TONICS, measure_key
from app.services.listening.turning import harmony_turns
from app.services.listening.voices import VoiceShares
from tests.dsp.sounds import noise, sine
from tests.listening.sounds import chords, heard, pulse


def strengths_of(samples):
    return onset_strengths(band_levels(heard(samples).mono))


def metre_in(samples):
    mono = heard(samples).mono
    strengths = onset_strengths(band_levels(mono))
    return measure_metre(strengths, harmony_turns(mono), measure_tempo(strengths))


@pytest.mark.parametrize("tempo", [63, 84.5, 100, 128, 171])
def test_the_tempo_of_a_pulse_is_found(tempo):
    found = measure_tempo(strengths_of(pulse(tempo, (1.0, 0.3, 0.6, 0.3))))

    assert any(found.tempo_bpm == pytest.approx(tempo * factor, rel=0.02) for factor in (0.5, 1, 2))


@pytest.mark.parametrize("samples", [noise(12.0), sine(220.0, 12.0), np.zeros((12 * SAMPLE_RATE, 2), np.float32)])
def test_what_has_no_beat_has_no_tempo(samples):
    assert measure_tempo(strengths_of(samples)) is None


@pytest.mark.parametrize(
    ("written", "tempo", "accents"),
    [
        ("4/4", 120, (1.0, 0.0, 0.0, 0.0)),
        ("3/4", 110, (1.0, 0.1, 0.2)),
        ("5/4", 140, (1.0, 0.1, 0.2, 0.7, 0.1)),
        ("7/8", 200, (1.0, 0.1, 0.6, 0.1, 0.6, 0.1, 0.2)),
    ],
)
def test_the_metre_of_accents_is_found(written, tempo, accents):
    assert metre_in(pulse(tempo, accents, seconds=30)).count == count_of(written)


@pytest.mark.parametrize(("seconds_each", "count"), [(1.5, 3), (2.0, 2)])
def test_where_no_beat_is_stressed_the_harmony_tells_the_bar(seconds_each, count):
    changes = chords([(48, 52, 55), (53, 57, 60), (55, 59, 62), (45, 48, 52)] * 5, seconds_each=seconds_each)
    beats = pulse(120, (0.3,), seconds=len(changes) / SAMPLE_RATE)

    assert metre_in(changes + 0.2 * beats[: len(changes)]).count == count


@pytest.mark.parametrize("tempo", [76, 90, 104])
@pytest.mark.parametrize("drift_s", [0.05, 0.07])
def test_bars_are_told_where_the_beat_wanders(tempo, drift_s):
    steady = pulse(tempo, (1.0, 0.1, 0.2), seconds=30)
    times = np.arange(len(steady)) / SAMPLE_RATE
    wandering = (times + drift_s * np.sin(2 * np.pi * times / 11)) * SAMPLE_RATE
    played = np.stack([np.interp(wandering, np.arange(len(steady)), side) for side in steady.T], axis=1)

    assert metre_in(played.astype(np.float32)).count == 3


def test_a_pulse_without_accents_is_in_no_odd_metre():
    found = metre_in(pulse(120, (0.5,)))

    assert found is None or found.count == 2


@pytest.mark.parametrize("tonic", [0, 3, 6, 9])
@pytest.mark.parametrize("third", ["major", "minor"])
def test_the_key_of_a_cadence_is_found(tonic, third):
    major = third == "major"
    home = (48 + tonic, 52 + tonic - (not major), 55 + tonic)
    fourth = (53 + tonic, 57 + tonic - (not major), 60 + tonic)
    fifth = (55 + tonic, 59 + tonic, 62 + tonic)

    found = measure_key(heard(chords([home, fourth, home, fifth, home] * 2)).mono)

    assert (found.tonic, found.third) == (TONICS[tonic], third)


def test_silence_has_no_key():
    assert measure_key(np.zeros(100_000, np.float32)) is None


def test_a_new_section_is_heard_where_it_begins():
    quiet, full = chords([(60, 64, 67)] * 6), chords([(48, 55, 60, 64, 67, 72)] * 6) * 2 + noise(9.0, level=0.05)

    sound = heard(np.concatenate((quiet, full, quiet)))
    sections = measure_sections(band_levels(sound.mono), sound.powers)

    assert [section.start_s for section in sections] == pytest.approx([0, 9, 18], abs=0.8)
    assert sections[1].level_db > sections[0].level_db + 6


def test_a_piece_cut_off_in_full_sound_has_no_end_and_a_faded_one_has():
    tone = sine(220.0, 6.0)
    faded = tone * np.clip(np.arange(len(tone))[::-1] / 44_100, 0, 1)[:, np.newaxis].astype(np.float32) ** 2

    assert measure_ends(heard(tone)).last_db > -1
    assert measure_ends(heard(faded)).last_db < -60


def test_a_seam_is_a_step_only_where_the_wave_does_not_go_on():
    whole_turns, a_quarter_more = sine(220.0, 6.0), sine(220.0, 6.0 + 0.25 / 220)

    assert measure_ends(heard(whole_turns)).seam_step <= 1.0
    assert measure_ends(heard(a_quarter_more)).seam_step > 5


def test_what_is_heard_does_not_depend_on_the_blocks():
    samples = pulse(120, (1.0, 0.2), seconds=6)

    one, many = heard(samples, size=len(samples)), heard(samples, size=4_096)

    np.testing.assert_allclose(one.mono, many.mono, atol=1e-6)
    np.testing.assert_allclose(one.powers, many.powers, rtol=1e-5)
    assert one.frames == many.frames
    np.testing.assert_array_equal(one.end, many.end)


def test_shares_are_told_of_every_voice_also_of_silent_ones():
    mix = np.zeros((4, 2), np.float32)
    blocks = [Block(mix=mix, energies={"lead": 3.0, "bass": 6.0, "pad": 0.0}), Block(mix=mix, energies={"bass": 1.0})]
    shares = VoiceShares()

    assert list(shares.follow(blocks)) == blocks

    assert shares.shares_db == {"lead": -5.2, "bass": -1.5, "pad": -200.0}


def test_listening_to_five_minutes_takes_less_than_a_second_of_work():
    samples = np.tile(pulse(120, (1.0, 0.2, 0.5, 0.2), seconds=30), (10, 1))
    began = time.process_time()

    sound = heard(samples)
    levels = band_levels(sound.mono)
    strengths = onset_strengths(levels)
    measure_metre(strengths, harmony_turns(sound.mono), measure_tempo(strengths))
    measure_key(sound.mono)
    measure_sections(levels, sound.powers)

    assert time.process_time() - began < 1.5
