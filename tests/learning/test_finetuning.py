"""A lesson as its process does it: files in, a style and its figures out, bad files named."""

import io
import struct
import sys
import zipfile
from datetime import datetime, timezone

import numpy as np
import pytest
import soundfile

from app.errors import GenerationFailed
from app.models.finetune import Finetune, Lesson
from app.services.engines import Models
from app.services.finetuning import teach
from app.services.jobs.processes import process_context
from app.services.learning import corpus as corpora
from app.services.learning import read_corpus, recordings
from app.services.styles import Style
from tests.learning.corpora import jig

#: How a ZIP's directory tells of a file, up to the flag that says whether it is encrypted.
_PLAIN = b"PK\x01\x02\x14\x03\x14\x00"


MODELS = Models()


def packed(members, method=zipfile.ZIP_DEFLATED):
    """A ZIP's bytes."""
    written = io.BytesIO()
    with zipfile.ZipFile(written, "w", method) as files:
        for name, content in members.items():
            files.writestr(name, content)
    return written.getvalue()


@pytest.fixture
def lesson(tmp_path):
    """A lesson of files that lie in a folder."""

    def make(files, **wishes):
        paths = []
        for number, content in enumerate(files.values()):
            path = tmp_path / f"{number:04}"
            path.write_bytes(content)
            paths.append(str(path))
        finetune = Finetune(**{
            "id": "finetune_1", "name": "jigs", "base": "composer", "style": None, "strength": 1.0, "seed": 1,
            "files": tuple(files), "created_at": datetime.now(timezone.utc), **wishes,
        })  # fmt: skip
        return Lesson(finetune=finetune, paths=tuple(paths), work=str(tmp_path / "work"))

    return make


def read(lesson):
    told = []
    return read_corpus(lesson.finetune.files, lesson.paths, told.append), told


def reasons(corpus):
    return {file.file: file.reason for file in corpus.skipped}


def test_ninety_nine_good_files_and_a_bad_one_teach_a_style_nearer_to_them_than_its_base(lesson):
    files = {f"{number}.mid": jig(number, bars=16) for number in range(99)}
    told = []

    learned = teach(lesson({"tunes.zip": packed({**files, "bad.mid": jig(0)[:100]})}), told.append, MODELS)

    assert [(file.file, file.reason) for file in learned.skipped] == [
        ("tunes.zip/bad.mid", "is a broken or truncated MIDI file")
    ]
    assert learned.facts["tunes"] == 99
    assert learned.facts["time_signatures"] == {"3/4": 1.0}
    assert learned.facts["distance"]["learned"] < learned.facts["distance"]["base"]
    assert Style.model_validate_json(learned.style_json).name == learned.style_name == learned.facts["style"]
    fractions = [news.fraction for news in told]
    assert fractions == sorted(fractions)
    assert len({fraction for fraction in fractions if fraction < 0.5}) > 50
    assert [*dict.fromkeys(news.stage for news in told)] == ["reading", "learning", "measuring"]


def test_the_same_lesson_teaches_the_same_and_its_style_may_be_named(lesson):
    files = {f"{number}.mid": jig(number, bars=8) for number in range(3)}

    first, again = (teach(lesson(files, style="folk"), lambda _: None, MODELS) for _ in range(2))
    other = teach(lesson(files, style="folk", strength=0.3), lambda _: None, MODELS)

    assert first == again
    assert first.facts["base_style"] == "folk"
    assert first.style_name != other.style_name


def test_where_nothing_is_good_each_of_the_first_is_named_with_its_reason(lesson):
    files = {f"{number}.txt": b"hello" for number in range(7)}

    with pytest.raises(GenerationFailed) as failed:
        teach(lesson({"set.zip": packed(files)}), lambda _: None, MODELS)

    assert "Nothing could be learned: set.zip/0.txt is not a MIDI file" in str(failed.value)
    assert str(failed.value).endswith("; and 2 more")


def test_an_empty_zip_has_no_file(lesson):
    files = {"set.zip": packed({"folder/": b"", "__MACOSX/._a.mid": b"", ".DS_Store": b""})}

    with pytest.raises(GenerationFailed, match="no file was found"):
        teach(lesson(files), lambda _: None, MODELS)


def test_paths_in_a_zip_lead_nowhere(lesson, tmp_path):
    before = set(tmp_path.iterdir())
    corpus, _ = read(lesson({"set.zip": packed({"../../up.mid": jig(1), "/root.mid": jig(2), "C:\\x.mid": jig(3)})}))

    assert len(corpus.tunes) == 3
    assert {path.name for path in set(tmp_path.iterdir()) - before} == {"0000"}


def test_a_bomb_is_not_unpacked(lesson, monkeypatch):
    monkeypatch.setattr(corpora, "MOST_UNPACKED_BYTES", 20_000_000)
    bomb = {"a.mid": jig(1), **{f"{number}.mid": b"MThd" + bytes(9_000_000) for number in range(3)}, "z.mid": jig(2)}

    corpus, _ = read(lesson({"bomb.zip": packed(bomb)}))

    assert len(corpus.tunes) == 1
    assert reasons(corpus) == {
        "bomb.zip/0.mid": "is larger than 5 MB",
        "bomb.zip/1.mid": "is larger than 5 MB",
        "bomb.zip/2.mid": "would unpack its ZIP to more than 20 MB",
    }


def test_a_zip_that_lies_about_a_size_is_found_out(lesson):
    honest = packed({"a.mid": b"MThd" + bytes(1_000_000), "b.mid": jig(1)})
    lying = honest.replace(struct.pack("<I", 1_000_004), struct.pack("<I", 100))

    corpus, _ = read(lesson({"set.zip": lying}))

    assert len(corpus.tunes) == 1
    assert set(reasons(corpus)) == {"set.zip/a.mid"}


def read_with_little(lesson, line):
    """Read in a process of its own, as a lesson does, with room for 30 MB more."""
    corpora.MOST_MEMORY_BYTES = recordings.MOST_MEMORY_BYTES = 30_000_000
    corpus, _ = read(lesson)
    heard = recordings.Recordings(lesson.finetune.files, lesson.paths)
    taken = [clip.name for clip in heard.clips(lambda part: None)]
    line.send((reasons(corpus), len(corpus.tunes), taken, reasons(heard)))


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only Linux limits memory")
def test_what_is_made_to_fill_the_memory_is_left_out_and_the_rest_is_learned_from(lesson):
    notes = b"\x00\x90\x3c\x40" + b"\x01\x3c\x00\x01\x3c\x40" * 90_000  # six bytes that become two objects
    swelling = b"MThd\0\0\0\x06\0\0\0\x01\x01\xe0MTrk" + len(notes).to_bytes(4, "big") + notes
    silence = io.BytesIO()
    soundfile.write(silence, np.full((4_000_000, 2), 0.1, np.float32), 44_100, format="FLAC")
    files = {
        "a.mid": swelling, "b.mid": jig(1), "c.zip": packed({f"many/{i:05}": b"" for i in range(60_000)}),
        "d.flac": silence.getvalue(), "d.txt": b"one tone",
    }  # fmt: skip
    line, theirs = (context := process_context()).Pipe(duplex=False)
    process = context.Process(target=read_with_little, args=(lesson(files), theirs))
    process.start()
    theirs.close()
    skipped, learned, taken, unheard = line.recv()
    process.join(60)

    assert learned == 1
    assert {skipped[name] for name in ("a.mid", "c.zip")} == {"needs too much memory to be read"}
    assert taken == []
    assert unheard["d.flac"] == "needs too much memory to be read"


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda whole: whole[: len(whole) // 2], "is a broken or truncated ZIP"),
        (
            lambda whole: whole.replace(b"PK\x01\x02\x14\x03\x14\x00\x00", b"PK\x01\x02\x14\x03\x14\x00\x01"),
            "encrypted",
        ),
        (lambda whole: whole[:60] + b"\xff" * 20 + whole[80:], "cannot be unpacked"),
    ],
)
def test_a_zip_that_cannot_be_read_says_why(lesson, change, said):
    corpus, _ = read(lesson({"set.zip": change(packed({"a.mid": jig(1)})), "b.mid": jig(2)}))

    assert len(corpus.tunes) == 1
    assert said in " ".join(reasons(corpus).values())


def test_there_is_an_end_to_files_members_and_notes(lesson, monkeypatch):
    files = {f"{number}.mid": jig(number, bars=4) for number in range(4)}
    monkeypatch.setattr(corpora, "MOST", 2)
    assert reasons(read(lesson(files))[0])["2.mid"] == "comes after the 2 files that are learned from"

    monkeypatch.setattr(corpora, "MOST", 500)
    monkeypatch.setattr(corpora, "MOST_MEMBERS", 3)
    assert reasons(read(lesson({"s.zip": packed(files)}))[0]) == {
        "s.zip/3.mid": "comes after the 3 files of a ZIP that are looked at"
    }

    monkeypatch.setattr(corpora, "MOST_NOTES_IN_ALL", 100)
    corpus, _ = read(lesson(files))
    assert 0 < corpus.notes <= 100
    assert "comes after the 100 notes that are learned from" in reasons(corpus).values()
