"""A prompt goes through the real pipeline; out come its finished files' sound, its plan, its score and its voices."""

import json
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path

import numpy as np
import soundfile
from numpy.typing import NDArray

from app.models.asked import Asked
from app.models.brief import Brief
from app.models.plan import Plan
from app.models.score import Score
from app.services.composing import compose, perform
from app.services.engines import CATALOGUE
from app.services.generator import new_track
from app.services.jobs.base import Job
from app.services.pipeline import take_of
from app.services.workshop import Workshop, run_job
from benchmarks.quality.audible import Hearing, Voices


@dataclass(frozen=True, kw_only=True, slots=True)
class Made:
    """A finished track, as its files hold it."""

    brief: Brief
    plan: Plan
    score: Score
    #: The score as it is played.
    performance: Score
    #: The decoded WAV and MP3, shape (frames, 2), and their rates.
    wav: NDArray[np.float64]
    mp3: NDArray[np.float64]
    wav_rate: int
    mp3_rate: int
    #: Whether the WAV names its loop points.
    has_loop_points: bool
    #: How well each voice is heard among the others, by its name; empty where nobody listened.
    voices: Mapping[str, Hearing]
    #: Processor seconds that the track took, from prompt to files.
    cpu_s: float


def make(
    workshop: Workshop,
    text: str,
    *,
    duration_s: int,
    seed: int,
    asked: Asked | None = None,
    voices: bool = False,
    keep: Path | None = None,
) -> Made:
    """One track. With `voices` it is played once more, voice by voice; `keep` names a copy of the MP3."""
    moment = datetime(2026, 1, 1, tzinfo=timezone.utc)
    track = new_track(CATALOGUE["composer"], text, duration_s, seed, moment, asked=asked)
    with tempfile.TemporaryDirectory() as folder:
        began = time.process_time()
        outcome = run_job(workshop, Job(kind="render", track=track, run=1), Path(folder), lambda _progress: None)
        cpu_s = time.process_time() - began
        paths = {file.form: Path(workshop.files) / file.key for file in outcome.files}
        wav, wav_rate = soundfile.read(paths["wav"], always_2d=True)
        mp3, mp3_rate = soundfile.read(paths["mp3"], always_2d=True)
        has_loop_points = b"smpl" in paths["wav"].read_bytes()
        plan = Plan.model_validate_json(paths["plan.json"].read_text(encoding="utf-8"))
        brief = Brief.model_validate_json(paths["brief.json"].read_text(encoding="utf-8"))
        if keep is not None:
            keep.write_bytes(paths["mp3"].read_bytes())
            keep.with_suffix(".json").write_text(
                json.dumps({"brief": brief.model_dump(mode="json"), "plan": plan.model_dump(mode="json")}, indent=1),
                encoding="utf-8",
            )
        for path in paths.values():
            path.unlink()
    score = compose(plan)
    return Made(
        brief=brief,
        plan=plan,
        score=score,
        performance=perform(score, plan),
        wav=wav,
        mp3=mp3,
        wav_rate=wav_rate,
        mp3_rate=mp3_rate,
        has_loop_points=has_loop_points,
        voices=_hear_voices(workshop, plan, text) if voices else {},
        cpu_s=cpu_s,
    )


def _hear_voices(workshop: Workshop, plan: Plan, text: str) -> Mapping[str, Hearing]:
    take = take_of(workshop, "composer", plan, text, lambda _stage, _fraction: None, stems=True)
    voices = Voices([voice.name for voice in plan.ensemble], take.sample_rate)
    for block in take.blocks:
        voices.add(block.stems)
    return voices.hearings()
