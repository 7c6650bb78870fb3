"""One lesson in a process of its own: started, listened to, ended."""

import logging
import time
from collections.abc import Callable
from multiprocessing.connection import Connection
from typing import TypeAlias

from app.models.finetune import Learned, Lesson, LessonProgress
from app.services.jobs.lesson import LessonBody, learn
from app.services.jobs.pool import NICENESS
from app.services.jobs.processes import process_context
from app.services.jobs.worker import Broke, Refused
from app.utils.memory import warn_if_unbounded

#: What a lesson ends with; None where its process died, was ended or did not get on.
LessonEnding: TypeAlias = Learned | Refused | Broke | None

#: Seconds between two looks at a process.
_LOOK_S = 0.05

log = logging.getLogger(__name__)


def have_lesson(
    body: LessonBody,
    lesson: Lesson,
    *,
    timeout_s: float,
    wanted: Callable[[], bool],
    hear: Callable[[LessonProgress], None],
) -> LessonEnding:
    """Have a lesson, for as long as it is `wanted` and gets on within `timeout_s` seconds."""
    warn_if_unbounded()
    context = process_context()
    line, theirs = context.Pipe(duplex=False)
    process = context.Process(target=learn, args=(body, lesson, theirs, NICENESS), name="finetune", daemon=True)
    try:
        process.start()
        theirs.close()
        return _watch(lesson, line, timeout_s, wanted, hear)
    finally:
        theirs.close()
        process.kill()
        process.join()
        line.close()


def _watch(
    lesson: Lesson,
    line: Connection,
    timeout_s: float,
    wanted: Callable[[], bool],
    hear: Callable[[LessonProgress], None],
) -> LessonEnding:
    moved = time.monotonic()
    while wanted():
        if time.monotonic() - moved > timeout_s:
            log.warning("Fine-tune %s did not get on for %g s; its process is ended", lesson.finetune.id, timeout_s)
            return None
        try:
            if not line.poll(_LOOK_S):
                continue
            said = line.recv()
        except (EOFError, OSError):
            return None
        if not isinstance(said, LessonProgress):
            return said  # type: ignore[no-any-return]  # what `learn` sends
        moved = time.monotonic()
        hear(said)
    return None
