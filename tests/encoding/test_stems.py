import io
import json
import zipfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import soundfile

from app.models.audio import BLOCK_FRAMES, SAMPLE_RATE, Block, Samples
from app.models.plan import Plan
from app.services.encoding import Tags, file_facts, write_stems
from tests.encoding.conftest import make_music, make_plan

NAMES = ("lead", "bass", "drums")


def make_blocks(duration_s: float = 2.0, loudness: float = 1.0) -> Iterator[Block]:
    frames = round(duration_s * SAMPLE_RATE)
    stems = {name: make_music(frames, seed) * np.float32(loudness) for seed, name in enumerate(NAMES)}
    for start in range(0, frames, BLOCK_FRAMES):
        cut = {name: stem[start : start + BLOCK_FRAMES] for name, stem in stems.items()}
        yield Block(mix=sum(cut.values(), np.zeros_like(cut["lead"])), stems=cut)


def unzip(path: Path) -> tuple[dict[str, Samples], dict[str, object]]:
    with zipfile.ZipFile(path) as archive:
        assert archive.testzip() is None
        about = json.loads(archive.read("mix.json"))
        sounds = {
            name.removesuffix(".flac"): soundfile.read(io.BytesIO(archive.read(name)), dtype="float32")[0]
            for name in archive.namelist()
            if name.endswith(".flac")
        }
    return sounds, about


@pytest.fixture
def stems(plan: Plan, tags: Tags, tmp_path: Path) -> Path:
    write_stems(make_blocks(), tmp_path / "track.stems.zip", plan=plan, tags=tags)
    return tmp_path / "track.stems.zip"


def test_the_stems_add_up_to_the_mix_beside_them(stems: Path) -> None:
    sounds, _ = unzip(stems)

    total = sum(sounds[name].astype(np.float64) for name in NAMES)
    np.testing.assert_allclose(total, sounds["mix"], atol=1e-5)


def test_one_gain_keeps_everything_below_full_scale_and_is_written_down(tags: Tags, tmp_path: Path) -> None:
    plan = make_plan(mastering={"fade_out_s": 0.0})
    write_stems(make_blocks(), tmp_path / "stems.zip", plan=plan, tags=tags)

    sounds, about = unzip(tmp_path / "stems.zip")
    blocks = list(make_blocks())
    loudest = max(np.abs(block.mix).max() for block in blocks)

    assert loudest > 1, "otherwise this test shows nothing"
    assert max(np.abs(sound).max() for sound in sounds.values()) == pytest.approx(10 ** (-0.1 / 20), abs=1e-3)
    assert about["gain"] == pytest.approx(10 ** (-0.1 / 20) / loudest, rel=1e-6)
    assert about["gain_db"] == pytest.approx(20 * np.log10(about["gain"]), abs=1e-3)
    for name in NAMES:
        played = np.concatenate([block.stems[name] for block in blocks]) * about["gain"]
        np.testing.assert_allclose(sounds[name], played, atol=1e-6)


@pytest.mark.parametrize("loudness", [0.1, 0.0])
def test_quiet_and_silent_stems_keep_their_level(loudness: float, plan: Plan, tags: Tags, tmp_path: Path) -> None:
    write_stems(make_blocks(loudness=loudness), tmp_path / "quiet.zip", plan=plan, tags=tags)

    sounds, about = unzip(tmp_path / "quiet.zip")
    assert about["gain"] == 1.0
    np.testing.assert_allclose(
        sounds["bass"][:9_000], next(make_blocks(loudness=loudness)).stems["bass"][:9_000], atol=1e-6
    )


@pytest.mark.parametrize("duration_s", [0.3, 1.5, 2.0, 2.7, 9.0])
def test_every_file_is_as_long_as_the_plan_says_however_long_the_take(
    duration_s: float, plan: Plan, tags: Tags, tmp_path: Path
) -> None:
    write_stems(make_blocks(duration_s), tmp_path / "stems.zip", plan=plan, tags=tags)

    sounds, about = unzip(tmp_path / "stems.zip")
    assert {sound.shape for sound in sounds.values()} == {(2 * SAMPLE_RATE, 2)}
    assert about["frames"] == 2 * SAMPLE_RATE
    np.testing.assert_allclose(sum(sounds[name] for name in NAMES), sounds["mix"], atol=1e-4)


def test_they_end_with_the_masters_fade_not_with_a_cut(tags: Tags, tmp_path: Path) -> None:
    plan = make_plan(mastering={"fade_out_s": 1.0})
    write_stems(make_blocks(), tmp_path / "stems.zip", plan=plan, tags=tags)

    sounds, about = unzip(tmp_path / "stems.zip")
    played = np.concatenate([block.stems["lead"] for block in make_blocks()]) * about["gain"]
    half_way = slice(round(1.5 * SAMPLE_RATE) - 50, round(1.5 * SAMPLE_RATE) + 50)
    np.testing.assert_allclose(sounds["lead"][:SAMPLE_RATE], played[:SAMPLE_RATE], atol=1e-6)
    np.testing.assert_allclose(sounds["lead"][half_way], played[half_way] * 0.5, atol=2e-3)
    assert np.abs(sounds["lead"][-20:]).max() < 1e-4


def test_they_are_24_bit_flac_named_and_tagged_by_voice_and_explained(stems: Path, tags: Tags) -> None:
    with zipfile.ZipFile(stems) as archive:
        assert archive.namelist() == ["mix.json", "mix.flac", "lead.flac", "bass.flac", "drums.flac"]
        with soundfile.SoundFile(io.BytesIO(archive.read("bass.flac"))) as file:
            assert (file.subtype, file.samplerate, file.channels) == ("PCM_24", 44_100, 2)
            assert file.title == f"{tags.title} – bass"
            assert file.comment == tags.prompt
        about = json.loads(archive.read("mix.json"))
    assert about["stems"] == [
        {"file": "lead.flac", "voice": "lead", "role": "lead", "instrument": "flute"},
        {"file": "bass.flac", "voice": "bass", "role": "bass", "instrument": "sub_bass"},
        {"file": "drums.flac", "voice": "drums", "role": "drums", "instrument": "jazz_kit"},
    ]
    assert (about["sample_rate"], about["bits"], about["mix"]) == (44_100, 24, "mix.flac")
    assert "unity gain" in about["instructions"]


def test_the_zip_is_the_same_bytes_with_any_number_of_threads(
    stems: Path, plan: Plan, tags: Tags, tmp_path: Path
) -> None:
    write_stems(make_blocks(), tmp_path / "again.zip", plan=plan, tags=tags, threads=3)

    assert file_facts(tmp_path / "again.zip") == file_facts(stems)


def test_a_crash_in_the_middle_leaves_nothing(plan: Plan, tags: Tags, tmp_path: Path) -> None:
    def breaking() -> Iterator[Block]:
        yield next(make_blocks())
        raise RuntimeError("the power went")

    with pytest.raises(RuntimeError, match="the power went"):
        write_stems(breaking(), tmp_path / "stems.zip", plan=plan, tags=tags)

    assert list(tmp_path.iterdir()) == []


def test_blocks_without_the_plans_voices_are_refused_and_leave_nothing(plan: Plan, tags: Tags, tmp_path: Path) -> None:
    bare = [Block(mix=np.zeros((100, 2), dtype=np.float32))]

    with pytest.raises(ValueError, match="the plan has the voices"):
        write_stems(bare, tmp_path / "stems.zip", plan=plan, tags=tags)

    assert list(tmp_path.iterdir()) == []


def test_nothing_but_the_zip_is_left(stems: Path, tmp_path: Path) -> None:
    assert list(tmp_path.iterdir()) == [stems]
