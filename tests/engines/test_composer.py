"""The composer engine: one plan, one sound."""

from pathlib import Path

import numpy as np
import pytest

from app.errors import Cancelled, GenerationFailed
from app.models.audio import BLOCK_FRAMES, SAMPLE_RATE
from app.models.score import Note, Part, Score, TempoChange
from app.services.engines import CATALOGUE, ModelSource, TakeRequest
from app.services.engines.composer import ComposerEngine, kick_frames, note_events
from app.services.instruments import find_soundfont, load_soundfont
from app.services.planning import make_plan, read

SOUNDFONT = find_soundfont(None)


@pytest.fixture(scope="module")
def engine():
    return ComposerEngine(SOUNDFONT)


def plan_for(prompt="upbeat pop with piano and drums", duration_s=8, seed=11):
    return make_plan(read(prompt), duration_s=duration_s, seed=seed, soundfont_sha256=load_soundfont(SOUNDFONT).sha256)


def request_for(plan, *, stems=False, threads=1, cancelled=lambda: False, progress=lambda _stage, _fraction: None):
    return TakeRequest(plan=plan, prompt="", progress=progress, cancelled=cancelled, stems=stems, threads=threads)


def heard(engine, request):
    (take,) = engine.generate([request])
    return np.concatenate([block.mix for block in take.blocks])


def test_a_take_lasts_exactly_as_long_as_its_plan(engine):
    mix = heard(engine, request_for(plan_for(duration_s=7)))

    assert mix.shape == (7 * SAMPLE_RATE, 2)
    assert np.isfinite(mix).all()
    assert np.abs(mix).max() > 0.01


def test_a_take_is_the_same_with_one_thread_and_with_two_warm_and_cold():
    plan = plan_for()
    cold = heard(ComposerEngine(SOUNDFONT), request_for(plan, threads=1))

    warm = heard(ComposerEngine(SOUNDFONT), request_for(plan, threads=2))

    np.testing.assert_array_equal(cold, warm)


def test_the_stems_add_up_to_the_mix(engine):
    (take,) = engine.generate([request_for(plan_for(), stems=True)])

    for block in take.blocks:
        np.testing.assert_allclose(sum(block.stems.values()), block.mix, atol=1e-5)


def test_blocks_are_of_the_one_grid(engine):
    (take,) = engine.generate([request_for(plan_for(duration_s=5))])

    lengths = [len(block.mix) for block in take.blocks]

    assert set(lengths[:-1]) == {BLOCK_FRAMES}
    assert sum(lengths) == 5 * SAMPLE_RATE


def test_progress_only_rises_and_ends_at_the_whole(engine):
    seen = []

    heard(engine, request_for(plan_for(), progress=lambda stage, fraction: seen.append((stage, fraction))))

    rendering = [fraction for stage, fraction in seen if stage == "rendering"]
    assert rendering == sorted(rendering)
    assert rendering[-1] == 1.0
    assert seen[0][0] == "composing"


def test_a_cancelled_take_stops_at_the_next_block(engine):
    answers = iter([False, False, True])
    (take,) = engine.generate([request_for(plan_for(), cancelled=lambda: next(answers))])

    with pytest.raises(Cancelled):
        list(take.blocks)


def test_a_plan_for_another_soundfont_is_refused_with_both_named(engine):
    plan = plan_for().model_copy(update={"soundfont_sha256": "0" * 64})

    (answer,) = engine.generate([request_for(plan)])

    assert isinstance(answer, GenerationFailed)
    assert "0" * 64 in answer.detail
    assert load_soundfont(SOUNDFONT).sha256 in answer.detail


def test_note_events_follow_the_tempo_map():
    notes = tuple(Note(pitch=60, start_beat=beat, length_beats=1.0, velocity=80) for beat in (0.0, 2.0, 4.0))
    score = Score(
        parts=(Part(voice="lead", notes=notes),),
        tempo_changes=(TempoChange(beat=0, tempo_bpm=120), TempoChange(beat=2, tempo_bpm=60)),
        chords=(),
        markers=(),
        time_signature=(4, 4),
        length_beats=5.0,
    )

    events = note_events(score, "lead")

    assert [event.start_frame for event in events] == [0, SAMPLE_RATE, 3 * SAMPLE_RATE]
    assert [event.length_frames for event in events] == [SAMPLE_RATE // 2, SAMPLE_RATE, SAMPLE_RATE]


def test_kicks_are_taken_from_the_drums_alone():
    plan = plan_for("house music")
    drums = next(voice.name for voice in plan.ensemble if voice.role == "drums")
    kick = Note(pitch=36, start_beat=1.0, length_beats=0.25, velocity=100)
    score = Score(
        parts=(
            Part(voice=drums, notes=(kick, Note(pitch=42, start_beat=2.0, length_beats=0.25, velocity=80))),
            Part(voice="bass", notes=(Note(pitch=36, start_beat=3.0, length_beats=1.0, velocity=90),)),
        ),
        tempo_changes=(TempoChange(beat=0, tempo_bpm=60),),
        chords=(),
        markers=(),
        time_signature=(4, 4),
        length_beats=4.0,
    )

    assert kick_frames(plan, score) == [SAMPLE_RATE]


def test_loading_and_unloading_is_told_by_the_memory_held():
    engine = ComposerEngine(SOUNDFONT)
    assert engine.memory_bytes() == 0

    engine.load()
    assert engine.memory_bytes() == Path(SOUNDFONT).stat().st_size

    engine.unload()
    assert engine.memory_bytes() == 0


@pytest.mark.parametrize(
    "row", [row for row in CATALOGUE.values() if not row.needs_something], ids=lambda row: row.name
)
def test_every_model_that_comes_with_the_service_makes_a_take(row):
    engine = row.make(ModelSource(name=row.name, soundfont=Path(SOUNDFONT)))
    engine.load()

    (take,) = engine.generate([request_for(plan_for(duration_s=5))])

    assert engine.capabilities.sample_rate == take.sample_rate
    assert engine.batch_key(request_for(plan_for())) is not None
    assert sum(len(block.mix) for block in take.blocks) >= 5 * take.sample_rate
    assert row.estimate_s(30, "piano", 1) > 0
