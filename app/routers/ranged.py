"""A stored file as an HTTP answer: whole, in ranges, or not again (RFC 9110, sections 13 and 14)."""

import re
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response, StreamingResponse
from starlette.types import Send

from app.services.storage.files import StoredFile
from app.utils.naming import content_disposition

#: More ranges than this in one request are answered with the whole file: no player asks for them.
MOST_RANGES = 10

#: The files of a track never change, but whoever keeps a copy must be its own user.
CACHE_CONTROL = "private, max-age=86400, immutable"

_SPEC = re.compile(r"([0-9]*)-([0-9]*)")
_TAG = re.compile(r'"[^"]*"')


class Unsatisfiable(Exception):
    """No range asked for lies within the file."""


@dataclass(frozen=True, slots=True)
class Span:
    """Bytes of a file from `start` up to, not including, `end`."""

    start: int
    end: int

    @property
    def length(self) -> int:
        """How many bytes it holds."""
        return self.end - self.start

    def content_range(self, size: int) -> str:
        """The Content-Range of a file of `size` bytes."""
        return f"bytes {self.start}-{self.end - 1}/{size}"


def stored_file_response(request: Request, stored: StoredFile, address: str | None = None) -> Response:
    """The answer to GET or HEAD: 200, 206, 304 or 416; 307 where it is to be fetched from an address instead.

    A file that cannot be read raises before anything is sent.
    """
    etag = f'"{stored.sha256}"'
    headers = {"ETag": etag, "Cache-Control": CACHE_CONTROL, "Accept-Ranges": "bytes"}
    if client_has(request.headers.get("if-none-match", ""), etag):
        return Response(status_code=304, headers=headers)
    if address is not None:
        return RedirectResponse(address, 307, {"Cache-Control": "private, no-store"})
    # Ranges are defined for GET only (14.2), and If-Range for strong tags only, for files have no dates here (13.1.5).
    wanted = request.headers.get("range") if request.method == "GET" else None
    spans = []
    if wanted is not None and request.headers.get("if-range", etag) == etag:
        try:
            spans = parse_range(wanted, stored.size)
        except Unsatisfiable as error:
            content_range = {"Content-Range": f"bytes */{stored.size}", "Accept-Ranges": "bytes"}
            return JSONResponse({"detail": str(error)}, 416, headers=content_range)
    headers |= {
        "Content-Disposition": content_disposition(stored.file_name, stored.form),
        "X-Content-Type-Options": "nosniff",
    }
    if len(spans) > 1:
        return _multipart(stored, spans, headers)
    span = spans[0] if spans else Span(0, stored.size)
    headers |= {"Content-Type": stored.media_type, "Content-Length": str(span.length)}
    if request.method == "HEAD":
        return Response(headers=headers)
    if spans:
        headers["Content-Range"] = span.content_range(stored.size)
    return ReadyResponse(stored.stream(span.start, span.end), 206 if spans else 200, headers)


def client_has(if_none_match: str, etag: str) -> bool:
    """Whether If-None-Match names the file; weak tags count here (13.1.2).

    >>> client_has('"a", W/"b"', '"b"')
    True
    """
    return if_none_match.strip() == "*" or etag in _TAG.findall(if_none_match)


def parse_range(header: str, size: int) -> list[Span]:
    """The spans that a Range header asks of a file of `size` bytes; none where the whole file is to be sent.

    That is so where the header is malformed, or asks for too many ranges or for the same bytes twice (14.2 allows to
    ignore such). `Unsatisfiable` if it is well-formed and nothing of it lies within the file.

    >>> parse_range("bytes=0-9, -5", 100)
    [Span(start=0, end=10), Span(start=95, end=100)]
    """
    unit, _, ranges = header.partition("=")
    specs = [spec for spec in (part.strip(" \t") for part in ranges.split(",")) if spec]
    if unit.strip().lower() != "bytes" or not specs:
        return []
    spans = []
    for spec in specs:
        match = _SPEC.fullmatch(spec)
        if match is None or match[0] == "-":
            return []
        if match[1]:
            start, end = _number(match[1]), _number(match[2]) + 1 if match[2] else size
            if match[2] and end <= start:
                return []
            spans.append(Span(start, min(end, size)))
        else:
            spans.append(Span(max(0, size - _number(match[2])), size))
    within = [span for span in spans if span.start < span.end]
    if not within:
        raise Unsatisfiable(f"Range not satisfiable: the file has {size} bytes")
    in_order = sorted(within, key=lambda span: span.start)
    overlap = any(span.end > following.start for span, following in pairwise(in_order))
    return [] if overlap or len(spans) > MOST_RANGES else within


class ReadyResponse(StreamingResponse):
    """Has the first piece in hand before it says 200: a file that cannot be read is an error until then."""

    def __init__(self, pieces: AsyncIterator[bytes], status: int, headers: dict[str, str]) -> None:
        super().__init__(pieces, status, headers)
        self._pieces = pieces

    async def stream_response(self, send: Send) -> None:
        """Send it."""
        first = await anext(self._pieces, b"")
        self.body_iterator = _continued(first, self._pieces)
        await super().stream_response(send)


async def _continued(first: bytes, pieces: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    yield first
    async for piece in pieces:
        yield piece


def _multipart(stored: StoredFile, spans: Sequence[Span], headers: dict[str, str]) -> Response:
    """Several ranges in one body (14.6)."""
    boundary = stored.sha256[:32]
    heads = [
        f"--{boundary}\r\nContent-Type: {stored.media_type}\r\nContent-Range: {span.content_range(stored.size)}\r\n\r\n"
        for span in spans
    ]
    end = f"--{boundary}--\r\n"
    between = 2 * len(spans)
    length = sum(span.length for span in spans) + sum(map(len, heads)) + between + len(end)

    async def parts() -> AsyncIterator[bytes]:
        for head, span in zip(heads, spans, strict=True):
            first = await anext(pieces := stored.stream(span.start, span.end), b"")
            yield head.encode()
            yield first
            async for piece in pieces:
                yield piece
            yield b"\r\n"
        yield end.encode()

    headers |= {"Content-Type": f"multipart/byteranges; boundary={boundary}", "Content-Length": str(length)}
    return ReadyResponse(parts(), 206, headers)


def _number(digits: str) -> int:
    """The number, or one beyond any file's size: Python refuses to read thousands of digits."""
    return int(digits.lstrip("0")[:20] or "0")
