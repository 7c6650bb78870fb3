"""Soundfont files: what is read from them, and what is said where they are broken."""

import hashlib
import os
import struct
from pathlib import Path

import numpy as np
import pytest

from app.errors import SoundfontMissing
from app.services.instruments import find_soundfont, load_soundfont, soundfont
from app.services.instruments.base import NoteEvent
from app.services.instruments.catalogue import make_instrument, nearest_program
from app.services.instruments.kits import SynthKit
from app.services.instruments.player import PlayedPart
from app.services.instruments.sampler import SampledInstrument
from app.services.instruments.sf2 import SoundFont
from app.services.theory.instruments import INSTRUMENTS
from tests.instruments.building import TinyFont, TinySample, key_range, sine_sample, velocity_range
from tests.instruments.playing import cents_off, listen, loudest, note, power

PLAIN = [(54, 1), (38, -7_000), (53, 0)]


def tiny(**changes: object) -> TinyFont:
    return TinyFont(**({"samples": [sine_sample()], "presets": {(0, 0): ([], [PLAIN])}} | changes))  # type: ignore[arg-type]


def heard(
    font: SoundFont, events: list[NoteEvent], seconds: float = 0.5, program: tuple[int, int] = (0, 0)
) -> np.ndarray:
    return listen(PlayedPart(SampledInstrument(font, *program, drums=program[0] == 128), events), seconds)


def loaded(built: TinyFont, folder: Path) -> SoundFont:
    return load_soundfont(built.write(folder / f"font{len(list(folder.iterdir()))}.sf2"))


def sharpest_bends(samples: np.ndarray) -> tuple[float, float]:
    """Of the first 60 ms of a held tone, and of what follows while it is held."""
    bends = np.abs(np.diff(samples[:, 0], 2))
    return float(bends[:2_646].max()), float(bends[4_410:17_640].max())


@pytest.mark.parametrize("velocity", [60, 100])
def test_an_organ_begins_without_a_click(font: SoundFont, velocity: int) -> None:
    # The font opens the filter by an envelope all of whose times are nought.
    begun, held = sharpest_bends(heard(font, [note(60, 0.0, 0.5, velocity)], program=(0, 16)))

    assert begun < 3 * held


def test_a_fall_that_is_written_to_take_no_time_does_not_click(tmp_path: Path) -> None:
    sustained = (37, 60)  # 6 dB below, at once
    built = tiny(presets={(0, 0): ([], [[(34, -6_000), sustained, *PLAIN]])})
    begun, held = sharpest_bends(heard(loaded(built, tmp_path), [note(60, 0.0, 0.5)]))

    assert begun < 10 * held  # the corner where the rise ends


def test_a_looped_sample_plays_on_at_any_pitch(tmp_path: Path) -> None:
    font = loaded(tiny(), tmp_path)
    for pitch, hertz in ((69, 440.0), (81, 880.0), (62, 293.665)):
        samples = heard(font, [note(pitch, length_s=1.0, velocity=127)], 1.0)

        assert abs(cents_off(samples[4_410:], hertz)) < 1
        assert loudest(samples[-4_410:]) == pytest.approx(0.5, rel=0.03)


def test_a_sample_without_loop_ends_by_itself(tmp_path: Path) -> None:
    font = loaded(tiny(presets={(0, 0): ([], [[(38, -7_000), (53, 0)]])}), tmp_path)

    samples = heard(font, [note(69, length_s=1.0)], 1.0)

    assert power(samples[:4_000]) > 0.001
    assert loudest(samples[8_000:]) < 1e-4


def test_tunings_add_up(tmp_path: Path) -> None:
    zone = [(51, 2), (52, -30), (58, 57), *PLAIN]
    font = loaded(tiny(samples=[sine_sample(correction=10)], presets={(0, 0): ([(51, -1)], [zone])}), tmp_path)

    samples = heard(font, [note(57, length_s=1.0)], 1.0)

    assert abs(cents_off(samples[4_410:], 440 * 2 ** (80 / 1200))) < 1


def test_scale_tuning_of_zero_plays_every_key_alike(tmp_path: Path) -> None:
    font = loaded(tiny(presets={(0, 0): ([], [[(56, 0), *PLAIN]])}), tmp_path)

    assert np.array_equal(heard(font, [note(40)]), heard(font, [note(90)]))


def test_keys_and_velocities_choose_their_zone(tmp_path: Path) -> None:
    soft, hard, high = (sine_sample(level=level) for level in (0.1, 0.5, 0.9))
    zones = [
        [key_range(0, 69), velocity_range(0, 99), (54, 1), (53, 0)],
        [key_range(0, 69), velocity_range(100, 127), (54, 1), (53, 1)],
        [key_range(70, 127), (54, 1), (53, 2)],
    ]
    font = loaded(tiny(samples=[soft, hard, high], presets={(0, 0): ([], zones)}), tmp_path)

    def level(pitch: int, velocity: int) -> float:
        return loudest(heard(font, [note(pitch, velocity=velocity)])[2_000:18_000]) / (velocity / 127) ** 2

    assert level(69, 99) == pytest.approx(0.1, rel=0.03)
    assert level(69, 100) == pytest.approx(0.5, rel=0.03)
    assert level(70, 60) == pytest.approx(0.9, rel=0.03)


def test_a_preset_narrows_its_instruments_ranges_and_adds_to_its_generators(tmp_path: Path) -> None:
    presets = {(0, 0): ([key_range(60, 70), (48, 200)], [[key_range(65, 127), (48, 100), *PLAIN]])}
    font = loaded(tiny(presets=presets), tmp_path)

    (zone,) = font.zones(0, 0)
    assert zone.keys == (65, 70)
    # 30 dB written are 12 dB played.
    samples = heard(font, [note(69, velocity=127)])
    assert 20 * np.log10(loudest(samples[2_000:18_000]) / 0.5) == pytest.approx(-12, abs=0.3)


def test_a_global_zone_holds_for_all_others_unless_they_say_otherwise(tmp_path: Path) -> None:
    zones = [[(17, -500), (54, 1)], [key_range(0, 60), (53, 0)], [key_range(61, 127), (17, 500), (53, 0)]]
    font = loaded(tiny(presets={(0, 0): ([], zones)}), tmp_path)

    left, right = heard(font, [note(60)]), heard(font, [note(69)])

    assert power(left[:, 0]) > 0
    assert power(left[:, 1]) == 0
    assert power(right[:, 0]) == 0
    assert power(right[:, 1]) > 0


def test_a_hard_panned_pair_is_as_loud_as_a_centred_zone(tmp_path: Path) -> None:
    pair = [[(17, -500), *PLAIN], [(17, 500), *PLAIN]]
    font = loaded(tiny(presets={(0, 0): ([], [PLAIN]), (0, 1): ([], pair)}), tmp_path)

    centred = heard(font, [note(69)])
    paired = heard(font, [note(69)], program=(0, 1))

    # Equal power: each side alone carries 3 dB more than its half of a centred tone.
    assert power(paired) == pytest.approx(2 * power(centred), rel=0.01)


def test_half_way_panning_keeps_the_power(tmp_path: Path) -> None:
    font = loaded(tiny(presets={(0, 0): ([], [PLAIN]), (0, 1): ([], [[(17, 250), *PLAIN]])}), tmp_path)

    centred, half = heard(font, [note(69)]), heard(font, [note(69)], program=(0, 1))

    assert power(half[:, 1]) > 2 * power(half[:, 0]) > 0
    assert power(half) == pytest.approx(power(centred), rel=0.01)


def test_velocity_attenuates_by_the_square(tmp_path: Path) -> None:
    font = loaded(tiny(), tmp_path)

    full, half = (loudest(heard(font, [note(69, velocity=v)])[2_000:18_000]) for v in (127, 64))

    assert half / full == pytest.approx((64 / 127) ** 2, rel=0.02)


def test_a_modulator_replaces_the_default_of_its_kind(tmp_path: Path) -> None:
    font = loaded(tiny(modulators=[(0x0502, 48, 0, 0, 0)]), tmp_path)

    full, soft = (loudest(heard(font, [note(69, velocity=v)])[2_000:18_000]) for v in (127, 20))

    assert soft == pytest.approx(full, rel=0.02)


def test_soft_notes_are_darker(tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    noise = TinySample(wave=rng.uniform(-0.5, 0.5, 20_000), loop=(0, 20_000))
    zones = [[(8, 9_000), *PLAIN]]
    dull, old = (0x0102, 8, 0, 0, 0), (0x0102, 8, 0, 0x0D02, 0)

    def balance(built: TinyFont, velocity: int) -> float:
        samples = heard(loaded(built, tmp_path), [note(69, velocity=velocity)])[2_000:18_000, 0]
        return power(np.diff(samples)) / power(samples)

    plain = tiny(samples=[noise], presets={(0, 0): ([], zones)})
    assert balance(plain, 30) < 0.7 * balance(plain, 120)
    for switched_off in (dull, old):
        quiet = tiny(samples=[noise], presets={(0, 0): ([], zones)}, modulators=[switched_off])
        assert balance(quiet, 30) == pytest.approx(balance(quiet, 120), rel=0.01)


def test_the_filter_takes_highs_away_and_follows_its_envelope(tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    noise = TinySample(wave=rng.uniform(-0.5, 0.5, 40_000), loop=(0, 40_000))
    closed = [(8, 6_000), *PLAIN]
    closing = [(8, 6_000), (11, 4_800), (26, -12_000), (28, 0), (29, 1_000), *PLAIN]
    wobbling = [(8, 8_000), (10, 2_400), (22, 0), *PLAIN]
    presets = {(0, place): ([], [zone]) for place, zone in enumerate(([*PLAIN], closed, closing, wobbling))}
    font = loaded(tiny(samples=[noise], presets=presets), tmp_path)

    def balance(program: int, begin: int, end: int) -> float:
        samples = heard(font, [note(69, length_s=2.0, velocity=127)], 2.0, (0, program))[begin:end, 0]
        return power(np.diff(samples)) / power(samples)

    assert balance(1, 0, 20_000) < 0.02 * balance(0, 0, 20_000)
    assert balance(2, 0, 4_000) > 10 * balance(2, 60_000, 80_000)
    assert balance(2, 60_000, 80_000) == pytest.approx(balance(1, 60_000, 80_000), rel=0.3)
    swings = [balance(3, at, at + 1_000) for at in range(0, 20_000, 1_000)]
    assert max(swings) > 3 * min(swings)


def test_resonance_lifts_the_cut_off(tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    noise = TinySample(wave=rng.uniform(-0.5, 0.5, 40_000), loop=(0, 40_000))
    presets = {(0, place): ([], [[(8, 6_900), (9, height), *PLAIN]]) for place, height in enumerate((0, 200))}
    font = loaded(tiny(samples=[noise], presets=presets), tmp_path)

    def peak_to_low(program: int) -> float:
        samples = heard(font, [note(69, length_s=2.0, velocity=127)], 2.0, (0, program))[:, 0]
        spectrum = np.abs(np.fft.rfft(samples)) ** 2
        return float(spectrum[2 * 400 : 2 * 480].mean() / spectrum[2 * 60 : 2 * 150].mean())

    assert peak_to_low(1) > 30 * peak_to_low(0)


def test_oscillators_and_envelopes_bend_pitch_and_loudness(tmp_path: Path) -> None:
    vibrato = [(6, 100), (23, -12_000), (24, -500), *PLAIN]
    tremolo = [(13, 100), (21, -12_000), (22, -500), *PLAIN]
    falling = [(7, 1_200), (26, -12_000), (28, 0), (29, 1_000), *PLAIN]
    rising = [(5, 300), (22, -3_000), *PLAIN]
    presets = {(0, place): ([], [zone]) for place, zone in enumerate((vibrato, tremolo, falling, rising))}
    font = loaded(tiny(presets=presets), tmp_path)

    def crossings(samples: np.ndarray) -> list[int]:
        return [int(np.sum(np.diff(np.signbit(piece)))) for piece in np.split(samples[:79_380, 0], 36)]

    events = [note(69, length_s=2.0, velocity=127)]
    straight, bent = crossings(heard(font, events, 2.0, (0, 1))), crossings(heard(font, events, 2.0, (0, 0)))
    assert max(bent) - min(bent) > 2 + max(straight) - min(straight)
    swells = [power(piece) for piece in np.split(heard(font, events, 2.0, (0, 1))[:79_380, 0], 36)]
    assert max(swells) > 5 * min(swells[1:])
    fallen = heard(font, events, 2.0, (0, 2))
    assert abs(cents_off(fallen[66_150:], 440)) < 5
    assert crossings(fallen)[0] > 1.7 * crossings(fallen)[-1]
    assert max(crossings(heard(font, events, 2.0, (0, 3)))) > 1.05 * max(straight)


def test_envelopes_have_their_times(tmp_path: Path) -> None:
    # 0.25 s delay, 0.25 s attack, a second of decay for the whole range to 48 dB below, keys shorten it.
    zone = [(33, -2_400), (34, -2_400), (36, 0), (37, 500), (40, 100), (54, 1), (38, -2_400), (53, 0)]
    font = loaded(tiny(presets={(0, 0): ([], [zone])}), tmp_path)

    def level_db(samples: np.ndarray, second: float) -> float:
        return 10 * float(
            np.log10(2 * power(samples[int(second * 44_100) - 441 : int(second * 44_100) + 441, 0]) + 1e-12)
        )

    samples = heard(font, [note(60, length_s=1.5, velocity=127)], 2.0)
    assert loudest(samples[:11_000]) < 1e-4
    assert level_db(samples, 0.375) == pytest.approx(-12, abs=0.7)
    assert level_db(samples, 0.75) == pytest.approx(-6 - 24, abs=1)
    assert level_db(samples, 1.4) == pytest.approx(-6 - 48, abs=1)
    assert level_db(samples, 1.55) == pytest.approx(-6 - 48 - 19.2, abs=2)
    assert loudest(samples[-8_000:]) == 0
    shorter = heard(font, [note(72, length_s=1.5, velocity=127)], 2.0)
    assert level_db(shorter, 0.75) == pytest.approx(-6 - 48, abs=1)


def test_a_note_of_an_exclusive_class_ends_those_before_it(tmp_path: Path) -> None:
    hats = [[key_range(key, key), (57, 1), (56, 0), (54, 1), (53, 0)] for key in (42, 46)]
    zones = [*hats, [key_range(49, 49), (56, 0), (54, 1), (53, 0)]]
    font = loaded(tiny(presets={(128, 0): ([], zones)}), tmp_path)

    def late_power(events: list[NoteEvent]) -> float:
        return power(heard(font, events, 2.0, (128, 0))[-20_000:])

    assert late_power([note(46, 0.0, 2.0), note(42, 1.0, 0.1)]) == 0
    assert late_power([note(46, 0.0, 2.0), note(46, 0.0, 2.0)]) > 1e-3
    assert late_power([note(49, 0.0, 2.0), note(42, 1.0, 0.1)]) > 1e-3


def test_keys_without_a_zone_sound_as_their_neighbour(tmp_path: Path) -> None:
    zones = [[key_range(40, 50), *PLAIN]]
    font = loaded(tiny(presets={(0, 0): ([], zones), (128, 0): ([], zones)}), tmp_path)

    assert abs(cents_off(heard(font, [note(81, length_s=1.0)], 1.0)[4_410:], 880)) < 1
    assert np.array_equal(heard(font, [note(81)], program=(128, 0)), heard(font, [note(50)], program=(128, 0)))


def test_dc_in_a_recording_is_taken_away_without_a_thump(tmp_path: Path) -> None:
    sample = sine_sample(level=0.3)
    sample.wave = sample.wave + 0.3
    font = loaded(tiny(samples=[sample]), tmp_path)

    samples = heard(font, [note(69, length_s=2.0, velocity=127)], 2.0)

    assert abs(samples.mean()) < 1e-4
    assert loudest(samples) < 0.33


def test_sf3_samples_are_decoded(tmp_path: Path) -> None:
    frames = 44_100
    sample = sine_sample(frames, periods=440, compressed=True)
    font = loaded(tiny(samples=[sine_sample(), sample], presets={(0, 0): ([], [[(54, 1), (53, 1)]])}), tmp_path)

    samples = heard(font, [note(81, length_s=1.5, velocity=127)], 1.5)

    assert font.sample(1).frames == frames
    assert abs(cents_off(samples[4_410:], 880)) < 2
    assert loudest(samples[-4_410:]) == pytest.approx(0.5, rel=0.05)


def test_a_broken_sf3_sample_names_the_font(tmp_path: Path) -> None:
    built = tiny(samples=[sine_sample(44_100, periods=440, compressed=True)])
    path = tmp_path / "broken.sf3"
    path.write_bytes(built.content().replace(b"OggS", b"Oops"))

    with pytest.raises(SoundfontMissing, match=r"broken\.sf3.*sample 0"):
        heard(load_soundfont(path), [note(60)])


@pytest.mark.parametrize("padded", [True, False])
def test_odd_chunks_may_lack_their_pad_byte(padded: bool, tmp_path: Path) -> None:
    font = loaded(tiny(comment=b"odd", padded=padded), tmp_path)

    assert loudest(heard(font, [note(69, velocity=127)])[2_000:18_000]) == pytest.approx(0.5, rel=0.03)


@pytest.mark.parametrize("keep", [0, 3, 11, 12, 60, 300, 0.5, 0.9, -1])
def test_a_truncated_font_is_named(keep: float, tmp_path: Path) -> None:
    content = tiny().content()
    path = tmp_path / "cut.sf2"
    path.write_bytes(content[: keep if isinstance(keep, int) else int(keep * len(content))])

    with pytest.raises(SoundfontMissing, match=r"cut\.sf2"):
        load_soundfont(path)


@pytest.mark.parametrize(
    "content", [b"RIFF\x10\0\0\0WAVEfmt " + bytes(20), b"not a font at all, only words", b"\0" * 5_000]
)
def test_a_foreign_file_is_named(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "foreign.sf2"
    path.write_bytes(content)

    with pytest.raises(SoundfontMissing, match=r"foreign\.sf2"):
        find_soundfont(path)
    with pytest.raises(SoundfontMissing, match=r"foreign\.sf2"):
        load_soundfont(path)


def test_tables_that_point_outside_each_other_are_refused(tmp_path: Path) -> None:
    content = bytearray(tiny().content())
    at = content.index(b"ibag") + 8
    content[at : at + 2] = struct.pack("<H", 999)
    path = tmp_path / "wild.sf2"
    path.write_bytes(bytes(content))
    with pytest.raises(SoundfontMissing, match=r"wild\.sf2.*points outside"):
        load_soundfont(path)

    with pytest.raises(SoundfontMissing, match="points outside"):
        loaded(tiny(presets={(0, 0): ([], [[(53, 7)]])}), tmp_path)

    shorn = tiny().content()
    at = shorn.index(b"shdr") + 4
    path.write_bytes(shorn[:at] + struct.pack("<I", 90) + shorn[at + 4 :])
    with pytest.raises(SoundfontMissing, match="shdr"):
        load_soundfont(path)


def test_a_named_font_is_never_replaced(tmp_path: Path) -> None:
    for path in (tmp_path / "nowhere.sf2", tmp_path):
        with pytest.raises(SoundfontMissing, match=path.name):
            find_soundfont(path)
        with pytest.raises(SoundfontMissing, match=path.name):
            load_soundfont(path)
    path = tiny().write(tmp_path / "mine.sf2")
    assert find_soundfont(path) == path


def test_installed_fonts_come_before_the_one_that_pip_brings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(soundfont, "SYSTEM_FOLDERS", (str(tmp_path),))
    assert find_soundfont().name == "TimGM6mb.sf2"

    tiny().write(tmp_path / "default-GM.sf2")
    assert find_soundfont() == tmp_path / "default-GM.sf2"
    tiny().write(tmp_path / "FluidR3_GM.sf2")
    assert find_soundfont() == tmp_path / "FluidR3_GM.sf2"
    tiny().write(tmp_path / "MuseScore_General.sf3")
    assert find_soundfont() == tmp_path / "MuseScore_General.sf3"


def test_no_font_at_all_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(soundfont, "SYSTEM_FOLDERS", ())
    monkeypatch.setattr(soundfont.importlib.util, "find_spec", lambda name: None)

    with pytest.raises(SoundfontMissing, match="MUSIC_SOUNDFONT"):
        find_soundfont()


def test_a_font_is_loaded_once_and_again_when_it_changed(tmp_path: Path) -> None:
    path = tiny().write(tmp_path / "font.sf2")
    first = load_soundfont(path)
    assert load_soundfont(path) is first
    assert first.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()

    tiny(samples=[sine_sample(level=0.2)]).write(tmp_path / "new.sf2")
    os.utime(tmp_path / "new.sf2", ns=(1, 1))
    (tmp_path / "new.sf2").replace(path)
    assert load_soundfont(path).sha256 != first.sha256


def test_missing_presets_fall_back_to_their_kin(tmp_path: Path) -> None:
    zone = ([], [PLAIN])
    font = loaded(tiny(presets={(0, 0): zone, (0, 41): zone, (128, 0): zone}), tmp_path)
    assert nearest_program(font, 0, 41) == 41
    assert nearest_program(font, 0, 40) == 41
    assert nearest_program(font, 0, 60) == 0
    assert nearest_program(font, 128, 25) == 0

    bare = loaded(tiny(presets={(0, 70): zone}), tmp_path)
    assert nearest_program(bare, 0, 1) == 70
    assert nearest_program(bare, 128, 0) is None
    assert isinstance(make_instrument(INSTRUMENTS["standard_kit"], bare, seed=1), SynthKit)

    drums_only = loaded(tiny(presets={(128, 0): zone}), tmp_path)
    piano = PlayedPart(make_instrument(INSTRUMENTS["violin"], drums_only, seed=1), [note(60)])
    assert loudest(listen(piano, 0.5)) > 0


def test_a_preset_without_zones_is_silent(tmp_path: Path) -> None:
    font = loaded(tiny(presets={(0, 0): ([], [[(17, 100)]])}), tmp_path)

    assert not heard(font, [note(60)]).any()
