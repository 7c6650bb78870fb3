"""Pictures of the music show the music, and the same music gives the same picture."""

import json

import numpy as np
import pytest
import soundfile

from app.models.audio import SAMPLE_RATE
from app.models.score import Note, Part, Score, TempoChange
from app.services.encoding import write_cover, write_piano_roll, write_spectrogram, write_waveform
from app.services.encoding.spectrogram import HEIGHT, HIGHEST_HZ, LOWEST_HZ, WIDTH
from app.services.planning import make_plan, read
from tests.encoding.pictures import pixels_of


@pytest.fixture
def sounding(tmp_path):
    def write(samples):
        path = tmp_path / "master.wav"
        soundfile.write(path, samples, SAMPLE_RATE, subtype="PCM_24")
        return path

    return write


def tone(hz, seconds):
    return 0.5 * np.sin(2 * np.pi * hz * np.arange(int(seconds * SAMPLE_RATE)) / SAMPLE_RATE)


def both(samples):
    return np.stack((samples, samples), axis=1)


def waveform(path, folder):
    write_waveform(path, folder / "waveform.json")
    return json.loads((folder / "waveform.json").read_text())


def test_the_peaks_are_those_of_the_sound(sounding, tmp_path):
    rng = np.random.default_rng(5)
    music = rng.uniform(-0.9, 0.9, (SAMPLE_RATE + 77, 2)) * np.linspace(0, 1, SAMPLE_RATE + 77)[:, None]
    drawn = waveform(sounding(music), tmp_path)

    assert (drawn["version"], drawn["sample_rate"], drawn["frames"]) == (1, SAMPLE_RATE, len(music))
    assert [level["frames_per_peak"] for level in drawn["levels"]] == [256, 1024, 4096, 16384, 65536]
    for level in drawn["levels"]:
        step = level["frames_per_peak"]
        peaks = [
            (part.min() * 127, part.max() * 127)
            for part in (music[at : at + step] for at in range(0, len(music), step))
        ]
        assert len(level["min"]) == len(level["max"]) == len(peaks)
        for low, high, (lowest, highest) in zip(level["min"], level["max"], peaks, strict=True):
            assert lowest - 1.01 <= low <= lowest + 0.01
            assert highest - 0.01 <= high <= highest + 1.01


def test_a_long_piece_has_the_same_peaks_wherever_it_is_cut(sounding, tmp_path):
    silent = np.zeros((300_000, 2))
    silent[262_143] = 1.0
    drawn = waveform(sounding(silent), tmp_path)

    assert [index for index, high in enumerate(drawn["levels"][0]["max"]) if high] == [1023]
    assert max(drawn["levels"][-1]["max"]) == 127


def strengths(path, folder):
    write_spectrogram(path, folder / "spectrogram.png")
    pixels = pixels_of((folder / "spectrogram.png").read_bytes()).astype(int).sum(axis=2)
    assert pixels.shape == (HEIGHT, WIDTH)
    return pixels


@pytest.mark.parametrize("hz", [110, 1_000, 9_000])
def test_a_tone_is_a_line_at_its_pitch_while_it_sounds(sounding, tmp_path, hz):
    pixels = strengths(sounding(both(np.concatenate((tone(hz, 2), np.zeros(2 * SAMPLE_RATE))))), tmp_path)

    row = HEIGHT - 1 - pixels[:, WIDTH // 4].argmax()
    heard_hz = LOWEST_HZ * (HIGHEST_HZ / LOWEST_HZ) ** ((row + 0.5) / HEIGHT)
    assert heard_hz == pytest.approx(hz, rel=0.06)
    assert pixels[:, WIDTH // 4].max() > 4 * pixels[:, WIDTH * 3 // 4].max()


def test_silence_is_dark(sounding, tmp_path):
    pixels = strengths(sounding(np.zeros((SAMPLE_RATE, 2))), tmp_path)

    assert pixels.max() == pixels.min() < 60


def test_a_sound_of_one_side_only_is_seen_as_well(sounding, tmp_path):
    left = np.stack((tone(440, 1), -tone(440, 1)), axis=1)

    assert strengths(sounding(left), tmp_path).max() > 600


def a_plan(prompt="happy jazz trio", seconds=8):
    return make_plan(read(prompt), duration_s=seconds, seed=1, soundfont_sha256=None)


def roll(plan, notes, folder):
    score = Score(
        parts=tuple(Part(voice=voice.name, notes=tuple(notes.get(voice.role, ()))) for voice in plan.ensemble),
        tempo_changes=(TempoChange(beat=0, tempo_bpm=120),),
        chords=(),
        markers=((0.0, "A"),),
        time_signature=(4, 4),
        length_beats=16,
    )
    write_piano_roll(score, plan, folder / "roll.png")
    return pixels_of((folder / "roll.png").read_bytes()).astype(int)


def test_notes_stand_where_they_sound(tmp_path):
    plan = a_plan()
    low = Note(pitch=40, start_beat=4, length_beats=4, velocity=127)
    high = Note(pitch=52, start_beat=8, length_beats=4, velocity=127)
    bright = roll(plan, {"bass": (low, high)}, tmp_path).max(axis=2) > 150

    columns = np.flatnonzero(bright[:, 10:].any(axis=0)) + 10
    early, late = bright[:, 420:780], bright[:, 820:1180]
    assert (columns.min(), columns.max()) == (400, 1198)  # beats 4 to 12 of 16, in a picture 1,600 wide
    assert np.flatnonzero(early.all(axis=1)).min() - np.flatnonzero(late.all(axis=1)).min() == 12 * 8


def test_a_score_without_notes_is_a_picture_all_the_same(tmp_path):
    assert roll(a_plan(), {}, tmp_path).shape[1:] == (1_600, 3)


def test_harder_notes_are_brighter_and_voices_have_their_colours(tmp_path):
    plan = a_plan()
    soft, hard = (Note(pitch=40, start_beat=beat, length_beats=4, velocity=v) for beat, v in ((1, 10), (6, 127)))
    other = Note(pitch=30, start_beat=11, length_beats=4, velocity=127)
    pixels = roll(plan, {"bass": (soft, hard), "drums": (other,)}, tmp_path)

    def colour(beat):
        column = pixels[:, int((beat + 2.05) * 100)]
        return column[column.sum(axis=1).argmax()]

    assert colour(1).sum() < colour(6).sum()
    assert np.abs(colour(6) / colour(6).max() - colour(11) / colour(11).max()).max() > 0.1


def cover(plan, path, folder):
    write_cover(path, plan, folder / "cover.png")
    return (folder / "cover.png").read_bytes()


def test_the_cover_is_as_the_music_is(sounding, tmp_path):
    plan = a_plan()
    fading = both(tone(300, 8) * np.linspace(1, 0, 8 * SAMPLE_RATE))
    picture = cover(plan, sounding(fading), tmp_path)
    lit = pixels_of(picture).astype(int).max(axis=2) > 200

    assert cover(plan, sounding(fading), tmp_path) == picture
    assert cover(plan.model_copy(update={"tonic": "F#"}), sounding(fading), tmp_path) != picture
    assert lit[:, 500:].sum() > 1.5 * lit[:, :500].sum()  # clockwise from the top: loud on the right


def test_a_silent_piece_has_a_cover(sounding, tmp_path):
    assert pixels_of(cover(a_plan(), sounding(np.zeros((SAMPLE_RATE, 2))), tmp_path)).shape == (1_000, 1_000, 3)
