"""A style is learned from files: its music is nearer to theirs, says none of it again, and is the same each time."""

from collections import Counter

import numpy as np
import pytest

from app.models.score import Note
from app.services.composing.composer import write
from app.services.composing.quoting import unquoted
from app.services.finetuning import Rehearsal
from app.services.learning import FileUnusable, learn, read_tune
from app.services.learning.measuring import distances, marks_of, moves_of, tune_of
from app.services.planning import make_plan, read
from app.services.storage import LessonFiles
from app.services.styles import Style, is_style, load_style, look_in, style_file, style_names
from app.services.theory.passages import passages
from tests.learning.corpora import jig, midi


def corpus(*seeds):
    return [read_tune(jig(seed)) for seed in seeds]


@pytest.fixture(scope="module")
def tunes():
    return corpus(*range(12))


def keep(style, folder):
    """Let the composer find a learned style."""
    files = LessonFiles(folder)
    files.keep_style(style_file("kept", style.name), style.model_dump_json())
    look_in(files.styles)


@pytest.fixture(scope="module")
def style(tunes, tmp_path_factory):
    learned = learn(tunes, base=load_style("folk"), strength=1.0, seed=1, title="Jigs")
    keep(learned, tmp_path_factory.mktemp("learned"))
    return learned


def scores(style, count=8):
    for seed in range(count):
        plan = make_plan(
            read("music"), duration_s=40, seed=seed, soundfont_sha256=None, styles={style.name: style}
        ).model_copy(update={"candidates": 1})
        yield plan, write(plan)[1]


def music(style, count=8):
    made = [tune_of(score, plan) for plan, score in scores(style, count)]
    return [tune for tune in made if tune.lines]


def test_a_file_is_read_with_its_tempo_metre_key_and_lines(tunes):
    tune = tunes[0]

    assert (tune.tempo_bpm, tune.time_signature) == (pytest.approx(90, abs=0.01), "3/4")
    assert [line.program for line in tune.lines] == [73, 46, 42]
    assert tune.root == 2
    assert tune.third == "major"


def test_the_distance_to_music_held_back_is_half_that_of_kindred_styles(style):
    held = corpus(*range(100, 106))
    ours = distances(music(style), held)["mean"]
    nearest = min(distances(music(load_style(name), 4), held)["mean"] for name in ("folk", "waltz", "lullaby"))

    assert ours <= nearest / 2


def test_no_melody_says_eight_notes_of_the_files(style, tunes):
    known = marks_of(tunes)
    said = 0
    for plan, score in scores(style):
        for part in score.parts:
            if plan.voice(part.voice).role in ("lead", "bass"):
                starts = [note.start_beat for note in part.notes]
                marks = [mark for _, mark in passages([note.pitch for note in part.notes], starts)]
                said += len(marks)
                assert known.isdisjoint(marks)
    assert said > 200


def test_a_quoted_passage_is_moved_and_nothing_else():
    tune = [Note(pitch=p, start_beat=float(i), length_beats=1.0, velocity=80) for i, p in enumerate(
        (60, 64, 62, 67, 65, 69, 67, 72, 71, 67)
    )]  # fmt: skip
    avoided = frozenset(mark for _, mark in passages([n.pitch for n in tune], [n.start_beat for n in tune]))

    made = unquoted(tune, avoided, scale=(0, 2, 4, 5, 7, 9, 11), reach=(55, 79))

    assert len(made) == len(tune)
    assert avoided.isdisjoint(mark for _, mark in passages([n.pitch for n in made], [n.start_beat for n in made]))
    assert unquoted(tune, frozenset({1}), scale=(0,), reach=(0, 127)) == tuple(tune)


def test_where_no_note_can_be_moved_one_is_left_out():
    tune = [Note(pitch=60 + 7 * (i % 3 == 1), start_beat=float(i), length_beats=1.0, velocity=80) for i in range(8)]
    avoided = frozenset(mark for _, mark in passages([n.pitch for n in tune], [n.start_beat for n in tune]))

    assert len(unquoted(tune, avoided, scale=(), reach=(60, 67))) == 7


def test_the_same_files_and_seed_give_the_same_style_and_other_seeds_another(tunes, style):
    again = learn(corpus(*range(12)), base=load_style("folk"), strength=1.0, seed=1, title="Jigs")
    other = learn(tunes, base=load_style("folk"), strength=1.0, seed=2, title="Jigs")

    assert again.model_dump_json() == style.model_dump_json()
    assert other.name != style.name


def test_a_learned_style_comes_back_from_its_json_unchanged(style):
    assert Style.model_validate_json(style.model_dump_json()) == style


def test_strength_lies_between_the_base_and_the_files(tunes, style):
    base = load_style("folk")
    half = learn(tunes, base=base, strength=0.5, seed=1, title="Half")

    assert half.tempo_bpm.typical == pytest.approx((base.tempo_bpm.typical + style.tempo_bpm.typical) / 2)
    assert half.time_signatures["3/4"] > base.time_signatures["3/4"]
    assert len(half.melody.rhythms) == len(base.melody.rhythms) + len(style.melody.rhythms)
    none = learn(tunes, base=base, strength=0.0, seed=1, title=base.title)
    assert none.melody == base.melody


def test_players_and_their_ranges_are_learned(style):
    assert set(style.ensemble) == {"lead", "chords", "bass"}
    assert style.ensemble["lead"].instruments == {"flute": 1.0}
    assert style.ensemble["bass"].instruments == {"cello": 1.0}
    assert all("R" in pattern.rhythm for pattern in style.bass.patterns)


def test_where_a_line_goes_on_to_is_learned_by_the_degree_it_is_on(tmp_path):
    scale = (0, 2, 4, 5, 7, 9, 11)

    def circling(seed):
        """From the key note always up a third; from elsewhere by step; a drone says the key."""
        rng, place, heights = np.random.default_rng(seed), 0, []
        for _ in range(96):
            heights.append(60 + scale[place])
            place = 2 if place == 0 else min(max(place + int(rng.choice((-1, 1), p=(0.7, 0.3))), 0), 6)
        drone = [(pitch, bar, 4) for bar in range(0, 96, 4) for pitch in (36, 43, 48, 52)]
        line = [(height, beat, 1) for beat, height in enumerate(heights)]
        return read_tune(midi([(0, 0, line), (1, 0, drone)], metre=(4, 4)))

    style = learn([circling(seed) for seed in range(8)], base=load_style("folk"), strength=1.0, seed=1, title="Thirds")
    keep(style, tmp_path)
    moves = Counter(move for tune in music(style, 3) for degree, move in moves_of(tune) if degree == 0)

    assert style.melody.moves["major"][0][4] > 0.9
    assert style.melody.intervals[4] < 0.3
    assert moves[4] > 0.5 * moves.total()


def test_practice_weighs_anew_what_was_learned_until_it_sounds_nearer(tunes, style, tmp_path):
    told = []
    rehearsal = Rehearsal(tmp_path, told.append)
    wish = {"base": load_style("folk"), "strength": 1.0, "seed": 1, "title": "Jigs"}

    practised = learn(tunes, **wish, hear=rehearsal.hear)

    assert distances(rehearsal.hear(practised), tunes)["mean"] < 0.8 * distances(rehearsal.hear(style), tunes)["mean"]
    assert {one.rhythm for one in practised.melody.rhythms} == {one.rhythm for one in style.melody.rhythms}
    assert {one.chords for one in practised.harmony.progressions} == {one.chords for one in style.harmony.progressions}
    assert told == sorted(told)
    assert learn(tunes, **wish, hear=Rehearsal(tmp_path / "again", told.append).hear) == practised


def test_chords_that_were_counted_come_at_their_own_pace(tmp_path):
    chords = (48, 53, 55, 48, 45, 50, 55, 48)
    harmony = [(root + tone, 2 * i, 2) for i, root in enumerate(chords * 4) for tone in (0, 4, 7)]
    tune = read_tune(
        midi([(0, 0, [(72 + i % 5, i, 1) for i in range(64)]), (1, 0, harmony)], tempo_bpm=140, metre=(4, 4))
    )
    style = learn([tune], base=load_style("folk"), strength=1.0, seed=1, title="Quick")
    keep(style, tmp_path)

    plan, score = next(scores(style, 1))

    assert len(score.chords) * plan.tempo_bpm / score.length_beats > 42


def test_a_long_tune_says_no_more_of_rhythms_than_a_short_one():
    long = read_tune(midi([(0, 0, [(60 + i % 5, i, 1) for i in range(160)])], metre=(4, 4)))
    short = read_tune(midi([(0, 0, [(60 + i % 5, i / 2, 0.5) for i in range(16)])], metre=(4, 4)))

    style = learn([long, short], base=load_style("folk"), strength=1.0, seed=1, title="Two")

    heard = {pattern.rhythm: pattern.weight * pattern.rhythm.count("x") for pattern in style.melody.rhythms}
    assert heard["x---x---x---x---"] == pytest.approx(heard["x-x-x-x-x-x-x-x-"])


def test_the_drums_of_the_files_are_learned():
    kicks = [(36, beat, 0.25) for beat in range(0, 32, 2)] + [(38, beat, 0.25) for beat in range(1, 32, 2)]
    tune = read_tune(midi([(0, 0, [(60 + i % 5, i, 1) for i in range(32)]), (9, 0, kicks)], metre=(4, 4)))

    learned = learn([tune], base=load_style("pop"), strength=1.0, seed=1, title="Kit")

    assert learned.ensemble["drums"].presence == 1.0
    assert learned.drums.grooves[0].lanes == {"kick": "x.......x.......", "snare": "....x.......x..."}


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"RIFF....WAVE", "not a MIDI file"),
        (jig(1)[:200], "broken or truncated"),
        (midi([(0, 0, [(60, 0, 1)])]), "at least 8"),
        (b"MThd" + bytes(6_000_000), "larger than 5 MB"),
        (midi([(0, 0, [(60 + i, 5_000 * i, 1) for i in range(9)])]), "too long"),
        (b"MThd\x00\x00\x00\x06\x00\x02\x00\x00\x01\xe0", "types 0 and 1"),
    ],
)
def test_a_file_that_is_of_no_use_says_why(content, said):
    with pytest.raises(FileUnusable, match=said):
        read_tune(content)


def test_numbers_out_of_range_are_refused(tunes):
    base = load_style("folk")

    with pytest.raises(ValueError, match=r"1\.\.500 files, got 0"):
        learn([], base=base, strength=1, seed=1, title="")
    with pytest.raises(ValueError, match=r"0\.\.1, got 2"):
        learn(tunes[:1], base=base, strength=2, seed=1, title="")


def test_a_learned_style_is_found_while_its_file_is_there_and_is_no_packaged_one(tunes, tmp_path):
    style = learn(tunes[:3], base=load_style("folk"), strength=1.0, seed=5, title="Gone soon")
    files = LessonFiles(tmp_path)
    look_in(files.styles)
    assert not is_style(style.name)

    files.keep_style(style_file("soon", style.name), style.model_dump_json())
    assert load_style(style.name) == style
    assert is_style(style.name)
    assert style.name not in style_names()

    files.drop_style("soon")
    assert not is_style(style.name)
    with pytest.raises(KeyError, match="is not here"):
        load_style(style.name)


def test_a_learned_style_that_was_tampered_with_is_none(tunes, tmp_path):
    style = learn(tunes[:3], base=load_style("folk"), strength=1.0, seed=6, title="Broken")
    files = LessonFiles(tmp_path)
    look_in(files.styles)
    files.keep_style(style_file("broken", style.name), '{"name": 7}')

    assert not is_style(style.name)
