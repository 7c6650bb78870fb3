"""Structured logs on standard error: one line an event, as text for people or as JSON for machines."""

import logging
import re
import sys
from typing import Any, Literal

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

#: Longest text of one field; tracebacks are whole.
LONGEST_FIELD = 500

_LINE_ENDS = re.compile(r"\s*[\r\n]+\s*")
#: Where structlog has a traceback, and how one begins.
_TRACEBACK, _BEGINS = "exception", "Traceback (most recent call last)"

_LEVELS = {"debug": logging.DEBUG, "info": logging.INFO, "warning": logging.WARNING, "error": logging.ERROR}


def set_up_logs(level: str = "info", form: Literal["console", "json"] = "console") -> None:
    """Send the logs of this program and of its libraries to standard error. Repeatable: the last call counts.

    `level` is one of debug, info, warning, error.
    """
    number = _LEVELS[level]
    before: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        without_control_characters,
    ]
    after = _renderers(form)
    structlog.configure(
        processors=[*before, *after],
        wrapper_class=structlog.make_filtering_bound_logger(number),
        logger_factory=_Lines,
        cache_logger_on_first_use=False,  # or a later call would not count
    )
    root = logging.getLogger()
    for previous in [handler for handler in root.handlers if isinstance(handler, _LibraryLogs)]:
        root.removeHandler(previous)
    libraries = _LibraryLogs()
    libraries.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[structlog.stdlib.ExtraAdder(allow=["track_id"]), _with_traceback_apart, *before],
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *after],
        )
    )
    root.addHandler(libraries)
    root.setLevel(max(number, logging.WARNING))  # libraries tell more than an owner wants to know, …
    for name in ("app", "uvicorn"):  # … but for the server, and for what is our own
        logging.getLogger(name).setLevel(number)
    for name in ("procrastinate", "psycopg.pool"):
        # Each try to reach a database that is away, with a traceback; we say it, once, where it matters.
        logging.getLogger(name).setLevel(logging.CRITICAL)


def without_control_characters(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """Words that users sent can neither forge a line nor steer a terminal, and none of them fills the disk."""
    for name, value in event.items():
        if name == _TRACEBACK:
            event[name] = "".join(character for character in value if character.isprintable() or character == "\n")
        elif isinstance(value, str) and (len(value) > LONGEST_FIELD or not value.isprintable()):
            joined = _LINE_ENDS.sub(" ", value[: LONGEST_FIELD + 1])
            kept = "".join(character for character in joined if character.isprintable())
            event[name] = kept if len(value) <= LONGEST_FIELD else kept[:LONGEST_FIELD] + "…"
    return event


def _with_traceback_apart(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """A traceback that another process sent stands in the message: it is shown whole, as our own are."""
    said, found, rest = str(event["event"]).partition("\n" + _BEGINS)
    if found:
        event["event"] = said.removesuffix(":")
        event[_TRACEBACK] = _BEGINS + rest
    return event


def _renderers(form: Literal["console", "json"]) -> list[Processor]:
    if form == "json":
        return [structlog.processors.format_exc_info, structlog.processors.JSONRenderer()]
    return [
        structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty(), exception_formatter=structlog.dev.plain_traceback)
    ]


class _Lines:
    """Writes to whatever standard error is at the moment, which tests and supervisors exchange."""

    def __init__(self, *_names: Any) -> None:
        pass

    def msg(self, line: str) -> None:
        sys.stderr.write(line + "\n")

    debug = info = warning = error = critical = exception = log = msg


class _LibraryLogs(logging.Handler):
    """What libraries log through `logging`."""

    def emit(self, record: logging.LogRecord) -> None:
        sys.stderr.write(self.format(record) + "\n")
