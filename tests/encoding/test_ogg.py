from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from app.models.audio import Samples
from app.services.encoding import make_tags
from app.services.encoding.ogg import ogg_crc, retagged
from tests.encoding.conftest import make_music, write_audio
from tests.encoding.readers import OggPage, ogg_packets, read_ogg, slow_ogg_crc

Encoded = Callable[[str], Path]


@pytest.fixture(params=["ogg", "opus"])
def pages(request: pytest.FixtureRequest, encoded: Encoded) -> list[OggPage]:
    return read_ogg(encoded(request.param).read_bytes())


def test_every_page_has_a_valid_checksum(pages: list[OggPage]) -> None:
    for page in pages:
        assert page.checksum == slow_ogg_crc(page.stored)


def test_the_pages_are_one_stream_counted_without_gaps(pages: list[OggPage]) -> None:
    assert {page.serial for page in pages} == {1}
    assert [page.sequence for page in pages] == list(range(len(pages)))
    assert [bool(page.flags & 2) for page in pages] == [True] + [False] * (len(pages) - 1)
    assert [bool(page.flags & 4) for page in pages] == [False] * (len(pages) - 1) + [True]


def test_the_last_page_stops_at_the_last_frame(encoded: Encoded, music: Samples) -> None:
    vorbis, opus = read_ogg(encoded("ogg").read_bytes()), read_ogg(encoded("opus").read_bytes())
    pre_skip = int.from_bytes(opus[0].body[10:12], "little")

    assert vorbis[-1].granule == len(music)
    assert opus[-1].granule - pre_skip == round(len(music) * 48_000 / 44_100)


def test_sound_begins_on_a_page_of_its_own(encoded: Encoded) -> None:
    for form, headers in (("ogg", 3), ("opus", 2)):
        pages = read_ogg(encoded(form).read_bytes())
        first_sound = next(number for number, page in enumerate(pages) if page.granule > 0)

        assert len(list(ogg_packets(pages[:first_sound]))) == headers


def test_comments_too_long_for_one_page_continue_on_the_next(encoded: Encoded) -> None:
    long = make_tags(title="x" * 1_000)
    object.__setattr__(long, "prompt", "y" * 200_000)

    pages = read_ogg(b"".join(retagged(encoded("ogg").read_bytes(), long)))

    assert [page.flags for page in pages[:4]] == [2, 0, 1, 1]
    assert pages[1].granule == -1, "no packet ends there"
    assert pages[3].granule == 0 or pages[4].granule == 0
    packets = list(ogg_packets(pages))
    assert b"y" * 200_000 in packets[1]
    assert packets[2:] == list(ogg_packets(read_ogg(encoded("ogg").read_bytes())))[2:]
    assert all(page.checksum == slow_ogg_crc(page.stored) for page in pages[:5])


@pytest.mark.parametrize("size", [0, 1, 27, 4_096])
def test_the_fast_checksum_is_the_standards(size: int) -> None:
    page = bytearray(np.random.default_rng(size).bytes(max(size, 27)))
    page[22:26] = bytes(4)

    assert ogg_crc(bytes(page)) == slow_ogg_crc(bytes(page))


@pytest.mark.parametrize(
    ("damage", "complaint"),
    [
        (lambda file: b"RIFF" + file[4:], "not an Ogg page"),
        (lambda file: file[:-1], "cut off"),
        (lambda file: file + b"Ogg", "cut off"),
        (lambda file: file.replace(b"vorbis", b"speex ", 1), "neither Vorbis nor Opus"),
    ],
)
def test_a_damaged_file_is_refused(damage: Callable[[bytes], bytes], complaint: str, encoded: Encoded) -> None:
    with pytest.raises(ValueError, match=complaint):
        list(retagged(damage(encoded("ogg").read_bytes()), make_tags()))


def test_files_whose_header_packet_is_a_multiple_of_a_segment_are_whole(tmp_path: Path) -> None:
    for extra in range(255):  # one of these lengths ends the comment packet with a segment of 0 bytes
        title = make_tags(title="x" * (1 + extra))
        if extra == 0:
            source = write_audio("opus", tmp_path / "t.opus", make_music(960), title).read_bytes()
        pages = read_ogg(b"".join(retagged(source, title)))
        assert next(p for n, p in enumerate(ogg_packets(pages)) if n == 1).startswith(b"OpusTags")
        assert len(list(ogg_packets(pages))) == len(list(ogg_packets(read_ogg(source))))
