"""What the finetuner's processes do in tests: each name says it."""

import os
import time
from pathlib import Path

from app.errors import GenerationFailed
from app.models.finetune import Learned, LessonProgress, SkippedFile

STYLE = "learned-0123456789abcdef"


def body(folder, lesson, tell):
    """Do what the fine-tune's name says; every run leaves a line in `folder`."""
    with Path(folder, "runs").open("a", encoding="utf-8") as runs:
        runs.write(f"{lesson.finetune.id} {os.getpid()}\n")
    name = lesson.finetune.name
    tell(LessonProgress(stage="reading", fraction=0.25))
    if name.startswith("wait"):
        while not Path(folder, "go").exists():
            time.sleep(0.002)
    if name.startswith("refuse"):
        raise GenerationFailed("Nothing could be learned: a.mid is empty")
    if name.startswith("die"):
        os._exit(9)
    if name.startswith("break"):
        raise RuntimeError("an error nobody foresaw")
    said = "".join(Path(path).read_text(encoding="utf-8") for path in lesson.paths)
    return Learned(
        style_name=STYLE,
        style_json="{}",
        skipped=(SkippedFile(file="b.mid", reason="is empty"),),
        facts={"said": said},
    )
