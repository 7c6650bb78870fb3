"""Promises that every row of the instrument table keeps."""

import numpy as np
import pytest

from app.models.audio import SAMPLE_RATE
from app.services.dsp.loudness import LoudnessMeter
from app.services.instruments import SoundFont
from app.services.instruments.calibration import REFERENCE_LUFS, standard_line
from app.services.instruments.synths.bowed import BOWINGS
from app.services.instruments.synths.guitars import VOICINGS
from app.services.theory.instruments import INSTRUMENTS, SYNTH_KITS, SYNTHS, UNPITCHED
from app.utils.units import midi_to_hz
from tests.instruments.playing import cents_off, loudest, note, play, power

#: Sampled instruments with a steady, unambiguous pitch.
STEADY = ("acoustic_grand_piano", "flute", "fingered_bass", "church_organ", "trumpet")

#: Strings that are made where the font has only a moment of them.
MADE = (*VOICINGS, *BOWINGS)

#: Synthesised instruments that have a pitch.
TUNED = tuple(key for key in SYNTHS if key not in UNPITCHED)


@pytest.mark.parametrize("key", INSTRUMENTS)
def test_every_row_of_the_table_sounds_at_the_reference_loudness(key: str, font: SoundFont) -> None:
    row = INSTRUMENTS[key]
    line = standard_line(row)
    # Another line than the one it is calibrated by: a little higher, a little softer at its end.
    if not row.is_drums:
        line = [note(event.pitch + 2, event.start_frame / SAMPLE_RATE, 0.5, event.velocity) for event in line]

    samples = play(key, line, font)

    meter = LoudnessMeter()
    meter.add(samples)
    assert np.isfinite(samples).all()
    assert abs(samples.mean(axis=0)).max() < 4e-3
    # What has no scale (noises, one-shot effects) may change more from pitch to pitch.
    allowed_db = 6.0 if row.family in ("sound_effects", "percussive", "synth_effects") else 3.0
    assert abs(meter.integrated_lufs - REFERENCE_LUFS) < allowed_db


@pytest.mark.parametrize("key", [key for key, row in INSTRUMENTS.items() if row.source in ("synth", "synth_kit")])
def test_the_calibration_line_measures_the_reference(key: str, font: SoundFont) -> None:
    samples = play(key, standard_line(INSTRUMENTS[key]), font)

    meter = LoudnessMeter()
    meter.add(samples)
    assert abs(meter.integrated_lufs - REFERENCE_LUFS) < 2.0


# What swings about its pitch is listened to in test_bowed.
@pytest.mark.parametrize("key", [*TUNED, *STEADY, *VOICINGS])
def test_notes_are_in_tune(key: str, font: SoundFont) -> None:
    row = INSTRUMENTS[key]
    for pitch in (row.low_pitch + 7, (row.low_pitch + row.high_pitch) // 2):
        samples = play(key, [note(pitch, length_s=1.4)], font, seconds=1.4)

        # A reese or a drone beats around its pitch; the ear takes the middle.
        assert abs(cents_off(samples[SAMPLE_RATE // 5 :], midi_to_hz(pitch))) < 10


@pytest.mark.parametrize("key", [*SYNTHS, *STEADY, *MADE, *SYNTH_KITS, "standard_kit"])
def test_a_louder_stroke_is_louder(key: str, font: SoundFont) -> None:
    row = INSTRUMENTS[key]
    pitch = 38 if row.is_drums else (row.low_pitch + row.high_pitch) // 2

    powers = [power(play(key, [note(pitch, velocity=velocity)], font, seconds=1.0)) for velocity in (30, 60, 90, 120)]

    assert powers == sorted(powers)
    assert powers[-1] > 4 * powers[0]


@pytest.mark.parametrize(
    "key", ["analog_lead", "supersaw", "sub_bass", "fm_piano", "chip_pulse", "flute", "drawbar_organ"]
)
def test_a_note_ends_when_the_key_is_let_go(key: str, font: SoundFont) -> None:
    row = INSTRUMENTS[key]
    samples = play(key, [note((row.low_pitch + row.high_pitch) // 2, length_s=0.4)], font, seconds=3.0)

    held = power(samples[SAMPLE_RATE // 10 : 4 * SAMPLE_RATE // 10])
    assert held > 1e-6
    assert power(samples[3 * SAMPLE_RATE // 2 : 2 * SAMPLE_RATE]) < held / 1_000
    assert loudest(samples[-SAMPLE_RATE // 10 :]) == 0.0


@pytest.mark.parametrize("key", [*SYNTHS, *MADE, *SYNTH_KITS])
def test_synthesised_notes_begin_and_end_without_a_click(key: str, font: SoundFont) -> None:
    row = INSTRUMENTS[key]
    pitch = 36 if row.is_drums else (row.low_pitch + row.high_pitch) // 2
    samples = play(key, [note(pitch, start_s=0.1, length_s=0.3)], font, seconds=9.0)

    start = SAMPLE_RATE // 10
    assert loudest(samples[:start]) == 0.0
    assert loudest(samples[start : start + 3]) < 0.08 * loudest(samples)
    sounding = np.flatnonzero(np.abs(samples).max(axis=1))
    assert sounding[-1] < len(samples) - 1
    assert loudest(samples[sounding[-1] - 20 :]) < 5e-4


@pytest.mark.parametrize(
    "key",
    ["supersaw", "analog_lead", "pulse_lead", "synth_pluck", "fm_piano", "fm_bell", "fm_bass", "chip_pulse",
     "chip_square", "chip_thin", "string_machine", "tonewheel_organ"],
)  # fmt: skip
def test_high_notes_do_not_alias(key: str, font: SoundFont) -> None:
    hertz = midi_to_hz(98)
    samples = play(key, [note(98, length_s=1.2, velocity=120)], font, seconds=1.2)[:, 0]
    samples = samples[200 : SAMPLE_RATE // 5]  # the stroke, where a struck sound is brightest

    spectrum = np.abs(np.fft.rfft(samples * np.blackman(len(samples)))) ** 2
    partial = np.fft.rfftfreq(len(samples), 1 / SAMPLE_RATE) / hertz
    # The analogue lead sings an octave below as well; only the bell has partials elsewhere, but none so low.
    stray = partial < 0.4 if key == "fm_bell" else np.abs(2 * partial - np.round(2 * partial)) > 0.3
    assert spectrum[stray].sum() < 1e-5 * spectrum.sum()


@pytest.mark.parametrize(
    "key", ["reese_bass", "analog_pad", "glass_pad", "drone", "sweeping_pad", "shimmer", "dark_drone"]
)
def test_pads_and_reese_move_while_they_are_held(key: str, font: SoundFont) -> None:
    row = INSTRUMENTS[key]
    samples = play(key, [note((row.low_pitch + row.high_pitch) // 2, length_s=9.0)], font, seconds=9.0)[
        2 * SAMPLE_RATE :
    ]

    bright = np.diff(samples[:, 0])
    window = SAMPLE_RATE // 2
    balance_db = [
        10 * np.log10(power(bright[at : at + window]) / power(samples[at : at + window, 0]))
        for at in range(0, 6 * SAMPLE_RATE, window)
    ]
    assert max(balance_db) - min(balance_db) > 1.5


@pytest.mark.parametrize(
    ("key", "low", "high"), [("supersaw", 0.1, 0.9), ("analog_pad", 0.1, 0.9), ("sub_bass", 1.0, 1.0)]
)
def test_wide_instruments_are_wide_and_stay_sound_in_mono(key: str, low: float, high: float, font: SoundFont) -> None:
    row = INSTRUMENTS[key]
    samples = play(key, [note((row.low_pitch + row.high_pitch) // 2, length_s=4.0)], font, seconds=4.0)

    assert low - 1e-6 <= np.corrcoef(samples.T)[0, 1] <= high + 1e-6


@pytest.mark.parametrize("key", SYNTHS)
def test_mono_loudspeakers_lose_little_of_any_synth(key: str, font: SoundFont) -> None:
    row = INSTRUMENTS[key]
    samples = play(key, [note((row.low_pitch + row.high_pitch) // 2, length_s=4.0)], font, seconds=4.0)

    lost_db = 10 * np.log10(power(samples) / power(samples.mean(axis=1)))
    assert lost_db < 2.5


@pytest.mark.parametrize("key", [*SYNTHS, *MADE])
def test_no_synth_has_dc(key: str, font: SoundFont) -> None:
    row = INSTRUMENTS[key]
    for pitch in (row.low_pitch, (row.low_pitch + row.high_pitch) // 2):
        samples = play(key, [note(pitch, length_s=3.0)], font, seconds=6.0)

        assert abs(samples.mean()) < 0.002 * loudest(samples)


def test_the_acid_bass_closes_its_filter(font: SoundFont) -> None:
    samples = play("acid_bass", [note(40, length_s=0.8, velocity=110)], font, seconds=0.8)[:, 0]

    def brightness(piece: np.ndarray) -> float:
        return power(np.diff(piece, 2)) / power(piece)

    assert brightness(samples[300:3_000]) > 10 * brightness(samples[-9_000:-4_000])


@pytest.mark.parametrize("key", ["acoustic_grand_piano", "standard_kit", "fm_bell", "supersaw", "synth_808", "drone"])
def test_pitches_and_velocities_beyond_all_tables_survive(key: str, font: SoundFont) -> None:
    events = [note(pitch, 0.1 * place, 0.2, velocity) for place, (pitch, velocity) in enumerate(
        [(-5, 90), (0, 1), (127, 127), (200, 90), (60, 0), (60, 300)]
    )]  # fmt: skip
    samples = play(key, events, font, seconds=2.0)

    assert np.isfinite(samples).all()
    assert loudest(samples) > 0
