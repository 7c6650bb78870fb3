from collections.abc import AsyncIterator
from email.parser import BytesParser
from email.policy import HTTP

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from app.errors import StorageFailed
from app.routers.ranged import stored_file_response
from app.services.storage.files import StoredFile
from app.utils.naming import content_disposition

CONTENT = bytes(range(250)) * 4
SHA256 = "5f" * 32
ETAG = f'"{SHA256}"'


def stored_file(content: bytes = CONTENT, file_name: str = "Night Piano.mp3", fails: bool = False) -> StoredFile:
    async def stream(start: int, end: int) -> AsyncIterator[bytes]:
        if fails:
            raise StorageFailed("the file is gone")
        for begin in range(start, end, 64):
            yield content[begin : min(begin + 64, end)]

    return StoredFile(
        form="mp3", media_type="audio/mpeg", size=len(content), sha256=SHA256, file_name=file_name, stream=stream
    )


async def ask(stored: StoredFile | None = None, method: str = "GET", **headers: str) -> httpx.Response:
    async def download(request: Request) -> Response:
        return stored_file_response(request, stored or stored_file())

    async def show(_: Request, error: Exception) -> Response:
        return JSONResponse({"detail": str(error)}, 503)

    app = Starlette(routes=[Route("/", download)], exception_handlers={StorageFailed: show})
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://test") as client:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return await client.request(method, "/", headers=named)


async def test_the_whole_file_comes_with_everything_a_browser_needs_to_save_and_keep_it() -> None:
    answer = await ask()

    assert (answer.status_code, answer.content) == (200, CONTENT)
    assert answer.headers["content-type"] == "audio/mpeg"
    assert answer.headers["content-length"] == "1000"
    assert answer.headers["accept-ranges"] == "bytes"
    assert answer.headers["etag"] == ETAG
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["cache-control"] == "private, max-age=86400, immutable"
    assert answer.headers["content-disposition"].startswith('attachment; filename="Night Piano.mp3"; filename*=')
    assert "content-range" not in answer.headers


async def test_head_answers_as_get_without_the_file() -> None:
    whole, head = await ask(), await ask(method="HEAD")

    assert (head.status_code, head.content) == (200, b"")
    assert head.headers == whole.headers


async def test_head_knows_no_ranges() -> None:
    answer = await ask(method="HEAD", range="bytes=0-9")

    assert (answer.status_code, answer.headers["content-length"]) == (200, "1000")


@pytest.mark.parametrize(
    ("wanted", "start", "end"),
    [
        ("bytes=0-0", 0, 1),
        ("bytes=0-499", 0, 500),
        ("bytes=500-", 500, 1000),
        ("bytes=-1", 999, 1000),
        ("bytes=-5000", 0, 1000),
        ("bytes=990-5000", 990, 1000),
        ("bytes=999-999", 999, 1000),
        ("BYTES = 1-2", 1, 3),
        ("bytes= 1-2 ,, ", 1, 3),
        ("bytes=0001-0002", 1, 3),
        ("bytes=5-" + "9" * 5_000, 5, 1000),
        ("bytes=-" + "9" * 5_000, 0, 1000),
        ("bytes=0-1,2000-", 0, 2),
    ],
)
async def test_one_range_comes_alone(wanted: str, start: int, end: int) -> None:
    answer = await ask(range=wanted)

    assert (answer.status_code, answer.content) == (206, CONTENT[start:end])
    assert answer.headers["content-range"] == f"bytes {start}-{end - 1}/1000"
    assert answer.headers["content-length"] == str(end - start)
    assert answer.headers["content-type"] == "audio/mpeg"
    assert answer.headers["etag"] == ETAG


@pytest.mark.parametrize(
    "wanted",
    [
        "",
        "bytes",
        "bytes=",
        "bytes=,",
        "bytes=-",
        "bytes=a-b",
        "bytes=5",
        "bytes=9-5",
        "bytes=--5",
        "bytes=1-2-3",
        "bytes=0x1-0x2",
        "bytes=1 - 2",
        "bytes=+1-2",
        "bytes=0-1,x",
        "bytes=0-1,9-5",
        "seconds=0-1",
        "0-1",
        "bytes:0-1",
    ],
)
async def test_a_malformed_range_is_answered_with_the_whole_file(wanted: str) -> None:
    answer = await ask(range=wanted)

    assert (answer.status_code, answer.content) == (200, CONTENT)


@pytest.mark.parametrize("wanted", ["bytes=1000-", "bytes=1000-1001", "bytes=-0", "bytes=5000-,6000-7000"])
async def test_a_range_outside_the_file_is_416_and_names_the_size(wanted: str) -> None:
    answer = await ask(range=wanted)

    assert answer.status_code == 416
    assert answer.headers["content-range"] == "bytes */1000"
    assert answer.json() == {"detail": "Range not satisfiable: the file has 1000 bytes"}
    assert "etag" not in answer.headers


@pytest.mark.parametrize("wanted", ["bytes=0-", "bytes=-1", "bytes=0-0"])
async def test_an_empty_file_has_no_range(wanted: str) -> None:
    assert (await ask(stored_file(b""), range=wanted)).status_code == 416
    whole = await ask(stored_file(b""))
    assert (whole.status_code, whole.headers["content-length"]) == (200, "0")


async def test_several_ranges_come_in_parts_in_the_order_asked() -> None:
    answer = await ask(range="bytes=900-, 0-99, 300-300, -50")  # the last lies within the first

    assert answer.status_code == 200, "the same bytes twice are answered with the whole file"

    answer = await ask(range="bytes=950-, 0-99, 300-300, 2000-")

    assert answer.status_code == 206
    assert answer.headers["content-length"] == str(len(answer.content))
    message = BytesParser(policy=HTTP).parsebytes(
        f"Content-Type: {answer.headers['content-type']}\r\n\r\n".encode() + answer.content
    )
    assert message.get_content_type() == "multipart/byteranges"
    parts = message.get_payload()
    assert [part["content-type"] for part in parts] == ["audio/mpeg"] * 3
    assert [part["content-range"] for part in parts] == ["bytes 950-999/1000", "bytes 0-99/1000", "bytes 300-300/1000"]
    bodies = [
        body.split(b"\r\n\r\n", 1)[1].removesuffix(b"\r\n") for body in answer.content.split(b"--" + b"5f" * 16)[1:4]
    ]
    assert bodies == [CONTENT[950:], CONTENT[:100], CONTENT[300:301]]
    assert answer.content.endswith(b"--" + b"5f" * 16 + b"--\r\n")


@pytest.mark.parametrize(
    ("wanted", "status"),
    [
        (",".join(f"{n}-{n}" for n in range(0, 20, 2)), 206),
        (",".join(f"{n}-{n}" for n in range(0, 22, 2)), 200),
        (",".join(["0-"] * 500), 200),
        ("0-9,9-20", 200),
        ("0-9,10-20", 206),
        ("100-200,0-100", 200),
    ],
)
async def test_too_many_or_overlapping_ranges_are_answered_with_the_whole_file(wanted: str, status: int) -> None:
    answer = await ask(range=f"bytes={wanted}")

    assert answer.status_code == status
    assert status == 206 or answer.content == CONTENT


@pytest.mark.parametrize("known", [ETAG, f"W/{ETAG}", f'"other", {ETAG}', "*", f'W/"a,b" ,{ETAG},"c"'])
@pytest.mark.parametrize("method", ["GET", "HEAD"])
async def test_who_has_the_file_is_told_so_and_gets_nothing(known: str, method: str) -> None:
    answer = await ask(method=method, if_none_match=known, range="bytes=0-9")

    assert (answer.status_code, answer.content) == (304, b"")
    assert answer.headers["etag"] == ETAG
    assert "cache-control" in answer.headers
    assert "content-length" not in answer.headers
    assert "content-disposition" not in answer.headers


@pytest.mark.parametrize("known", ['"other"', SHA256, "", "W/", '"'])
async def test_who_has_another_file_gets_this_one(known: str) -> None:
    assert (await ask(if_none_match=known)).status_code == 200


@pytest.mark.parametrize(
    ("condition", "status"),
    [(ETAG, 206), (f"W/{ETAG}", 200), ('"other"', 200), ("Wed, 21 Oct 2026 07:28:00 GMT", 200), ("", 200)],
)
async def test_a_range_is_for_those_who_have_the_same_file(condition: str, status: int) -> None:
    answer = await ask(range="bytes=0-9", if_range=condition)

    assert answer.status_code == status
    assert answer.content == CONTENT[: 10 if status == 206 else 1000]


async def test_if_range_without_a_range_means_nothing() -> None:
    assert (await ask(if_range=ETAG)).status_code == 200


@pytest.mark.parametrize("wanted", ["", "bytes=0-9", "bytes=0-9,20-29"])
async def test_a_file_that_cannot_be_read_is_an_error_and_never_half_an_answer(wanted: str) -> None:
    answer = await ask(stored_file(fails=True), **({"range": wanted} if wanted else {}))

    assert (answer.status_code, answer.json()) == (503, {"detail": "the file is gone"})


@pytest.mark.parametrize(
    ("name", "plain", "encoded"),
    [
        ("Night Piano.mp3", "Night Piano.mp3", "Night%20Piano.mp3"),
        ("été – I.mp3", "ete I.mp3", "%C3%A9t%C3%A9%20%E2%80%93%20I.mp3"),
        ("夜のピアノ.mp3", "track.mp3", "%E5%A4%9C%E3%81%AE%E3%83%94%E3%82%A2%E3%83%8E.mp3"),
        ("Op. 9, No. 2.mp3", "Op. 9, No. 2.mp3", "Op.%209%2C%20No.%202.mp3"),
        ('a";\r\nX-Evil: 1\\.mp3', "a X-Evil 1.mp3", "a%22%3B%0D%0AX-Evil%3A%201%5C.mp3"),
        ("../../etc/passwd.mp3", "etc passwd.mp3", "..%2F..%2Fetc%2Fpasswd.mp3"),
        ("\ud800.mp3", "track.mp3", "%3F.mp3"),
        (".mp3", "track.mp3", ".mp3"),
    ],
)
def test_file_names_are_readable_in_old_and_new_clients_and_cannot_break_the_header(
    name: str, plain: str, encoded: str
) -> None:
    header = content_disposition(name, "mp3")

    assert header == f"attachment; filename=\"{plain}\"; filename*=UTF-8''{encoded}"
    assert header.isascii()
    assert header.isprintable()


def test_forms_with_two_parts_keep_both() -> None:
    assert 'filename="track.stems.zip"' in content_disposition("夜.stems.zip", "stems.zip")
