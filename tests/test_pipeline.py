"""The whole road in one process: what a finished track promises, whatever engine made it."""

import hashlib
import json
import threading
from dataclasses import replace
from datetime import datetime, timezone
from pathlib import Path

import numpy as np
import pytest
import soundfile
from scipy.signal import resample_poly

from app.errors import InvalidFields
from app.models.asked import Asked
from app.models.audio import SAMPLE_RATE, Block
from app.services.engines import Take
from app.services.engines.catalogue import CATALOGUE
from app.services.generator import new_track
from app.services.instruments import find_soundfont, load_soundfont
from app.services.jobs.base import Job
from app.services.pipeline import FORMS_FROM_MASTER, FORMS_FROM_NOTES, mix_of
from app.services.planning import make_plan, read
from app.services.storage import AudioFiles
from app.services.workshop import Workshop, run_job, warm_up

SOUNDFONT = find_soundfont(None)


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """One rendered track: workshop, job, outcome, progress seen."""
    return render(tmp_path_factory.mktemp("made"), "calm piano and strings in D minor, 84 bpm", 9, seed=21)


def render(folder, prompt, duration, seed, threads=1, asked=None):
    workshop = Workshop(soundfont=SOUNDFONT, files=str(folder / "audio"), threads=threads)
    moment = datetime(2026, 1, 1, tzinfo=timezone.utc)
    track = new_track(CATALOGUE["composer"], prompt, duration, seed, moment, asked=asked)
    job = Job(kind="render", track=track, run=1)
    seen = []
    work = folder / "work"
    work.mkdir()
    return workshop, job, run_job(workshop, job, work, seen.append), seen


def path_of(made, form):
    workshop, _job, outcome, _seen = made
    key = next(file.key for file in outcome.files if file.form == form)
    return Path(workshop.files) / key


def test_files_are_stored_side_by_side_so_that_a_store_far_away_is_waited_for_once(tmp_path, monkeypatch):
    put = AudioFiles.put
    all_at_once = threading.Barrier(5, timeout=60)  # mp3, wav, plan, brief and MIDI

    def far_away(*arguments):
        all_at_once.wait()
        put(*arguments)

    monkeypatch.setattr(AudioFiles, "put", far_away)
    _workshop, _job, outcome, _seen = render(tmp_path, "calm piano", 5, seed=1)

    assert len({file.key for file in outcome.files}) == 5


def test_the_master_lasts_the_seconds_asked_for_to_the_sample(made):
    samples, rate = soundfile.read(path_of(made, "wav"))

    assert rate == SAMPLE_RATE
    assert samples.shape == (9 * SAMPLE_RATE, 2)


def test_the_mp3_lasts_the_seconds_asked_for_to_the_sample(made):
    samples, rate = soundfile.read(path_of(made, "mp3"))

    assert samples.shape == (9 * rate, 2)


def test_no_audio_file_rises_above_the_ceiling_between_its_samples(tmp_path):
    # Of 82 prompts the one whose MP3 rises furthest above its master.
    made = render(tmp_path, "disco groove, 118 bpm, strings and slap bass, G minor", 30, seed=107)

    for form in ("wav", "mp3"):
        samples, _rate = soundfile.read(path_of(made, form))
        assert 20 * np.log10(np.abs(resample_poly(samples, 8, 1, axis=0)).max()) < -1.0


def test_the_music_starts_at_once_and_ends_in_silence_without_a_cut(made):
    samples, rate = soundfile.read(path_of(made, "wav"))

    assert np.abs(samples[: rate // 20]).max() > 10 ** (-60 / 20)
    assert np.abs(samples[-20:]).max() < 1e-4


def test_there_is_no_dc_no_clipping_and_no_silence(made):
    samples, _rate = soundfile.read(path_of(made, "wav"))

    assert np.abs(samples.mean(axis=0)).max() < 1e-3
    assert 0.05 < np.abs(samples).max() < 10 ** (-0.9 / 20)


def test_the_report_says_what_was_asked_and_what_sounds(made):
    _workshop, _job, outcome, _seen = made
    rows = {row["what"]: row for row in outcome.facts["report"]}

    assert list(rows) == [
        "tempo", "key", "metre", "duration", "loudness", "true peak", "instruments", "drums", "sections", "ending",
    ]  # fmt: skip
    assert rows["tempo"]["asked"] == 84
    assert rows["key"]["asked"] == rows["key"]["measured"] == "D minor"
    assert rows["duration"]["measured"] == 9
    assert rows["loudness"]["measured"] == pytest.approx(-14, abs=0.5)
    assert rows["instruments"]["agrees"]
    assert rows["ending"]["agrees"]
    assert json.loads(json.dumps(outcome.facts["report"])) == outcome.facts["report"]


def test_what_the_worker_keeps_of_instruments_is_told(made):
    _workshop, _job, outcome, _seen = made
    (sounds,) = outcome.caches

    assert sounds.name == "sounds"
    assert sounds.entries > 10
    assert sounds.size_bytes > 1_000 * sounds.entries


def test_the_record_says_which_score_is_played_and_why(made):
    _workshop, _job, outcome, _seen = made
    composition = outcome.facts["composition"]
    totals = {candidate["number"]: candidate["total"] for candidate in composition["candidates"]}

    assert len(totals) == outcome.facts["plan"]["candidates"] > 1
    assert composition["chosen"] == outcome.facts["plan"]["candidate"] == max(totals, key=totals.get)
    assert {name for candidate in composition["candidates"] for name in candidate["scores"]} <= {
        criterion["name"] for criterion in composition["criteria"]
    }
    assert json.loads(path_of(made, "plan.json").read_text(encoding="utf-8")) == outcome.facts["plan"]
    assert json.loads(json.dumps(composition)) == composition


def test_a_loop_is_rendered_as_one_and_reported_as_one(tmp_path):
    made = render(tmp_path, "house music at 100 bpm, seamless loop", 5, seed=3)
    facts = made[2].facts
    samples, rate = soundfile.read(path_of(made, "wav"))

    assert facts["plan"]["loop"]
    assert "100" in facts["brief"]["conflicts"][-1]
    assert facts["report"][-1]["what"] == "loop seam"
    assert facts["report"][-1]["agrees"]
    assert b"smpl" in path_of(made, "wav").read_bytes()
    assert len(samples) == 5 * rate
    assert len(soundfile.read(path_of(made, "mp3"))[0]) == 5 * rate
    assert np.abs(samples[-20:]).max() > 0


def test_the_record_carries_the_fingerprint_of_the_wav(made):
    _workshop, _job, outcome, _seen = made
    digest = hashlib.sha256(path_of(made, "wav").read_bytes()).hexdigest()

    assert outcome.facts["wav_sha256"] == digest
    assert next(file for file in outcome.files if file.form == "wav").sha256 == digest


def test_the_plan_says_what_was_asked(made):
    plan = json.loads(path_of(made, "plan.json").read_text(encoding="utf-8"))

    assert plan["tempo_bpm"] == 84
    assert (plan["tonic"], plan["mode"][:5]) == ("D", "minor")
    assert plan["seed"] == 21
    assert plan["soundfont_sha256"] == load_soundfont(SOUNDFONT).sha256


def test_progress_shows_at_least_five_steps_and_never_falls(made):
    _workshop, _job, _outcome, seen = made
    fractions = [progress.fraction for progress in seen]

    assert fractions == sorted(fractions)
    assert len({int(100 * fraction) for fraction in fractions}) >= 5
    assert [(p.stage, *p.facts) for p in seen if p.facts] == [("planning", "brief", "plan"), ("rendering", "measured")]


def test_no_file_names_the_track_or_the_day(made):
    _workshop, job, outcome, _seen = made
    for file in outcome.files:
        content = path_of(made, file.form).read_bytes()
        assert job.track.id.encode() not in content
        assert b"2026-" not in content


def test_the_same_seed_gives_the_same_files_with_another_number_of_threads(made, tmp_path):
    again = render(tmp_path, "calm piano and strings in D minor, 84 bpm", 9, seed=21, threads=2)

    assert {file.form: file.sha256 for file in again[2].files} == {f.form: f.sha256 for f in made[2].files}


def test_the_plan_of_a_finished_track_sent_back_gives_the_same_files(made, tmp_path):
    plan = json.loads(path_of(made, "plan.json").read_text(encoding="utf-8"))

    again = render(tmp_path, "the same once more", 9, seed=21, asked=Asked(plan=plan))

    same = {"wav", "mp3", "mid", "plan.json"}
    assert {file.form: file.sha256 for file in again[2].files if file.form in same} == {
        file.form: file.sha256 for file in made[2].files if file.form in same
    }


def test_an_edited_plan_is_what_plays(made, tmp_path):
    plan = json.loads(path_of(made, "plan.json").read_text(encoding="utf-8"))
    plan["ensemble"] = plan["ensemble"][:1]
    names = {voice["name"] for voice in plan["ensemble"]}
    for section in plan["form"]:
        section["voices"] = [name for name in section["voices"] if name in names]

    other = render(tmp_path, "loud drums", 9, seed=21, asked=Asked(plan=plan, key="E", loudness_lufs=-20))

    record = other[2].facts
    assert {voice["name"] for voice in record["plan"]["ensemble"]} == names
    assert record["measured"]["loudness_lufs"] == pytest.approx(-20, abs=0.5)
    assert record["plan"]["tonic"] == "E"
    assert record["wav_sha256"] != made[2].facts["wav_sha256"]


def test_explicit_fields_reach_the_music(made, tmp_path):
    asked = Asked(tempo_bpm=120, key="A minor", loudness_lufs=-18)

    record = render(tmp_path, "calm piano and strings in D minor, 84 bpm", 9, seed=21, asked=asked)[2].facts

    assert (record["plan"]["tempo_bpm"], record["plan"]["tonic"], record["plan"]["mode"]) == (120, "A", "minor")
    assert record["brief"]["tempo_bpm"] == {"value": 120, "words": ["tempo_bpm=120"]}
    assert record["measured"]["loudness_lufs"] == pytest.approx(-18, abs=0.5)


def test_a_plan_for_another_font_fails_with_the_reason(tmp_path):
    plan = make_plan(read("piano"), duration_s=5, seed=1, soundfont_sha256="0" * 64).model_dump(mode="json")

    with pytest.raises(InvalidFields, match="soundfont with SHA-256 0000"):
        render(tmp_path, "piano", 5, seed=1, asked=Asked(plan=plan))


def test_another_seed_gives_another_track(made, tmp_path):
    other = render(tmp_path, "calm piano and strings in D minor, 84 bpm", 9, seed=22)

    assert other[2].facts["wav_sha256"] != made[2].facts["wav_sha256"]


@pytest.mark.parametrize("form", [*FORMS_FROM_MASTER, *FORMS_FROM_NOTES])
def test_forms_on_demand_are_made_from_the_stored_track(made, tmp_path, form):
    workshop, job, outcome, _seen = made
    track = replace(job.track, status="completed", files=outcome.files, **outcome.facts)

    (file,) = run_job(workshop, Job(kind="encode", track=track, run=1, form=form), tmp_path, lambda _p: None).files

    assert file.form == form
    assert file.size > 4_000


def test_flac_holds_the_samples_of_the_master(made, tmp_path):
    workshop, job, outcome, _seen = made
    track = replace(job.track, status="completed", files=outcome.files, **outcome.facts)
    (file,) = run_job(workshop, Job(kind="encode", track=track, run=2, form="flac"), tmp_path, lambda _p: None).files

    flac, _rate = soundfile.read(f"{workshop.files}/{file.key}")
    wav, _rate = soundfile.read(path_of(made, "wav"))

    np.testing.assert_array_equal(flac, wav)


def test_a_take_of_another_rate_and_length_becomes_exactly_the_plans_length():
    plan = make_plan(read("piano"), duration_s=5, seed=1, soundfont_sha256=None)
    seconds = np.arange(4 * 32_000) / 32_000
    tone = np.repeat(np.sin(2 * np.pi * 440 * seconds)[:, None], 2, axis=1).astype(np.float32)
    blocks = (Block(mix=part) for part in np.array_split(tone, 7))

    mix = mix_of(Take(blocks=blocks, sample_rate=32_000), plan)

    assert mix.shape == (5 * SAMPLE_RATE, 2)
    spectrum = np.abs(np.fft.rfft(mix[: 3 * SAMPLE_RATE, 0]))
    assert np.argmax(spectrum) / 3 == pytest.approx(440, abs=0.5)
    assert np.abs(mix[int(4.1 * SAMPLE_RATE) :]).max() == 0


def test_warming_up_leaves_nothing_behind(tmp_path):
    warm_up(Workshop(soundfont=SOUNDFONT, files=str(tmp_path / "audio")))

    assert not (tmp_path / "audio").exists()
