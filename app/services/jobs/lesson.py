"""What happens inside the process that learns. It opens no database: the toolkit would cost it 0.3 s and 25 MB."""

import os
from collections.abc import Callable
from multiprocessing.connection import Connection
from typing import TypeAlias

from app.models.finetune import Learned, Lesson, LessonProgress
from app.services.jobs.processes import never_outlive_server
from app.services.jobs.worker import ending_of

#: Learns from files; a top-level function or a partial of one. Raises `MusicError` for reasons to show.
LessonBody: TypeAlias = Callable[[Lesson, Callable[[LessonProgress], None]], Learned]


def learn(body: LessonBody, lesson: Lesson, line: Connection, niceness: int) -> None:
    """Have one lesson, and tell how it goes: any number of `LessonProgress`, and one ending."""
    never_outlive_server()
    if hasattr(os, "nice"):
        os.nice(niceness)
    try:
        line.send(body(lesson, line.send))
    except Exception as error:  # noqa: BLE001 - the finetuner decides what comes of it
        line.send(ending_of(error))
