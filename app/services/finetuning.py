"""A lesson from its first file to what was learned. Runs in a process of its own; writes nothing that is kept."""

import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from app.errors import GenerationFailed
from app.models.finetune import Learned, Lesson, LessonProgress, SkippedFile
from app.services.composing.composer import write
from app.services.learning import Corpus, distances, learn, nearest, read_corpus, tune_of
from app.services.learning.tune import Tune
from app.services.planning import make_plan, read
from app.services.storage import LessonFiles
from app.services.styles import Style, load_style, look_in, style_file, style_names

#: Files that are named where nothing could be learned.
_MOST_NAMED = 5

#: Pieces that a style is measured by, and their length in seconds.
_PIECES, _PIECE_S = 4, 30


def teach(lesson: Lesson, tell: Callable[[LessonProgress], None]) -> Learned:
    """Learn a composer's style from MIDI files. `GenerationFailed` where none of them can be learned from."""
    wish = lesson.finetune
    tell(LessonProgress(stage="reading", fraction=0.0))
    corpus = read_corpus(
        wish.files, lesson.paths, lambda part: tell(LessonProgress(stage="reading", fraction=0.5 * part))
    )
    if not corpus.tunes:
        raise GenerationFailed(_nothing(corpus.skipped))
    tell(LessonProgress(stage="learning", fraction=0.5))
    base = wish.style or nearest(corpus.tunes, {name: load_style(name) for name in style_names()})
    style = learn(corpus.tunes, base=load_style(base), strength=wish.strength, seed=wish.seed, title=wish.name)
    tell(LessonProgress(stage="measuring", fraction=0.7))
    with tempfile.TemporaryDirectory(prefix="music-lesson-") as folder:
        files = LessonFiles(Path(folder))
        files.keep_style(style_file(wish.name, style.name), style.model_dump_json())
        look_in(files.styles)
        learned_at = _distance(style.name, corpus.tunes)
        tell(LessonProgress(stage="measuring", fraction=0.85))
        base_at = _distance(base, corpus.tunes)
    return Learned(
        style_name=style.name,
        style_json=style.model_dump_json(),
        skipped=tuple(corpus.skipped),
        facts=_facts(corpus, style, base=base, distance={"base": base_at, "learned": learned_at}),
    )


def _distance(name: str, tunes: Sequence[Tune]) -> float:
    """How far the music of a style is from tunes, 0…1; see `learning.measuring`."""
    style = load_style(name)
    made = []
    for seed in range(_PIECES):
        plan = make_plan(read("music"), duration_s=_PIECE_S, seed=seed, soundfont_sha256=None, styles={name: style})
        tune = tune_of(write(plan)[1], plan)
        if tune.lines:
            made.append(tune)
    return round(distances(made, tunes)["mean"], 4) if made else 1.0


def _facts(corpus: Corpus, style: Style, *, base: str, distance: dict[str, float]) -> dict[str, Any]:
    tempo = style.tempo_bpm
    return {
        "style": style.name,
        "base_style": base,
        "tunes": len(corpus.tunes),
        "notes": sum(len(line.notes) for tune in corpus.tunes for line in tune.lines)
        + sum(len(tune.drums) for tune in corpus.tunes),
        "tempo_bpm": {"low": tempo.low, "typical": tempo.typical, "high": tempo.high},
        "time_signatures": dict(style.time_signatures),
        "thirds": {
            third: round(sum(tune.third == third for tune in corpus.tunes) / len(corpus.tunes), 4)
            for third in ("major", "minor")
        },
        "instruments": {role: sorted(seat.instruments) for role, seat in style.ensemble.items()},
        "progressions": len(style.harmony.progressions),
        "rhythms": len(style.melody.rhythms),
        "avoided_passages": len(style.melody.avoided),
        "distance": distance,
    }


def _nothing(skipped: Sequence[SkippedFile]) -> str:
    """Why nothing was learned, in one line."""
    named = "; ".join(f"{file.file} {file.reason}" for file in skipped[:_MOST_NAMED])
    more = len(skipped) - _MOST_NAMED
    return f"Nothing could be learned: {named or 'no file was found'}" + (f"; and {more} more" if more > 0 else "")
