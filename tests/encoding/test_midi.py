from collections import Counter
from dataclasses import replace
from itertools import product
from pathlib import Path

import mido
import pretty_midi
import pytest

from app.models.plan import Channel, Plan, Voice
from app.models.score import ChordSpan, KeyChange, Note, Part, PedalSpan, Score, Strength, TempoChange
from app.services.encoding import Tags, write_midi
from app.services.encoding.midi import allot_channels, key_signature, pan, volume
from app.services.theory.instruments import INSTRUMENTS
from tests.encoding.conftest import make_plan


def note(pitch: int, start: float, length: float = 1.0, velocity: int = 80) -> Note:
    return Note(pitch=pitch, start_beat=start, length_beats=length, velocity=velocity)


def make_score(**parts: list[Note]) -> Score:
    return Score(
        parts=tuple(Part(voice=name, notes=tuple(notes)) for name, notes in parts.items()),
        tempo_changes=(TempoChange(beat=0, tempo_bpm=90.0), TempoChange(beat=4, tempo_bpm=60.0)),
        chords=(
            ChordSpan(start_beat=0, length_beats=4, symbol="Dm7"),
            ChordSpan(start_beat=4, length_beats=4, symbol="G/B"),
        ),
        markers=((0.0, "intro"), (4.0, "été")),
        time_signature=(6, 8),
        length_beats=8.0,
    )


@pytest.fixture
def score() -> Score:
    return make_score(
        lead=[note(74, 0.0), note(76, 1.0, 0.5, 100), note(77, 2.25, 1.75)],
        bass=[note(38, 0.0, 4.0), note(43, 4.0, 4.0)],
        drums=[note(36, beat, 0.25) for beat in range(8)],
    )


@pytest.fixture
def path(score: Score, plan: Plan, tags: Tags, tmp_path: Path) -> Path:
    write_midi(score, plan, tmp_path / "track.mid", tags)
    return tmp_path / "track.mid"


def read(path: Path) -> mido.MidiFile:
    return mido.MidiFile(path, charset="utf-8")


def metas(path: Path, kind: str) -> list[tuple[int, mido.MetaMessage]]:
    found, tick = [], 0
    for message in read(path).tracks[0]:
        tick += message.time
        if message.type == kind:
            found.append((tick, message))
    return found


def sounding(path: Path, track: int) -> list[tuple[int, float, float, int]]:
    """(pitch, start beat, length in beats, velocity) of a track, as a strict reader pairs them."""
    found, held, tick = [], {}, 0
    for message in read(path).tracks[track]:
        tick += message.time
        if message.type == "note_on":
            assert message.note not in held, "a key is struck that is already down"
            held[message.note] = (tick, message.velocity)
        elif message.type == "note_off":
            start, velocity = held.pop(message.note)
            found.append((message.note, start / 480, (tick - start) / 480, velocity))
    assert not held, "a key is never let go"
    return sorted(found, key=lambda one: (one[1], one[0]))


def test_a_format_1_file_has_one_track_for_the_piece_and_one_a_part(path: Path) -> None:
    file = read(path)

    assert (file.type, file.ticks_per_beat) == (1, 480)
    assert [track.name for track in file.tracks] == ["夜のピアノ – été", "lead", "bass", "drums"]


def test_the_notes_are_those_of_the_score(path: Path, score: Score) -> None:
    for number, part in enumerate(score.parts, start=1):
        assert sounding(path, number) == [(n.pitch, n.start_beat, n.length_beats, n.velocity) for n in part.notes]


def test_the_file_lasts_as_long_as_the_score(path: Path, score: Score) -> None:
    assert read(path).length == pytest.approx(score.seconds_at(score.length_beats), abs=1e-4)
    assert {sum(message.time for message in track) for track in read(path).tracks} == {8 * 480}


def test_tempo_metre_and_key_are_written(path: Path) -> None:
    assert [(tick, message.tempo) for tick, message in metas(path, "set_tempo")] == [(0, 666_667), (1_920, 1_000_000)]
    ((_, metre),) = metas(path, "time_signature")
    assert (metre.numerator, metre.denominator) == (6, 8)
    ((_, key),) = metas(path, "key_signature")
    assert key.key == "Am"  # D dorian has neither sharps nor flats


def test_a_change_of_key_is_written_where_it_comes(score: Score, plan: Plan, tmp_path: Path) -> None:
    keys = (KeyChange(beat=0.0, tonic="D", mode="dorian"), KeyChange(beat=4.0, tonic="E", mode="dorian"))
    write_midi(replace(score, keys=keys), plan, tmp_path / "lifted.mid", Tags())

    found = [(tick, message.key) for tick, message in metas(tmp_path / "lifted.mid", "key_signature")]

    assert found == [(0, "Am"), (1_920, "Bm")]


def test_sections_are_markers_and_chords_are_lyrics(path: Path) -> None:
    assert [(tick, message.text) for tick, message in metas(path, "marker")] == [(0, "intro"), (1_920, "été")]
    assert [(tick, message.text) for tick, message in metas(path, "lyrics")] == [(0, "Dm7"), (1_920, "G/B")]


def test_prompt_genre_key_seed_and_generator_stand_at_its_head(path: Path) -> None:
    assert [message.text for _, message in metas(path, "text")] == [
        'a "calm" night; 🎹 été',
        "Genre: ambient",
        "Key: F# minor",
        "Seed: 9007199254740991",
        "Made by Music AI Generator Backend 1.0.0",
    ]


def test_without_tags_the_plans_title_names_the_file(score: Score, plan: Plan, tmp_path: Path) -> None:
    write_midi(score, plan, tmp_path / "plain.mid", Tags())

    assert read(tmp_path / "plain.mid").tracks[0].name == "Night Piano"
    assert metas(tmp_path / "plain.mid", "text") == []


def test_each_part_begins_with_its_program_volume_and_place(path: Path) -> None:
    first = [[m for m in track if not m.is_meta][:3] for track in read(path).tracks[1:]]

    assert [(m[0].type, m[0].channel, m[0].program) for m in first] == [
        ("program_change", 0, 73),
        ("program_change", 1, 38),
        ("program_change", 9, 32),
    ]
    assert [[(m.control, m.value) for m in messages[1:]] for messages in first] == [
        [(7, 100), (10, 32)],
        [(7, 71), (10, 64)],
        [(7, 100), (10, 64)],
    ]


def test_pretty_midi_reads_the_same_music(path: Path, score: Score) -> None:
    midi = pretty_midi.PrettyMIDI(str(path))

    assert [(i.name, i.program, i.is_drum) for i in midi.instruments] == [
        ("lead", 73, False),
        ("bass", 38, False),
        ("drums", 32, True),
    ]
    lead = midi.instruments[0].notes
    assert [n.pitch for n in lead] == [74, 76, 77]
    assert [n.start for n in lead] == pytest.approx(
        [score.seconds_at(n.start_beat) for n in score.parts[0].notes], abs=1e-3
    )
    assert midi.time_signature_changes[0].numerator == 6
    assert midi.get_tempo_changes()[1] == pytest.approx([90.0, 60.0], abs=1e-3)


def test_notes_out_of_reach_are_moved_by_octaves_and_weights_held_in_range(
    plan: Plan, tags: Tags, tmp_path: Path
) -> None:
    write_midi(
        make_score(lead=[note(130, 0.0, velocity=200), note(-3, 1.0, velocity=0)]), plan, tmp_path / "far.mid", tags
    )

    assert sounding(tmp_path / "far.mid", 1) == [(118, 0.0, 1.0, 127), (9, 1.0, 1.0, 1)]


def test_a_key_struck_again_is_let_go_before(plan: Plan, tags: Tags, tmp_path: Path) -> None:
    score = make_score(lead=[note(60, 0.0, 3.0), note(60, 1.0, 1.0), note(60, 2.0, 0.5), note(60, 2.0, 1.5)])

    write_midi(score, plan, tmp_path / "again.mid", tags)

    assert sounding(tmp_path / "again.mid", 1) == [(60, 0.0, 1.0, 80), (60, 1.0, 1.0, 80), (60, 2.0, 1.5, 80)]


def test_notes_stay_within_the_piece_and_have_a_length(plan: Plan, tags: Tags, tmp_path: Path) -> None:
    score = make_score(
        lead=[note(60, -0.01, 0.5), note(62, 2.0, 0.0001), note(64, 7.5, 9.0), note(65, 8.0), note(66, 9.0)]
    )

    write_midi(score, plan, tmp_path / "edges.mid", tags)

    assert sounding(tmp_path / "edges.mid", 1) == [
        (60, 0.0, pytest.approx(0.49, abs=0.01), 80),
        (62, 2.0, 1 / 480, 80),
        (64, 7.5, 0.5, 80),
    ]


def test_the_same_score_is_the_same_bytes_and_holds_no_date(
    path: Path, score: Score, plan: Plan, tags: Tags, tmp_path: Path
) -> None:
    write_midi(score, plan, tmp_path / "again.mid", tags)

    assert (tmp_path / "again.mid").read_bytes() == path.read_bytes()


def voices(*instruments: str) -> list[Voice]:
    return [
        Voice(name=f"v{number}", role="lead", instrument=key, low_pitch=40, high_pitch=80)
        for number, key in enumerate(instruments)
    ]


def test_drums_are_on_channel_ten_and_melodies_beside_it() -> None:
    channels = allot_channels(voices("flute", "jazz_kit", "cello", "synth_808", *["harp"] * 8, "oboe"))

    assert channels == [0, 9, 1, 9, 2, 3, 4, 5, 6, 7, 8, 10, 11]


def test_more_than_fifteen_melodies_share_channels_by_program() -> None:
    keys = [key for key, row in INSTRUMENTS.items() if row.source == "sampled"][:15]

    channels = allot_channels(voices(*keys, keys[3], "applause"))

    assert Counter(channels[:15]) == Counter({channel: 1 for channel in range(16) if channel != 9})
    assert channels[15:] == [channels[3], 15]


def test_every_instrument_of_the_table_can_be_written(tmp_path: Path) -> None:
    written = {}
    for name in INSTRUMENTS:
        voice = Voice(name="solo", role="lead", instrument=name, low_pitch=40, high_pitch=80)
        write_midi(make_score(solo=[note(60, 0)]), make_plan(voices=(voice,)), tmp_path / "solo.mid", Tags())
        (read,) = pretty_midi.PrettyMIDI(str(tmp_path / "solo.mid")).instruments
        written[name] = (read.is_drum, read.program)

    assert written == {name: (row.is_drums, row.program) for name, row in INSTRUMENTS.items()}


@pytest.mark.parametrize(
    ("tonic", "mode", "key"),
    [
        ("C", "major", "C"),
        ("A", "minor", "Am"),
        ("E", "harmonic_minor", "Em"),
        ("F#", "major", "F#"),
        ("Db", "major", "Db"),
        ("G#", "major", "Ab"),
        ("Gb", "minor", "F#m"),
        ("D#", "minor", "D#m"),
        ("Bb", "lydian", "F"),
        ("G", "mixolydian", "C"),
        ("E", "phrygian", "Am"),
        ("A", "dorian", "Em"),
    ],
)
def test_the_signature_has_the_scales_accidentals(tonic: str, mode: str, key: str) -> None:
    assert key_signature(tonic, mode) == key  # type: ignore[arg-type]


@pytest.mark.parametrize("mode", ["major", "minor", "dorian", "phrygian", "lydian", "mixolydian", "harmonic_minor"])
def test_every_tonic_and_mode_has_a_signature_that_midi_knows(mode: str) -> None:
    for letter, sign in product("ABCDEFG", ["", "#", "b"]):
        key = key_signature(letter + sign, mode)  # type: ignore[arg-type]

        mido.MetaMessage("key_signature", key=key).bytes()


def test_levels_and_places_stay_within_controllers() -> None:
    assert [volume(Channel(level_db=level)) for level in (-60, -12, 0, 4, 12)] == [3, 50, 100, 126, 127]
    assert [pan(Channel(pan=place)) for place in (-1, 0, 1)] == [0, 64, 127]


def test_the_damper_pedal_goes_down_after_the_stroke_and_up_again(
    score: Score, plan: Plan, tags: Tags, tmp_path: Path
) -> None:
    spans = (PedalSpan(start_beat=0.03125, end_beat=3.9), PedalSpan(start_beat=4.03125, end_beat=9.0))
    pedalled = replace(score, parts=(replace(score.parts[0], pedal=spans), *score.parts[1:]))
    write_midi(pedalled, plan, tmp_path / "track.mid", tags)

    heard, tick = [], 0
    for message in read(tmp_path / "track.mid").tracks[1]:
        tick += message.time
        if message.type == "control_change" and message.control == 64:
            heard.append((tick / 480, message.value))
    assert heard == [(0.03125, 127), (3.9, 0), (4.03125, 127), (8.0, 0)]
    others = read(tmp_path / "track.mid").tracks[2:]
    assert not any(m.type == "control_change" and m.control == 64 for track in others for m in track)


def test_growing_notes_are_written_as_expression(score: Score, plan: Plan, tags: Tags, tmp_path: Path) -> None:
    course = (Strength(beat=0.0, level=0.25), Strength(beat=2.0, level=1.0), Strength(beat=3.0, level=1.0))
    grown = replace(score, parts=(replace(score.parts[0], strength=course), *score.parts[1:]))
    write_midi(grown, plan, tmp_path / "track.mid", tags)

    heard, tick = [], 0
    for message in read(tmp_path / "track.mid").tracks[1]:
        tick += message.time
        if message.type == "control_change" and message.control == 11:
            heard.append((tick / 480, message.value))
    # The square of the controller is the amplitude.
    assert heard[0] == (0.0, 64)
    assert heard[-1] == (2.0, 127)
    assert [value for _, value in heard] == sorted({value for _, value in heard})
    assert len(heard) > 16
    others = read(tmp_path / "track.mid").tracks[2:]
    assert not any(m.type == "control_change" and m.control == 11 for track in others for m in track)
