"""Recordings with captions: each good one with its words, each bad one with the reason."""

import io
import json
import zipfile

import numpy as np
import pytest
import soundfile

from app.services.learning import recordings as recording
from app.services.learning.recordings import Recordings

RATE = 8_000


def sound(seconds=1.5, *, peak=0.3, rate=RATE, channels=1, form="WAV"):
    written = io.BytesIO()
    wave = peak * np.sin(np.linspace(0, 500, round(seconds * rate)))
    soundfile.write(written, np.stack([wave] * channels, axis=1), rate, format=form)
    return written.getvalue()


def zipped(files):
    written = io.BytesIO()
    with zipfile.ZipFile(written, "w") as packed:
        for name, content in files.items():
            packed.writestr(name, content)
    return written.getvalue()


def table(*names):
    return "\n".join(json.dumps({"file_name": name, "text": f"this is {name}"}) for name in names).encode()


@pytest.fixture
def heard(tmp_path):
    """What is learned of files, and why others are not."""

    def hear(files):
        paths = []
        for number, content in enumerate(files.values()):
            (tmp_path / f"{number}").write_bytes(content)
            paths.append(str(tmp_path / f"{number}"))
        sent, told = Recordings(list(files), paths), []
        clips = list(sent.clips(told.append))
        assert told == sorted(told)
        return {clip.name: clip for clip in clips}, {file.file: file.reason for file in sent.skipped}

    return hear


def test_captions_stand_in_a_table_or_beside_a_recording(heard):
    clips, skipped = heard({
        "set.zip": zipped({
            "a/metadata.jsonl": table("one.wav", "deep/two.flac"), "a/one.wav": sound(),
            "a/deep/two.flac": sound(form="FLAC", channels=2),
        }),
        "three.ogg": sound(form="OGG"),
        "three.txt": b"a  slow\nwaltz",
    })  # fmt: skip

    assert skipped == {}
    assert {name: clip.text for name, clip in clips.items()} == {
        "set.zip/a/one.wav": "this is one.wav", "set.zip/a/deep/two.flac": "this is deep/two.flac",
        "three.ogg": "a slow waltz",
    }  # fmt: skip
    two = clips["set.zip/a/deep/two.flac"]
    assert (two.samples.shape, two.samples.dtype, two.sample_rate) == ((12_000, 2), np.float32, RATE)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"not audio", "is not audio that can be read, or is broken"),
        (sound()[:30], "is not audio that can be read, or is broken"),
        (b"", "is not audio that can be read, or is broken"),
        (sound(peak=0), "is silent"),
        (sound(0.5), "is shorter than 1 s"),
        (sound(channels=9), "has 9 channels at 8000 Hz; at most 8 at 192000"),
        (sound(rate=2_000), "has 1 channels at 2000 Hz; at most 8 at 192000"),
    ],
)
def test_a_recording_of_no_use_is_left_out_and_the_others_are_not(heard, content, said):
    clips, skipped = heard({"bad.wav": content, "good.wav": sound(), "metadata.jsonl": table("bad.wav", "good.wav")})

    assert list(clips) == ["good.wav"]
    assert skipped == {"bad.wav": said}


def test_a_recording_without_words_and_words_without_a_recording_are_named(heard):
    clips, skipped = heard({"dumb.wav": sound(), "metadata.jsonl": table("gone.wav")})

    assert clips == {}
    assert skipped == {
        "dumb.wav": "has no caption: no line in a metadata.jsonl, and no .txt of its name",
        "gone.wav": "has a caption, but was not sent",
    }


@pytest.mark.parametrize(
    "line", [b"{", b"[]", b'"x"', b"7", b'{"file_name": "a.wav"}', b'{"file_name": 7, "text": "x"}', b"[" * 100_000,
             b'{"file_name": "a.wav", "text": " "}', b'{"file_name": "a.wav", "text": null}'],
)  # fmt: skip
def test_a_line_that_says_nothing_is_named_and_the_others_count(heard, line):
    clips, skipped = heard({"one.wav": sound(), "metadata.jsonl": line + b"\n\n" + table("one.wav")})

    assert list(clips) == ["one.wav"]
    assert skipped == {"metadata.jsonl": 'has no "file_name" and "text" in line 1'}


def test_tables_that_cannot_be_read_are_named(heard, monkeypatch):
    clips, skipped = heard({"metadata.jsonl": b"\xff\xfe\x00", "one.wav": sound(), "one.txt": b"words"})
    assert (list(clips), skipped) == (["one.wav"], {"metadata.jsonl": "is not UTF-8"})

    monkeypatch.setattr(recording, "MOST_TABLE_BYTES", 10)
    assert heard({"metadata.jsonl": table("one.wav")})[1] == {"metadata.jsonl": "is larger than 0 MB"}


def test_there_is_an_end_to_bytes_seconds_and_recordings(heard, monkeypatch):
    files = {f"{number}.wav": sound() for number in range(3)} | {"metadata.jsonl": table("0.wav", "1.wav", "2.wav")}
    monkeypatch.setattr(recording, "MOST_CLIPS", 2)
    monkeypatch.setattr(recording, "MOST_S", 1.25)
    clips, skipped = heard(files)
    assert {len(clip.samples) for clip in clips.values()} == {10_000}
    assert skipped == {"2.wav": "comes after the 2 recordings that are learned from"}

    monkeypatch.setattr(recording, "MOST_BYTES", 1_000)
    assert heard(files)[1]["0.wav"] == "is larger than 0 MB"


def test_values_that_are_no_sound_are_refused(heard):
    written = io.BytesIO()
    soundfile.write(written, np.full((RATE * 2, 1), np.nan, np.float32), RATE, format="WAV", subtype="FLOAT")

    assert heard({"a.wav": written.getvalue(), "a.txt": b"nan"})[1] == {"a.wav": "holds values that are no sound"}
