"""Every answer that is not a success: how errors become bodies, and how routes declare them."""

from typing import Any

import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse

from app.errors import (
    Busy,
    DatabaseAway,
    InvalidFields,
    LimitReached,
    MusicError,
    QueueFull,
    StorageFailed,
    StoreAway,
    printable,
)
from app.models.api import Problem, ValidationProblem

log = structlog.get_logger()

#: Shown for what nobody foresaw; the log has the whole story.
UNEXPECTED = "Something went wrong on our side. It has been logged; please try again"

#: What passes by itself, and says when to ask again.
AWAITED = Busy | DatabaseAway | LimitReached | QueueFull | StoreAway

#: Status → (when, an example of `detail`).
_PROBLEMS: dict[int, tuple[str, str]] = {
    400: ("The prompt is blank", "Prompt cannot be empty"),
    401: ("The server asks for an API key, and this is none", "This API key is not valid here"),
    403: (
        "The owner takes only weights that allow commercial use; or the API key, or the link, is not good for this",
        "MUSIC_LICENCE_POLICY is commercial: this server takes only weights that allow commercial use",
    ),
    404: (
        "There is nothing of that name, or it belongs to another key",
        "Track not found: track_a1b2c3d4e5f60718",
    ),
    405: ("The path knows no such method", "Method Not Allowed"),
    409: (
        "It, or the model, is not in a state for this; or the same request is still being answered",
        "riffusion-model-v1 cannot be used yet: the packages of riffusion are not installed. "
        "Run: python3 run.py install riffusion",
    ),
    413: (
        "The body is larger than 64 kB, of many requests or plans 2 MB, of files MUSIC_UPLOAD_LIMIT",
        "The body is too large: at most 65536 bytes",
    ),
    416: ("The range begins beyond the end of the file", "Range Not Satisfiable"),
    429: ("The client has had what it may have for now", "At most 60 requests a minute. Try again in 12 s"),
    500: ("Something unforeseen went wrong; the server's log has the reason", UNEXPECTED),
    503: ("Too much is waiting, or storage fails; try again later", "The queue is full (1000 tracks are waiting)"),
}


def answers(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """The errors that a route may answer with, for the documentation; 405 and 500 any route may."""
    declared: dict[int | str, dict[str, Any]] = {}
    for status in sorted({*statuses, 405, 500}):
        if status == 422:
            declared[status] = {"model": ValidationProblem, "description": "A field cannot be used"}
            continue
        description, detail = _PROBLEMS[status]
        example = {"application/json": {"example": {"detail": detail}}}
        declared[status] = {"model": Problem, "description": description, "content": example}
        if status in (429, 503):
            retry = {"description": "Seconds to wait, where known", "schema": {"type": "integer"}}
            declared[status]["headers"] = {"Retry-After": retry}
    return declared


def add_problem_answers(app: FastAPI) -> None:
    """Answer the errors that have a meaning to clients; the rest is the error net's."""
    app.add_exception_handler(MusicError, answer_music_error)
    app.add_exception_handler(RequestValidationError, _answer_validation_error)


async def answer_music_error(request: Request, error: Exception) -> JSONResponse:
    """The body, status and headers of a `MusicError`."""
    assert isinstance(error, MusicError)  # noqa: S101 - registered for nothing else
    if isinstance(error, InvalidFields):
        part = "body" if request.method == "POST" else "query"
        if error.faults[0].place[:1] == ("Idempotency-Key",):
            part = "header"
        return _faults(
            [{"loc": [part, *fault.place], "msg": fault.message, "type": fault.kind} for fault in error.faults]
        )
    if isinstance(error, StorageFailed) and not isinstance(error, AWAITED):
        # Foreseen, and met by every request until there is room again: a page of traceback each would fill the rest.
        log.error("answered with an error", detail=error.detail, cause=_first_line(error.__cause__))
    elif error.status >= 500 and not isinstance(error, AWAITED):
        log.error("answered with an error", detail=error.detail, exc_info=error)
    if error.status == 401:
        return JSONResponse({"detail": error.detail}, 401, {"WWW-Authenticate": "Bearer"})
    headers = {"Retry-After": str(error.retry_after_s)} if isinstance(error, AWAITED) else None
    return JSONResponse({"detail": error.detail}, error.status, headers)


def _first_line(cause: BaseException | None) -> str | None:
    """What a library said; the lines after it hold its own structures."""
    return None if cause is None else f"{type(cause).__name__}: {cause}".splitlines()[0]


async def _answer_validation_error(_request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)  # noqa: S101 - registered for nothing else
    return _faults(
        # Neither the input nor its context is repeated: they may hold what JSON cannot (NaN, lone surrogates).
        [
            {
                "loc": [part if isinstance(part, int) else printable(str(part)) for part in fault["loc"]],
                "msg": printable(fault["msg"], 300),
                "type": fault["type"],
            }
            for fault in error.errors()
        ]
    )


def _faults(faults: list[dict[str, Any]]) -> JSONResponse:
    return JSONResponse({"detail": faults}, 422)
