from collections.abc import Callable
from pathlib import Path

import pytest
import soundfile

from app.services.encoding import Tags, make_tags, wav_head
from tests.encoding.conftest import make_music, write_audio
from tests.encoding.readers import (
    ogg_packets,
    read_comments,
    read_flac_blocks,
    read_id3,
    read_ogg,
    read_riff,
    riff_chunks,
)

Encoded = Callable[[str], Path]

EXPECTED_COMMENTS = {
    "TITLE": "夜のピアノ – été",
    "COMMENT": 'a "calm" night; 🎹 été',
    "GENRE": "ambient",
    "BPM": "92.5",
    "KEY": "F# minor",
    "INITIALKEY": "F#m",
    "SEED": "9007199254740991",
    "SOFTWARE": "Music AI Generator Backend 1.0.0",
}
EXPECTED_ID3 = {
    "TIT2": "夜のピアノ – été",
    "TBPM": "92",
    "TKEY": "F#m",
    "TCON": "ambient",
    "TSSE": "Music AI Generator Backend 1.0.0",
    "COMM:": 'a "calm" night; 🎹 été',
    "TXXX:key": "F# minor",
    "TXXX:seed": "9007199254740991",
}


@pytest.mark.parametrize("form", ["mp3", "wav", "flac", "ogg", "opus"])
def test_any_player_finds_title_prompt_and_genre_in_every_form(form: str, encoded: Encoded, tags: Tags) -> None:
    with soundfile.SoundFile(encoded(form)) as file:
        assert file.title == tags.title
        assert file.comment == tags.prompt
        assert file.genre == tags.genre


def test_an_mp3_begins_with_all_tags_in_id3(encoded: Encoded) -> None:
    assert read_id3(encoded("mp3").read_bytes()) == EXPECTED_ID3


def test_a_wav_carries_riff_tags_and_all_tags_in_id3(encoded: Encoded) -> None:
    chunks = read_riff(encoded("wav").read_bytes())
    kind, *information = chunks[b"LIST"][:4], *riff_chunks(chunks[b"LIST"][4:])

    assert kind == b"INFO"
    assert {name: text.rstrip(b"\0").decode() for name, text in information} == {
        b"INAM": EXPECTED_COMMENTS["TITLE"],
        b"ICMT": EXPECTED_COMMENTS["COMMENT"],
        b"IGNR": EXPECTED_COMMENTS["GENRE"],
        b"ISFT": EXPECTED_COMMENTS["SOFTWARE"],
    }
    assert read_id3(chunks[b"id3 "]) == EXPECTED_ID3


@pytest.mark.parametrize("loop", [True, False])
def test_what_a_wav_begins_with_is_known_before_it_is_written(loop: bool, tmp_path: Path) -> None:
    tags = make_tags(title="Été", prompt="calm", loop=loop)
    path = write_audio("wav", tmp_path / "a.wav", make_music(), tags)
    head = wav_head(tags, frames=soundfile.info(path).frames)

    assert path.read_bytes().startswith(head)
    assert head.endswith((soundfile.info(path).frames * 6).to_bytes(4, "little"))


def test_a_flac_carries_all_tags(encoded: Encoded) -> None:
    blocks = read_flac_blocks(encoded("flac").read_bytes())

    assert read_comments(blocks[4]) == EXPECTED_COMMENTS


@pytest.mark.parametrize(("form", "begins", "ends"), [("ogg", b"\3vorbis", b"\1"), ("opus", b"OpusTags", b"")])
def test_vorbis_and_opus_carry_all_tags(form: str, begins: bytes, ends: bytes, encoded: Encoded) -> None:
    packets = list(ogg_packets(read_ogg(encoded(form).read_bytes())[:8]))

    assert packets[1].startswith(begins)
    assert packets[1].endswith(ends)
    assert read_comments(packets[1][len(begins) :]) == EXPECTED_COMMENTS


@pytest.mark.parametrize("form", ["mp3", "wav", "flac", "ogg", "opus"])
def test_a_file_without_tags_is_a_good_file(form: str, tmp_path: Path) -> None:
    path = write_audio(form, tmp_path / "plain", make_music(9_000), make_tags())

    with soundfile.SoundFile(path) as file:
        assert file.title == ""
        assert file.frames == (9_796 if form == "opus" else 9_000)


@pytest.mark.parametrize("form", ["mp3", "wav", "flac", "ogg", "opus"])
def test_long_words_survive_in_every_form(form: str, tmp_path: Path) -> None:
    words = make_tags(title="é" * 499, prompt="🎹" * 500)  # more than one Ogg segment, an odd RIFF length
    path = write_audio(form, tmp_path / "long", make_music(9_000), words)

    with soundfile.SoundFile(path) as file:
        assert (file.title, file.comment) == (words.title, words.prompt)
        assert len(file.read()) == (9_796 if form == "opus" else 9_000)


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("calm\x00 \x07piano\x7f\x9b", "calm piano"),
        ("two\nlines\tand \r\n more", "two lines and more"),
        ("broken \ud83d pair", "broken pair"),
        ("evil \u202egnp.3pm\u2066", "evil gnp.3pm"),
        ("family 👩\u200d👧 stays", "family 👩\u200d👧 stays"),
        ("e\u0301" * 3, "e\u0301" * 3),
        (" \n ", None),
        ("\x00", None),
        (None, None),
        ("x" * 2_000, "x" * 500),
    ],
)
def test_control_characters_and_lone_surrogates_never_reach_a_tag(given: str | None, kept: str | None) -> None:
    made = make_tags(title=given, prompt=given, key=given, genre=given, generator=given)

    assert {made.title, made.prompt, made.key, made.genre, made.generator} == {kept}


@pytest.mark.parametrize(
    ("key", "short"),
    [
        ("C major", "C"),
        ("A minor", "Am"),
        ("F# dorian", "F#m"),
        ("Bb lydian", "Bb"),
        ("C# harmonic minor", "C#m"),
        ("Eb phrygian", "Ebm"),
        ("G", "G"),
        (None, None),
    ],
)
def test_keys_are_shortened_as_players_sort_them(key: str | None, short: str | None) -> None:
    assert make_tags(key=key).short_key == short
