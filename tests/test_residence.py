"""A model's takes: planned, phrased, judged, tried once more, told how far its loading is."""

import threading
from dataclasses import replace
from datetime import datetime, timezone
from pathlib import Path

import pytest

from app.config import Settings
from app.errors import FormNotFound, GenerationFailed
from app.models.track import Track
from app.services import residence
from app.services.encoding import delivered, keep_clip
from app.services.engines.catalogue import CATALOGUE
from app.services.instruments import find_soundfont
from app.services.jobs.base import Job
from app.services.jobs.engine_room import Loaded, Unusable, Watched
from app.services.residence import ModelResident, other_seed, part_loaded
from app.services.storage import AudioFiles
from app.services.storage.files import clip_key
from app.services.workshop import Workshop
from app.single import make_one_track
from app.utils.seeds import variation_seed
from tests.recordings import recording
from tests.tones import HELD_BYTES, PNG, RATE, lines, rows


@pytest.fixture
def open_tone(tmp_path, monkeypatch):
    for row in rows(tmp_path):
        monkeypatch.setitem(CATALOGUE, row.name, row)
    opened = []

    def open_one(**changes):
        told = []
        workshop = Workshop(soundfont=find_soundfont(None), files=str(tmp_path / "audio"))
        resident = ModelResident(replace(workshop, **changes), "tone", "auto", told.append)
        resident.told = told
        opened.append(resident)
        return resident

    open_one.folder = tmp_path
    yield open_one
    for resident in opened:
        resident.close()


def make(resident, folder, prompt="tones", **changes):
    values = {"id": "track_1", "duration": 5, "model": "tone", "seed": 7, "estimated_s": 1}
    track = Track(**{**values, "prompt": prompt, "created_at": datetime.now(timezone.utc), **changes})
    said = []
    into = Path(folder) / f"run-{len(lines(folder, 'batches'))}"
    into.mkdir()
    watched = Watched(at_work=lambda works: said.append(works), report=said.append, cancelled=lambda: False)
    made = resident.take(Job(kind="render", track=track, run=1), into, watched)
    return made, delivered(into), said


def test_a_take_is_as_long_as_its_plan_and_its_record_says_how_it_was_made(open_tone):
    resident = open_tone()
    made, take, said = make(resident, open_tone.folder, "calm tones at 120 bpm")

    assert (take.frames, take.sample_rate) == (5 * RATE, RATE)
    assert made.facts["plan"]["tempo_bpm"] == 120
    assert (made.facts["seed"], made.facts["warnings"]) == (7, ())
    assert set(made.facts["timings"]) == {"planning", "rendering"}
    assert made.work_s > 0
    (loaded,) = resident.told
    assert isinstance(loaded, Loaded)
    assert (loaded.device, loaded.devices, loaded.memory_bytes) == ("cpu", ("cpu",), HELD_BYTES)
    reports = [word for word in said if not isinstance(word, bool)]
    assert next(word.stage for word in reports) == "loading"
    assert [word.fraction for word in reports] == sorted(word.fraction for word in reports)
    _, _, said = make(resident, open_tone.folder)
    assert next(word.stage for word in said if not isinstance(word, bool)) == "planning"
    assert len(resident.told) == 1


def test_the_model_hears_the_wish_in_its_own_words(open_tone, monkeypatch):
    heard = []
    resident = open_tone()
    generate = resident._engine.generate
    monkeypatch.setattr(resident._engine, "generate", lambda requests: heard.extend(requests) or generate(requests))
    make(resident, open_tone.folder, "ruhiger Jazz mit Klavier")

    assert heard[0].prompt == "ruhiger Jazz mit Klavier"
    assert "jazz" in heard[0].description.lower()
    assert "piano" in heard[0].description


def test_a_clip_reaches_the_model_as_it_sounds_and_one_that_is_gone_is_told(open_tone, monkeypatch):
    heard = []
    resident = open_tone()
    generate = resident._engine.generate
    monkeypatch.setattr(resident._engine, "generate", lambda requests: heard.extend(requests) or generate(requests))
    kept = open_tone.folder / "kept.flac"
    (open_tone.folder / "sent").write_bytes(recording())
    keep_clip(open_tone.folder / "sent", kept)
    AudioFiles(resident._workshop.files).put(kept, clip_key("clip_1f"))
    make(resident, open_tone.folder, asked={"audio_prompt": {"clip": "clip_1f", "use": "melody"}})

    assert (heard[0].audio.use, heard[0].audio.sample_rate) == ("melody", 44_100)
    assert heard[0].audio.samples.shape == (2 * 44_100, 2)
    assert not list(open_tone.folder.rglob("*-clip.flac"))
    AudioFiles(resident._workshop.files).delete_clip("clip_1f")
    with pytest.raises(GenerationFailed, match="clip_1f was removed before"):
        make(resident, open_tone.folder, asked={"audio_prompt": {"clip": "clip_1f"}})


def test_the_model_is_loaded_where_and_in_the_type_that_the_owner_wants(open_tone, monkeypatch):
    asked = []
    resident = open_tone(dtype="bfloat16")
    load = resident._engine.load
    monkeypatch.setattr(resident._engine, "load", lambda **how: asked.append(how) or load(**how))

    make(resident, open_tone.folder)

    assert asked == [{"device": "auto", "dtype": "bfloat16"}]


def test_a_take_that_is_no_sound_is_bad_and_delivered_all_the_same(open_tone):
    made, take, _ = make(open_tone(), open_tone.folder, "broken tones")

    assert made.facts["warnings"][0] == "The take holds values that are no sound."
    assert made.facts["seed"] == 7
    assert not any(block.mix.any() for block in take.blocks())


def test_a_bad_take_is_not_tried_again_where_that_is_not_wanted(open_tone):
    made, _, _ = make(open_tone(retry_bad_takes=False), open_tone.folder, "silent tones")

    assert made.facts["warnings"] == ("100% of the take is silent.",)
    assert len(lines(open_tone.folder, "batches")) == 1


def test_the_second_take_has_the_same_other_seed_each_time_and_is_no_variation():
    assert other_seed(7) == other_seed(7)
    assert other_seed(7) not in {variation_seed(7, number) for number in range(8)}


def test_a_track_of_a_model_can_be_made_without_a_server(open_tone):
    settings = Settings(data_dir=open_tone.folder, device="cpu")
    shown = []

    def ask(form):
        return make_one_track(
            settings, "paint tones", 5, form=form, seed=3, model="tone",
            show=lambda *said: shown.append(said), below=open_tone.folder,
        )  # fmt: skip

    made = ask("mel.png")
    assert made.path.read_bytes() == PNG
    assert (made.duration, made.seed) == (5, 3)
    assert {"loading", "mastering", "completed"} <= {stage for stage, _ in shown}
    assert lines(open_tone.folder, "unloads")


def test_a_form_that_a_track_cannot_have_is_not_found(tmp_path):
    with pytest.raises(FormNotFound, match=r"mel\.png"):
        make_one_track(
            Settings(data_dir=tmp_path), "piano", 5, form="mel.png", seed=3, model=None,
            show=lambda *_: None, below=tmp_path,
        )  # fmt: skip


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (OSError("header too large"), "tone cannot be loaded: OSError: header too large"),
        (GenerationFailed("a pickle"), "a pickle"),
        (MemoryError("tried 9 GB"), "tone does not fit into the memory of auto (tried 9 GB)"),
    ],
)
def test_why_a_model_cannot_be_loaded_is_told_to_all(open_tone, monkeypatch, error, reason):
    resident = open_tone()

    def load(**_options):
        raise error

    monkeypatch.setattr(resident._engine, "load", load)
    with pytest.raises(GenerationFailed, match=r".*") as failed:
        make(resident, open_tone.folder)

    assert str(failed.value) == reason
    resident.close()
    assert resident.told == [Unusable(reason=reason)]


def test_those_who_wait_are_told_how_far_the_loading_is(open_tone, monkeypatch):
    monkeypatch.setattr(residence, "TICK_S", 0.005)
    (open_tone.folder / "hold-tone").touch()
    resident = open_tone()
    ticks = threading.Event()
    real = residence.part_loaded
    monkeypatch.setattr(residence, "part_loaded", lambda seconds: ticks.set() or real(seconds))

    def let_go():
        assert ticks.wait(30)
        (open_tone.folder / "hold-tone").unlink()

    opener = threading.Thread(target=let_go)
    opener.start()
    _, _, said = make(resident, open_tone.folder)
    opener.join()

    loading = [word for word in said if not isinstance(word, bool) and word.stage == "loading"]
    assert len(loading) >= 3
    assert loading[-1].fraction > loading[0].fraction
    assert 0 < part_loaded(5) < part_loaded(500) < 1
