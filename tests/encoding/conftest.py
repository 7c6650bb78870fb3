from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from app.models.audio import BLOCK_FRAMES, SAMPLE_RATE, Samples
from app.models.plan import COMPOSER_VERSION, Channel, Plan, Section, Voice
from app.services.encoding import Tags, make_tags, open_encoder

#: Not a whole number of blocks, MP3 frames or Opus packets.
FRAMES = 4 * SAMPLE_RATE + 1_237

VOICES = (
    Voice(name="lead", role="lead", instrument="flute", low_pitch=60, high_pitch=90, channel=Channel(pan=-0.5)),
    Voice(name="bass", role="bass", instrument="sub_bass", low_pitch=24, high_pitch=50, channel=Channel(level_db=-6)),
    Voice(name="drums", role="drums", instrument="jazz_kit", low_pitch=27, high_pitch=87),
)


def make_music(frames: int = FRAMES, seed: int = 3) -> Samples:
    """Struck, ringing tones over quiet noise, different left and right; silent at neither end."""
    rng = np.random.default_rng(seed)
    music = rng.standard_normal((frames, 2)) * 0.01
    for start in range(0, frames, 11_025):
        time_s = np.arange(frames - start) / SAMPLE_RATE
        pitch_hz = 110.0 * 2.0 ** (rng.integers(0, 36) / 12)
        tone = sum(np.sin(2 * np.pi * pitch_hz * n * time_s) / n for n in range(1, 7)) * np.exp(-4 * time_s)
        music[start:] += 0.15 * np.outer(tone, rng.uniform(0.3, 1.0, 2))
    return (music / np.abs(music).max() * 0.8).astype(np.float32)


def make_plan(duration_s: int = 2, voices: tuple[Voice, ...] = VOICES, **changes: object) -> Plan:
    choices = {
        "composer_version": COMPOSER_VERSION,
        "soundfont_sha256": None,
        "seed": 7,
        "title": "Night Piano",
        "duration_s": duration_s,
        "style": "ambient",
        "tempo_bpm": 90.0,
        "tonic": "D",
        "mode": "dorian",
        "time_signature": "4/4",
        "valence": 0.0,
        "arousal": 0.0,
        "form": (Section(kind="theme", material="A", bars=2, energy=0.5, voices=tuple(v.name for v in voices)),),
        "ensemble": voices,
    }
    return Plan.model_validate({**choices, **changes})


def write_audio(form: str, path: Path, music: Samples, tags: Tags) -> Path:
    with open_encoder(form, path, tags=tags, frames=len(music)) as encoder:
        for start in range(0, len(music), BLOCK_FRAMES):
            encoder.write(music[start : start + BLOCK_FRAMES])
    return path


@pytest.fixture(scope="session")
def music() -> Samples:
    return make_music()


@pytest.fixture(scope="session")
def tags() -> Tags:
    return make_tags(
        title="夜のピアノ – été",
        prompt='a "calm" night; 🎹 été',
        tempo_bpm=92.5,
        key="F# minor",
        seed=2**53 - 1,
        genre="ambient",
        generator="Music AI Generator Backend 1.0.0",
    )


@pytest.fixture(scope="session")
def encoded(music: Samples, tags: Tags, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """The music in a form, written once for all tests, which only read it."""
    folder = tmp_path_factory.mktemp("encoded")

    def file(form: str) -> Path:
        path = folder / f"track.{form}"
        return path if path.exists() else write_audio(form, path, music, tags)

    return file


@pytest.fixture
def plan() -> Plan:
    return make_plan()
