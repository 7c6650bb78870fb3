"""Connections of strangers: how much the head of a request may hold, and how long it, and a reader, may take.

Rule: bodies are bounded elsewhere (layers, hardening); here is what happens before there is a request, and after it.
"""

import asyncio
from typing import Any

from starlette.types import Receive, Scope, Send
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

#: Bytes of a request's line and headers. The parser itself takes them without end.
HEAD_BYTES = 65_536

#: Whoever is one too many is told in the shape of all errors, and pages of any origin may read it.
_TOO_MANY = b'{"detail":"Too many connections; try again in a moment"}'
_TOO_MANY_HEADERS = [
    (b"content-type", b"application/json"),
    (b"content-length", b"%d" % len(_TOO_MANY)),
    (b"retry-after", b"1"),
    (b"access-control-allow-origin", b"*"),
    (b"connection", b"close"),
]
_TOO_LARGE = b"HTTP/1.1 431 Request Header Fields Too Large\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"


class Bounded(HttpToolsProtocol):
    """A connection that ends when its head is too large or too slow, its reader takes nothing, or others are enough."""

    #: Connections that are served; 0 for any number.
    most_connections = 0
    #: Seconds; 0 for any time.
    header_timeout_s = 0.0
    reader_timeout_s = 0.0

    def __init__(self, *arguments: Any, **more: Any) -> None:
        super().__init__(*arguments, **more)
        self._in_head = True
        self._head_bytes = 0
        self._head_end: asyncio.TimerHandle | None = None
        self._reader_end: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn's own
        """The first head begins: who says nothing at all is not waited for either."""
        super().connection_made(transport)
        self._wait_for_head()

    def connection_lost(self, exc: Exception | None) -> None:
        """Nothing is waited for any more."""
        self._head_is_whole()
        self._reader_moved()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Take in a piece; what belongs to a head counts."""
        if self._in_head:
            self._head_bytes += len(data)
        super().data_received(data)
        if self._in_head and not self.transport.is_closing():
            if self._head_bytes > HEAD_BYTES:
                self.transport.write(_TOO_LARGE)
                self.transport.close()
            elif self._head_end is None:
                self._wait_for_head()

    def on_message_begin(self) -> None:
        """A head begins: the first, or the next on the same connection."""
        super().on_message_begin()
        if not self._in_head:
            self._in_head, self._head_bytes = True, 0

    def on_headers_complete(self) -> None:
        """There is a request."""
        self._head_is_whole()
        crowded = self.most_connections and len(self.connections) > self.most_connections
        self.app = _too_many if crowded else self.config.loaded_app
        super().on_headers_complete()

    def pause_writing(self) -> None:
        """The reader is behind."""
        super().pause_writing()
        if self.reader_timeout_s:
            self._reader_end = self.loop.call_later(self.reader_timeout_s, self.transport.abort)

    def resume_writing(self) -> None:
        """The reader has taken something."""
        self._reader_moved()
        super().resume_writing()

    def _wait_for_head(self) -> None:
        if self.header_timeout_s:
            self._head_end = self.loop.call_later(self.header_timeout_s, self.transport.close)

    def _head_is_whole(self) -> None:
        self._in_head = False
        if self._head_end is not None:
            self._head_end.cancel()
            self._head_end = None

    def _reader_moved(self) -> None:
        if self._reader_end is not None:
            self._reader_end.cancel()


async def _too_many(_scope: Scope, _receive: Receive, send: Send) -> None:
    await send({"type": "http.response.start", "status": 503, "headers": _TOO_MANY_HEADERS})
    await send({"type": "http.response.body", "body": _TOO_MANY})


def bounded(*, most_connections: int, header_timeout_s: float, reader_timeout_s: float) -> type[Bounded]:
    """The protocol of uvicorn with these bounds."""
    bounds = {"header_timeout_s": header_timeout_s, "reader_timeout_s": reader_timeout_s}
    return type("Bounded", (Bounded,), {"most_connections": most_connections, **bounds})
