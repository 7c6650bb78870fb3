"""Scales, chords, metres, rhythms and layouts as a musician knows them."""

import pytest

from app.models.plan import Mode
from app.services.theory.chords import CHORD_TYPES, Chord, chord_scale, read_numeral
from app.services.theory.drum_keys import DRUM_KEYS, drum_key
from app.services.theory.instruments import INSTRUMENTS
from app.services.theory.metre import metre_of
from app.services.theory.rhythm import read_rhythm
from app.services.theory.scales import MODES, nearest_pitch, note_names, pitch_class, pitches_between, scale
from app.services.theory.voicing import nearest_voicing, voicings

TONICS = ("C", "Db", "D", "Eb", "E", "F", "F#", "G", "Ab", "A", "Bb", "B")


def symbols(numerals: str, tonic: str, mode: Mode) -> list[str]:
    return [read_numeral(numeral, tonic, mode).symbol(tonic, mode) for numeral in numerals.split()]


@pytest.mark.parametrize(
    ("numerals", "tonic", "mode", "expected"),
    [
        ("I V vi IV", "C", "major", "C G Am F"),
        ("I V/3 vi7 IVadd9", "G", "major", "G D/F# Em7 Cadd9"),
        ("ii7 V7 Imaj7 VI7", "Bb", "major", "Cm7 F7 Bbmaj7 G7"),
        ("i VI III VII", "A", "minor", "Am F C G"),
        ("iiø7 V7b9 i6", "C", "minor", "Dm7b5 G7b9 Cm6"),
        ("i IV", "D", "dorian", "Dm G"),
        ("i II vii", "E", "phrygian", "Em F Dm"),
        ("I II@1", "F", "lydian", "F G/F"),
        ("I VII IV", "D", "mixolydian", "D C G"),
        ("V7/V V7/ii V/vi", "C", "major", "D7 A7 E"),
        ("#io7 bVI bVII iv", "C", "major", "C#dim7 Ab Bb Fm"),
        ("bVI bVII I V7/vi", "G", "major", "Eb F G B7"),
        ("I+ viio Vsus4 I5", "C", "major", "Caug Bdim Gsus4 C5"),
    ],
)
def test_numerals_name_the_chords_of_the_key(numerals, tonic, mode, expected):
    assert symbols(numerals, tonic, mode) == expected.split()


@pytest.mark.parametrize("numeral", ["", "H", "IIII", "I/9", "x", "V7//V"])
def test_what_is_no_numeral_is_refused(numeral):
    with pytest.raises(ValueError, match=r"Roman numeral|chord type"):
        read_numeral(numeral, "C", "major")


@pytest.mark.parametrize("tonic", TONICS)
@pytest.mark.parametrize("mode", MODES)
def test_the_plain_triads_of_a_mode_stay_in_it(tonic, mode):
    home = pitch_class(tonic)
    tones = set(scale(home, mode))
    thirds = {degree: (MODES[mode][(degree + 2) % 7] - MODES[mode][degree]) % 12 for degree in range(7)}
    for degree, numeral in enumerate(("I", "II", "III", "IV", "V", "VI", "VII")):
        chord = read_numeral(numeral if thirds[degree] == 4 else numeral.lower(), tonic, mode)
        assert {chord.root, chord.third} <= tones


def test_sharp_keys_are_written_with_sharps_and_flat_keys_with_flats():
    assert note_names("E", "major")[8] == "G#"
    assert note_names("C", "minor")[8] == "Ab"
    assert note_names("F#", "minor")[1] == "C#"
    assert note_names("Eb", "minor")[6] == "Gb"


@pytest.mark.parametrize(
    ("chord", "tonic", "mode", "expected"),
    [
        (Chord(4, "7", 4), 9, "minor", {9, 11, 0, 2, 4, 5, 8}),  # E7 in A minor: G# for G
        (Chord(0, "7", 0), 0, "major", {0, 2, 4, 5, 7, 9, 10}),  # C7 in C: Bb for B
        (Chord(5, "min", 5), 0, "major", {0, 2, 4, 5, 7, 8, 11}),  # Fm in C: Ab for A
        (Chord(2, "7", 2), 0, "major", {0, 2, 4, 6, 7, 9, 11}),  # D7 in C: F# for F
        (Chord(6, "m7b5", 6), 0, "major", {0, 2, 4, 6, 7, 9, 11}),  # F#m7b5 in C: F# for F
        (Chord(0, "maj", 0), 0, "major", {0, 2, 4, 5, 7, 9, 11}),
    ],
)
def test_a_scale_bends_to_the_chord(chord, tonic, mode, expected):
    assert chord_scale(chord, scale(tonic, mode)) == expected


def test_the_fifth_of_a_chord_is_the_one_it_has():
    assert Chord(0, "dim7", 0).fifth == 6
    assert Chord(0, "aug", 0).fifth == 8
    assert Chord(0, "sus4", 0).fifth == 7


@pytest.mark.parametrize(
    ("signature", "beats", "pulses"),
    [
        ("4/4", 4, 4),
        ("3/4", 3, 3),
        ("6/8", 3, 2),
        ("12/8", 6, 4),
        ("5/4", 5, 5),
        ("7/8", 3.5, 3),
        ("2/2", 4, 4),
        ("9/8", 4.5, 3),
        ("5/8", 2.5, 2),
        ("1/4", 1, 1),
    ],
)
def test_a_metre_divides_into_its_pulses(signature, beats, pulses):
    metre = metre_of(signature)

    assert metre.beats == beats
    assert len(metre.pulses) == pulses
    assert sum(metre.lengths) == beats
    assert metre.strength(0.0) == 1.0
    assert 0 < metre.half() < metre.beats


def test_a_bar_is_weighted_as_it_is_counted():
    four, six = metre_of("4/4"), metre_of("6/8")

    assert [four.strength(p) for p in (0, 1, 2, 3)] == [1.0, 0.6, 0.8, 0.6]
    assert four.strength(0.5) > four.strength(0.25)
    assert [six.strength(p) for p in (0, 0.5, 1.5, 0.75)] == [1.0, 0.3, 0.8, 0.1]
    assert metre_of("3/4").strength(2.0) == 0.6


@pytest.mark.parametrize("written", ["4/4", "3/4", "6/8", "12/8"])
@pytest.mark.parametrize("played", ["4/4", "3/4", "6/8", "5/4", "7/8", "2/4", "12/8", "9/8", "6/4", "5/8"])
def test_a_rhythm_fits_every_metre(written, played):
    steps = {"4/4": 16, "3/4": 12, "6/8": 12, "12/8": 12}[written]
    text = ("x.xX" * 8)[:steps]

    (bar,) = read_rhythm(text, written, played)

    beats = metre_of(played).beats
    assert bar[0].position == 0
    for stroke, end in zip(bar, [*(s.position for s in bar[1:]), beats], strict=True):
        assert stroke.length > 0
        assert stroke.position + stroke.length <= end + 1e-6


def test_a_backbeat_stays_a_backbeat():
    snare = "....X.......X..."

    assert [s.position for s in read_rhythm(snare, "4/4", "6/8")[0]] == [1.5]
    assert [s.position for s in read_rhythm(snare, "4/4", "3/4")[0]] == [1.0, 2.0]
    assert [s.position for s in read_rhythm(snare, "4/4", "2/4")[0]] == [1.0]
    assert [s.position for s in read_rhythm(snare, "4/4", "7/8")[0]] == [1.0, 3.0]


def test_straight_off_beats_become_the_last_third_in_compound_metres():
    assert [s.position for s in read_rhythm("x.x.x.x.x.x.x.x.", "4/4", "6/8")[0]] == [0.0, 1.0, 1.5, 2.5]


def test_a_silent_bar_stays_silent_in_any_metre():
    assert read_rhythm("............x...", "4/4", "2/4") == ((),)
    assert read_rhythm("................|x...............", "4/4", "3/4")[0] == ()


def test_pitches_and_their_neighbours():
    assert pitches_between((0, 4), 59, 65) == (60, 64)
    assert nearest_pitch(65, 0, 48, 72) == 60
    assert nearest_pitch(60, 1, 62, 66) == 73


@pytest.mark.parametrize("spacing", ["close", "open", "rootless", "power", "spread"])
@pytest.mark.parametrize(("low", "high", "count"), [(48, 76, 4), (50, 74, 3), (60, 67, 4), (60, 60, 3), (40, 64, 5)])
def test_every_chord_has_layouts_within_its_register(spacing, low, high, count):
    for kind in CHORD_TYPES:
        chord = Chord(5, kind, 5)
        options = voicings(chord, low, high, count, spacing)
        assert options
        for layout in options:
            assert low <= layout[0] and layout[-1] <= high  # noqa: PT018 - one promise
            assert list(layout) == sorted(set(layout))
            if high - low > 12:
                assert {pitch % 12 for pitch in layout} <= set(chord.classes)


def test_a_chord_moves_to_the_nearest_layout():
    c_major = (60, 64, 67)
    options = voicings(Chord(9, "min", 9), 55, 76, 3, "close")

    assert nearest_voicing(c_major, options, 64) == (60, 64, 69)


def test_a_power_chord_stands_on_its_root():
    for root in range(12):
        for layout in voicings(Chord(root, "5", root), 40, 64, 3, "power"):
            assert layout[0] % 12 == root
            assert [pitch - layout[0] for pitch in layout] == [0, 7, 12]


def test_low_chords_are_laid_wide():
    for layout in voicings(Chord(0, "maj7", 0), 36, 60, 4, "spread"):
        if layout[0] < 46:
            assert layout[1] - layout[0] >= 4


def test_drums_have_their_general_midi_keys():
    assert (DRUM_KEYS["kick"], DRUM_KEYS["snare"], DRUM_KEYS["hat"], DRUM_KEYS["crash"]) == (36, 38, 42, 49)
    assert all(27 <= key <= 87 for key in DRUM_KEYS.values())
    assert drum_key("crash", "jazz_kit", 3) == 49


@pytest.mark.parametrize("tonic", range(12))
def test_timpani_are_tuned_to_the_key(tonic):
    assert drum_key("timpani", "orchestra_kit", tonic) % 12 == tonic
    assert drum_key("timpani_fifth", "orchestra_kit", tonic) % 12 == (tonic + 7) % 12
    assert 41 <= drum_key("timpani", "orchestra_kit", tonic) <= 53
    assert drum_key("crash", "orchestra_kit", tonic) == 59


def test_every_instrument_can_play_something():
    for row in INSTRUMENTS.values():
        assert 0 <= row.low_pitch < row.high_pitch <= 127
        assert 0 <= row.program <= 127
