import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile
import soxr

from app.errors import StorageFailed
from app.models.audio import SAMPLE_RATE, Samples
from app.services.encoding import AUDIO_FORMS, Tags, encode_from_wav, file_facts, open_encoder
from tests.encoding.conftest import make_music, write_audio
from tests.encoding.readers import lag

Encoded = Callable[[str], Path]
FORMS = sorted(AUDIO_FORMS)


def at_rate_of(form: str, music: Samples) -> Samples:
    return soxr.resample(music, SAMPLE_RATE, 48_000, quality="HQ") if form == "opus" else music


@pytest.mark.parametrize("form", FORMS)
def test_every_form_decodes_to_exactly_the_frames_written(form: str, encoded: Encoded, music: Samples) -> None:
    samples, rate = soundfile.read(encoded(form))

    assert rate == (48_000 if form == "opus" else SAMPLE_RATE)
    assert samples.shape == (round(len(music) * rate / SAMPLE_RATE), 2)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("frames", [1, 575, 1_152, 30_000, 65_537])
def test_the_length_is_exact_however_short_the_music(form: str, frames: int, tags: Tags, tmp_path: Path) -> None:
    path = write_audio(form, tmp_path / f"short.{form}", make_music(frames), tags)

    samples, rate = soundfile.read(path)

    assert len(samples) == round(frames * rate / SAMPLE_RATE)


@pytest.mark.parametrize("form", FORMS)
def test_every_form_begins_when_the_music_begins_and_sounds_like_it(
    form: str, encoded: Encoded, music: Samples
) -> None:
    samples, _ = soundfile.read(encoded(form), dtype="float32")
    source = at_rate_of(form, music)

    assert lag(source, samples) == 0
    assert np.corrcoef(source[:, 0], samples[:, 0])[0, 1] > 0.98
    assert np.corrcoef(source[:, 1], samples[:, 1])[0, 1] > 0.98
    assert np.sqrt(np.mean(samples**2)) == pytest.approx(np.sqrt(np.mean(source**2)), rel=0.03)


@pytest.mark.parametrize("form", FORMS)
def test_the_last_moment_of_the_music_is_heard(form: str, tags: Tags, tmp_path: Path) -> None:
    music = make_music()
    music[-4_410:] = 0.5 * np.sin(2 * np.pi * 440 * np.arange(4_410) / SAMPLE_RATE)[:, np.newaxis]
    path = write_audio(form, tmp_path / f"end.{form}", music, tags)

    samples, rate = soundfile.read(path)

    end = samples[-rate // 50 :]
    assert np.sqrt(np.mean(end**2)) == pytest.approx(0.5 / np.sqrt(2), rel=0.15)


@pytest.mark.parametrize("form", ["wav", "flac"])
def test_lossless_forms_keep_24_bits(form: str, encoded: Encoded, music: Samples) -> None:
    samples, _ = soundfile.read(encoded(form), dtype="float64")

    assert soundfile.info(encoded(form)).subtype == "PCM_24"
    assert np.abs(samples - music).max() <= 2.0**-24


@pytest.mark.parametrize("form", ["wav", "flac"])
def test_what_lies_beyond_full_scale_is_clipped_and_never_wraps(form: str, tags: Tags, tmp_path: Path) -> None:
    loud = np.array([[1.0, -1.0], [1.5, -1.5], [np.float32(1e9), -1e9]], dtype=np.float32)
    path = write_audio(form, tmp_path / f"loud.{form}", loud, tags)

    samples, _ = soundfile.read(path, dtype="int32")

    assert samples[:, 0].tolist() == [(2**23 - 1) << 8] * 3
    assert samples[:, 1].tolist() == [-(2**31)] * 3


def test_the_mp3_stays_within_full_scale_for_clipped_music(tags: Tags, tmp_path: Path) -> None:
    square = np.sign(np.sin(np.arange(20_000) / 30))[:, np.newaxis].repeat(2, axis=1).astype(np.float32) * 3
    path = write_audio("mp3", tmp_path / "square.mp3", square, tags)

    samples, _ = soundfile.read(path)

    assert np.corrcoef(np.clip(square[:, 0], -1, 1), samples[:, 0])[0, 1] > 0.98


@pytest.mark.parametrize("form", FORMS)
def test_how_the_music_is_cut_into_blocks_does_not_matter(
    form: str, encoded: Encoded, music: Samples, tags: Tags, tmp_path: Path
) -> None:
    path = tmp_path / f"whole.{form}"
    with open_encoder(form, path, tags=tags, frames=len(music)) as encoder:
        for piece in np.split(music, [0, 1, 1_000, 66_000, 150_000]):
            encoder.write(piece)

    assert file_facts(path) == file_facts(encoded(form))


def test_a_minute_in_one_block_does_not_overrun_the_vorbis_encoder(music: Samples, tags: Tags, tmp_path: Path) -> None:
    minute = np.tile(music, (15, 1))

    with open_encoder("ogg", tmp_path / "minute.ogg", tags=tags, frames=len(minute)) as encoder:
        encoder.write(minute)

    assert soundfile.info(tmp_path / "minute.ogg").frames == len(minute)


def test_blocks_are_never_written_to(music: Samples, tags: Tags, tmp_path: Path) -> None:
    block = (music * 2.0)[:40_000]
    block.flags.writeable = False

    for form in FORMS:
        write_audio(form, tmp_path / f"track.{form}", block, tags)


@pytest.mark.parametrize("form", FORMS)
def test_forms_made_later_from_the_master_are_those_made_at_once(
    form: str, encoded: Encoded, tags: Tags, tmp_path: Path
) -> None:
    encode_from_wav(encoded("wav"), form, tmp_path / "later", tags)

    if form in ("wav", "flac"):
        assert file_facts(tmp_path / "later") == file_facts(encoded(form))
    else:
        later, at_once = soundfile.read(tmp_path / "later")[0], soundfile.read(encoded(form))[0]
        assert np.corrcoef(later[:, 0], at_once[:, 0])[0, 1] > 0.999


def test_a_master_at_another_rate_is_refused(tags: Tags, tmp_path: Path) -> None:
    soundfile.write(tmp_path / "slow.wav", np.zeros((100, 2)), 32_000)

    with pytest.raises(ValueError, match="44100 frames a second, got 32000"):
        encode_from_wav(tmp_path / "slow.wav", "flac", tmp_path / "slow.flac", tags)


@pytest.mark.parametrize("form", FORMS)
def test_a_crash_in_the_middle_leaves_nothing(form: str, music: Samples, tags: Tags, tmp_path: Path) -> None:
    def crash() -> None:
        with open_encoder(form, tmp_path / f"track.{form}", tags=tags, frames=len(music)) as encoder:
            encoder.write(music[:50_000])
            raise RuntimeError("the power went")

    with pytest.raises(RuntimeError, match="the power went"):
        crash()

    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("form", FORMS)
def test_nothing_is_seen_before_the_file_is_whole(form: str, music: Samples, tags: Tags, tmp_path: Path) -> None:
    path = tmp_path / f"track.{form}"
    encoder = open_encoder(form, path, tags=tags, frames=len(music))
    encoder.write(music)
    assert not path.exists()

    encoder.close()

    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("form", FORMS)
def test_fewer_frames_than_promised_are_an_error_and_no_file(
    form: str, music: Samples, tags: Tags, tmp_path: Path
) -> None:
    encoder = open_encoder(form, tmp_path / "track", tags=tags, frames=len(music))
    encoder.write(music[:-1])

    with pytest.raises(ValueError, match=f"{len(music)} frames were promised, {len(music) - 1} came"):
        encoder.close()

    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("block", "complaint"),
    [
        (np.zeros((11, 2), dtype=np.float32), "10 frames were promised, 11 came"),
        (np.zeros(10, dtype=np.float32), r"shape \(frames, 2\)"),
        (np.zeros((10, 1), dtype=np.float32), r"shape \(frames, 2\)"),
        (np.full((10, 2), np.nan, dtype=np.float32), "not finite"),
        (np.full((10, 2), np.inf, dtype=np.float32), "not finite"),
    ],
)
@pytest.mark.parametrize("form", FORMS)
def test_blocks_that_are_no_stereo_sound_of_the_promised_length_are_refused(
    form: str, block: Samples, complaint: str, tags: Tags, tmp_path: Path
) -> None:
    encoder = open_encoder(form, tmp_path / "track", tags=tags, frames=10)

    with pytest.raises(ValueError, match=complaint):
        encoder.write(block)

    assert list(tmp_path.iterdir()) == []
    with pytest.raises(ValueError, match="closed"):
        encoder.write(np.zeros((10, 2), dtype=np.float32))


def test_closing_twice_and_aborting_a_finished_file_change_nothing(tags: Tags, tmp_path: Path) -> None:
    encoder = open_encoder("wav", tmp_path / "track.wav", tags=tags, frames=10)
    encoder.write(np.zeros((10, 2), dtype=np.float32))

    encoder.close()
    encoder.close()
    encoder.abort()

    assert soundfile.info(tmp_path / "track.wav").frames == 10


def test_an_empty_file_and_an_unknown_form_are_refused_before_anything_is_written(tags: Tags, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="at least 1 frame"):
        open_encoder("wav", tmp_path / "track.wav", tags=tags, frames=0)
    with pytest.raises(KeyError):
        open_encoder("aiff", tmp_path / "track.aiff", tags=tags, frames=10)

    assert list(tmp_path.iterdir()) == []


def test_a_missing_folder_is_a_clear_reason(tags: Tags, tmp_path: Path) -> None:
    with pytest.raises(StorageFailed, match=r"^track\.wav could not be written: it is not there$"):
        open_encoder("wav", tmp_path / "nowhere" / "track.wav", tags=tags, frames=10)


def test_a_form_that_cannot_be_begun_leaves_nothing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def out_of_memory(*_: object) -> None:
        raise MemoryError

    monkeypatch.setitem(AUDIO_FORMS, "wav", out_of_memory)

    with pytest.raises(MemoryError):
        open_encoder("wav", tmp_path / "track.wav", tags=Tags(), frames=10)

    assert list(tmp_path.iterdir()) == []


def test_a_refusal_that_the_disk_does_not_explain_is_still_the_storages(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def refuse(*_: object) -> None:
        raise soundfile.LibsndfileError(2)

    monkeypatch.setattr(soundfile.SoundFile, "write", refuse)

    with pytest.raises(StorageFailed, match=r"^track\.wav could not be written$"):
        write_audio("wav", tmp_path / "track.wav", make_music(100), Tags())

    assert list(tmp_path.iterdir()) == []


#: A real refusal of the operating system: no file of this process may grow beyond 100 kB.
SMALL_DISK = """
import json, resource, sys
from pathlib import Path
import numpy as np
from app.errors import StorageFailed
from app.services.encoding import make_tags, open_encoder

resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
folder = Path(sys.argv[1])
noise = np.random.default_rng(1).uniform(-0.5, 0.5, (400_000, 2)).astype(np.float32)
seen = {}
for form in sys.argv[2:]:
    seen[form] = []
    try:
        with open_encoder(form, folder / f"track.{form}", tags=make_tags(title="x"), frames=len(noise)) as encoder:
            for start in range(0, len(noise), 32_768):
                encoder.write(noise[start : start + 32_768])
    except StorageFailed as error:
        seen[form].append(str(error))
    seen[form].append(sorted(path.name for path in folder.rglob("*")))
print(json.dumps(seen))
"""


@pytest.fixture(scope="module")
def small_disk(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list]:
    """What each form said on a disk that is too small, and what it left there; all from one process."""
    folder = str(tmp_path_factory.mktemp("small"))
    run = subprocess.run([sys.executable, "-c", SMALL_DISK, folder, *FORMS], capture_output=True, text=True, check=True)
    return json.loads(run.stdout)


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no limit on the size of a process's files")
@pytest.mark.parametrize("form", FORMS)
def test_a_disk_that_takes_no_more_is_a_clear_reason_and_leaves_no_partial_file(
    form: str, small_disk: dict[str, list]
) -> None:
    assert small_disk[form] == [f"track.{form} could not be written: the file is larger than the disk allows", []]
